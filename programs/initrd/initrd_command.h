/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* "cvmm initrd": prints the initrd of a kernel's version. */
#ifndef VMM_INITRD_COMMAND_H
#define VMM_INITRD_COMMAND_H

#include <stdbool.h>

#include <vmm-sys-util/error.h>
#include <vmm-sys-util/option.h>

#define VMM_INITRD_COMMAND_NAMES 64

extern const struct vsu_option vmm_initrd_command_options[];

/* Texts live as long as argv. */
struct vmm_initrd_command {
	const char *version, *modules, *init;
	const char *names[VMM_INITRD_COMMAND_NAMES + 1]; /* of modules; a NULL ends them */
	unsigned int n;
	bool help;
};

/*
 * argv[0] is "initrd". -ENOENT: an unknown option, or neither a version nor a
 * folder of modules; -EINVAL: both, or a kind of device without a driver.
 */
int vmm_initrd_command_parse(struct vmm_initrd_command *c, int argc, char *const *argv,
			     struct vsu_error *err);

/* Writes the initrd to a descriptor. Errors of vagent_initrd_make(); -EINVAL: fd is a terminal. */
int vmm_initrd_command_run(const struct vmm_initrd_command *c, int fd, struct vsu_error *err);

#endif
