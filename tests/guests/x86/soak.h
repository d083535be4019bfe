/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The soak of builtin:private: conversions, I/O of disks and network cards on PCI, and hot
 * plug, at random on two CPUs.
 */
#ifndef GUEST_SOAK_H
#define GUEST_SOAK_H

#include <vm-arch/boot_protocol.h>

#include "pages.h"
#include "virtio.h"

#define SOAK_CPUS 2u
#define SLOTS 32u
#define BLOCKS 64u		/* of a disk, for each CPU */

/* A disk or a network card. CPU n uses queue n of a disk; CPU 0 uses network cards. */
struct unit {
	struct device dev;
	uint32_t slot;
	uint32_t users;		/* CPUs in a request */
	uint32_t closed;	/* 1: no further request begins */
	uint64_t done, lost;	/* requests */
	uint64_t seen_lost;	/* of them at the last start */
	bool offered;		/* a buffer for a frame */
	uint32_t blocks[SOAK_CPUS][BLOCKS];	/* seeds of the contents; 0: unknown */
};

/* NULL: no such device is in the slot, or it is closed; otherwise unit_leave(). */
struct unit *unit_enter(uint32_t slot, uint32_t id);
void unit_leave(struct unit *u);

/* Finds and starts the device of a slot. CPU 0. */
void unit_add(uint32_t slot);
/* Waits for the requests of both CPUs, and resets the device. CPU 0. */
void unit_remove(uint32_t slot);
/* After a lost request: as unit_remove(), and starts it again. CPU 0. */
void unit_restart(struct unit *u);
/* The next slot from this one on with a device of this id; SLOTS: none. */
uint32_t unit_find(uint32_t slot, uint32_t id);

/* The device of a slot that unit_find() returned. CPU 0. */
struct unit *unit_at(uint32_t slot);

/* Requests of all devices. */
uint64_t units_done(void);

/*
 * Waits for a request that was offered. -1: it did not complete, which is a fault; the
 * device needs unit_restart().
 */
int64_t unit_wait(struct unit *u, uint32_t queue);

enum { ID_NET = 1, ID_BLOCK = 2 };

/* One random request each. */
void soak_disk(struct area *a, uint32_t cpu);
void soak_net(struct area *a);
uint64_t soak_frames(void);

/* CPU 0; ends after seconds. */
void soak_first(const struct cvmm_boot *boot, uint32_t seconds);
/* CPU 1; returns when CPU 0 has ended. */
void soak_second(void);

#endif
