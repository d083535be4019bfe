/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Output, time and the end of a guest. */
#include <vm-arch/boot_protocol.h>

#include "lib.h"

#define FCR 2
#define FCR_ENABLE 0x01
#define FIFO 16
#define LSR 5
#define LSR_DATA 0x01
#define LSR_TX_READY 0x20

static void put(char c)
{
	while (!(in8(CVMM_PORT_SERIAL + LSR) & LSR_TX_READY))
		;
	out8(CVMM_PORT_SERIAL, (uint8_t)c);
}

static void put_string(const char *s)
{
	while (*s)
		put(*s++);
}

static void put_number(uint64_t value, unsigned int base)
{
	char digits[24];
	unsigned int n = 0;

	do
		digits[n++] = "0123456789abcdef"[value % base];
	while (value /= base);
	while (n)
		put(digits[--n]);
}

static void put_one(char what, bool wide, va_list *ap)
{
	if (what == 's')
		put_string(va_arg(*ap, const char *));
	else if (what == 'c')
		put((char)va_arg(*ap, int));
	else if (what == 'u' || what == 'x')
		put_number(wide ? va_arg(*ap, unsigned long)
				: va_arg(*ap, unsigned int),
			   what == 'u' ? 10 : 16);
	else
		put(what);
}

#define MAX_SPINS (1u << 24)	/* an exception within print() prints, too */

static bool printing;

void print(const char *fmt, ...)
{
	uint32_t spins = 0;
	va_list ap;
	bool wide;

	while (__atomic_test_and_set(&printing, __ATOMIC_ACQUIRE) && spins++ < MAX_SPINS)
		cpu_pause();
	va_start(ap, fmt);
	for (; *fmt; fmt++) {
		if (*fmt != '%') {
			put(*fmt);
			continue;
		}
		wide = *++fmt == 'l';
		fmt += wide;
		put_one(*fmt, wide, &ap);
	}
	va_end(ap);
	__atomic_clear(&printing, __ATOMIC_RELEASE);
}

unsigned int faults;

uint32_t fault_count(void)
{
	return __atomic_load_n(&faults, __ATOMIC_RELAXED);
}

void fault(const char *what)
{
	__atomic_fetch_add(&faults, 1, __ATOMIC_RELAXED);
	print("FAULT: %s\n", what);
}

uint8_t read_byte(void)
{
	while (!(in8(CVMM_PORT_SERIAL + LSR) & LSR_DATA))
		;
	return in8(CVMM_PORT_SERIAL);
}

void echo_bytes(uint32_t n)
{
	unsigned int room = 0;
	uint8_t status;

	out8(CVMM_PORT_SERIAL + FCR, FCR_ENABLE);
	while (n) {
		status = in8(CVMM_PORT_SERIAL + LSR);
		if (status & LSR_TX_READY)
			room = FIFO;
		if (!(status & LSR_DATA) || !room)
			continue;
		out8(CVMM_PORT_SERIAL, in8(CVMM_PORT_SERIAL));
		room--;
		n--;
	}
}

int byte_soon(unsigned int looks)
{
	while (looks--)
		if (in8(CVMM_PORT_SERIAL + LSR) & LSR_DATA)
			return in8(CVMM_PORT_SERIAL);
	return -1;
}

uint32_t now_ms(void)
{
	return in32(CVMM_PORT_CLOCK);
}

void power_off(uint8_t status)
{
	for (;;)
		out8(CVMM_PORT_POWER, status);
}

void *take_pages(size_t bytes)
{
	extern unsigned char guest_end[];
	static size_t taken;
	void *pages = guest_end + taken;

	taken += (bytes + 4095) & ~(size_t)4095;
	return pages;
}

bool has_word(const char *list, const char *word)
{
	size_t i;

	while (*list) {
		for (i = 0; word[i] && list[i] == word[i]; i++)
			;
		if (!word[i] && (list[i] == ' ' || !list[i]))
			return true;
		while (*list && *list != ' ')
			list++;
		while (*list == ' ')
			list++;
	}
	return false;
}

void *memset(void *s, int c, size_t n)
{
	unsigned char *p = s;

	while (n--)
		*p++ = (unsigned char)c;
	return s;
}

void *memcpy(void *to, const void *from, size_t n)
{
	unsigned char *t = to;
	const unsigned char *f = from;

	while (n--)
		*t++ = *f++;
	return to;
}
