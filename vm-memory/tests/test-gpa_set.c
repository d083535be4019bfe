/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about a set of guest addresses. */
#include <config.h>

#include <vm-memory/gpa_set.h>

#include "util.h"

#define CELLS 64u
#define CELL 4096u

static struct vmem_gpa_set ranges;

static int set(uint64_t first, uint64_t n, bool in)
{
	return vmem_gpa_set_change(&ranges, first * CELL, n * CELL, in);
}

static uint64_t count(uint64_t first, uint64_t n)
{
	return vmem_gpa_set_count(&ranges, first * CELL, n * CELL) / CELL;
}

static void teardown(void)
{
	vmem_gpa_set_free(&ranges);
}

START_TEST(neighbours_become_one_range)
{
	ck_assert_int_eq(set(4, 2, true), 0);
	ck_assert_int_eq(set(8, 2, true), 0);
	ck_assert_uint_eq(ranges.n, 2);
	ck_assert_int_eq(set(6, 2, true), 0);
	ck_assert_uint_eq(ranges.n, 1);
	ck_assert_uint_eq(ranges.at[0].gpa, 4 * CELL);
	ck_assert_uint_eq(ranges.at[0].len, 6 * CELL);
}
END_TEST

START_TEST(removal_in_the_middle_leaves_both_sides)
{
	ck_assert_int_eq(set(0, 10, true), 0);
	ck_assert_int_eq(set(3, 2, false), 0);
	ck_assert_uint_eq(ranges.n, 2);
	ck_assert_uint_eq(count(0, 10), 8);
	ck_assert_uint_eq(count(2, 3), 1);
	ck_assert_ptr_null(vmem_gpa_set_find(&ranges, 3 * CELL));
	ck_assert_ptr_eq(vmem_gpa_set_find(&ranges, 5 * CELL), &ranges.at[1]);
	ck_assert_ptr_null(vmem_gpa_set_find(&ranges, 10 * CELL));
}
END_TEST

START_TEST(full_set_refuses_one_more_range_and_a_hole)
{
	uint64_t i;

	for (i = 0; i < VMEM_GPA_SET_MAX; i++)
		ck_assert_int_eq(set(10 * i, 5, true), 0);
	ck_assert_int_eq(set(10 * i, 1, true), -E2BIG);
	ck_assert_int_eq(set(11, 1, false), -E2BIG);
	ck_assert_uint_eq(count(0, 10 * i + 1), 5 * i);
	ck_assert_int_eq(set(5, 5, true), 0);
	ck_assert_int_eq(set(10 * i, 1, true), 0);
	ck_assert_int_eq(set(0, 10 * i + 1, false), 0);
	ck_assert_uint_eq(ranges.n, 0);
}
END_TEST

static void assert_same(const bool *cells)
{
	uint64_t from, n, want;
	unsigned int i;

	for (from = 0; from < CELLS; from++)
		for (n = 1, want = 0; from + n <= CELLS; n++) {
			want += cells[from + n - 1];
			ck_assert_uint_eq(count(from, n), want);
		}
	for (i = 1; i < ranges.n; i++)
		ck_assert_uint_lt(ranges.at[i - 1].gpa + ranges.at[i - 1].len,
				  ranges.at[i].gpa);
	for (i = 0; i < CELLS; i++)
		ck_assert(cells[i] ==
			  !!vmem_gpa_set_find(&ranges, i * CELL + 1));
}

START_TEST(random_changes_equal_those_of_an_array)
{
	bool cells[CELLS] = { false }, in;
	unsigned int i, round, first, n;

	srandom((unsigned int)_i);
	for (round = 0; round < 100; round++) {
		first = (unsigned int)random() % CELLS;
		n = 1 + (unsigned int)random() % (CELLS - first);
		n = n > 8 ? 1 + n % 8 : n;
		in = random() & 1;
		ck_assert_int_eq(set(first, n, in), 0);
		for (i = first; i < first + n; i++)
			cells[i] = in;
		assert_same(cells);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("gpa_set");
	TCase *tc = tcase_create("gpa_set");

	tcase_add_checked_fixture(tc, NULL, teardown);
	tcase_add_test(tc, neighbours_become_one_range);
	tcase_add_test(tc, removal_in_the_middle_leaves_both_sides);
	tcase_add_test(tc, full_set_refuses_one_more_range_and_a_hole);
	tcase_add_loop_test(tc, random_changes_equal_those_of_an_array, 0, 10);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
