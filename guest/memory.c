/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Checks that each region of memory keeps values stored at its end, and that
 * ROM does not. Under load, checks that each page keeps what the last pass has stored.
 */
#include "lib.h"
#include "selftest.h"

static void test_piece(const struct cvmm_boot_memory *m)
{
	uint64_t at = m->gpa + m->len - 8, before = mmio_read64(at), after;
	bool rom = m->flags & CVMM_MEMORY_ROM;

	mmio_write64(at, ~before);
	after = mmio_read64(at);
	print("memory 0x%lx, 0x%lx bytes%s\n", m->gpa, m->len,
	      rom ? ", read-only" : "");
	if (rom ? after != before : after != ~before)
		fault(rom ? "read-only memory changed"
			  : "memory does not keep what is stored");
	if (!rom)
		mmio_write64(at, before);
}

void test_memory(const struct cvmm_boot *boot)
{
	uint32_t i;

	for (i = 0; i < boot->nmemory; i++)
		test_piece(&boot->memory[i]);
}

#define PAGE 4096u
#define LOAD_FROM (16u << 20)	/* above this guest's own memory */
#define SHOWN 16u	/* one pass in so many is printed */

/* Of the pass in which the page was written; no page has the value of another. */
static uint64_t value_of(uint64_t at, uint64_t pass)
{
	return (at ^ pass * 0x9e3779b97f4a7c15) | 1;
}

static void load_page(uint64_t at, uint64_t pass)
{
	const uint64_t last = at + PAGE - 8;

	if (pass && (mmio_read64(at) != value_of(at, pass - 1) ||
		     mmio_read64(last) != value_of(last, pass - 1)))
		fault("memory lost what the last pass has stored");
	mmio_write64(at, value_of(at, pass));
	mmio_write64(last, value_of(last, pass));
}

static void load_piece(const struct cvmm_boot_memory *m, uint64_t pass)
{
	uint64_t at = m->gpa < LOAD_FROM ? LOAD_FROM : m->gpa;

	for (; at < m->gpa + m->len; at += PAGE)
		load_page(at, pass);
}

void load_memory(const struct cvmm_boot *boot)
{
	static uint64_t pass;
	uint32_t i;

	for (i = 0; i < boot->nmemory; i++)
		if (!(boot->memory[i].flags & CVMM_MEMORY_ROM))
			load_piece(&boot->memory[i], pass);
	if (!(pass++ % SHOWN))
		print("memory: pass %u\n", (uint32_t)pass);
}
