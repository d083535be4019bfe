/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Opening a kernel: built into this program, or a file. */
#include <config.h>

#include <errno.h>
#include <string.h>

#include <vmm-sys-util/parse.h>

#include "arch/load.h"
#include "kernel.h"

static int open_builtin(struct vmm_kernel *kernel, const char *name,
			struct vsu_error *err)
{
	const char *names[VMM_MAX_BUILTINS + 1] = { NULL };
	const struct vmm_builtin *b = vmm_arch_builtins;
	const char *near;
	unsigned int n = 0;

	for (; b->name && n < VMM_MAX_BUILTINS; b++) {
		names[n++] = b->name;
		if (strcmp(b->name, name))
			continue;
		kernel->file.bytes = b->bytes;
		kernel->file.size = (uint64_t)(b->end - b->bytes);
		return 0;
	}
	near = vsu_nearest(name, names);
	return vsu_error_set(err, -EINVAL, "no built-in kernel '%s'; %s '%s'",
			     name, near ? "did you mean" : "the usual one is",
			     near ? near : "selftest");
}

int vmm_kernel_open(struct vmm_kernel *kernel, const char *name,
		    struct vsu_error *err)
{
	memset(kernel, 0, sizeof(*kernel));
	kernel->name = name;
	if (vmm_kernel_is_program_name(name))
		return open_builtin(kernel, name + strlen(VMM_KERNEL_PROGRAM_PREFIX), err);
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
