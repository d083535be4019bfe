/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A machine has one activity at a time. A table has the allowed changes.
 *
 * A job such as a save is an activity over a guest that runs, is paused, or has lost
 * memory. The guest can change meanwhile, and is what remains after the job.
 *
 * Threads: the main thread.
 */
#ifndef VMM_MACHINE_LIFE_H
#define VMM_MACHINE_LIFE_H

#include <stdbool.h>

#include <vmm-sys-util/error.h>

enum vmm_activity {
	VMM_IS_MADE,	/* it boots, or a guest is loaded or received */
	VMM_RUNS,
	VMM_PAUSED,	/* by its user, until "resume" */
	VMM_DAMAGED,	/* a part of the guest's memory is lost: no CPU runs again */
	/* jobs */
	VMM_ARRIVES,	/* the guest runs while its memory follows (postcopy.h) */
	VMM_SAVES,
	VMM_MIGRATES,
	VMM_CONVERTS,	/* devices are paused for a conversion of private memory */
	VMM_ENDED,
	VMM_NACTIVITIES
};

struct vmm_life {
	enum vmm_activity now;
	enum vmm_activity guest; /* VMM_RUNS, VMM_PAUSED or VMM_DAMAGED */
};

#define VMM_LIFE_INIT { VMM_IS_MADE, VMM_RUNS }

/* A reason for which something is not allowed in an activity. */
struct vmm_refusal {
	int code;
	const char *text;
};

/* Why nothing else can begin; NULL: it can. */
const struct vmm_refusal *vmm_life_refusal(enum vmm_activity now);

/* -EBUSY or -EPERM, with the reason: the activity cannot follow the present one. */
int vmm_life_check(const struct vmm_life *l, enum vmm_activity to, struct vsu_error *err);

/* The machine was made. job: VMM_ARRIVES, or VMM_RUNS for none. */
void vmm_life_start(struct vmm_life *l, enum vmm_activity job);
/* Fails as check. */
int vmm_life_begin(struct vmm_life *l, enum vmm_activity job, struct vsu_error *err);
/* The job is over. No effect without one. */
void vmm_life_finish(struct vmm_life *l);
void vmm_life_end(struct vmm_life *l);

/* The machine was started and has not ended. */
bool vmm_life_is_active(const struct vmm_life *l);

/* False: the guest does that already, or it is damaged. During a job, too. */
bool vmm_life_set_guest(struct vmm_life *l, enum vmm_activity guest);

#endif
