/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Opening a kernel. */
#include <config.h>

#include <errno.h>
#include <string.h>

#include <vm-arch/kernel.h>

int varch_kernel_file_open(struct varch_kernel_file *kernel, const char *name,
		    struct vsu_error *err)
{
	memset(kernel, 0, sizeof(*kernel));
	if (varch_kernel_is_program_name(name))
		return vsu_error_set(err, -EINVAL, "kernel '%s': the name stands for a kernel that a program installs, and is no file; give the path of the ELF file", name);
	kernel->name = name;
	return varch_file_open(&kernel->file, "kernel", name, err);
}

void varch_kernel_file_close(struct varch_kernel_file *kernel)
{
	varch_file_close(&kernel->file);
	memset(kernel, 0, sizeof(*kernel));
}

bool varch_kernel_is_program_name(const char *name)
{
	return !strncmp(name, VARCH_KERNEL_PROGRAM_PREFIX, strlen(VARCH_KERNEL_PROGRAM_PREFIX));
}
