/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * "cvmm cp": files from and to a machine with a name.
 *
 * Threads: the main thread.
 */
#ifndef VMM_EXEC_CP_COMMAND_H
#define VMM_EXEC_CP_COMMAND_H

#include <stdbool.h>

#include <vmm-sys-util/error.h>
#include <vmm-sys-util/option.h>

#include "exec/named_place.h"

extern const struct vsu_option vmm_cp_command_options[];

/* Texts live as long as argv. */
struct vmm_cp_command {
	char name[VMM_NAMED_MAX + 1]; /* of the machine */
	const char *guest, *host; /* paths */
	bool to_guest, help;
};

/* argv[0] is "cp". -EINVAL: not one of two paths is of a machine. */
int vmm_cp_command_parse(struct vmm_cp_command *c, int argc, char *const *argv, struct vsu_error *err);

/* -ENOENT and others: the machine, or a file of either side. Files that were copied before a failure remain. */
int vmm_cp_command_run(const struct vmm_cp_command *c, struct vsu_error *err);

#endif
