/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* "cvmm ps": the machines of this host. */
#ifndef VMM_CTL_PS_COMMAND_H
#define VMM_CTL_PS_COMMAND_H

#include <stdbool.h>
#include <stdio.h>

#include <vmm-sys-util/error.h>
#include <vmm-sys-util/option.h>

#define VMM_PS_FOLDERS 16

extern const struct vsu_option vmm_ps_command_options[];

/* Texts live as long as argv. */
struct vmm_ps_command {
	const char *folders[VMM_PS_FOLDERS];
	unsigned int n;		/* 0: the folders of this host and user */
	bool json, help;
};

/* argv[0] is "ps". -ENOENT: an unknown option; -E2BIG: too many folders. */
int vmm_ps_command_parse(struct vmm_ps_command *c, int argc, char *const *argv,
			 struct vsu_error *err);

/* Prints a line, or an object of JSON, for each control socket. Errors of vmm_machines_find(). */
int vmm_ps_command_run(const struct vmm_ps_command *c, FILE *out, struct vsu_error *err);

#endif
