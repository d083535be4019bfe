/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* "cvmm template": its command line, and what it prints. */
#ifndef VMM_EXEC_TEMPLATE_COMMAND_H
#define VMM_EXEC_TEMPLATE_COMMAND_H

#include <stdio.h>

#include "exec/exec_options.h"

extern const struct vsu_option vmm_template_command_options[];

struct vmm_template_command {
	enum vmm_template_action {
		VMM_TEMPLATE_MAKE, VMM_TEMPLATE_LIST, VMM_TEMPLATE_SHOW, VMM_TEMPLATE_REMOVE,
		VMM_TEMPLATE_ACTIONS,
	} action;
	const char *name;	/* NULL: list */
	const char *folder;	/* of templates; NULL: that of the user */
	const char *of_make;	/* an option of "make" that was given, or NULL */
	uint64_t nfolders;	/* devices for shared folders */
	bool net;		/* a network card */
	struct vmm_exec_options machine;
	bool help;
};

/* argv[0] is "template". -ENOENT: an unknown option or action, or no name; -EINVAL: a value. */
int vmm_template_command_parse(struct vmm_template_command *c, int argc, char *const *argv,
			       struct vsu_error *err);

/* All actions but "make". */
int vmm_template_command_run(const struct vmm_template_command *c, FILE *out, struct vsu_error *err);

/* Adds how to make the template of that name, or to find another, to an error that it does not exist. */
void vmm_template_explain(const char *name, struct vsu_error *err);

#endif
