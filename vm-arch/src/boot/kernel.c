/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Opening a kernel. */
#include <config.h>

#include <errno.h>
#include <string.h>

#include <vm-arch/kernel.h>

int vmm_kernel_open(struct vmm_kernel *kernel, const char *name,
		    struct vsu_error *err)
{
	memset(kernel, 0, sizeof(*kernel));
	if (vmm_kernel_is_program_name(name))
		return vsu_error_set(err, -EINVAL, "kernel '%s': only the program cvmm knows this name; give the path of the ELF file", name);
	kernel->name = name;
	return vmm_file_open(&kernel->file, "kernel", name, err);
}

void vmm_kernel_close(struct vmm_kernel *kernel)
{
	vmm_file_close(&kernel->file);
	memset(kernel, 0, sizeof(*kernel));
}

bool vmm_kernel_is_program_name(const char *name)
{
	return !strncmp(name, VMM_KERNEL_PROGRAM_PREFIX, strlen(VMM_KERNEL_PROGRAM_PREFIX));
}
