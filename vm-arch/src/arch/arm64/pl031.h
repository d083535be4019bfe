/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A PL031 real-time clock: seconds since 1970, and an alarm. A register model without clock,
 * timer and threads, which are callbacks. It counts in any state; the driver may set it.
 *
 * Threads: the owner serialises all calls.
 */
#ifndef VARCH_ARM64_PL031_H
#define VARCH_ARM64_PL031_H

#include <stdbool.h>
#include <stdint.h>

#include <vm-arch/bus.h>
#include <vmm-sys-util/error.h>
#include <vmm-sys-util/state.h>

struct varch_pl031 {
	uint64_t (*now)(void *opaque);	/* seconds of the host's clock */
	void (*interrupt)(void *opaque);	/* the interrupt line rises */
	/* Call varch_pl031_alarm() once when now() has reached at; replaces the former time. */
	void (*set_alarm)(void *opaque, uint64_t at);
	void *opaque;
	/* private */
	uint32_t offset;	/* from the host's clock */
	uint32_t load, match;	/* as the driver wrote them */
	uint64_t alarm_at;	/* by the host's clock; 0: no alarm is due */
	bool enabled, raised;	/* the interrupt of the alarm */
};

/* A handler for the bus; opaque is the struct varch_pl031. */
void varch_pl031_access(void *opaque, struct varch_access *access);

void varch_pl031_alarm(struct varch_pl031 *p);

/* Section "rtc". The clock counts on while the machine is saved, and an alarm that is due then comes at the load. */
void varch_pl031_save(const struct varch_pl031 *p, struct vsu_state_writer *w);
int varch_pl031_load(struct varch_pl031 *p, const struct vsu_state *state, struct vsu_error *err);

#endif
