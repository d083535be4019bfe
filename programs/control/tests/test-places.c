/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the processes that clients belong to, seen from a PID namespace. */
#define _GNU_SOURCE
#include <config.h>

#include <sched.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "util.h"
#include "control/control_private.h"

enum { SAME, OTHER, UNKNOWN, LACKS = 77 };

static char folder[32], path[64];

static void setup(void)
{
	strcpy(folder, "/tmp/places.XXXXXX");
	if (!mkdtemp(folder))
		abort();
	snprintf(path, sizeof(path), "%s/socket", folder);
}

static void teardown(void)
{
	unlink(path);
	rmdir(folder);
}

/* A child that connects n times and waits for the end of its connections, accepted or not. */
static pid_t start_client(int listener, unsigned int n)
{
	pid_t pid = fork();
	int fds[2];
	char byte;
	unsigned int i;

	if (pid)
		return pid;
	vsu_fd_close(&listener);
	for (i = 0; i < n; i++)
		fds[i] = vsu_sock_connect(path, NULL);
	for (i = 0; i < n; i++)
		while (recv(fds[i], &byte, 1, 0) < 0 && errno == EAGAIN)
			sched_yield();
	_exit(0);
}

static int accept_next(int listener)
{
	int fd;

	do
		fd = vsu_sock_accept(listener);
	while (fd == -EAGAIN);
	return fd;
}

/* In the namespace: whether both connections are of one process. */
static int compare(int listener)
{
	int first = accept_next(listener), second = accept_next(listener);
	const uint64_t a = vmm_control_peer(first), b = vmm_control_peer(second);

	return !a || !b ? UNKNOWN : a == b ? SAME : OTHER;
}

static int compare_in_namespace(int listener)
{
	int status = 0;
	pid_t pid;

	if (unshare(geteuid() ? CLONE_NEWUSER | CLONE_NEWPID : CLONE_NEWPID) < 0)
		return LACKS;
	pid = fork();
	if (!pid)
		_exit(compare(listener));
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : 99;
}

/* processes: 1 or 2, with two connections in all. */
static int compare_clients(unsigned int processes)
{
	int listener = vsu_sock_listen(path, 4, NULL), status = -1;
	pid_t clients[2] = { 0 }, pid;
	unsigned int i;

	for (i = 0; i < processes; i++)
		clients[i] = start_client(listener, 2 / processes);
	pid = fork();
	if (!pid)
		_exit(compare_in_namespace(listener));
	waitpid(pid, &status, 0);
	vsu_fd_close(&listener);
	unlink(path);
	for (i = 0; i < processes; i++)
		waitpid(clients[i], NULL, 0);
	return WEXITSTATUS(status);
}

START_TEST(d3_12_processes_outside_of_a_namespace_are_distinguished)
{
	ck_assert_int_eq(compare_clients(1), SAME);
	ck_assert_int_eq(compare_clients(2), OTHER);
}
END_TEST

static ino_t inode_of(pid_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct stat st = { .st_ino = 0 };

	(void)!fstat(fd, &st);
	vsu_fd_close(&fd);
	return st.st_ino;
}

static bool is_possible(void)
{
	bool lacks;

	setup();
	lacks = compare_clients(1) == LACKS;
	teardown();
	return !lacks && inode_of(getpid()) != inode_of(getppid());
}

int main(void)
{
	Suite *s;
	TCase *tc;

	if (!is_possible()) {
		puts("1..0 # SKIP needs namespaces of processes, and Linux 6.9");
		return 0;
	}
	s = suite_create("control");
	tc = tcase_create("places");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, d3_12_processes_outside_of_a_namespace_are_distinguished);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
