/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the descriptors of programs that are executed. */
#define _GNU_SOURCE
#include <config.h>

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../tests/support/suite.h"
#include "descriptors.h"

#define MOST 1024	/* more than this program has */

#ifndef SYS_close_range
#define SYS_close_range 436
#endif

static bool old_kernel;		/* which lacks close_range(2) */
static unsigned int refused;	/* calls of it */

long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);
long __wrap_syscall(long number, ...)
{
	unsigned int first, last, flags;
	va_list args;

	ck_assert_int_eq(number, SYS_close_range);
	va_start(args, number);
	first = va_arg(args, unsigned int);
	last = va_arg(args, unsigned int);
	flags = va_arg(args, unsigned int);
	va_end(args);
	if (!old_kernel)
		return __real_syscall(number, first, last, flags);
	refused++;
	errno = ENOSYS;
	return -1;
}

static bool without_proc;

DIR *__real_opendir(const char *path);
DIR *__wrap_opendir(const char *path);
DIR *__wrap_opendir(const char *path)
{
	errno = ENOENT;
	return without_proc ? NULL : __real_opendir(path);
}

/* ------------------------------------------------------------ those that are open */

static unsigned int seen[MOST];
static const char mark;

static void note(const void *opaque, int fd)
{
	ck_assert_ptr_eq(opaque, &mark);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_lt(fd, MOST);
	seen[fd]++;
}

START_TEST(each_open_descriptor_is_named_once)
{
	int ends[2], fd;

	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_eq(prog_descriptors_each(note, &mark), 0);
	for (fd = 0; fd < MOST; fd++)
		ck_assert_msg(seen[fd] == (fd > STDERR_FILENO && fcntl(fd, F_GETFD) >= 0),
			      "descriptor %d: %u times", fd, seen[fd]);
	ck_assert_uint_eq(seen[ends[0]] + seen[ends[1]], 2);
	close(ends[0]);
	close(ends[1]);
}
END_TEST

/* -------------------------------------------------------- those that are passed on */

/* Numbers of a descriptor that is not as it should be, or 0. */
static int wrong_after(const int *passed, const int *before)
{
	int fd, expected;

	for (fd = 0; fd < MOST; fd++) {
		expected = before[fd];
		if (fd > STDERR_FILENO && expected >= 0)
			expected = fd == passed[0] || fd == passed[1] ? 0 : FD_CLOEXEC;
		if (fcntl(fd, F_GETFD) != expected)
			return fd ? fd : MOST;
	}
	return 0;
}

/* A passed descriptor has the flag before, and another one lacks it. */
_Noreturn static void pass_two(void)
{
	int first[2], second[2], before[MOST], fd, wrong;

	if (pipe(first) < 0 || pipe2(second, O_CLOEXEC) < 0 ||
	    fcntl(STDIN_FILENO, F_SETFD, FD_CLOEXEC) < 0)
		_exit(1);
	for (fd = 0; fd < MOST; fd++)
		before[fd] = fcntl(fd, F_GETFD);
	if (prog_descriptors_pass((const int []){ first[1], STDIN_FILENO, second[0] }, 3) < 0)
		_exit(1);
	wrong = wrong_after((const int []){ first[1], second[0] }, before);
	if (wrong)
		dprintf(STDERR_FILENO, "descriptor %d: %d before, %d after\n", wrong % MOST,
			before[wrong % MOST], fcntl(wrong % MOST, F_GETFD));
	_exit(wrong || refused != old_kernel);
}

START_TEST(only_those_passed_reach_the_program)
{
	pid_t pid;
	int status;

	old_kernel = _i;
	pid = fork();
	if (!pid)
		pass_two();
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}
END_TEST

/* ---------------------------------------------------------------------- folders */

static int open_received(const char *path, int flags)
{
	const int fd = open(path, flags);

	return fd >= 0 && fd <= STDERR_FILENO ? fcntl(fd, F_DUPFD, STDERR_FILENO + 1) : fd;
}

/* Exits by 0 if received folders alone are closed, also as O_PATH descriptors and standard input. */
_Noreturn static void close_some(void)
{
	const int folder = open_received("/", O_RDONLY | O_DIRECTORY), path = open_received("/tmp", O_PATH);
	const int own = open_received("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC), file = open_received("/dev/null", O_RDONLY);
	struct stat st;

	if (dup2(folder, STDIN_FILENO) < 0)
		_exit(1);
	if (prog_descriptors_close_folders() < 0)
		_exit(1);
	_exit(fcntl(folder, F_GETFD) >= 0 || fcntl(path, F_GETFD) >= 0 || fcntl(own, F_GETFD) < 0 || fcntl(file, F_GETFD) < 0 ||
	      fstat(STDIN_FILENO, &st) < 0 || S_ISDIR(st.st_mode));
}

START_TEST(received_folders_are_closed)
{
	pid_t pid = fork();
	int status;

	if (!pid)
		close_some();
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(descriptors_that_an_old_kernel_cannot_find_are_an_error)
{
	without_proc = old_kernel = true;
	ck_assert_int_eq(prog_descriptors_pass(NULL, 0), -ENOENT);
	without_proc = old_kernel = false;
}
END_TEST

START_TEST(folders_that_cannot_be_found_are_an_error)
{
	without_proc = true;
	ck_assert_int_eq(prog_descriptors_close_folders(), -ENOENT);
	without_proc = false;
}
END_TEST

int main(void)
{
	Suite *s = suite_create("descriptors");
	TCase *tc = tcase_create("descriptors");

	tcase_add_test(tc, each_open_descriptor_is_named_once);
	tcase_add_loop_test(tc, only_those_passed_reach_the_program, 0, 2);
	tcase_add_test(tc, received_folders_are_closed);
	tcase_add_test(tc, descriptors_that_an_old_kernel_cannot_find_are_an_error);
	tcase_add_test(tc, folders_that_cannot_be_found_are_an_error);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
