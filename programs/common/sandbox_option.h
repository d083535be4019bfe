/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The value of --sandbox: whether the process is restricted, and what it may use besides
 * the files of the other options.
 *
 * Threads: no state.
 */
#ifndef VMM_COMMON_SANDBOX_OPTION_H
#define VMM_COMMON_SANDBOX_OPTION_H

#include <stdbool.h>

#include <vmm-sys-util/error.h>

struct vmm_sandbox_option {
	enum vmm_sandbox_how {
		VMM_SANDBOX_ON,		/* the default */
		VMM_SANDBOX_LOG,	/* what would be refused is logged */
		VMM_SANDBOX_OFF,
	} how;
	bool tls;		/* migrations may be encrypted */
	unsigned int nfolders;
	const char **folders;	/* for saved machines; owned, with their text */
};

/* list NULL: the default. -ENOENT, -EINVAL: the list is refused. */
int vmm_sandbox_option_read(const char *list, struct vmm_sandbox_option *out,
			    struct vsu_error *err);
void vmm_sandbox_option_free(struct vmm_sandbox_option *o);

#endif
