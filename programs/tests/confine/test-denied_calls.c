/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the calls that a program of another project cannot make. */
#define _GNU_SOURCE
#include <config.h>

#include <check.h>
#include <asm/sockios.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/msg.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "../../../tests/support/suite.h"
#include "confine/denied_calls.h"
#include "confine/privileges.h"

static int listener = -1;
static struct sockaddr_un address;
static socklen_t len = sizeof(address);

static long make_socket(void) { return socket(AF_INET, SOCK_DGRAM, 0); }

static long make_pair(void)
{
	int pair[2];

	return socketpair(AF_UNIX, SOCK_DGRAM, 0, pair);
}

static long connect_again(void) { return connect(listener, (struct sockaddr *)&address, len); }
static long bind_again(void) { return bind(listener, (struct sockaddr *)&address, len); }
static long use_ring(void) { return syscall(SYS_io_uring_setup, 1, NULL); }
static long send_signal(void) { return kill(getppid(), 0); }
static long send_signal_to_thread(void) { return syscall(SYS_tkill, getppid(), 0); }
static long send_signal_to_group(void) { return syscall(SYS_tgkill, getppid(), getppid(), 0); }

static long queue_signal(void)
{
	const siginfo_t info = { .si_code = SI_QUEUE };

	return syscall(SYS_rt_sigqueueinfo, getppid(), 0, &info);
}

static long find_process(void) { return syscall(SYS_pidfd_open, getppid(), 0); }
static long trace_parent(void) { return ptrace(PTRACE_SEIZE, getppid(), NULL, NULL); }
static long leave_users(void) { return unshare(CLONE_NEWUSER); }

static long clone_users(void) { return syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, 0); }

static long limit_parent(void) { return syscall(SYS_prlimit64, getppid(), 0, NULL, NULL); }
static long own_descriptor(void) { return fcntl(listener, F_SETOWN, getppid()); }

static long own_descriptor_by_kind(void)
{
	const struct f_owner_ex owner = { F_OWNER_PID, getppid() };

	return fcntl(listener, F_SETOWN_EX, &owner);
}

/* The kernel ignores this bit of an argument that is an int. */
#define UNSEEN ((unsigned long)(UINT64_C(1) << 32))
static long own_descriptor_wide(void) { return syscall(SYS_fcntl, listener, F_SETOWN | UNSEEN, getppid()); }
static long choose_death_wide(void) { return syscall(SYS_prctl, PR_SET_PDEATHSIG | UNSEEN, SIGKILL, 0, 0, 0); }

static long request_owner_wide(void)
{
	const int value = getppid();

	return syscall(SYS_ioctl, listener, FIOSETOWN | UNSEEN, &value);
}

static long change_priority(void) { return setpriority(PRIO_PROCESS, (id_t)getppid(), 0); }
static long change_io_priority(void) { return syscall(SYS_ioprio_set, 1, getppid(), 0); }

/* They change the own group, which is that of this test, not all processes of the user. */
static long change_priority_of_group(void) { return setpriority(PRIO_PGRP, 0, 0); }
static long change_io_priority_of_group(void) { return syscall(SYS_ioprio_set, 2, 0, 0); }

/* Objects of other processes are found by numbers, without a key. */
static long remove_shared_memory(void) { return shmctl(-1, IPC_RMID, NULL); }
static long remove_semaphores(void) { return semctl(-1, 0, IPC_RMID); }
static long remove_messages(void) { return msgctl(-1, IPC_RMID, NULL); }
static long remove_queue(void) { return syscall(SYS_mq_unlink, "absent"); }

static long change_semaphores(void)
{
	struct sembuf change = { .sem_op = 1 };

	return semop(-1, &change, 1);
}

static long change_semaphores_in_time(void)
{
	const struct timespec limit = { 0, 0 };
	struct sembuf change = { .sem_op = 1 };

	return semtimedop(-1, &change, 1, &limit);
}

static long send_message(void)
{
	const struct { long type; char text[1]; } message = { 1, "" };

	return msgsnd(-1, &message, 1, IPC_NOWAIT);
}

static long receive_message(void)
{
	struct { long type; char text[1]; } message;

	return msgrcv(-1, &message, 1, 0, IPC_NOWAIT);
}

static long change_processors(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(0, &set);
	return sched_setaffinity(getppid(), sizeof(set), &set);
}

static long change_policy(void)
{
	const struct sched_param param = { 0 };

	return sched_setscheduler(getppid(), SCHED_OTHER, &param);
}

static long set_attribute(void) { return setxattr("/", "user.cvmm", "1", 1, 0); }
static long set_attribute_of_file(void) { return fsetxattr(listener, "user.cvmm", "1", 1, 0); }
static long remove_attribute(void) { return lremovexattr("/", "user.cvmm"); }
static long change_times(void) { return utimensat(AT_FDCWD, "/", NULL, 0); }

static long choose_signal(void) { return fcntl(listener, F_SETSIG, SIGKILL); }
static long send_signals(void) { return fcntl(listener, F_SETFL, O_ASYNC | O_NONBLOCK); }

static long request_signals(unsigned long request)
{
	const int value = getppid();

	return ioctl(listener, request, &value);
}

static long request_signals_of_any(void) { return request_signals(FIOASYNC); }
static long request_owner(void) { return request_signals(FIOSETOWN); }
static long request_group(void) { return request_signals(SIOCSPGRP); }
static long choose_death(void) { return prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0); }
static long change_mode(void) { return fchmodat(AT_FDCWD, "/", 0755, 0); }
static long change_mode_of_any(void) { return syscall(452, AT_FDCWD, "/", 0755, 0); }
static long change_mode_of_file(void) { return fchmod(listener, 0755); }
static long change_owner(void) { return fchownat(AT_FDCWD, "/", (uid_t)-1, (gid_t)-1, 0); }
static long change_owner_of_file(void) { return fchown(listener, (uid_t)-1, (gid_t)-1); }

