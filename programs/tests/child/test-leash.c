/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the process that ends a child of another one. */
#define _GNU_SOURCE
#include <config.h>

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vmm-sys-util/event.h>

#include "../../../tests/support/suite.h"
#include "child/leash.h"

static int line[2];		/* the child ends when it is closed, if it reads it */
static int leash;
static pid_t child;

static void child_begin(bool reads, int patience_ms)
{
	char byte;

	ck_assert_int_eq(pipe(line), 0);
	child = fork();
	if (!child) {
		close(line[1]);
		while (!reads)
			pause();
		_exit(read(line[0], &byte, 1) == 0 ? 42 : 1);
	}
	close(line[0]);
	ck_assert_int_eq(prog_leash_tie(child, patience_ms, &leash, NULL), 0);
	ck_assert_int_ge(leash, 0);
}

static int status_of_child(void)
{
	int status;

	ck_assert_int_eq(waitpid(child, &status, 0), child);
	return status;
}

/* The other process has closed its end. */
static void assert_has_ended(void)
{
	struct pollfd end = { .fd = leash };

	ck_assert_int_eq(poll(&end, 1, -1), 1);
	ck_assert(end.revents & POLLHUP);
}

START_TEST(child_that_hangs_is_killed)
{
	int status;

	child_begin(false, 1);
	close(leash);
	status = status_of_child();
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}
END_TEST

START_TEST(child_has_time_to_end)
{
	child_begin(true, 1000000);
	close(leash);
	close(line[1]);
	ck_assert_int_eq(WEXITSTATUS(status_of_child()), 42);
}
END_TEST

START_TEST(process_ends_with_the_child)
{
	child_begin(true, 1000000);
	close(line[1]);
	ck_assert_int_eq(WEXITSTATUS(status_of_child()), 42);
	assert_has_ended();
	close(leash);
}
END_TEST

/* Nothing is waited for. */
START_TEST(process_is_no_child)
{
	child_begin(false, 1000000);
	kill(child, SIGKILL);
	status_of_child();
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	assert_has_ended();
}
END_TEST

/* An inherited descriptor would keep a connection open. */
START_TEST(process_has_no_other_descriptor)
{
	struct pollfd other = { .fd = -1 };
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	child_begin(true, 1000000);
	close(line[1]);
	status_of_child();
	close(ends[1]);
	other.fd = ends[0];
	ck_assert_int_eq(poll(&other, 1, -1), 1);
	ck_assert(other.revents & POLLHUP);
}
END_TEST

START_TEST(missing_process_is_an_error)
{
	struct vsu_error err = VSU_ERROR_INIT;

	ck_assert_int_eq(prog_leash_tie(0x7fffffff, 1, &leash, &err), -ESRCH);
	ck_assert_int_eq(leash, -1);
	ck_assert_str_eq(err.msg, "cannot open process 2147483647: No such process");
}
END_TEST

/* ------------------------------------------------------------ a program of the process */

static struct prog_leash kept = PROG_LEASH_INIT;
static int messages;

static void program_start(const char *script, int patience_ms, const char *lost)
{
	struct prog_program p = { .lost = lost };

	prog_program_add(&p, "sh");
	prog_program_add(&p, "-c");
	prog_program_add(&p, "%s", script);
	prog_program_pass(&p, line[0]);
	ck_assert_int_eq(prog_program_messages(&messages, NULL), 0);
	ck_assert_int_eq(prog_leash_start(&kept, &p, messages, patience_ms, NULL), 0);
	prog_program_free(&p);
}

static int64_t now_ms(void)
{
	return (int64_t)(vsu_now_ns() / 1000000);
}

START_TEST(program_is_awaited_by_the_clock)
{
	const int64_t begun = now_ms();
	int status;

	program_start("exec sleep 1000", 0, NULL);
	ck_assert(!prog_leash_await(&kept, 60, &status));
	ck_assert_int_ge(now_ms() - begun, 60);
	kill(kept.pid, SIGTERM);
	ck_assert(prog_leash_await(&kept, 30000, &status));
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
	ck_assert(!prog_leash_await(&kept, 30000, &status));
}
END_TEST

START_TEST(program_is_killed_at_the_end_of_the_leash)
{
	int status;

	program_start("trap '' TERM; exec sleep 1000", 1, NULL);
	ck_assert(prog_leash_end(&kept, &status));
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
}
END_TEST

START_TEST(status_of_a_program_remains)
{
	int status;

	program_start("exit 42", 1000000, NULL);
	ck_assert(prog_leash_end(&kept, &status));
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 42);
}
END_TEST

/* The file stands for the standard error of this program. */
static const char *text_of(int file)
{
	static char text[256];
	const ssize_t n = pread(file, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

/* The line follows the status; the end of the process follows the line. */
static void report_end(const char *script, bool reports)
{
	struct pollfd end;
	char text[64];
	int status;

	ck_assert_int_eq(pipe2(line, O_CLOEXEC), 0);
	snprintf(text, sizeof(text), "read byte <&%d; %s", line[0], script);
	ck_assert_int_ge(dup2(memfd_create("standard error", MFD_CLOEXEC), STDERR_FILENO), 0);
	program_start(text, 0, "it is lost: sh");
	ck_assert_int_eq(reports ? prog_leash_report(&kept) : 0, 0);
	close(line[1]);
	ck_assert(prog_leash_await(&kept, 30000, &status));
	end.fd = kept.fd;
	end.events = 0;
	ck_assert_int_eq(poll(&end, 1, 30000), 1);
}

START_TEST(loss_of_a_program_is_reported_with_its_words)
{
	report_end("echo why; exit 7", true);
	ck_assert_str_eq(text_of(STDERR_FILENO), "cvmm: it is lost: sh ended with status 7: why\n");
}
END_TEST

START_TEST(end_before_a_report_is_not_a_loss)
{
	report_end("exit 7", false);
	ck_assert_str_eq(text_of(STDERR_FILENO), "");
}
END_TEST

START_TEST(program_has_only_its_descriptors)
{
	const int passed = fcntl(STDERR_FILENO, F_DUPFD, 100);
	int status;

	program_start("[ ! -e /proc/$$/fd/100 ] && [ \"$(readlink /proc/$$/fd/0)\" = /dev/null ]", 1000000, NULL);
	ck_assert(prog_leash_end(&kept, &status));
	ck_assert_int_eq(status, 0);
	close(passed);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("leash");
	TCase *tc = tcase_create("leash");

	tcase_add_test(tc, child_that_hangs_is_killed);
	tcase_add_test(tc, child_has_time_to_end);
	tcase_add_test(tc, process_ends_with_the_child);
	tcase_add_test(tc, process_is_no_child);
	tcase_add_test(tc, process_has_no_other_descriptor);
	tcase_add_test(tc, missing_process_is_an_error);
	tcase_add_test(tc, program_is_awaited_by_the_clock);
	tcase_add_test(tc, program_is_killed_at_the_end_of_the_leash);
	tcase_add_test(tc, status_of_a_program_remains);
	tcase_add_test(tc, loss_of_a_program_is_reported_with_its_words);
	tcase_add_test(tc, end_before_a_report_is_not_a_loss);
	tcase_add_test(tc, program_has_only_its_descriptors);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
