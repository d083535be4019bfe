/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the progress line of a copy, which goes to standard error. */
#include <config.h>

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../../tests/support/suite.h"
#include "client/progress.h"

#define MIB (UINT64_C(1) << 20)

static char printed[512];

/* Standard error becomes a file, which is no terminal. */
static void capture_stderr(void)
{
	FILE *f = tmpfile();

	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(dup2(fileno(f), STDERR_FILENO), 0);
	fclose(f);
}

static const char *captured(void)
{
	ssize_t n;

	fflush(stderr);
	n = pread(STDERR_FILENO, printed, sizeof(printed) - 1, 0);
	ck_assert_int_ge(n, 0);
	printed[n] = '\0';
	return printed;
}

static void begin(struct progress *p, bool wanted, uint64_t total)
{
	capture_stderr();
	progress_begin(p, wanted, total);
}

START_TEST(a_file_gets_no_progress_without_the_option)
{
	struct progress p;

	begin(&p, false, 8 * MIB);
	p.next_ns = 0;
	progress_at(&p, 4 * MIB);
	progress_end(&p, 8 * MIB, true);
	ck_assert_str_eq(captured(), "");
}
END_TEST

START_TEST(the_end_shows_all_of_a_known_total_and_ends_the_line)
{
	struct progress p;
	const char *s;

	begin(&p, true, 8 * MIB);
	progress_end(&p, 8 * MIB, true);
	s = captured();
	ck_assert_ptr_nonnull(strstr(s, "\r100%  8 of 8 MiB  "));
	ck_assert_ptr_nonnull(strstr(s, " MiB/s  \n"));
	ck_assert_uint_eq(strlen(strchr(s, '\n')), 1);
}
END_TEST

START_TEST(an_unknown_total_shows_no_percentage)
{
	struct progress p;

	begin(&p, true, 0);
	progress_end(&p, 3 * MIB, true);
	ck_assert_int_eq(strncmp(captured(), "\r3 MiB  ", 8), 0);
	ck_assert_ptr_null(strchr(printed, '%'));
}
END_TEST

START_TEST(a_line_is_shown_when_its_time_has_come_and_only_once)
{
	struct progress p;
	size_t length;

	begin(&p, true, 8 * MIB);
	p.next_ns = 0;
	progress_at(&p, 2 * MIB);
	ck_assert_int_eq(strncmp(captured(), "\r 25%  2 of 8 MiB  ", 19), 0);
	length = strlen(printed);
	ck_assert_uint_gt(p.next_ns, p.started_ns);
	p.next_ns = UINT64_MAX;
	progress_at(&p, 3 * MIB);
	ck_assert_uint_eq(strlen(captured()), length);
}
END_TEST

START_TEST(a_failed_copy_prints_no_final_state)
{
	struct progress p;

	begin(&p, true, 8 * MIB);
	progress_end(&p, 8 * MIB, false);
	ck_assert_str_eq(captured(), "");
}
END_TEST

START_TEST(a_failed_copy_terminates_the_line_that_was_shown)
{
	struct progress p;

	begin(&p, true, 8 * MIB);
	p.next_ns = 0;
	progress_at(&p, 2 * MIB);
	progress_end(&p, 2 * MIB, false);
	ck_assert_ptr_nonnull(strstr(captured(), " MiB/s  \n"));
	ck_assert_ptr_eq(strrchr(printed, '\r'), printed);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("progress");
	TCase *tc = tcase_create("progress");

	tcase_add_test(tc, a_file_gets_no_progress_without_the_option);
	tcase_add_test(tc, the_end_shows_all_of_a_known_total_and_ends_the_line);
	tcase_add_test(tc, an_unknown_total_shows_no_percentage);
	tcase_add_test(tc, a_line_is_shown_when_its_time_has_come_and_only_once);
	tcase_add_test(tc, a_failed_copy_prints_no_final_state);
	tcase_add_test(tc, a_failed_copy_terminates_the_line_that_was_shown);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
