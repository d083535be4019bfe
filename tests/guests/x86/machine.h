/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Registers and instructions of x86, as lib.h and drivers need them. */
#ifndef GUEST_MACHINE_H
#define GUEST_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

#include <vm-arch/boot_protocol.h>

#define MEMORY_BASE	0	/* the address of the first memory */
#define PCI_ECAM	CVMM_PCI_ECAM
#define MESSAGE_ADDRESS	0xfee00000u	/* of interrupts by message */

static inline void out8(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static inline uint8_t in8(uint16_t port)
{
	uint8_t value;

	__asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

static inline void out32(uint16_t port, uint32_t value)
{
	__asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port));
}

static inline uint32_t in32(uint16_t port)
{
	uint32_t value;

	__asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

/*
 * Accesses device registers and windows by plain moves, which every KVM can
 * emulate. The instructions are written as assembler, so that no compiler
 * merges or widens them.
 */
static inline uint32_t mmio_read32(uint64_t gpa)
{
	uint32_t value;

	__asm__ volatile("movl (%1), %0" : "=r"(value) : "r"(gpa) : "memory");
	return value;
}

static inline void mmio_write32(uint64_t gpa, uint32_t value)
{
	__asm__ volatile("movl %1, (%0)" : : "r"(gpa), "r"(value) : "memory");
}

static inline uint16_t mmio_read16(uint64_t gpa)
{
	uint16_t value;

	__asm__ volatile("movw (%1), %0" : "=r"(value) : "r"(gpa) : "memory");
	return value;
}

static inline void mmio_write16(uint64_t gpa, uint16_t value)
{
	__asm__ volatile("movw %1, (%0)" : : "r"(gpa), "r"(value) : "memory");
}

static inline void mmio_write8(uint64_t gpa, uint8_t value)
{
	__asm__ volatile("movb %1, (%0)" : : "r"(gpa), "q"(value) : "memory");
}

static inline uint8_t mmio_read8(uint64_t gpa)
{
	uint8_t value;

	__asm__ volatile("movb (%1), %0" : "=q"(value) : "r"(gpa) : "memory");
	return value;
}

static inline uint64_t mmio_read64(uint64_t gpa)
{
	uint64_t value;

	__asm__ volatile("movq (%1), %0" : "=r"(value) : "r"(gpa) : "memory");
	return value;
}

static inline void mmio_write64(uint64_t gpa, uint64_t value)
{
	__asm__ volatile("movq %1, (%0)" : : "r"(gpa), "r"(value) : "memory");
}

static inline void cpu_pause(void)
{
	__builtin_ia32_pause();
}

/* Whether this is the level of a kernel. */
static inline bool is_kernel_level(void)
{
	uint16_t selector;

	__asm__("mov %%cs, %0" : "=r"(selector));
	return !(selector & 3);
}

#endif