static long (*const denied[])(void) = {
	make_socket, make_pair, connect_again, bind_again, use_ring, send_signal,
	send_signal_to_thread, send_signal_to_group, queue_signal, find_process, trace_parent,
	leave_users, clone_users, limit_parent, own_descriptor, own_descriptor_by_kind,
	choose_signal, send_signals, request_signals_of_any, request_owner, request_group, choose_death,
	own_descriptor_wide, choose_death_wide, request_owner_wide, change_priority, change_io_priority,
	change_processors, change_policy, set_attribute, set_attribute_of_file, remove_attribute, change_times,
	change_mode, change_mode_of_any, change_mode_of_file, change_owner, change_owner_of_file,
	change_priority_of_group, change_io_priority_of_group, remove_shared_memory, remove_semaphores,
	remove_messages, remove_queue, change_semaphores, change_semaphores_in_time, send_message,
	receive_message,
};

/* A name that the kernel chooses. */
static void listen_somewhere(void)
{
	address.sun_family = AF_UNIX;
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, sizeof(address.sun_family)), 0);
	ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&address, &len), 0);
	ck_assert_int_eq(listen(listener, 1), 0);
}

static int status_of(int (*fn)(int), int given)
{
	const pid_t pid = fork();
	int status;

	if (!pid) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || confine_deny_calls() < 0)
			_exit(100);
		_exit(fn(given));
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return status;
}

static int is_denied(int i)
{
	return denied[i]() == -1 && errno == EPERM ? 0 : 1;
}

START_TEST(e0_01_other_processes_and_hosts_are_out_of_reach)
{
	listen_somewhere();
	ck_assert_int_eq(status_of(is_denied, _i), 0);
	close(listener);
}
END_TEST

static int accept_one(int fd)
{
	(void)fd;
	return accept4(listener, NULL, NULL, SOCK_CLOEXEC) < 0 ? 1 : 0;
}

START_TEST(connections_are_accepted)
{
	int sock;

	listen_somewhere();
	sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(connect(sock, (struct sockaddr *)&address, len), 0);
	ck_assert_int_eq(status_of(accept_one, listener), 0);
	close(sock);
	close(listener);
}
END_TEST

static int signal_itself(int unused)
{
	(void)unused;
	signal(SIGUSR1, SIG_IGN);
	return raise(SIGUSR1);
}

START_TEST(process_signals_itself)
{
	ck_assert_int_eq(status_of(signal_itself, 0), 0);
}
END_TEST

static int use_own(int fd)
{
	struct rlimit limit;

	return getrlimit(RLIMIT_NOFILE, &limit) < 0 || fcntl(fd, F_SETFL, O_NONBLOCK) < 0 ||
	       setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0)) < 0 ||
	       syscall(SYS_ioprio_set, 1, 0, 0) < 0;
}

START_TEST(own_limits_and_flags_remain)
{
	listen_somewhere();
	ck_assert_int_eq(status_of(use_own, listener), 0);
	close(listener);
}
END_TEST

static int execute(int unused)
{
	(void)unused;
	execl("/bin/sh", "sh", "-c", "exit 7", (char *)NULL);
	return 1;
}

START_TEST(programs_are_executed)
{
	const int status = status_of(execute, 0);

	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 7);
}
END_TEST

#ifndef UNDER_SANITIZER
/* The parent starts programs, which make sockets and namespaces, but reads no other process. */
static int act_as_parent(void)
{
	int status = 1;
	pid_t child;

	confine_restrict_parent();
	if (prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0 || prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return 1;
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != -1 || errno != EPERM)
		return 2;
	if (socket(AF_UNIX, SOCK_STREAM, 0) < 0)
		return 3;
	child = fork();
	if (!child)
		execl("/bin/true", "true", (char *)NULL);
	return waitpid(child, &status, 0) != child || status ? 4 : 0;
}

START_TEST(parent_of_daemons_starts_them_and_reads_no_process)
{
	const pid_t pid = fork();
	int status;

	if (!pid)
		_exit(act_as_parent());
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}
END_TEST
#endif

#ifdef __x86_64__
static int call_x32(int unused)
{
	(void)unused;
	syscall(0x40000000L + SYS_getpid);
	return 0;
}

START_TEST(calls_of_another_abi_kill_the_process)
{
	const int status = status_of(call_x32, 0);

	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
}
END_TEST
#endif

int main(void)
{
	Suite *s = suite_create("denied_calls");
	TCase *tc = tcase_create("denied_calls");

	tcase_add_loop_test(tc, e0_01_other_processes_and_hosts_are_out_of_reach, 0,
			    sizeof(denied) / sizeof(denied[0]));
	tcase_add_test(tc, connections_are_accepted);
	tcase_add_test(tc, process_signals_itself);
	tcase_add_test(tc, own_limits_and_flags_remain);
	tcase_add_test(tc, programs_are_executed);
#ifndef UNDER_SANITIZER
	tcase_add_test(tc, parent_of_daemons_starts_them_and_reads_no_process);
#endif
#ifdef __x86_64__
	tcase_add_test(tc, calls_of_another_abi_kill_the_process);
#endif
	suite_add_tcase(s, tc);
	return run_suite(s);
}
