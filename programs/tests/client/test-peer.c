/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the end of a process that was started. */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../../../tests/support/suite.h"
#include "client/peer.h"

/* The process that is started: it ignores the group's signal, and joins the group of the test. */
static int leave_group(int left)
{
	signal(SIGTERM, SIG_IGN);
	if (setpgid(0, getpgid(getppid())) < 0 || write(left, "", 1) != 1)
		return 1;
	for (;;)
		pause();
}

START_TEST(process_that_left_its_group_is_ended)
{
	int left[2];
	char byte, number[16], own[PATH_MAX] = "";
	char *argv[] = { own, number, NULL };
	struct peer p = { .path = "/nonexistent/socket", .argv = argv };
	pid_t pid;

	ck_assert_int_gt(readlink("/proc/self/exe", own, sizeof(own) - 1), 0);
	ck_assert_int_eq(pipe(left), 0);
	ck_assert_int_eq(fcntl(left[0], F_SETFD, FD_CLOEXEC), 0);
	snprintf(number, sizeof(number), "%d", left[1]);
	ck_assert_int_eq(peer_start(&p, NULL), 0);
	pid = p.pid;
	close(left[1]);
	ck_assert_int_eq(read(left[0], &byte, 1), 1);
	close(left[0]);
	peer_stop(&p);
	ck_assert_int_eq(p.pid, 0);
	ck_assert(kill(pid, 0) < 0 && errno == ESRCH);
}
END_TEST

int main(int argc, char **argv)
{
	Suite *s = suite_create("peer");
	TCase *tc = tcase_create("peer");

	if (argc == 2)
		return leave_group(atoi(argv[1]));
	tcase_add_test(tc, process_that_left_its_group_is_ended);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
