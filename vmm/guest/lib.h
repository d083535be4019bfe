/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Replaces the C library, which a freestanding guest lacks. */
#ifndef GUEST_LIB_H
#define GUEST_LIB_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

/* %s %c %u %x (with l for 64 bits) and %%; no widths. One CPU at a time prints. */
void print(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Number of faults found; the exit status of the machine. */
extern unsigned int faults;

void fault(const char *what);
uint32_t fault_count(void);

/* Waits for a byte from the serial port. */
uint8_t read_byte(void);
/* The same, or -1 after that number of unsuccessful polls. */
int byte_soon(unsigned int looks);

/*
 * Echoes n bytes of the serial port as a driver does: one read of the status
 * per received byte, and up to 16 bytes to an empty transmitter.
 */
void echo_bytes(uint32_t n);

/* Milliseconds since the machine started. */
uint32_t now_ms(void);

/* Powers the machine off; 0 is success. */
void __attribute__((noreturn)) power_off(uint8_t status);

/* Whether the list, separated by blanks, contains the word. */
bool has_word(const char *list, const char *word);

/* Allocates pages behind the guest's image; they are not cleared. */
void *take_pages(size_t bytes);

void *memset(void *s, int c, size_t n);
void *memcpy(void *to, const void *from, size_t n);

#endif
