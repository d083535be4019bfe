/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The value of --cpus: how many CPUs the guest has, and how many it can receive while it runs.
 *
 * Threads: no state.
 */
#ifndef VMM_CONFIG_CPUS_OPTION_H
#define VMM_CONFIG_CPUS_OPTION_H

#include <vmm-sys-util/error.h>

struct vmm_cpus_option {
	const char *text;	/* NULL: not given */
	unsigned int n;		/* when the guest boots, or continues */
	unsigned int max;	/* at least n */
};

/* Reads the text, "N" or "N,max=N". -ENOENT: an unknown key; -EINVAL: a wrong number. */
int vmm_cpus_option_read(struct vmm_cpus_option *option, struct vsu_error *err);

#define VMM_CPUS_OPTION_TEXT 32

/* The text of a machine that has n CPUs now. */
void vmm_cpus_option_write(const struct vmm_cpus_option *option, unsigned int n,
			   char text[VMM_CPUS_OPTION_TEXT]);

#endif
