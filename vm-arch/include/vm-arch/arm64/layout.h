/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The guest's physical addresses and interrupts on arm64: the first GiB is for devices, memory
 * begins behind it. Interrupts are shared peripheral interrupts of the GIC, from 0.
 *
 * Threads: no state.
 */
#ifndef VARCH_TARGET_LAYOUT_H
#define VARCH_TARGET_LAYOUT_H

#include <stdint.h>

#define VARCH_NAME	"arm64"
#define VARCH_TARGET_ELF	EM_AARCH64	/* of <elf.h> */
#define VARCH_STATUS_COUNTER	32	/* the program counter in pr_reg of a struct elf_prstatus */

/* Addresses without memory. */
#define VARCH_HOLE_FIRST	UINT64_C(0)
#define VARCH_HOLE_END	(UINT64_C(1) << 30)
#define VARCH_HOLE_TEXT	"0 to 1 GiB"
#define VARCH_PAGE	UINT64_C(4096)

/* The first 2 MiB of memory are for boot information. A kernel has a limit for the initrd of its own. */
#define VARCH_INITRD_FIRST	UINT64_C(0x40200000)
#define VARCH_INITRD_END	UINT64_MAX

#define VARCH_GENERATION_GPA	UINT64_C(0x400ff000)	/* the VM Generation ID */

/* Interrupt controllers: GICv3 with 128 KiB for each CPU, and its ITS; or GICv2. */
#define VARCH_GIC_GPA		UINT64_C(0x08000000)
#define VARCH_GIC_LEN		UINT64_C(0x10000)
#define VARCH_ITS_GPA		UINT64_C(0x08080000)
#define VARCH_ITS_LEN		UINT64_C(0x20000)
#define VARCH_GIC_CPUS_GPA	UINT64_C(0x080a0000)
#define VARCH_GIC_CPU_LEN		UINT64_C(0x20000)
#define VARCH_GICV2_CPUS_GPA	UINT64_C(0x08010000)
#define VARCH_GICV2_CPUS_LEN	UINT64_C(0x2000)

#define VARCH_MACHINE_GPA		UINT64_C(0x09010000)	/* registers of the machine itself */
#define VARCH_MACHINE_LEN		UINT64_C(0x1000)

#define VARCH_CLOCK_GPA		UINT64_C(0x09020000)	/* PL031 */
#define VARCH_PINS_GPA		UINT64_C(0x09030000)	/* PL061 */

#define VARCH_TRANSPORTS_GPA	UINT64_C(0x0a000000)	/* registers of virtio-mmio */
#define VARCH_PCI_ECAM_GPA	UINT64_C(0x3f000000)
#define VARCH_PCI_ECAM_LEN	UINT64_C(0x100000)	/* of one bus */
#define VARCH_PCI_WINDOW_GPA	UINT64_C(0x10000000)
#define VARCH_PCI_WINDOW_LEN	UINT64_C(0x1000000)

#define VARCH_HAS_PORTS	0
#define VARCH_SERIAL_AT	0x09000000	/* a 16550 with registers of a byte */
#define VARCH_SERIAL_REGISTERS_LEN	8
#define VARCH_PLUG_AT	(VARCH_MACHINE_GPA + 0x24)	/* hot plug of PCI slots: <vm-arch/plug.h> */
#define VARCH_PLUG_LEN	12
#define VARCH_CPU_PLUG_AT		0	/* none */
#define VARCH_CPU_PLUG_LEN	0

#define VARCH_CMDLINE_NO_BUS	""	/* without a bus */

#define VARCH_GSI(irq)		((irq) + 32u)	/* its number in ACPI */
#define VARCH_LINE(irq)		(1u << 24 | VARCH_GSI(irq))	/* its number in KVM_IRQ_LINE: an SPI */
#define VARCH_EVENT_IRQ		1	/* hot plug, or a new VM Generation ID */
#define VARCH_CLOCK_IRQ		2	/* alarms of the real-time clock */
#define VARCH_BUTTON_IRQ		3	/* the power button */
#define VARCH_SERIAL_IRQ		4
#define VARCH_FIRST_DEVICE_IRQ	5
#define VARCH_LAST_IRQ		23
#define VARCH_SHARED_IRQS		32u	/* shared peripheral interrupts */

#endif
