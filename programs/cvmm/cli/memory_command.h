/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* "cvmm memory": trying memory back-ends without a guest. */
#ifndef VMM_MEMORY_COMMAND_H
#define VMM_MEMORY_COMMAND_H

#include <stdbool.h>

#include <vm-memory/sigbus.h>
#include <vmm-sys-util/error.h>
#include <vmm-sys-util/option.h>

#define VMM_MEMORY_COMMAND_LISTS 64

extern const struct vsu_option vmm_memory_command_options[];

/* The command line; lists live as long as argv. */
struct vmm_memory_command {
	bool json, help;
	const char *lists[VMM_MEMORY_COMMAND_LISTS];
	unsigned int n;
};

/* argv[0] is "memory". -ENOENT: an unknown option, or nothing to try; -EINVAL: too many lists. */
int vmm_memory_command_parse(struct vmm_memory_command *command, int argc,
			     char *const *argv, struct vsu_error *err);

/*
 * Allocates each list of properties, prints what came out, and frees it
 * again; the file system is left as it was. 0 or an exit status with its
 * sentence, at the first that fails.
 */
int vmm_memory_command_run(const struct vmm_memory_command *command,
			   struct vmem_sigbus *sigbus, struct vsu_error *err);

#endif
