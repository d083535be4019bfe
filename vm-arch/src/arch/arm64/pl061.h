/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A PL061 with eight general-purpose pins, of which one is a power button. No time passes in it: a
 * press lasts until the driver has read the pin, so that it is not lost, however late the driver
 * reads.
 *
 * Threads: the owner serialises all calls.
 */
#ifndef VARCH_ARM64_PL061_H
#define VARCH_ARM64_PL061_H

#include <stdint.h>

#include <vm-arch/bus.h>
#include <vmm-sys-util/error.h>
#include <vmm-sys-util/state.h>

#define VARCH_PL061_BUTTON 3u	/* its pin, which is 1 while it is pressed */

struct varch_pl061 {
	void (*interrupt)(void *opaque); /* the interrupt line rises, or remains up after a store */
	void *opaque;
	/* private: a bit for each pin */
	uint8_t inputs;		/* from outside */
	uint8_t outputs;	/* as the driver stored them */
	uint8_t direction;	/* 1: output */
	uint8_t level, both, rising; /* what interrupts: a level, both edges, or 1 rather than 0 */
	uint8_t enabled, raised;
	uint8_t alternate;	/* no effect */
};

/* A handler for the bus; opaque is the struct varch_pl061. */
void varch_pl061_access(void *opaque, struct varch_access *access);

/* If the driver has not read the former press, it is interrupted once more. */
void varch_pl061_press(struct varch_pl061 *p);

/* Section "gpio". */
void varch_pl061_save(const struct varch_pl061 *p, struct vsu_state_writer *w);
int varch_pl061_load(struct varch_pl061 *p, const struct vsu_state *state, struct vsu_error *err);

#endif
