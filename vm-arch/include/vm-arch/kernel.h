/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The file of a kernel to boot: its name and its protocol.
 *
 * Threads: one at a time per kernel.
 */
#ifndef VARCH_BOOT_KERNEL_H
#define VARCH_BOOT_KERNEL_H

#include <stdbool.h>
#include <string.h>

#include <vm-arch/attributes.h>
#include <vm-arch/file.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

/*
 * A name that the program cvmm replaces by the path of an installed file. Machines and templates
 * that were saved contain it.
 */
#define VARCH_KERNEL_PROGRAM_PREFIX "builtin:"

static inline bool varch_kernel_is_program_name(const char *name)
{
	return !strncmp(name, VARCH_KERNEL_PROGRAM_PREFIX, strlen(VARCH_KERNEL_PROGRAM_PREFIX));
}

/* 1: its notes request the built-in protocol; 0: they do not; -ENOMEM. */
VARCH_API int varch_kernel_is_builtin(const struct varch_file *kernel, struct vsu_error *err) VSU_NODISCARD;

/*
 * Reads the notes of a kernel by its name: one of the program cvmm, which is of this protocol, or
 * that of a file, with the errors of varch_file_open().
 */
VARCH_API int varch_kernel_name_is_builtin(const char *name) VSU_NODISCARD;

VSU_END_DECLS

#endif
