/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The guest's physical addresses and interrupts on x86-64, as a PC has them: 3 to 4 GiB is for
 * devices, the first MiB for boot information.
 *
 * Threads: no state.
 */
#ifndef VMM_TARGET_LAYOUT_H
#define VMM_TARGET_LAYOUT_H

#include <stdint.h>

#define VMM_TARGET_NAME	"x86-64"
#define VMM_TARGET_ELF	EM_X86_64	/* of <elf.h> */

/* Addresses without memory. */
#define VMM_HOLE_FIRST	(UINT64_C(3) << 30)
#define VMM_HOLE_END	(UINT64_C(4) << 30)
#define VMM_HOLE_TEXT	"3 to 4 GiB"
#define VMM_PAGE	UINT64_C(4096)

/* An initrd is between these. */
#define VMM_INITRD_FIRST	UINT64_C(0x100000)
#define VMM_INITRD_END	VMM_HOLE_FIRST

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

#define VMM_GENERATION_GPA	0xff000	/* the VM Generation ID */

#define VMM_TRANSPORTS_GPA	UINT64_C(0xd0000000)	/* registers of virtio-mmio */
#define VMM_PCI_ECAM_GPA	UINT64_C(0xe0000000)
#define VMM_PCI_ECAM_LEN	UINT64_C(0x100000)	/* of one bus */
#define VMM_PCI_WINDOW_GPA	UINT64_C(0xe1000000)
#define VMM_PCI_WINDOW_LEN	UINT64_C(0x1000000)

/* Registers of the machine itself are I/O ports. */
#define VMM_HAS_PORTS	1
#define VMM_SERIAL_AT	0x3f8	/* a 16550 */
#define VMM_SERIAL_LEN	8
#define VMM_PLUG_AT	0x624	/* hot plug of PCI slots: acpi/plug.h */
#define VMM_PLUG_LEN	12
#define VMM_CPU_PLUG_AT	0x630	/* hot plug of CPUs: acpi/cpu_plug.h */
#define VMM_CPU_PLUG_LEN 16	/* 0: the guest cannot find a CPU that is added */

/* Linux otherwise looks for a bridge, and reports an error if none exists. */
#define VMM_CMDLINE_NO_BUS	" pci=conf1"

#define VMM_GSI(irq)		(irq)	/* its number in ACPI */
#define VMM_LINE(irq)		(irq)	/* its number in KVM_IRQ_LINE */
#define VMM_EVENT_IRQ		1	/* hot plug, or a new VM Generation ID */
#define VMM_CLOCK_IRQ		0	/* the machine has no real-time clock */
#define VMM_BUTTON_IRQ		3	/* the power button */
#define VMM_SERIAL_IRQ		4
#define VMM_FIRST_DEVICE_IRQ	5
#define VMM_LAST_IRQ		23

#endif
