/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the process that keeps a confined one from outside. */
#define _GNU_SOURCE
#include <config.h>

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <vmm-sys-util/exit.h>
#include <vmm-sys-util/fd.h>

#include "../../../tests/support/suite.h"
#include "confine/call_filter.h"
#include "confine/keeper.h"
#include "confine/privileges.h"

static const int forwarded[] = { SIGTERM, SIGUSR1, 0 };
static const int ignored[] = { SIGUSR2, 0 };
static const struct confine_keeping plain = { .forwarded = forwarded, .ignored = ignored };
static const struct confine_keeping held = {
	.forwarded = forwarded, .ignored = ignored, .held = true, .removes_sockets = true,
	.patience_s = 1,
};

static int ready[2];		/* the child writes a byte when it is ready */

/* The wait status of the parent, after a signal to it; 0: none. */
static int status_of(const struct confine_keeping *how, void (*fn)(int), int number)
{
	pid_t pid;
	int status, leash = -1;
	char byte;

	ck_assert_int_eq(pipe2(ready, O_CLOEXEC), 0);
	pid = fork();
	if (!pid) {
		if (confine_keeper_fork(how, &leash, NULL) < 0)
			_exit(99);
		fn(leash);
	}
	close(ready[1]);
	ck_assert(!number || read(ready[0], &byte, 1) == 1);
	if (number)
		kill(pid, number);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	close(ready[0]);
	return status;
}

_Noreturn static void exit_with_42(int leash)
{
	(void)leash;
	_exit(42);
}

_Noreturn static void kill_itself(int leash)
{
	(void)leash;
	raise(SIGKILL);
	_exit(0);
}

_Noreturn static void wait_for_signals(int leash)
{
	(void)leash;
	(void)!write(ready[1], "", 1);
	for (;;)
		pause();
}

START_TEST(parent_exits_with_the_status_of_the_child)
{
	int status = status_of(&plain, exit_with_42, 0);

	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 42);
}
END_TEST

START_TEST(parent_ends_by_the_signal_that_ended_the_child)
{
	int status = status_of(_i ? &held : &plain, kill_itself, 0);

	ck_assert_msg(WIFSIGNALED(status), "exit status %d", WEXITSTATUS(status));
	ck_assert_int_eq(WTERMSIG(status), SIGKILL);
}
END_TEST

START_TEST(forwarded_signal_that_is_not_handled_ends_both)
{
	int status = status_of(&plain, wait_for_signals, forwarded[_i]);

	ck_assert_msg(WIFSIGNALED(status), "exit status %d", WEXITSTATUS(status));
	ck_assert_int_eq(WTERMSIG(status), forwarded[_i]);
}
END_TEST

/* The signal stays blocked. */
START_TEST(child_that_does_not_end_is_abandoned)
{
	int status = status_of(&held, wait_for_signals, SIGTERM);

	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), VSU_EXIT_HOST);
}
END_TEST

/* Two signals: the parent survives the first one. */
_Noreturn static void ask_for_the_second(int leash)
{
	kill(getppid(), SIGUSR2);
	wait_for_signals(leash);
}

START_TEST(ignored_signal_ends_neither)
{
	int status = status_of(&plain, ask_for_the_second, SIGTERM);

	ck_assert(WIFSIGNALED(status));
	ck_assert_int_eq(WTERMSIG(status), SIGTERM);
}
END_TEST

/* ------------------------------------------------------------------ job control */

static const int stopping[] = { SIGTSTP, SIGTTIN, SIGTTOU };
enum { STOPPING = sizeof(stopping) / sizeof(stopping[0]) };

/* The namespace is like that of a jail, whose first process ignores signals by default. */
static int enter_namespace(void)
{
	return unshare(geteuid() ? CLONE_NEWUSER | CLONE_NEWPID : CLONE_NEWPID);
}

/* Ends with this program also if a claim fails. */
static pid_t keep_job(bool inner)
{
	pid_t pid = fork();
	int leash = -1;

	if (pid)
		return pid;
	/* of a process group that can be stopped: that of its parent is another one */
	if (setpgid(0, 0) < 0 || (inner && enter_namespace() < 0) ||
	    prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || confine_keeper_fork(&plain, &leash, NULL) < 0)
		_exit(99);
	wait_for_signals(leash);
}

static pid_t child_of(pid_t pid)
{
	char path[64];
	int child = 0;
	FILE *from;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)pid, (int)pid);
	from = fopen(path, "re");
	ck_assert_ptr_nonnull(from);
	ck_assert_int_eq(fscanf(from, "%d", &child), 1);
	fclose(from);
	return child;
}

static bool is_stopped(pid_t pid)
{
	char path[64], state = 0;
	FILE *from;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	from = fopen(path, "re");
	ck_assert_ptr_nonnull(from);
	ck_assert_int_eq(fscanf(from, "%*d (%*[^)]) %c", &state), 1);
	fclose(from);
	return state == 'T';
}

