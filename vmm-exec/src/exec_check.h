/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Checks of the configuration of a command before anything is opened. Threads: pure functions. */
#ifndef CVMM_PRIV_EXEC_CHECK_H
#define CVMM_PRIV_EXEC_CHECK_H

#include "cvmm/exec.h"

/* Parts of struct cvmm_exec_config: each member describes one of them. */
enum cvmm_priv_exec_part {
	CVMM_PRIV_EXEC_MACHINE,
	CVMM_PRIV_EXEC_COMMAND,
};

/* The members of the machine, and host, which may be NULL. Errors of cvmm_exec_new() and cvmm_machine_new(). */
int cvmm_priv_exec_check(const struct cvmm_exec_config *c, const struct cvmm_host *host,
			 struct vsu_error *err);

/* The members of the command. -EINVAL; -EBADF: a descriptor of streams is not open. */
int cvmm_priv_exec_check_command(const struct cvmm_exec_config *c, struct vsu_error *err);

/* -EINVAL: a member of the other part is not zero. */
int cvmm_priv_exec_check_part(const struct cvmm_exec_config *c, enum cvmm_priv_exec_part part,
			      struct vsu_error *err);

#endif
