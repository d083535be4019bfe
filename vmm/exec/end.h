/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * How a command ended: the kinds of <cvmm/exec.h>, and the status by which a program reports each.
 *
 * Threads: pure functions.
 */
#ifndef VMM_EXEC_END_H
#define VMM_EXEC_END_H

#include "cvmm/exec.h"

struct vmm_end {
	enum cvmm_exec_end kind;
	int value;		/* see enum cvmm_exec_end */
};

/* As of timeout(1), env(1) and shells. */
int vmm_end_status(const struct vmm_end *e);

#endif
