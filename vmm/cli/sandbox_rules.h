/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The files that a machine's options name, and those that running requires, as Landlock
 * rules. Each kind of device states what it opens (struct vmm_device_facts), so a new one
 * needs no change here.
 */
#ifndef VMM_CLI_SANDBOX_RULES_H
#define VMM_CLI_SANDBOX_RULES_H

#include "cli/options.h"
#include "landlock.h"

#define VMM_SANDBOX_RULES 256

/* Descriptors of files and folders, owned. */
struct vmm_sandbox_rules {
	struct landlock_rule list[VMM_SANDBOX_RULES];
	unsigned int n;
};

/* Takes place over, also after a failure; a negative one is ignored. -E2BIG. */
int vmm_sandbox_rules_add(struct vmm_sandbox_rules *r, int place, enum landlock_use use,
			  struct vsu_error *err);

/*
 * A file that does not exist yet is ignored, or its folder is added if it will be created.
 * Options that the machine refuses are ignored.
 */
int vmm_sandbox_rules_fill(struct vmm_sandbox_rules *r, const struct vmm_options *options,
			   struct vsu_error *err);

void vmm_sandbox_rules_close(struct vmm_sandbox_rules *r);

#endif
