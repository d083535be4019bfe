/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* "cvmm memory": trying memory back-ends without a guest. */
#ifndef VMM_TRY_H
#define VMM_TRY_H

#include <stdbool.h>

#include <vm-memory/sigbus.h>
#include <vmm-sys-util/error.h>

extern const struct vsu_option vmm_try_options[];

/* What the command line asks for. */
struct vmm_try {
	bool json, help;
	int first;		/* index of the first list of properties */
};

/* argv[0] is "memory". -ENOENT: an unknown option; -EINVAL: nothing to try. */
int vmm_try_parse(struct vmm_try *what, int argc, char *const *argv,
		  struct vsu_error *err);

/*
 * Allocates each list of properties, prints what came out, and frees it
 * again; the file system is left as it was. 0 or an exit status with its
 * sentence, at the first that fails.
 */
int vmm_try_memory(const struct vmm_try *what, int argc, char *const *argv,
		   struct vmem_sigbus *sigbus, struct vsu_error *err);

#endif
