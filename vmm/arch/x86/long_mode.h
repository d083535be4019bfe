/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Entering a guest on an x86 CPU: segments, page tables, CPUID and registers,
 * for each boot protocol. The first MiB of the guest is divided here.
 */
#ifndef VMM_X86_LONG_MODE_H
#define VMM_X86_LONG_MODE_H

#include <stdbool.h>
#include <stdint.h>

#include <vm-memory/map.h>
#include <vmm-sys-util/error.h>

#include "arch/board.h"
#include "arch/x86/cpuid.h"
#include "kvm/kvm.h"
#include "target/layout.h"

/* The places of boot protocols' structures in guest memory. */
#define VMM_BOOT_GDT_GPA	0x1000
#define VMM_BOOT_LINUX_GDT_GPA	0x1800
#define VMM_BOOT_INFO_GPA	0x2000
#define VMM_BOOT_CMDLINE_GPA	0x4000
#define VMM_BOOT_TSS_GPA	0x6000	/* and its map: all ports allowed */
#define VMM_BOOT_TSS_LIMIT	8296u
#define VMM_BOOT_TABLES_GPA	0x10000	/* page tables, up to STACKS */
#define VMM_BOOT_STACKS_GPA	0x80000	/* one of 4 KiB for each CPU */
#define VMM_BOOT_STACK_SIZE	4096u
#define VMM_BOOT_LOW_END	0xa0000	/* a PC's memory has a hole here */
#define VMM_BOOT_ACPI_GPA	0xe0000	/* tables of ACPI, up to VMM_GENERATION_GPA */
#define VMM_BOOT_RESET_GPA	0xffff0	/* firmware's entry in real mode */
#define VMM_BOOT_KERNEL_GPA	VMM_INITRD_FIRST /* lowest address of a kernel */

/*
 * Writes code there that resets the machine, for kernels that reboot by going
 * back to firmware: Linux does where ACPI says reduced hardware.
 */
int vmm_reset_vector_write(const struct vmem_view *view);

/*
 * Writes descriptor tables and page tables: the first 4 GiB and the ranges.
 * -ENOSPC when they do not fit below the stacks.
 */
int vmm_long_mode_tables(const struct vmem_view *view,
			 const struct vmm_board_range *ranges, unsigned int n,
			 struct vsu_error *err);

/* How a CPU begins. */
enum vmm_x86_entry {
	VMM_X86_LEVEL3,	/* built-in protocol: 64-bit mode, I/O privilege */
	VMM_X86_LEVEL0,	/* the same at privilege level 0 */
	VMM_X86_LINUX,	/* 64-bit entry of the Linux boot protocol */
	VMM_X86_PVH,	/* 32-bit protected mode without paging */
	VMM_X86_WAITS,	/* for the start-up message of another CPU */
};

struct vmm_x86_start {
	enum vmm_x86_entry how;
	uint64_t entry, stack_top;
	uint64_t rbx, rdi, rsi;
	unsigned int ncpus;	/* of the machine; 0: one */
	struct vmm_cpu_choice choice;
};

/* Sets CPUID table, model-specific registers and registers of a CPU. */
int vmm_x86_start_cpu(const struct vmm_kvm *kvm, int cpu_fd, unsigned int cpu,
		      const struct vmm_x86_start *start,
		      struct vsu_error *err);

#endif
