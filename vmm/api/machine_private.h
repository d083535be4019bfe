/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The machine of an owner, for the files of this folder. */
#ifndef VMM_API_MACHINE_PRIVATE_H
#define VMM_API_MACHINE_PRIVATE_H

#include "api/configured.h"
#include "api/options.h"
#include "cvmm/machine.h"
#include "machine/machine.h"

/*
 * Each follows the one before, except where stated. A machine without a source begins as MADE. From
 * there on it is complete, and that of its owner's thread.
 */
enum cvmm_life {
	CVMM_LIFE_AWAITED,	/* a thread makes it, which alone uses machine; then FAILS or MADE */
	CVMM_LIFE_AWAITED_TO_START, /* likewise; then FAILS or STARTS */
	CVMM_LIFE_FAILS,	/* it was not made: in the callback of its end */
	CVMM_LIFE_FAILED,
	CVMM_LIFE_MADE,
	CVMM_LIFE_STARTS,	/* in the callbacks of its start; then RUNS or ENDS */
	CVMM_LIFE_RUNS,
	CVMM_LIFE_ENDS,		/* in the callbacks of its end */
	CVMM_LIFE_ENDED,
};

/* How the owner has asked the machine to end: a bit for each. */
enum cvmm_ask { CVMM_ASK_STOP = 1, CVMM_ASK_KILL = 2 };

struct cvmm_arrival;

struct cvmm_machine {
	struct vmm_machine *machine;
	struct cvmm_configuration configuration; /* its own, unless the owner has lent one */
	enum cvmm_life life;	/* atomic; changed by the owner's thread */
	unsigned int asked;	/* atomic: of enum cvmm_ask */
	struct cvmm_arrival *arrival; /* of a machine with a source; or NULL */
	const char *stays;	/* of the owner: why it is neither saved nor migrated; or NULL */
	int status;		/* of one that has ended */
	struct vsu_error why;
};

/* Any thread. */
static inline bool cvmm_priv_is_made(const struct cvmm_machine *m)
{
	return __atomic_load_n(&m->life, __ATOMIC_SEQ_CST) >= CVMM_LIFE_MADE;
}

/*
 * make.c: reads the options, and makes the machine that they describe. guard, which may be NULL, is
 * called before the first byte of a source is read. 0, or an exit status with its sentence; then
 * nothing is left of machine.
 */
int cvmm_priv_machine_make(struct cvmm_machine *m, const struct cvmm_options *options,
			   const struct vmm_peer_guard *guard, struct vsu_error *err);

/* -EINVAL: a struct or member that is NULL. */
int cvmm_priv_check_own(const struct cvmm_own_device *own, struct vsu_error *err);

#endif
