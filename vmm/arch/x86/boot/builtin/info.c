/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Writing the boot information of the built-in protocol. */
#include <config.h>

#include <assert.h>

#include <vm-memory/access.h>

#include "arch/x86/boot/builtin/info.h"
#include "arch/x86/long_mode.h"

static_assert(VMM_BOOT_INFO_GPA + sizeof(struct cvmm_boot) <=
	      VMM_BOOT_CMDLINE_GPA, "boot information ends before its next");

static void describe_memory(const struct vmem_view *view,
			    struct cvmm_boot *boot)
{
	uint32_t i;

	for (i = 0; i < view->n && i < CVMM_BOOT_MAX_MEMORY; i++) {
		boot->memory[i].gpa = view->ranges[i].first;
		boot->memory[i].len = view->ranges[i].span + 1;
		if (!(view->ranges[i].flags & VMEM_WRITE))
			boot->memory[i].flags |= CVMM_MEMORY_ROM;
	}
	boot->nmemory = i;
}

int vmm_builtin_hand_over(struct cvmm_boot *boot, const struct vmem_view *view,
			  uint64_t gpa)
{
	boot->magic = CVMM_BOOT_MAGIC;
	boot->version = CVMM_BOOT_VERSION;
	boot->size = sizeof(*boot);
	describe_memory(view, boot);
	return vmem_write_exact(view, gpa, boot, sizeof(*boot));
}
