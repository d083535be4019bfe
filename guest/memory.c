/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Checks that each region of memory keeps values stored at its end, and that
 * ROM does not.
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