static void wait_until_stopped(pid_t pid, bool stopped)
{
	int i;

	for (i = 0; i < 10000 && is_stopped(pid) != stopped; i++)
		usleep(1000);
	ck_assert_int_eq(is_stopped(pid), stopped);
}

/* Ctrl-Z and fg, twice. */
static void stop_and_continue(pid_t pid, pid_t child, int number)
{
	int i, status;

	for (i = 0; i < 2; i++) {
		kill(pid, number);
		ck_assert_int_eq(waitpid(pid, &status, WUNTRACED), pid);
		ck_assert(WIFSTOPPED(status));
		ck_assert_int_eq(WSTOPSIG(status), number);
		wait_until_stopped(child, true);
		kill(pid, SIGCONT);
		ck_assert_int_eq(waitpid(pid, &status, WCONTINUED), pid);
		ck_assert(WIFCONTINUED(status));
		wait_until_stopped(child, false);
	}
}

static void stop_a_job(bool inner, int number)
{
	pid_t pid;
	int status;
	char byte;

	ck_assert_int_eq(pipe2(ready, O_CLOEXEC), 0);
	pid = keep_job(inner);
	close(ready[1]);
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	stop_and_continue(pid, child_of(pid), number);
	kill(pid, SIGTERM);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status));
	ck_assert_int_eq(WTERMSIG(status), SIGTERM);
}

START_TEST(signal_that_stops_the_parent_stops_the_child)
{
	stop_a_job(false, stopping[_i]);
}
END_TEST

START_TEST(and_the_first_process_of_a_namespace)
{
	stop_a_job(true, stopping[_i]);
}
END_TEST

/* --------------------------------------------------------------------- terminal */

static bool is_raw(void)
{
	struct termios modes;

	return tcgetattr(STDIN_FILENO, &modes) < 0 || !(modes.c_lflag & ICANON);
}

/* Begins when it is in the foreground. */
_Noreturn static void run_raw_job(int go)
{
	struct termios modes;
	int leash = -1;
	char byte;

	if (read(go, &byte, 1) != 1 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || confine_keeper_fork(&plain, &leash, NULL) < 0)
		_exit(99);
	if (tcgetattr(STDIN_FILENO, &modes) < 0)
		_exit(98);
	modes.c_lflag &= ~(tcflag_t)ICANON;
	if (tcsetattr(STDIN_FILENO, TCSANOW, &modes) < 0)
		_exit(97);
	wait_for_signals(leash);
}

static pid_t begin_job(void)
{
	int go[2];
	pid_t job;

	if (pipe2(go, O_CLOEXEC) < 0)
		return -1;
	job = fork();
	if (!job) {
		setpgid(0, 0);
		run_raw_job(go[0]);
	}
	close(ready[1]);
	close(go[0]);
	/* whichever process is first */
	if (job > 0 && setpgid(job, job) < 0 && errno != EACCES)
		job = -1;
	if (job > 0 && (tcsetpgrp(STDIN_FILENO, job) < 0 || write(go[1], "", 1) != 1))
		job = -1;
	close(go[1]);
	return job;
}

/* As dash, it restores no modes when a job stops. Returns the number of the step that failed. */
static int run_shell(const char *terminal)
{
	int status, fd;
	char byte;
	pid_t job;

	if (setsid() < 0 || (fd = open(terminal, O_RDWR)) < 0 || dup2(fd, STDIN_FILENO) < 0)
		return 1;
	job = begin_job();
	if (job < 0 || read(ready[0], &byte, 1) != 1 || !is_raw())
		return 2;
	kill(job, SIGTSTP);
	if (waitpid(job, &status, WUNTRACED) != job || !WIFSTOPPED(status))
		return 3;
	return is_raw() ? 4 : 0;
}

START_TEST(terminal_has_its_modes_again_while_both_are_stopped)
{
	int terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), status;
	pid_t shell;

	ck_assert_int_ge(terminal, 0);
	ck_assert(!grantpt(terminal) && !unlockpt(terminal));
	ck_assert_int_eq(pipe2(ready, O_CLOEXEC), 0);
	shell = fork();
	if (!shell)
		_exit(run_shell(ptsname(terminal)));
	close(ready[0]);
	close(ready[1]);
	ck_assert_int_eq(waitpid(shell, &status, 0), shell);
	close(terminal);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 0);
}
END_TEST

/* ---------------------------------------------------------------------- sockets */

static char socket_name[64];

