/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* "cvmm cpu": the description of this host's processor, or a common one of several. */
#ifndef VMM_CLI_CPU_COMMAND_H
#define VMM_CLI_CPU_COMMAND_H

#include <stdbool.h>
#include <stdio.h>

#include <vmm-sys-util/error.h>
#include <vmm-sys-util/option.h>

#define VMM_CPU_COMMAND_FILES 256

extern const struct vsu_option vmm_cpu_command_options[];

/* Files are texts of argv. */
struct vmm_cpu_command {
	bool help;
	const char *files[VMM_CPU_COMMAND_FILES];
	unsigned int n;
};

/* argv[0] is "cpu". -ENOENT: an unknown option; -EINVAL: too many files. */
int vmm_cpu_command_parse(struct vmm_cpu_command *c, int argc, char *const *argv,
			  struct vsu_error *err);

/*
 * Prints a description. An exit status: 65 for a file that is refused, 66 for one that cannot
 * be read, 69 without KVM or if the processors have nothing in common.
 */
int vmm_cpu_command_run(const struct vmm_cpu_command *c, FILE *out, struct vsu_error *err);

#endif
