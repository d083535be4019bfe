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
#define EDGE (UINT64_C(1) << 20)	/* bytes at each end of a large piece */
#define SHOWN 16u	/* number of passes per printed line */

static uint64_t passes;		/* complete ones */

/* The value of a page, by the pass in which it was written; no two pages have the same. */
static uint64_t value_of(uint64_t at, uint64_t pass)
{
	return (at ^ pass * 0x9e3779b97f4a7c15) | 1;
}

static void load_page(uint64_t at)
{
	const uint64_t last = at + PAGE - 8;

	if (passes && (mmio_read64(at) != value_of(at, passes - 1) ||
		     mmio_read64(last) != value_of(last, passes - 1)))
		fault("memory lost what the last pass has stored");
	mmio_write64(at, value_of(at, passes));
	mmio_write64(last, value_of(last, passes));
}

/* The content of a page that lost it on purpose. */
void restore_page(uint64_t at)
{
	const uint64_t last = at + PAGE - 8;

	mmio_write64(at, passes ? value_of(at, passes - 1) : 0);
	mmio_write64(last, passes ? value_of(last, passes - 1) : 0);
}

static void load_piece(const struct cvmm_boot_memory *m, bool edges)
{
	const uint64_t end = m->gpa + m->len;
	uint64_t at = m->gpa < LOAD_FROM ? LOAD_FROM : m->gpa;

	for (; at < end; at += PAGE) {
		if (edges && at - m->gpa >= EDGE && end - at > EDGE)
			at = end - EDGE;
		load_page(at);
	}
}

void load_memory(const struct cvmm_boot *boot)
{
	const bool edges = has_word((const char *)boot->cmdline_gpa, "edges");
	uint32_t i;

	for (i = 0; i < boot->nmemory; i++)
		if (!(boot->memory[i].flags & CVMM_MEMORY_ROM))
			load_piece(&boot->memory[i], edges);
	if (!(passes++ % SHOWN))
		print("memory: pass %u\n", (uint32_t)passes);
}
