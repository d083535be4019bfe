/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The command line of "cvmm pool". */
#ifndef VMM_EXEC_POOL_COMMAND_H
#define VMM_EXEC_POOL_COMMAND_H

#include "exec/exec_options.h"

#define VMM_POOL_MAX_SIZE 256

extern const struct vsu_option vmm_pool_command_options[];

struct vmm_pool_command_line {
	struct vmm_exec_options machine; /* from: the template */
	uint64_t size;
	bool help;
};

/* argv[0] is "pool". -ENOENT: an unknown option, or no template; -EINVAL: a value. */
int vmm_pool_command_parse(struct vmm_pool_command_line *c, int argc, char *const *argv,
			   struct vsu_error *err);

#endif
