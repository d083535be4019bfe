/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the page tables of a guest's entry. */
#include <config.h>

#include <errno.h>

#include <vm-memory/access.h>

#include "../../memory.h"
#include "arch/x86/long_mode.h"

static struct vmem_map *map;
static struct vsu_error err;

static void setup(void)
{
	map = make_memory(64 * MIB);
	err = (struct vsu_error)VSU_ERROR_INIT;
}

static void teardown(void)
{
	vmem_map_unref(map);
}

static int build(uint64_t first, uint64_t len)
{
	const struct varch_board_range range = { first, len };

	return varch_long_mode_tables(vmem_map_view(map), &range, 1, &err);
}

static uint64_t entry(uint64_t table, uint64_t index)
{
	uint64_t value;

	ck_assert_int_eq(vmem_read_exact(vmem_map_view(map), (table & ~UINT64_C(0xfff)) + index * 8, &value,
					 sizeof(value)), 0);
	return value;
}

/* Translates a guest address. */
static uint64_t walk(uint64_t at)
{
	const uint64_t pointers = entry(VARCH_BOOT_TABLES_GPA, at >> 39 & 511);
	const uint64_t leaves = pointers ? entry(pointers, at >> 30 & 511) : 0;
	const uint64_t page = leaves ? entry(leaves, at >> 21 & 511) : 0;

	return page & 0x80 ? (page & ~UINT64_C(0x1fffff)) + (at & 0x1fffff) : UINT64_MAX;
}

START_TEST(addresses_are_those_of_memory)
{
	static const uint64_t firsts[] = { 8 * GIB, 1024 * GIB, (UINT64_C(1) << 48) - GIB };
	const uint64_t at = firsts[_i] + 0x345678;

	ck_assert_int_eq(build(firsts[_i], GIB), 0);
	ck_assert_uint_eq(walk(at), at);
	ck_assert_uint_eq(walk(4 * GIB - 1), 4 * GIB - 1);
	ck_assert_uint_eq(walk(4 * GIB), UINT64_MAX);
}
END_TEST

/* An index of 512 and more would be that of another table. */
START_TEST(address_without_an_entry_in_the_root_is_refused)
{
	static const uint64_t firsts[] = { UINT64_C(1) << 48, (UINT64_C(1) << 48) + 8 * GIB, (UINT64_C(1) << 52) - GIB };
	unsigned int i;

	ck_assert_int_eq(build(firsts[_i], GIB), -ENOSPC);
	ck_assert_ptr_nonnull(strstr(err.msg, "256 TiB"));
	for (i = 0; i < 512; i++)
		ck_assert_uint_eq(entry(16 * MIB, i), 0);
}
END_TEST

START_TEST(more_memory_than_there_are_tables_is_refused)
{
	ck_assert_int_eq(build(4 * GIB, 128 * GIB), -ENOSPC);
	ck_assert_ptr_nonnull(strstr(err.msg, "page tables"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("tables");
	TCase *tc = tcase_create("tables");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, addresses_are_those_of_memory, 0, 3);
	tcase_add_loop_test(tc, address_without_an_entry_in_the_root_is_refused, 0, 3);
	tcase_add_test(tc, more_memory_than_there_are_tables_is_refused);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
