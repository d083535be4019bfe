/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Entering a guest on an x86 CPU: segments, page tables, CPUID and registers,
 * for each boot protocol. The first MiB of the guest is divided here.
 */
#ifndef VARCH_X86_LONG_MODE_H
#define VARCH_X86_LONG_MODE_H

#include <stdbool.h>
#include <stdint.h>

#include <vm-arch/board.h>
#include <vm-arch/layout.h>
#include <vm-arch/vm.h>
#include <vm-memory/map.h>
#include <vmm-sys-util/error.h>

#include "arch/x86/cpuid.h"

/*
 * Writes code there that resets the machine, for kernels that reboot by going
 * back to firmware: Linux does where ACPI says reduced hardware.
 */
int varch_reset_vector_write(const struct vmem_view *view);

/*
 * Writes descriptor tables and page tables: the first 4 GiB and the ranges.
 * -ENOSPC when they do not fit below the stacks.
 */
int varch_long_mode_tables(const struct vmem_view *view,
			 const struct varch_board_range *ranges, unsigned int n,
			 struct vsu_error *err);

/* How a CPU begins. */
enum varch_x86_entry {
	VARCH_X86_LEVEL3,	/* built-in protocol: 64-bit mode, I/O privilege */
	VARCH_X86_LEVEL0,	/* the same at privilege level 0 */
	VARCH_X86_LINUX,	/* 64-bit entry of the Linux boot protocol */
	VARCH_X86_PVH,	/* 32-bit protected mode without paging */
	VARCH_X86_WAITS,	/* for the start-up message of another CPU */
};

struct varch_x86_start {
	enum varch_x86_entry how;
	uint64_t entry, stack_top;
	uint64_t rbx, rdi, rsi;
	unsigned int ncpus;	/* of the machine; 0: one */
	struct varch_cpu_choice choice;
};

/* Sets CPUID table, model-specific registers and registers of a CPU. */
int varch_x86_start_cpu(const struct varch_vm *kvm, int cpu_fd, unsigned int cpu,
		      const struct varch_x86_start *start,
		      struct vsu_error *err);

#endif
