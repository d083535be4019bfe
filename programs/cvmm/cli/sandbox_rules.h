/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The files that a machine's options name, and those that running requires, as Landlock
 * rules, or as the content of a jail. Each kind of device states what it opens (struct vmm_device_facts), so a new one
 * needs no change here.
 */
#ifndef VMM_CLI_SANDBOX_RULES_H
#define VMM_CLI_SANDBOX_RULES_H

#include <stdbool.h>

#include "config/options.h"
#include "confine/landlock.h"

#define VMM_SANDBOX_RULES 256

/* Descriptors of files and folders, and their names, owned. */
struct vmm_sandbox_rules {
	bool jail;	/* set by the caller: for a jail, which hides all other files */
	bool confined;	/* set by the caller: capabilities are dropped */
	struct landlock_rule list[VMM_SANDBOX_RULES];
	char *names[VMM_SANDBOX_RULES]; /* NULL: open already */
	unsigned int n;
};

/*
 * Takes place over, also after a failure; a negative one is ignored. name may be NULL.
 * -E2BIG, -ENOMEM.
 */
int vmm_sandbox_rules_add(struct vmm_sandbox_rules *r, int place, const char *name,
			  enum landlock_use use, struct vsu_error *err);

/*
 * A file that does not exist yet is ignored, or its folder is added if it will be created.
 * -EOPNOTSUPP: a device has no use in a jail,
 * or a file of memory requires a capability that is dropped.
 */
int vmm_sandbox_rules_fill(struct vmm_sandbox_rules *r, const struct vmm_options *options,
			   struct vsu_error *err);

void vmm_sandbox_rules_close(struct vmm_sandbox_rules *r);

#endif
