/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The guest's physical addresses and interrupts on arm64: the first GiB is for devices, memory
 * begins behind it. Interrupts are shared peripheral interrupts of the GIC, from 0.
 *
 * Threads: no state.
 */
#ifndef VMM_TARGET_LAYOUT_H
#define VMM_TARGET_LAYOUT_H

#include <stdint.h>

#define VMM_TARGET_NAME	"arm64"
#define VMM_TARGET_ELF	EM_AARCH64	/* of <elf.h> */

/* Addresses without memory. */
#define VMM_HOLE_FIRST	UINT64_C(0)
#define VMM_HOLE_END	(UINT64_C(1) << 30)
#define VMM_HOLE_TEXT	"0 to 1 GiB"
#define VMM_PAGE	UINT64_C(4096)

/* The first 2 MiB of memory are for boot information. A kernel has a limit for the initrd of its own. */
#define VMM_INITRD_FIRST	UINT64_C(0x40200000)
#define VMM_INITRD_END	UINT64_MAX

#define VMM_GENERATION_GPA	UINT64_C(0x400ff000)	/* the VM Generation ID */

/* Interrupt controllers: GICv3 with 128 KiB for each CPU, and its ITS; or GICv2. */
#define VMM_GIC_GPA		UINT64_C(0x08000000)
#define VMM_GIC_LEN		UINT64_C(0x10000)
#define VMM_ITS_GPA		UINT64_C(0x08080000)
#define VMM_ITS_LEN		UINT64_C(0x20000)
#define VMM_GIC_CPUS_GPA	UINT64_C(0x080a0000)
#define VMM_GIC_CPU_LEN		UINT64_C(0x20000)
#define VMM_GICV2_CPUS_GPA	UINT64_C(0x08010000)
#define VMM_GICV2_CPUS_LEN	UINT64_C(0x2000)

#define VMM_MACHINE_GPA		UINT64_C(0x09010000)	/* registers of the machine itself */
#define VMM_MACHINE_LEN		UINT64_C(0x1000)

#define VMM_CLOCK_GPA		UINT64_C(0x09020000)	/* PL031 */
#define VMM_PINS_GPA		UINT64_C(0x09030000)	/* PL061 */

#define VMM_TRANSPORTS_GPA	UINT64_C(0x0a000000)	/* registers of virtio-mmio */
#define VMM_PCI_ECAM_GPA	UINT64_C(0x3f000000)
#define VMM_PCI_ECAM_LEN	UINT64_C(0x100000)	/* of one bus */
#define VMM_PCI_WINDOW_GPA	UINT64_C(0x10000000)
#define VMM_PCI_WINDOW_LEN	UINT64_C(0x1000000)

#define VMM_HAS_PORTS	0
#define VMM_SERIAL_AT	0x09000000	/* a 16550 with registers of a byte */
#define VMM_SERIAL_LEN	8
#define VMM_PLUG_AT	(VMM_MACHINE_GPA + 0x24)	/* hot plug of PCI slots: acpi/plug.h */
#define VMM_PLUG_LEN	12
#define VMM_CPU_PLUG_AT		0	/* none */
#define VMM_CPU_PLUG_LEN	0

#define VMM_CMDLINE_NO_BUS	""	/* without a bus */

#define VMM_GSI(irq)		((irq) + 32u)	/* its number in ACPI */
#define VMM_LINE(irq)		(1u << 24 | VMM_GSI(irq))	/* its number in KVM_IRQ_LINE: an SPI */
#define VMM_EVENT_IRQ		1	/* hot plug, or a new VM Generation ID */
#define VMM_CLOCK_IRQ		2	/* alarms of the real-time clock */
#define VMM_BUTTON_IRQ		3	/* the power button */
#define VMM_SERIAL_IRQ		4
#define VMM_FIRST_DEVICE_IRQ	5
#define VMM_LAST_IRQ		23
#define VMM_SHARED_IRQS		32u	/* shared peripheral interrupts */

#endif
