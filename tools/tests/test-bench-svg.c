/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the plot of "bench". */
#include <config.h>

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "../../tests/support/suite.h"
#include "bench_svg.h"

static char *text;

/* Plots one row; the caller frees text. */
static void plot(const char *label, uint64_t requests, uint64_t ns)
{
	struct bench_stats s = { .requests = 0 };
	size_t size;
	FILE *to = open_memstream(&text, &size);

	ck_assert_ptr_nonnull(to);
	while (requests--)
		bench_stats_add(&s, ns);
	s.ns = s.requests * ns;
	bench_svg_begin(to, 1);
	bench_svg_row(to, 0, label, 1, &s);
	bench_svg_end(to);
	ck_assert_int_eq(fclose(to), 0);
}

START_TEST(a_rate_of_a_thousand_is_three_powers_of_ten_long)
{
	plot("disk", 10, 1000000);
	ck_assert_ptr_nonnull(strstr(text, "width=\"120.0\" height=\"12\""));
	ck_assert_ptr_nonnull(strstr(text, ">1000</text>"));
	free(text);
}
END_TEST

START_TEST(a_row_without_requests_is_empty)
{
	plot("disk", 0, 1);
	ck_assert_ptr_nonnull(strstr(text, "width=\"0.0\" height=\"12\""));
	ck_assert_ptr_null(strstr(text, "nan"));
	free(text);
}
END_TEST

START_TEST(a_label_is_no_markup)
{
	plot("<&\">", 1, 1);
	ck_assert_ptr_nonnull(strstr(text, "&lt;&amp;&quot;&gt;</text>"));
	free(text);
}
END_TEST

START_TEST(each_percentile_is_a_circle)
{
	const char *at;
	unsigned int n = 0;

	plot("disk", 5, 1000);
	for (at = text; (at = strstr(at, "<circle")); at++)
		n++;
	ck_assert_uint_eq(n, BENCH_PERCENTILES);
	free(text);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("bench-svg");
	TCase *tc = tcase_create("bench-svg");

	tcase_add_test(tc, a_rate_of_a_thousand_is_three_powers_of_ten_long);
	tcase_add_test(tc, a_row_without_requests_is_empty);
	tcase_add_test(tc, a_label_is_no_markup);
	tcase_add_test(tc, each_percentile_is_a_circle);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
