/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Opening a kernel: built into this program, or a file. */
#include <config.h>

#include <errno.h>
#include <string.h>

#include <vmm-sys-util/parse.h>

#include "kernel.h"

#define PREFIX "builtin:"

/* Defined in builtin/images.S. */
extern const unsigned char vmm_builtin_agent[], vmm_builtin_agent_end[];
extern const unsigned char vmm_builtin_irqtest[], vmm_builtin_irqtest_end[];
extern const unsigned char vmm_builtin_private[], vmm_builtin_private_end[];
extern const unsigned char vmm_builtin_selftest[], vmm_builtin_selftest_end[];

static const struct builtin {
	const char *name;
	const unsigned char *bytes, *end;
} builtins[] = {
	{ "agent", vmm_builtin_agent, vmm_builtin_agent_end },
	{ "irqtest", vmm_builtin_irqtest, vmm_builtin_irqtest_end },
	{ "private", vmm_builtin_private, vmm_builtin_private_end },
	{ "selftest", vmm_builtin_selftest, vmm_builtin_selftest_end },
};

static const char *const builtin_names[] = { "agent", "irqtest", "private", "selftest", NULL };

static int open_builtin(struct vmm_kernel *kernel, const char *name,
			struct vsu_error *err)
{
	const char *near = vsu_nearest(name, builtin_names);
	unsigned int i;

	for (i = 0; i < sizeof(builtins) / sizeof(builtins[0]); i++) {
		if (strcmp(builtins[i].name, name))
			continue;
		kernel->file.bytes = builtins[i].bytes;
		kernel->file.size = (uint64_t)(builtins[i].end -
					       builtins[i].bytes);
		return 0;
	}
	return vsu_error_set(err, -EINVAL, "no built-in kernel '%s'; %s '%s'",
			     name, near ? "did you mean" : "the usual one is",
			     near ? near : "selftest");
}

int vmm_kernel_open(struct vmm_kernel *kernel, const char *name,
		    struct vsu_error *err)
{
	memset(kernel, 0, sizeof(*kernel));
	kernel->name = name;
	if (!strncmp(name, PREFIX, strlen(PREFIX)))
		return open_builtin(kernel, name + strlen(PREFIX), err);
	return vmm_file_open(&kernel->file, "kernel", name, err);
}

void vmm_kernel_close(struct vmm_kernel *kernel)
{
	vmm_file_close(&kernel->file);
	memset(kernel, 0, sizeof(*kernel));
}
