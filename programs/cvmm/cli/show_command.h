/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* "cvmm show": a saved machine or template, without continuing it. */
#ifndef VMM_CLI_SHOW_COMMAND_H
#define VMM_CLI_SHOW_COMMAND_H

#include <stdbool.h>
#include <stdio.h>

#include <vmm-sys-util/error.h>
#include <vmm-sys-util/option.h>

extern const struct vsu_option vmm_show_command_options[];

/* Texts live as long as argv. */
struct vmm_show_command {
	const char *folder;
	bool verify, json, help;
};

/* argv[0] is "show". -ENOENT: an unknown option, or no folder. */
int vmm_show_command_parse(struct vmm_show_command *c, int argc, char *const *argv,
			   struct vsu_error *err);

/*
 * Reads and checks the folder, then prints. An exit status: 65 for a damaged folder, 66 if a
 * file cannot be read.
 */
int vmm_show_command_run(const struct vmm_show_command *c, FILE *out, struct vsu_error *err);

#endif
