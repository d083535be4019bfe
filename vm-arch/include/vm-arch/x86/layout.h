/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The guest's physical addresses and interrupts on x86-64, as a PC has them: 3 to 4 GiB is for
 * devices, the first MiB for boot information.
 *
 * Threads: no state.
 */
#ifndef VARCH_TARGET_LAYOUT_H
#define VARCH_TARGET_LAYOUT_H

#include <stdint.h>

#define VARCH_NAME	"x86-64"
#define VARCH_TARGET_ELF	EM_X86_64	/* of <elf.h> */
#define VARCH_STATUS_COUNTER	16	/* the program counter in pr_reg of a struct elf_prstatus */

/* Addresses without memory. */
#define VARCH_HOLE_FIRST	(UINT64_C(3) << 30)
#define VARCH_HOLE_END	(UINT64_C(4) << 30)
#define VARCH_HOLE_TEXT	"3 to 4 GiB"
#define VARCH_PAGE	UINT64_C(4096)

/* An initrd is between these. */
#define VARCH_INITRD_FIRST	UINT64_C(0x100000)
#define VARCH_INITRD_END	VARCH_HOLE_FIRST

/* The places of boot protocols' structures in guest memory. */
#define VARCH_BOOT_GDT_GPA	0x1000
#define VARCH_BOOT_LINUX_GDT_GPA	0x1800
#define VARCH_BOOT_INFO_GPA	0x2000
#define VARCH_BOOT_CMDLINE_GPA	0x4000
#define VARCH_BOOT_TSS_GPA	0x6000	/* and its map: all ports allowed */
#define VARCH_BOOT_TSS_LIMIT	8296u
#define VARCH_BOOT_TABLES_GPA	0x10000	/* page tables, up to STACKS */
#define VARCH_BOOT_STACKS_GPA	0x80000	/* one of 4 KiB for each CPU */
#define VARCH_BOOT_STACK_SIZE	4096u
#define VARCH_BOOT_LOW_END	0xa0000	/* a PC's memory has a hole here */
#define VARCH_BOOT_ACPI_GPA	0xe0000	/* tables of ACPI, up to VARCH_GENERATION_GPA */
#define VARCH_BOOT_RESET_GPA	0xffff0	/* firmware's entry in real mode */
#define VARCH_BOOT_KERNEL_GPA	VARCH_INITRD_FIRST /* lowest address of a kernel */

#define VARCH_GENERATION_GPA	0xff000	/* the VM Generation ID */

#define VARCH_TRANSPORTS_GPA	UINT64_C(0xd0000000)	/* registers of virtio-mmio */
#define VARCH_PCI_ECAM_GPA	UINT64_C(0xe0000000)
#define VARCH_PCI_ECAM_LEN	UINT64_C(0x100000)	/* of one bus */
#define VARCH_PCI_WINDOW_GPA	UINT64_C(0xe1000000)
#define VARCH_PCI_WINDOW_LEN	UINT64_C(0x1000000)

/* Registers of the machine itself are I/O ports. */
#define VARCH_HAS_PORTS	1
#define VARCH_SERIAL_AT	0x3f8	/* a 16550 */
#define VARCH_SERIAL_REGISTERS_LEN	8
#define VARCH_PLUG_AT	0x624	/* hot plug of PCI slots: <vm-arch/plug.h> */
#define VARCH_PLUG_LEN	12
#define VARCH_CPU_PLUG_AT	0x630	/* hot plug of CPUs: <vm-arch/plug.h> */
#define VARCH_CPU_PLUG_LEN 16	/* 0: the guest cannot find a CPU that is added */

/* Linux otherwise looks for a bridge, and reports an error if none exists. */
#define VARCH_CMDLINE_NO_BUS	" pci=conf1"

#define VARCH_GSI(irq)		(irq)	/* its number in ACPI */
#define VARCH_LINE(irq)		(irq)	/* its number in KVM_IRQ_LINE */
#define VARCH_EVENT_IRQ		1	/* hot plug, or a new VM Generation ID */
#define VARCH_CLOCK_IRQ		0	/* the machine has no real-time clock */
#define VARCH_BUTTON_IRQ		3	/* the power button */
#define VARCH_SERIAL_IRQ		4
#define VARCH_FIRST_DEVICE_IRQ	5
#define VARCH_LAST_IRQ		23

#endif
