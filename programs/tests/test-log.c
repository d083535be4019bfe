/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Standard error is a pipe here, and the clock is the test's. */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vmm-sys-util/event.h>

#include "../../tests/support/suite.h"
#include "log.h"

#define SECOND UINT64_C(1000000000)

static uint64_t now_ns = 100 * SECOND;
static int saved_stderr, reader;
static char said[65536];

/* Used: with LTO, gcc does not see that the linker will refer to it. */
uint64_t __attribute__((used)) __wrap_vsu_now_ns(void);
uint64_t __wrap_vsu_now_ns(void)
{
	return now_ns;
}

static void setup(void)
{
	int fds[2];

	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	ck_assert_int_eq(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
	saved_stderr = dup(STDERR_FILENO);
	ck_assert_int_eq(dup2(fds[1], STDERR_FILENO), STDERR_FILENO);
	close(fds[1]);
	reader = fds[0];
	prog_log_init("prog");
}

static void teardown(void)
{
	dup2(saved_stderr, STDERR_FILENO);
	close(saved_stderr);
	close(reader);
}

/* Everything that was logged since the last call. */
static const char *heard(void)
{
	ssize_t n = read(reader, said, sizeof(said) - 1);

	said[n > 0 ? n : 0] = '\0';
	return said;
}

static unsigned int lines_heard(void)
{
	const char *p = heard();
	unsigned int n = 0;

	while ((p = strchr(p, '\n')))
		n++, p++;
	return n;
}

static void warn_times(const char *cause, unsigned int n)
{
	while (n--)
		prog_log(PROG_LOG_WARNING, cause, "something");
}

START_TEST(a_line_begins_with_the_programs_name)
{
	prog_log(PROG_LOG_WARNING, "refused", "ring %d is odd", 3);
	ck_assert_str_eq(heard(), "prog: ring 3 is odd\n");
}
END_TEST

START_TEST(lines_below_the_level_are_not_printed)
{
	prog_log(PROG_LOG_INFO, "came", "hello");
	ck_assert_str_eq(heard(), "");
	prog_log_set_level(PROG_LOG_INFO);
	ck_assert(prog_log_says(PROG_LOG_INFO));
	ck_assert(!prog_log_says(PROG_LOG_DEBUG));
	prog_log(PROG_LOG_INFO, "came", "hello");
	ck_assert_str_eq(heard(), "prog: hello\n");
	prog_log_set_level(PROG_LOG_ERROR);
	prog_log(PROG_LOG_WARNING, "refused", "no");
	ck_assert_str_eq(heard(), "");
}
END_TEST

START_TEST(rows_of_options_set_the_level)
{
	const struct prog_place level = PROG_PLACE_LEVEL, verbose = PROG_PLACE_VERBOSE;
	const struct prog_place other = { PROG_PLACE_NONE, 0 };
	const struct vsu_option_value error = { "error", PROG_LOG_ERROR };

	ck_assert(prog_log_take(&level, &error));
	ck_assert(!prog_log_says(PROG_LOG_WARNING));
	ck_assert(prog_log_take(&verbose, &error));
	ck_assert(prog_log_says(PROG_LOG_INFO));
	ck_assert(!prog_log_says(PROG_LOG_DEBUG));
	ck_assert(!prog_log_take(&other, &error));
}
END_TEST

START_TEST(e1_24_ten_lines_of_a_cause_are_printed_and_others_counted)
{
	warn_times("refused", 1000);
	ck_assert_uint_eq(lines_heard(), 10);
	now_ns += 10 * SECOND;
	prog_log(PROG_LOG_WARNING, "refused", "again");
	ck_assert_str_eq(heard(),
			 "prog: refused: 990 more lines like those before\n"
			 "prog: again\n");
}
END_TEST

START_TEST(a_flood_of_one_cause_does_not_hide_another)
{
	warn_times("refused", 1000);
	heard();
	prog_log(PROG_LOG_WARNING, "ended", "the other");
	ck_assert_str_eq(heard(), "prog: the other\n");
}
END_TEST

START_TEST(more_causes_than_rows_share_one)
{
	char cause[16];
	unsigned int i;

	for (i = 0; i < 200; i++) {
		snprintf(cause, sizeof(cause), "cause %u", i);
		prog_log(PROG_LOG_WARNING, cause, "line");
	}
	ck_assert_uint_eq(lines_heard(), 23 + 10);
}
END_TEST

START_TEST(counted_lines_are_summarised_at_the_end)
{
	warn_times("refused", 12);
	heard();
	prog_log_flush();
	ck_assert_str_eq(heard(),
			 "prog: refused: 2 more lines like those before\n");
	prog_log_flush();
	ck_assert_str_eq(heard(), "");
}
END_TEST

START_TEST(lines_without_a_cause_are_not_counted)
{
	warn_times(NULL, 100);
	ck_assert_uint_eq(lines_heard(), 100);
}
END_TEST

START_TEST(text_of_a_peer_stays_on_its_line)
{
	prog_log(PROG_LOG_WARNING, NULL, "a\nb\033[2J%s", "\x7f");
	ck_assert_str_eq(heard(), "prog: a?b?[2J?\n");
}
END_TEST

START_TEST(a_long_line_is_cut_and_still_ends)
{
	char words[5000];

	memset(words, 'x', sizeof(words));
	words[sizeof(words) - 1] = '\0';
	prog_log(PROG_LOG_WARNING, NULL, "%s", words);
	heard();
	ck_assert_uint_eq(strlen(said), 1023);
	ck_assert_int_eq(said[1022], '\n');
}
END_TEST

START_TEST(e1_25_log_without_a_reader_does_not_block)
{
	const unsigned int flood = 5000;

	warn_times(NULL, flood);
	ck_assert_uint_lt(lines_heard(), flood);
}
END_TEST

START_TEST(a_closed_standard_error_is_harmless)
{
	close(STDERR_FILENO);
	warn_times("refused", 20);
	prog_log_flush();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("log");
	TCase *tc = tcase_create("log");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_line_begins_with_the_programs_name);
	tcase_add_test(tc, lines_below_the_level_are_not_printed);
	tcase_add_test(tc, rows_of_options_set_the_level);
	tcase_add_test(tc, e1_24_ten_lines_of_a_cause_are_printed_and_others_counted);
	tcase_add_test(tc, a_flood_of_one_cause_does_not_hide_another);
	tcase_add_test(tc, more_causes_than_rows_share_one);
	tcase_add_test(tc, counted_lines_are_summarised_at_the_end);
	tcase_add_test(tc, lines_without_a_cause_are_not_counted);
	tcase_add_test(tc, text_of_a_peer_stays_on_its_line);
	tcase_add_test(tc, a_long_line_is_cut_and_still_ends);
	tcase_add_test(tc, e1_25_log_without_a_reader_does_not_block);
	tcase_add_test(tc, a_closed_standard_error_is_harmless);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
