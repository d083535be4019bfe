/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about arithmetic on untrusted values. */
#include <config.h>

#include <vmm-sys-util/checked.h>

#include "util.h"

#define TOP UINT64_MAX

START_TEST(addition_reports_overflow)
{
	uint64_t res = 5;

	ck_assert(vsu_u64_add_overflow(TOP, 1, &res));
	ck_assert(vsu_u64_add_overflow(1, TOP, &res));
	ck_assert_uint_eq(res, 5);
	ck_assert(!vsu_u64_add_overflow(TOP - 1, 1, &res));
	ck_assert_uint_eq(res, TOP);
}
END_TEST

START_TEST(multiplication_reports_overflow)
{
	uint64_t res = 5;

	ck_assert(vsu_u64_mul_overflow(UINT64_C(1) << 32, UINT64_C(1) << 32,
				       &res));
	ck_assert(vsu_u64_mul_overflow(TOP, 2, &res));
	ck_assert_uint_eq(res, 5);
	ck_assert(!vsu_u64_mul_overflow(TOP, 1, &res));
	ck_assert_uint_eq(res, TOP);
	ck_assert(!vsu_u64_mul_overflow(TOP, 0, &res));
	ck_assert_uint_eq(res, 0);
}
END_TEST

static const struct {
	uint64_t off, len, size;
	bool exceeds;
} ranges[] = {
	{ 0, 0, 0, false },
	{ 0, 10, 10, false },
	{ 10, 0, 10, false },
	{ 9, 1, 10, false },
	{ 9, 2, 10, true },
	{ 11, 0, 10, true },
	{ 0, 11, 10, true },
	{ TOP, 1, 10, true },
	{ 1, TOP, 10, true },		/* the sum would be 0 */
	{ TOP, TOP, TOP, true },
	{ 0, TOP, TOP, false },
};

START_TEST(range_exceeds_never_wraps)
{
	ck_assert_int_eq(vsu_range_exceeds(ranges[_i].off, ranges[_i].len,
					   ranges[_i].size),
			 ranges[_i].exceeds);
}
END_TEST

static const struct {
	uint64_t a, alen, b, blen;
	bool overlap;
} pairs[] = {
	{ 0, 10, 10, 10, false },
	{ 0, 11, 10, 10, true },
	{ 5, 1, 0, 10, true },
	{ 5, 0, 0, 10, false },
	{ 0, 10, 5, 0, false },
	{ TOP, 1, 0, TOP, false },
	{ TOP, 1, 1, TOP, true },
	{ 7, 3, 7, 3, true },
};

START_TEST(overlap_needs_a_shared_byte)
{
	ck_assert_int_eq(vsu_ranges_overlap(pairs[_i].a, pairs[_i].alen,
					    pairs[_i].b, pairs[_i].blen),
			 pairs[_i].overlap);
	ck_assert_int_eq(vsu_ranges_overlap(pairs[_i].b, pairs[_i].blen,
					    pairs[_i].a, pairs[_i].alen),
			 pairs[_i].overlap);
}
END_TEST

START_TEST(powers_of_two_exclude_zero)
{
	ck_assert(!vsu_is_power_of_two(0));
	ck_assert(vsu_is_power_of_two(1));
	ck_assert(!vsu_is_power_of_two(3));
	ck_assert(vsu_is_power_of_two(UINT64_C(1) << 63));
	ck_assert(!vsu_is_power_of_two(TOP));
}
END_TEST

START_TEST(alignment_rounds_up_unless_it_wraps)
{
	uint64_t res = 5;

	ck_assert(vsu_is_aligned(8192, 4096));
	ck_assert(!vsu_is_aligned(8193, 4096));
	ck_assert(!vsu_align_up_overflow(4097, 4096, &res));
	ck_assert_uint_eq(res, 8192);
	ck_assert(!vsu_align_up_overflow(8192, 4096, &res));
	ck_assert_uint_eq(res, 8192);
	ck_assert(vsu_align_up_overflow(TOP - 100, 4096, &res));
	ck_assert_uint_eq(res, 8192);
}
END_TEST

int main(void)
{
	TCase *tc;
	Suite *s = util_suite("checked", &tc);

	tcase_add_test(tc, addition_reports_overflow);
	tcase_add_test(tc, multiplication_reports_overflow);
	util_add_rows(tc, range_exceeds_never_wraps, ranges);
	util_add_rows(tc, overlap_needs_a_shared_byte, pairs);
	tcase_add_test(tc, powers_of_two_exclude_zero);
	tcase_add_test(tc, alignment_rounds_up_unless_it_wraps);
	return run_suite(s);
}
