/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The boot protocol of the built-in guests, shared by cvmm and the guests.
 *
 * A guest is a static ELF64. On x86-64 every CPU enters at its entry point in 64-bit mode, privilege level 3 with I/O privilege level 3 (so that port
 * instructions work), interrupts off, flat segments, an identity map of the
 * first 4 GiB, of all memory and of all shared memory windows, a stack, and
 *
 *	rdi   guest address of struct cvmm_boot
 *	rsi   number of the CPU, from 0
 *
 * At level 3 there is no HLT, no INT and no SYSCALL: a guest polls, parks a
 * CPU by reading the park port, and ends by writing to the power port. A
 * guest whose note has CVMM_BOOT_LEVEL0 in its flags is entered at level 0
 * with I/O privilege level 0 and may take interrupts; that needs a KVM that
 * runs level 0 natively. A guest whose note has CVMM_BOOT_ANY_LEVEL is entered at level 0
 * on such a KVM, else at level 3: the flags of the boot information have CVMM_BOOT_LEVEL0
 * or not. A guest whose note has CVMM_BOOT_PCI also finds devices on a
 * PCI bus: if the boot information has that flag, it lists no devices, and configuration
 * space is at CVMM_PCI_ECAM.
 *
 * On arm64 every CPU enters at EL1 with interrupts, MMU and caches off, and
 *
 *	x0    guest address of struct cvmm_boot
 *	x1    number of the CPU, from 0
 *	sp    the end of a stack of 16 KiB
 *
 * The first 2 MiB of memory, at 1 GiB, have stacks and boot information; the guest's image
 * lies behind. CVMM_BOOT_LEVEL0 is always set. The interrupt of a device is a shared
 * peripheral interrupt, from 0. Registers replace the I/O ports below: those of the serial
 * port at CVMM_ARM64_SERIAL, a byte each, and those from CVMM_PORT_POWER on at
 * CVMM_ARM64_MACHINE, of 32 bits.
 *
 * An ELF file is a guest of this protocol by a note in a PT_NOTE segment: name
 * "cvmm", type 1, and struct cvmm_note.
 *
 * Everything is little-endian.
 *
 * Threads: no state.
 */
#ifndef VARCH_ARCH_BOOT_PROTOCOL_H
#define VARCH_ARCH_BOOT_PROTOCOL_H

#include <stdint.h>

#define CVMM_BOOT_MAGIC		0x746f6f626d6d7663 /* "cvmmboot" */
#define CVMM_BOOT_VERSION	1
#define CVMM_BOOT_LEVEL0	0x1
#define CVMM_BOOT_PCI		0x2
#define CVMM_BOOT_ANY_LEVEL	0x4	/* of a note only */

#define CVMM_NOTE_NAME		"cvmm"
#define CVMM_NOTE_TYPE		1

struct cvmm_note {
	uint32_t version;	/* CVMM_BOOT_VERSION */
	uint32_t flags;		/* CVMM_BOOT_LEVEL0, CVMM_BOOT_PCI, CVMM_BOOT_ANY_LEVEL */
};

#define CVMM_BOOT_MAX_MEMORY	32
#define CVMM_BOOT_MAX_DEVICES	32

#define CVMM_MEMORY_ROM		0x1	/* stores are dropped */
#define CVMM_MEMORY_PRIVATE	0x2	/* KVM_HC_MAP_GPA_RANGE converts its pages */

struct cvmm_boot_memory {
	uint64_t gpa, len;
	uint32_t flags, pad;
};

/* A virtio-mmio transport. */
struct cvmm_boot_device {
	uint64_t gpa;
	uint32_t len, irq;
};

struct cvmm_boot {
	uint64_t magic;
	uint32_t version, size;		/* size of this struct */
	uint32_t flags, ncpus;
	uint32_t nmemory, ndevices;
	uint64_t cmdline_gpa, cmdline_len; /* terminated; len without the 0 */
	uint64_t initrd_gpa, initrd_len;
	struct cvmm_boot_memory memory[CVMM_BOOT_MAX_MEMORY];
	struct cvmm_boot_device devices[CVMM_BOOT_MAX_DEVICES];
};

/* I/O ports. */
#define CVMM_PORT_SERIAL	0x3f8	/* a 16550 */
#define CVMM_PORT_I8042		0x64	/* writing 0xfe resets */
#define CVMM_PORT_POWER		0x600	/* write the status: 0 is success */
#define CVMM_PORT_PARK		0x604	/* a read stops this CPU for good */
#define CVMM_PORT_CLOCK		0x608	/* 32-bit reads: milliseconds since boot */
/* A machine with a PCI bus has these ports, 32 bits each, one bit for each slot. */
#define CVMM_PORT_PLUG_CAME	0x624	/* reads: slots with a new function */
#define CVMM_PORT_PLUG_GOES	0x628	/* reads: slots to eject */
#define CVMM_PORT_PLUG_EJECT	0x62c	/* writes eject */

#define CVMM_PCI_ECAM		0xe0000000

/* Addresses on arm64. */
#define CVMM_ARM64_SERIAL	0x09000000
#define CVMM_ARM64_MACHINE	0x09010000
#define CVMM_ARM64_PCI_ECAM	0x3f000000

#endif