_Noreturn static void leave_two_sockets(int leash)
{
	struct vsu_sock_path where;
	int fd = vsu_sock_listen(socket_name, 1, NULL);

	if (fd < 0 || vsu_sock_path_of(fd, &where) < 0 ||
	    confine_keeper_leave_socket(leash, &where) < 0)
		_exit(98);
	/* also of a file that is no socket: nothing of it is removed */
	snprintf(where.path, sizeof(where.path), "/dev/null");
	_exit(confine_keeper_leave_socket(leash, &where) < 0 ? 97 : 0);
}

START_TEST(parent_removes_only_sockets)
{
	const char *tmp = getenv("TMPDIR");
	char folder[56];

	snprintf(folder, sizeof(folder), "%.40s/keeper.XXXXXX", tmp ? tmp : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(socket_name, sizeof(socket_name), "%s/socket", folder);
	ck_assert_int_eq(status_of(&held, leave_two_sockets, 0), 0);
	ck_assert_int_eq(rmdir(folder), 0);
	ck_assert_int_eq(access("/dev/null", F_OK), 0);
}
END_TEST

/* A value of the parent's status, in hexadecimal. */
static uint64_t parent_has(const char *name)
{
	char path[64], line[256];
	uint64_t number = UINT64_MAX;
	FILE *from;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)getppid());
	from = fopen(path, "re");
	while (from && fgets(line, sizeof(line), from))
		if (!strncmp(line, name, strlen(name)))
			number = strtoull(line + strlen(name), NULL, 16);
	if (from)
		fclose(from);
	return number;
}

/* The parent drops its rights while the child runs, so the child waits for that. */
_Noreturn static void watch_the_parent(int leash)
{
	const uint64_t kill_and_override = 0x22;
	int i;

	(void)leash;
	for (i = 0; i < 10000 && parent_has("Seccomp:") != 2; i++)
		usleep(1000);
	_exit(parent_has("Seccomp:") != 2 || parent_has("NoNewPrivs:") != 1 ||
	      (parent_has("CapEff:") & ~kill_and_override));
}

START_TEST(parent_keeps_few_rights)
{
	ck_assert_int_eq(status_of(_i ? &held : &plain, watch_the_parent, 0), 0);
}
END_TEST

/* The lock of a PID file, which a supervisor took for the parent: 0 if another process could take it. */
_Noreturn static void keep_locked_file(const struct confine_keeping *how)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int file = memfd_create("pid", 0), ends[2], leash = -1;
	char byte;

	if (file < 0 || fcntl(file, F_SETLK, &lock) < 0 || pipe2(ends, O_CLOEXEC) < 0 ||
	    confine_keeper_fork(how, &leash, NULL) < 0)
		_exit(99);
	/* until the parent has closed its descriptors */
	close(ends[1]);
	(void)!read(ends[0], &byte, 1);
	_exit(fcntl(file, F_SETLK, &lock) < 0);
}

START_TEST(parent_keeps_the_locks_of_inherited_files_only_as_told)
{
	struct confine_keeping how = plain;
	pid_t pid;
	int status;

	how.keeps_files = _i;
	pid = fork();
	if (!pid)
		keep_locked_file(&how);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(WEXITSTATUS(status), _i);
}
END_TEST

/* Why this process cannot have a filter, or NULL. */
static const char *no_filters(void)
{
	static const struct call_table *const none[] = { NULL };
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(confine_new_privileges(NULL) < 0 ||
		      call_filter_load(CALL_FILTER_LOG, none, true, NULL) < 0);
	return waitpid(pid, &status, 0) == pid && !status ? NULL : "this process cannot have a filter";
}

/* Why this process cannot have a namespace of processes, or NULL. */
static const char *no_namespaces(void)
{
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(enter_namespace() < 0);
	return waitpid(pid, &status, 0) == pid && !status ? NULL : "there are no PID namespaces for this user";
}

int main(void)
{
	Suite *s = suite_create("keeper");
	TCase *tc = tcase_create("keeper");

	tcase_add_test(tc, parent_exits_with_the_status_of_the_child);
	tcase_add_loop_test(tc, parent_ends_by_the_signal_that_ended_the_child, 0, 2);
	tcase_add_loop_test(tc, forwarded_signal_that_is_not_handled_ends_both, 0, 2);
	tcase_add_test(tc, child_that_does_not_end_is_abandoned);
	tcase_add_test(tc, ignored_signal_ends_neither);
	tcase_add_loop_test(tc, signal_that_stops_the_parent_stops_the_child, 0, STOPPING);
	tcase_add_loop_test_unless(tc, no_namespaces(), and_the_first_process_of_a_namespace, 0, STOPPING);
	tcase_add_test(tc, terminal_has_its_modes_again_while_both_are_stopped);
	tcase_add_test(tc, parent_removes_only_sockets);
	tcase_add_loop_test(tc, parent_keeps_the_locks_of_inherited_files_only_as_told, 0, 2);
	tcase_add_loop_test_unless(tc, no_filters(), parent_keeps_few_rights, 0, 2);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
