/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A kernel to boot: built into this program, or a file. */
#ifndef VMM_BOOT_KERNEL_H
#define VMM_BOOT_KERNEL_H

#include <vmm-sys-util/error.h>

#include "file.h"

/* A kernel that is open, but whose content has not been checked. */
struct vmm_kernel {
	const char *name;	/* for messages: as typed */
	struct vmm_file file;
};

/*
 * name: "builtin:NAME" or a path. -EINVAL: no such built-in kernel; others as
 * vmm_file_open().
 */
int vmm_kernel_open(struct vmm_kernel *kernel, const char *name,
		    struct vsu_error *err);
void vmm_kernel_close(struct vmm_kernel *kernel);

#endif
