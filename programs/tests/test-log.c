/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Standard error is a pipe here, and the clock is the test's. */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>

#include "../../tests/support/suite.h"
#include "confine/call_filter.h"
#include "confine/privileges.h"
#include "journal.h"
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
	const char *p;
	unsigned int n = 0;

	while (*(p = heard()))
		while ((p = strchr(p, '\n')))
			n++, p++;
	return n;
}

static void warn_times(const char *cause, unsigned int n)
{
	while (n--)
		prog_log(VSU_LOG_WARNING, cause, "something");
}

START_TEST(a_line_begins_with_the_programs_name)
{
	prog_log(VSU_LOG_WARNING, "refused", "ring %d is odd", 3);
	ck_assert_str_eq(heard(), "prog: ring 3 is odd\n");
}
END_TEST

START_TEST(lines_below_the_level_are_not_printed)
{
	prog_log(VSU_LOG_INFO, "came", "hello");
	ck_assert_str_eq(heard(), "");
	prog_log_set_level(VSU_LOG_INFO);
	ck_assert(prog_log_says(VSU_LOG_INFO));
	ck_assert(!prog_log_says(VSU_LOG_DEBUG));
	prog_log(VSU_LOG_INFO, "came", "hello");
	ck_assert_str_eq(heard(), "prog: hello\n");
	prog_log_set_level(VSU_LOG_ERROR);
	prog_log(VSU_LOG_WARNING, "refused", "no");
	ck_assert_str_eq(heard(), "");
}
END_TEST

START_TEST(rows_of_options_set_the_level)
{
	const struct vsu_place level = VSU_PLACE_LEVEL, verbose = VSU_PLACE_VERBOSE;
	const struct vsu_place other = { VSU_PLACE_NONE, 0 };
	const struct vsu_option_value error = { "error", VSU_LOG_ERROR };

	ck_assert(vmm_log_take(&level, &error));
	ck_assert(!prog_log_says(VSU_LOG_WARNING));
	ck_assert(vmm_log_take(&verbose, &error));
	ck_assert(prog_log_says(VSU_LOG_INFO));
	ck_assert(!prog_log_says(VSU_LOG_DEBUG));
	ck_assert(!vmm_log_take(&other, &error));
}
END_TEST

START_TEST(e1_24_ten_lines_of_a_cause_are_printed_and_others_counted)
{
	warn_times("refused", 1000);
	ck_assert_uint_eq(lines_heard(), 10);
	now_ns += 10 * SECOND;
	prog_log(VSU_LOG_WARNING, "refused", "again");
	ck_assert_str_eq(heard(),
			 "prog: refused: 990 more lines like those before\n"
			 "prog: again\n");
}
END_TEST

START_TEST(a_flood_of_one_cause_does_not_hide_another)
{
	warn_times("refused", 1000);
	heard();
	prog_log(VSU_LOG_WARNING, "ended", "the other");
	ck_assert_str_eq(heard(), "prog: the other\n");
}
END_TEST

