/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
#include <config.h>

#include <check.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../tests/support/suite.h"
#include "process.h"

static void close_from_list(const int *fds, unsigned int n)
{
	while (n--)
		close(fds[n]);
}

static bool is_null(int fd)
{
	struct stat st;

	return !fstat(fd, &st) && S_ISCHR(st.st_mode) &&
	       st.st_rdev == makedev(1, 3);
}

static const struct closed {
	int fds[3];
	unsigned int n;
} closed[] = {
	{ { 0 }, 1 }, { { 1 }, 1 }, { { 2 }, 1 },
	{ { 0, 2 }, 2 }, { { 0, 1, 2 }, 3 },
};

START_TEST(e1_31_standard_descriptors_that_are_closed_become_dev_null)
{
	const struct closed *c = &closed[_i];
	unsigned int i;
	int fd;

	close_from_list(c->fds, c->n);
	prog_begin("prog");
	for (i = 0; i < c->n; i++)
		ck_assert(is_null(c->fds[i]));
	fd = open("/dev/zero", O_RDONLY);
	ck_assert_int_gt(fd, STDERR_FILENO);
}
END_TEST

START_TEST(standard_descriptors_that_are_open_stay)
{
	struct stat before, after;

	ck_assert_int_eq(fstat(STDERR_FILENO, &before), 0);
	prog_begin("prog");
	ck_assert_int_eq(fstat(STDERR_FILENO, &after), 0);
	ck_assert(before.st_ino == after.st_ino);
}
END_TEST

static void *mask_of(void *arg)
{
	pthread_sigmask(SIG_SETMASK, NULL, arg);
	return NULL;
}

START_TEST(thread_receives_its_faults_only)
{
	pthread_t id;
	sigset_t mask;
	int i;

	ck_assert_int_eq(vsu_thread_start(NULL, &id, mask_of, &mask), 0);
	pthread_join(id, NULL);
	for (i = 1; i < SIGSYS; i++)
		if (i == SIGBUS || i == SIGSEGV || i == SIGILL || i == SIGFPE)
			ck_assert_msg(!sigismember(&mask, i), "signal %d", i);
		else if (i != SIGKILL && i != SIGSTOP)
			ck_assert_msg(sigismember(&mask, i), "signal %d", i);
}
END_TEST

static void note_begin(void *opaque)
{
	struct timespec moment = { 0, 1000000 };

	nanosleep(&moment, NULL);
	*(bool *)opaque = true;
}

/* Its owner may free what begin uses. */
START_TEST(thread_has_begun_when_it_is_started)
{
	bool begun = false;
	const struct vsu_threads threads = { .begin = note_begin, .opaque = &begun };
	pthread_t id;
	sigset_t mask;

	ck_assert_int_eq(vsu_thread_start(&threads, &id, mask_of, &mask), 0);
	ck_assert(begun);
	pthread_join(id, NULL);
	ck_assert(sigismember(&mask, SIGTERM));
}
END_TEST

static void *stack_of(void *arg)
{
	pthread_attr_t attr;

	pthread_getattr_np(pthread_self(), &attr);
	pthread_attr_getstacksize(&attr, arg);
	pthread_attr_destroy(&attr);
	return NULL;
}

START_TEST(stack_of_a_thread_has_no_huge_pages)
{
	size_t size = 0;
	pthread_t id;

	ck_assert_int_eq(vsu_thread_start(NULL, &id, stack_of, &size), 0);
	pthread_join(id, NULL);
	ck_assert_uint_ge(size, 256 * 1024);
	ck_assert_uint_lt(size, 2048 * 1024);
}
END_TEST

START_TEST(signal_mask_of_the_caller_is_unchanged)
{
	sigset_t before, after;
	pthread_t id;

	pthread_sigmask(SIG_SETMASK, NULL, &before);
	ck_assert_int_eq(vsu_thread_start(NULL, &id, mask_of, &after), 0);
	pthread_join(id, NULL);
	pthread_sigmask(SIG_SETMASK, NULL, &after);
	ck_assert_int_eq(sigismember(&before, SIGTERM),
			 sigismember(&after, SIGTERM));
}
END_TEST

START_TEST(a_fault_outside_the_table_ends_the_program)
{
	struct vmem_sigbus *table;

	ck_assert_int_eq(prog_handle_signals(4, &table, NULL), 0);
	raise(SIGBUS);
	raise(SIGBUS);
}
END_TEST

START_TEST(writes_that_fail_raise_no_signal)
{
	struct vmem_sigbus *table;
	int fds[2];

	ck_assert_int_eq(prog_handle_signals(4, &table, NULL), 0);
	ck_assert_int_eq(pipe(fds), 0);
	close(fds[0]);
	ck_assert_int_eq(write(fds[1], "x", 1), -1);
	close(fds[1]);
	vmem_sigbus_free(table);
}
END_TEST

/* Ignored signals are inherited; while SIGCHLD is one, waitpid() waits for all children and fails. */
START_TEST(a_child_has_a_status_whatever_the_parent_of_the_program_ignores)
{
	int status = -1;
	pid_t child;

	signal(SIGCHLD, SIG_IGN);
	prog_begin("prog");
	child = fork();
	if (!child)
		_exit(7);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 7);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("process");
	TCase *tc = tcase_create("process");

	tcase_add_loop_test(tc,
			    e1_31_standard_descriptors_that_are_closed_become_dev_null,
			    0, sizeof(closed) / sizeof(*closed));
	tcase_add_test(tc, standard_descriptors_that_are_open_stay);
	tcase_add_test(tc, a_child_has_a_status_whatever_the_parent_of_the_program_ignores);
	tcase_add_test(tc, thread_receives_its_faults_only);
	tcase_add_test(tc, thread_has_begun_when_it_is_started);
	tcase_add_test(tc,
		       stack_of_a_thread_has_no_huge_pages);
	tcase_add_test(tc, signal_mask_of_the_caller_is_unchanged);
	tcase_add_test_raise_signal(tc, a_fault_outside_the_table_ends_the_program,
				    SIGBUS);
	tcase_add_test(tc, writes_that_fail_raise_no_signal);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
