/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Commands whose machine is made before they are known. Threads: as of <cvmm/exec.h>. */
#ifndef VMM_API_EXEC_PRIVATE_H
#define VMM_API_EXEC_PRIVATE_H

#include <stdbool.h>

#include "cvmm/exec.h"

/*
 * The members of the machine, and host, which may be NULL. A pure function, except that it asks
 * whether descriptors are open. Errors of cvmm_exec_new() and cvmm_machine_new().
 */
int cvmm_priv_exec_check(const struct cvmm_exec_config *c, const struct cvmm_host *host,
			 struct vsu_error *err);

/* The members of the command. -EINVAL; -EBADF: a stream. */
int cvmm_priv_exec_check_command(const struct cvmm_exec_config *c, struct vsu_error *err);

/* waits: without a command, for cvmm_priv_exec_request(). */
int cvmm_priv_exec_new(const struct cvmm_exec_config *c, const struct cvmm_host *host, bool waits,
		       struct cvmm_exec **out, struct vsu_error *err);

/* Whether it was started and its guest waits for a command. */
bool cvmm_priv_exec_waits(const struct cvmm_exec *e);

/* Its command: see vmm_plan_request(). If it does not wait afterwards, it has one or failed. */
int cvmm_priv_exec_request(struct cvmm_exec *e, const struct cvmm_exec_config *c,
			   struct vsu_error *err);

#endif