START_TEST(more_causes_than_rows_share_one)
{
	char cause[16];
	unsigned int i;

	for (i = 0; i < 200; i++) {
		snprintf(cause, sizeof(cause), "cause %u", i);
		prog_log(VSU_LOG_WARNING, cause, "line");
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
	prog_log(VSU_LOG_WARNING, NULL, "a\nb\033[2J%s", "\x7f");
	ck_assert_str_eq(heard(), "prog: a?b?[2J?\n");
}
END_TEST

START_TEST(a_long_line_is_cut_and_still_ends)
{
	char words[5000];

	memset(words, 'x', sizeof(words));
	words[sizeof(words) - 1] = '\0';
	prog_log(VSU_LOG_WARNING, NULL, "%s", words);
	heard();
	ck_assert_uint_eq(strlen(said), 1023);
	ck_assert_int_eq(said[1022], '\n');
}
END_TEST

/* The number in "N log lines were lost: ...", or 0. */
static unsigned int lines_lost(void)
{
	const char *line = strstr(said, " log lines were lost: their reader is too slow");

	while (line && line > said && line[-1] >= '0' && line[-1] <= '9')
		line--;
	return line ? (unsigned int)strtoul(line, NULL, 10) : 0;
}

START_TEST(e1_25_log_without_a_reader_does_not_block)
{
	const unsigned int flood = 5000;
	unsigned int written;

	warn_times(NULL, flood);
	written = lines_heard();
	ck_assert_uint_lt(written, flood);
	warn_times(NULL, 1);
	heard();
	ck_assert_uint_eq(written + lines_lost(), flood);
	ck_assert_str_eq(strchr(said, '\n'), "\nprog: something\n");
	warn_times(NULL, 1);
	ck_assert_str_eq(heard(), "prog: something\n");
}
END_TEST

START_TEST(lines_that_were_lost_are_reported_at_the_end)
{
	warn_times("refused", 12);
	warn_times(NULL, 5000);
	prog_log_flush();	/* nothing can be written */
	while (*heard())
		;
	prog_log_flush();
	heard();
	ck_assert_uint_gt(lines_lost(), 0);
	ck_assert_ptr_nonnull(strstr(said, "prog: refused: 2 more lines like those before\n"));
	prog_log_flush();
	ck_assert_str_eq(heard(), "");
}
END_TEST

/* Pipes of Linux before 6.4 have no write that is sure not to wait. */
static bool pipes_refuse_to_wait(void)
{
	char byte = '\n';
	const struct iovec iov = { &byte, 1 };

	return syscall(SYS_pwritev2, STDERR_FILENO, &iov, 1, -1L, -1L, RWF_NOWAIT) == 1;
}

/* Whatever is read, the other process fills it. */
START_TEST(log_does_not_wait_for_another_writer_of_its_pipe)
{
	static char bytes[4096];
	unsigned int i;
	pid_t child;

	if (!pipes_refuse_to_wait())
		return;
	child = fork();
	while (!child)
		(void)!write(STDERR_FILENO, bytes, sizeof(bytes));
	for (i = 0; i < 5000; i++) {
		(void)!read(reader, bytes, sizeof(bytes));
		prog_log(VSU_LOG_WARNING, NULL, "line");
	}
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}
END_TEST

/* A filter of the host, such as a container's, may not know the call. */
START_TEST(filter_without_the_call_that_does_not_wait_loses_no_line)
{
	static const char *const calls[] = { "exit_group", "fstat", "newfstatat", "poll", "ppoll", "write", NULL };
	static const struct call_table table = { calls, NULL };
	static const struct call_table *const tables[] = { &table, NULL };
	pid_t child = fork();
	int status;

	if (!child) {
		if (confine_new_privileges(NULL) < 0 || call_filter_load(CALL_FILTER_FAIL, tables, false, NULL) < 0)
			_exit(99);
		prog_log(VSU_LOG_WARNING, NULL, "line");
		_exit(0);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_str_eq(heard(), WEXITSTATUS(status) == 99 ? "" : "prog: line\n");
}
END_TEST

START_TEST(answer_to_the_operator_is_logged_at_any_level)
{
	prog_log_set_level(VSU_LOG_ERROR);
	prog_log_answer("2 CPUs");
	ck_assert_str_eq(heard(), "prog: 2 CPUs\n");
	prog_log_set_level(VSU_LOG_WARNING);
	warn_times(NULL, 5000);
	prog_log_answer("2 CPUs");
}
END_TEST

START_TEST(a_closed_standard_error_is_harmless)
{
	close(STDERR_FILENO);
	warn_times("refused", 20);
	prog_log_flush();
}
END_TEST

/* --------------------------------------------------------------------- the journal */

static struct sockaddr_un journal = { .sun_family = AF_UNIX };
static int journald = -1;	/* its socket */
static char folder[32];

static void journal_begin(void)
{
	struct stat st;
	char stream[64];

	strcpy(folder, "/tmp/journal.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(journal.sun_path, sizeof(journal.sun_path), "%s/socket", folder);
	journald = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	ck_assert_int_eq(bind(journald, (const void *)&journal, sizeof(journal)), 0);
	ck_assert_int_eq(fstat(STDERR_FILENO, &st), 0);
	snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
}

static void journal_end(void)
{
	vsu_fd_close(&journald);
	unlink(journal.sun_path);
	rmdir(folder);
}

/* The next entry, or an empty text. */
static const char *journal_entry(void)
{
	static char entry[4096];
	const ssize_t n = recv(journald, entry, sizeof(entry) - 1, 0);

	entry[n > 0 ? n : 0] = '\0';
	return entry;
}

START_TEST(line_of_the_journal_has_its_fields)
{
	journal_begin();
	prog_log_to_journal(journal.sun_path);
	prog_log(VSU_LOG_WARNING, "refused", "ring %d\nPRIORITY=0", 3);
	ck_assert_str_eq(journal_entry(), "PRIORITY=4\nSYSLOG_IDENTIFIER=prog\nCVMM_EVENT=refused\n"
			 "MESSAGE=ring 3?PRIORITY=0\n");
	prog_log(VSU_LOG_ERROR, NULL, "lost");
	ck_assert_str_eq(journal_entry(), "PRIORITY=3\nSYSLOG_IDENTIFIER=prog\nMESSAGE=lost\n");
	ck_assert_str_eq(heard(), "");
	journal_end();
}
END_TEST

START_TEST(journal_of_another_file_gets_no_line)
{
	journal_begin();
	setenv("JOURNAL_STREAM", "1:2", 1);
	prog_log_to_journal(journal.sun_path);
	unsetenv("JOURNAL_STREAM");
	prog_log_to_journal(journal.sun_path);
	prog_log(VSU_LOG_WARNING, NULL, "here");
	ck_assert_str_eq(journal_entry(), "");
	ck_assert_str_eq(heard(), "prog: here\n");
	journal_end();
}
END_TEST

START_TEST(absent_journal_leaves_lines_on_standard_error)
{
	journal_begin();
	journal_end();
	prog_log_to_journal(journal.sun_path);
	prog_log(VSU_LOG_WARNING, NULL, "here");
	ck_assert_str_eq(heard(), "prog: here\n");
}
END_TEST

START_TEST(journal_that_does_not_read_counts_lines_as_lost)
{
	unsigned int sent = 0;

	journal_begin();
	prog_log_to_journal(journal.sun_path);
	warn_times("line", 20);
	warn_times(NULL, 5000);
	while (*journal_entry())
		sent++;
	prog_log_flush();
	strcpy(said, journal_entry());
	ck_assert_uint_gt(lines_lost(), 0);
	ck_assert_uint_eq(sent + lines_lost(), 5010);
	ck_assert_ptr_nonnull(strstr(journal_entry(), "MESSAGE=line: 10 more lines like those before\n"));
	journal_end();
}
END_TEST

START_TEST(error_at_the_end_is_in_the_journal_or_on_standard_error)
{
	const struct vsu_error why = { .code = -EINVAL, .msg = "no such disk" };
	const struct vsu_error nothing = VSU_ERROR_INIT;

	prog_complain(&why);
	prog_complain(&nothing);
	ck_assert_str_eq(heard(), "prog: no such disk\nprog: it failed without a reason\n");
	journal_begin();
	prog_log_to_journal(journal.sun_path);
	prog_complain(&why);
	ck_assert_str_eq(journal_entry(), "PRIORITY=3\nSYSLOG_IDENTIFIER=prog\nMESSAGE=no such disk\n");
	ck_assert_str_eq(heard(), "");
	journal_end();
	prog_complain(&why);
	ck_assert_str_eq(heard(), "prog: no such disk\n");
}
END_TEST

START_TEST(text_for_the_journal_is_cut_at_a_kibibyte)
{
	struct prog_journal_entry entry = { .priority = 6, .name = "prog" };
	static char text[3000];
	int fd;

	journal_begin();
	memset(text, 'x', sizeof(text) - 1);
	text[0] = 0x7f;
	entry.text = text;
	fd = prog_journal_open(journal.sun_path);
	ck_assert_int_ge(fd, 0);
	ck_assert(prog_journal_send(fd, &entry));
	ck_assert_uint_eq(strlen(strstr(journal_entry(), "MESSAGE=?")), strlen("MESSAGE=\n") + 1023);
	close(fd);
	journal_end();
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
	tcase_add_test(tc, lines_that_were_lost_are_reported_at_the_end);
	tcase_add_test(tc, log_does_not_wait_for_another_writer_of_its_pipe);
	tcase_add_test(tc, filter_without_the_call_that_does_not_wait_loses_no_line);
	tcase_add_test(tc, answer_to_the_operator_is_logged_at_any_level);
	tcase_add_test(tc, a_closed_standard_error_is_harmless);
	suite_add_tcase(s, tc);
	tc = tcase_create("journal");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, line_of_the_journal_has_its_fields);
	tcase_add_test(tc, journal_of_another_file_gets_no_line);
	tcase_add_test(tc, absent_journal_leaves_lines_on_standard_error);
	tcase_add_test(tc, journal_that_does_not_read_counts_lines_as_lost);
	tcase_add_test(tc, error_at_the_end_is_in_the_journal_or_on_standard_error);
	tcase_add_test(tc, text_for_the_journal_is_cut_at_a_kibibyte);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
