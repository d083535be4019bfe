/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Replaces the C library, which a freestanding guest lacks. */
#ifndef GUEST_LIB_H
#define GUEST_LIB_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "machine.h"

/* %s %c %u %x (with l for 64 bits) and %%; no widths. One CPU at a time prints. */
void print(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Number of faults found; the exit status of the machine. */
extern unsigned int faults;

void fault(const char *what);
uint32_t fault_count(void);

/* Waits for a byte from the serial port. */
uint8_t read_byte(void);
/* Waits for a byte, or returns -1 after that number of unsuccessful polls. */
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
