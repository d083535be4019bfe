/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the percentiles of "bench". */
#include <config.h>

#include <check.h>

#include "../../tests/support/suite.h"
#include "bench_stats.h"

static struct bench_stats s;

static void setup(void)
{
	s = (struct bench_stats){ .requests = 0 };
}

START_TEST(no_request_has_no_time)
{
	ck_assert_uint_eq(bench_stats_percentile(&s, 5000), 0);
	ck_assert_uint_eq(bench_stats_percentile(&s, 10000), 0);
}
END_TEST

START_TEST(short_times_are_exact)
{
	uint64_t ns;

	for (ns = 1; ns <= 50; ns++)
		bench_stats_add(&s, ns);
	ck_assert_uint_eq(bench_stats_percentile(&s, 5000), 25);
	ck_assert_uint_eq(bench_stats_percentile(&s, 9900), 50);
	ck_assert_uint_eq(bench_stats_percentile(&s, 200), 1);
}
END_TEST

START_TEST(long_times_are_at_most_a_step_too_long)
{
	uint64_t ns, told;

	for (ns = 1; ns < UINT64_MAX / 3; ns *= 3) {
		setup();
		bench_stats_add(&s, ns);
		told = bench_stats_percentile(&s, 5000);
		ck_assert_uint_ge(told, ns);
		ck_assert_uint_le(told - ns, ns / BENCH_STEPS);
	}
}
END_TEST

START_TEST(the_longest_time_is_counted)
{
	bench_stats_add(&s, UINT64_MAX);
	ck_assert_uint_eq(bench_stats_percentile(&s, 9990), UINT64_MAX);
}
END_TEST

START_TEST(one_slow_request_of_a_thousand_is_in_the_last_percentile_only)
{
	unsigned int i;

	for (i = 0; i < 999; i++)
		bench_stats_add(&s, 10);
	bench_stats_add(&s, 1u << 20);
	ck_assert_uint_eq(bench_stats_percentile(&s, 9990), 10);
	ck_assert_uint_ge(bench_stats_percentile(&s, 9991), 1u << 20);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("bench-stats");
	TCase *tc = tcase_create("bench-stats");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, no_request_has_no_time);
	tcase_add_test(tc, short_times_are_exact);
	tcase_add_test(tc, long_times_are_at_most_a_step_too_long);
	tcase_add_test(tc, the_longest_time_is_counted);
	tcase_add_test(tc, one_slow_request_of_a_thousand_is_in_the_last_percentile_only);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
