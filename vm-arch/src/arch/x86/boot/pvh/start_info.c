/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The start information of PVH: three structures, one behind the other. */
#include <config.h>

#include <stddef.h>

#include <vm-memory/access.h>

#include "arch/x86/boot/pvh/start_info.h"
#include "arch/x86/long_mode.h"

#define START_MAGIC 0x336ec578

struct start_info {
	uint32_t magic, version, flags, nmodules;
	uint64_t modules_gpa, cmdline_gpa, rsdp_gpa;
	uint64_t memory_gpa;
	uint32_t nmemory, reserved;
};

struct module {
	uint64_t gpa, len, cmdline_gpa, reserved;
};

struct memory_entry {
	uint64_t gpa, len;
	uint32_t type, reserved;
};

struct start {
	struct start_info info;
	struct module initrd;
	struct memory_entry memory[VARCH_E820_MAX];
};

_Static_assert(sizeof(struct start_info) == 56, "as Xen has it");
_Static_assert(sizeof(struct start) <= VARCH_BOOT_CMDLINE_GPA -
	       VARCH_BOOT_INFO_GPA, "ends before the command line");

int varch_pvh_hand_over(const struct varch_handover *handover,
		      const struct vmem_view *view, uint64_t gpa)
{
	struct start start = {
		.info = {
			.magic = START_MAGIC, .version = 1,
			.nmodules = handover->initrd_len ? 1 : 0,
			.modules_gpa = gpa + offsetof(struct start, initrd),
			.cmdline_gpa = handover->cmdline_gpa,
			.rsdp_gpa = handover->rsdp_gpa,
			.memory_gpa = gpa + offsetof(struct start, memory),
			.nmemory = handover->memory.n,
		},
		.initrd = {
			.gpa = handover->initrd_gpa,
			.len = handover->initrd_len,
		},
	};
	unsigned int i;

	for (i = 0; i < handover->memory.n; i++) {
		start.memory[i].gpa = handover->memory.entries[i].gpa;
		start.memory[i].len = handover->memory.entries[i].len;
		start.memory[i].type = handover->memory.entries[i].type;
	}
	return vmem_write_exact(view, gpa, &start, sizeof(start));
}
