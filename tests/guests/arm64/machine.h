/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Registers and instructions of arm64, as lib.h and drivers need them. */
#ifndef GUEST_MACHINE_H
#define GUEST_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

#include <vm-arch/boot_protocol.h>

#define MEMORY_BASE	0x40000000u	/* the address of the first memory */
#define PCI_ECAM	CVMM_ARM64_PCI_ECAM
#define MESSAGE_ADDRESS	0x08090040u	/* of interrupts by message: GITS_TRANSLATER */

/*
 * Accesses device registers and windows by loads and stores of one register, the only ones
 * that KVM describes to a VMM.
 */
#define MMIO_ACCESS(bits, type, instruction, width)				\
static inline type mmio_read##bits(uint64_t gpa)				\
{										\
	type value;								\
										\
	__asm__ volatile("ldr" instruction " %" width "0, [%1]"			\
			 : "=r"(value) : "r"(gpa) : "memory");			\
	return value;								\
}										\
										\
static inline void mmio_write##bits(uint64_t gpa, type value)			\
{										\
	__asm__ volatile("dsb sy\n\tstr" instruction " %" width "1, [%0]"	\
			 : : "r"(gpa), "r"(value) : "memory");			\
}

MMIO_ACCESS(8, uint8_t, "b", "w")
MMIO_ACCESS(16, uint16_t, "h", "w")
MMIO_ACCESS(32, uint32_t, "", "w")
MMIO_ACCESS(64, uint64_t, "", "x")

/* The registers of I/O ports of x86: the serial port, and others of 32 bits. */
static inline uint64_t register_address(uint16_t port)
{
	return port >= CVMM_PORT_POWER ? CVMM_ARM64_MACHINE + port - CVMM_PORT_POWER :
					 CVMM_ARM64_SERIAL + port - CVMM_PORT_SERIAL;
}

static inline uint32_t in32(uint16_t port)
{
	return mmio_read32(register_address(port));
}

static inline void out32(uint16_t port, uint32_t value)
{
	mmio_write32(register_address(port), value);
}

static inline uint8_t in8(uint16_t port)
{
	return mmio_read8(register_address(port));
}

static inline void out8(uint16_t port, uint8_t value)
{
	if (port >= CVMM_PORT_POWER)
		out32(port, value);
	else
		mmio_write8(register_address(port), value);
}

static inline void cpu_pause(void)
{
	__asm__ volatile("yield");
}

/* Whether this is the level of a kernel. */
static inline bool is_kernel_level(void)
{
	uint64_t level;

	__asm__("mrs %0, currentel" : "=r"(level));
	return level >> 2 == 1;
}

#endif
