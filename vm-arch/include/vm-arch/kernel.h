/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The file of a kernel to boot.
 *
 * Threads: one at a time per kernel.
 */
#ifndef VMM_BOOT_KERNEL_H
#define VMM_BOOT_KERNEL_H

#include <stdbool.h>

#include <vm-arch/file.h>
#include <vmm-sys-util/error.h>

/* A kernel that is open, but whose content has not been checked. */
struct vmm_kernel {
	const char *name;	/* for messages: as typed */
	struct vmm_file file;
};

/*
 * A name that the program cvmm replaces by the path of an installed file. Machines and templates
 * that were saved contain it.
 */
#define VMM_KERNEL_PROGRAM_PREFIX "builtin:"

bool vmm_kernel_is_program_name(const char *name);

/* name: a path, or "fd:N". -EINVAL: a name of the program; others as vmm_file_open(). */
int vmm_kernel_open(struct vmm_kernel *kernel, const char *name,
		    struct vsu_error *err);
void vmm_kernel_close(struct vmm_kernel *kernel);

#endif
