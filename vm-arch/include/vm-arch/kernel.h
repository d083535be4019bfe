/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The file of a kernel to boot.
 *
 * Threads: one at a time per kernel.
 */
#ifndef VARCH_BOOT_KERNEL_H
#define VARCH_BOOT_KERNEL_H

#include <stdbool.h>

#include <vm-arch/attributes.h>
#include <vm-arch/file.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

/* A kernel that is open, but whose content has not been checked. */
struct varch_kernel_file {
	const char *name;	/* for messages: as typed */
	struct varch_file file;
};

/*
 * A name that the program cvmm replaces by the path of an installed file. Machines and templates
 * that were saved contain it.
 */
#define VARCH_KERNEL_PROGRAM_PREFIX "builtin:"

VARCH_API bool varch_kernel_is_program_name(const char *name);

/* name: a path, or "fd:N". -EINVAL: a name of the program; others as varch_file_open(). */
VARCH_API int varch_kernel_file_open(struct varch_kernel_file *kernel, const char *name,
		    struct vsu_error *err) VSU_NODISCARD;
VARCH_API void varch_kernel_file_close(struct varch_kernel_file *kernel);

VSU_END_DECLS

#endif
