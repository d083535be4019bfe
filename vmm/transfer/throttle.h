/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Pauses the CPUs for a part of each period, so that a guest writes less memory.
 *
 * Threads: the main thread.
 */
#ifndef VMM_TRANSFER_THROTTLE_H
#define VMM_TRANSFER_THROTTLE_H

#include <vm-arch/cpus.h>
#include <vmm-sys-util/loop.h>

struct vmm_throttle {
	struct vsu_loop *loop;
	struct varch_cpus *cpus;
	struct vsu_alarm timer;
	unsigned int percent;	/* share of the time in which the CPUs are paused */
	bool paused;		/* they are */
};

/* Both are borrowed; cpus may be paused by others as well. */
void vmm_throttle_init(struct vmm_throttle *t, struct vsu_loop *loop,
		       struct varch_cpus *cpus);

/* Slows the guest by one more step, up to 95 percent. */
void vmm_throttle_more(struct vmm_throttle *t);

/* The CPUs run all the time; percent remains, for a report. */
void vmm_throttle_end(struct vmm_throttle *t);

#endif
