/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the process that ends a child of another one. */
#define _GNU_SOURCE
#include <config.h>

#include <check.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>

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
	ck_assert_int_eq(prog_leash_make(child, patience_ms, &leash, NULL), 0);
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
	ck_assert(end.revents & POLLERR);
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

	ck_assert_int_eq(prog_leash_make(0x7fffffff, 1, &leash, &err), -ESRCH);
	ck_assert_int_eq(leash, -1);
	ck_assert_str_eq(err.msg, "cannot open process 2147483647: No such process");
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
	suite_add_tcase(s, tc);
	return run_suite(s);
}
