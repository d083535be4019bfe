/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The variables of a command: some of this process, and those of --env.
 *
 * Threads: the main thread.
 */
#ifndef VMM_EXEC_ENVIRONMENT_H
#define VMM_EXEC_ENVIRONMENT_H

#include <stdbool.h>

#include <vmm-sys-util/error.h>

#include "exec/exec_options.h"

#define VMM_EXEC_MAX_ENVIRONMENT (VMM_EXEC_MAX_SETTINGS + 8)

struct vmm_exec_environment {
	const char *settings[VMM_EXEC_MAX_ENVIRONMENT + 1]; /* NAME=VALUE; a NULL ends them */
	char *texts[VMM_EXEC_MAX_ENVIRONMENT]; /* allocated ones of settings */
	unsigned int n, ntexts;
};

/* -EINVAL: a variable of --env is not set; -ENOMEM. The result is freed in each case. */
int vmm_exec_environment_make(struct vmm_exec_environment *e, const struct vmm_exec_options *o, bool terminal,
			      struct vsu_error *err);
void vmm_exec_environment_free(struct vmm_exec_environment *e);

/* Whether the command runs on a terminal. */
bool vmm_exec_is_on_terminal(const struct vmm_exec_options *o);

#endif
