/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the system calls of each kind of thread, in child processes. */
#define _GNU_SOURCE
#include <config.h>

#include <fcntl.h>
#include <linux/io_uring.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/thread_calls.h"
#include "log.h"
#include "util.h"

/* Kinds of threads, besides those of thread_calls.h */
#define PROCESS 100
#define RECEIVING 101	/* before a source is read */

static int error_of(long rc)
{
	return rc < 0 ? errno : 0;
}

/* ------------------------------------------------------------------ what is tried */

static int run_program(void)
{
	char name[] = "true";
	char *const argv[] = { name, NULL };

	return error_of(execv("/bin/true", argv));
}

static int make_process(void)
{
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	return error_of(pid);
}

static int map_code(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
	       MAP_FAILED ? errno : 0;
}

static int turn_into_code(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return page == MAP_FAILED ? 98 : error_of(mprotect(page, 4096, PROT_READ | PROT_EXEC));
}

static int trace_parent(void)
{
	return error_of(ptrace(PTRACE_ATTACH, getppid(), NULL, NULL));
}

static int signal_parent(void)
{
	return error_of(kill(getppid(), 0));
}

static int make_packet_socket(void)
{
	return error_of(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
}

static int type_into_a_terminal(void)
{
	return error_of(ioctl(STDIN_FILENO, TIOCSTI, "x"));
}

static unsigned long modes;	/* the request of use_modes() */

/* Permitted: EBADF. */
static int use_modes(void)
{
	return error_of(ioctl(-1, modes, NULL));
}

static int make_namespace(void)
{
	return error_of(unshare(CLONE_NEWUSER));
}

static int mount_a_folder(void)
{
	return error_of(mount("/", "/", NULL, MS_BIND, NULL));
}

static int load_program(void)
{
#ifdef SYS_bpf
	return error_of(syscall(SYS_bpf, 0, NULL, 0));
#else
	return EPERM;
#endif
}

static int open_file(void)
{
	return error_of(open("/dev/null", O_RDWR | O_CLOEXEC));
}

static int make_socket(void)
{
	return error_of(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

static int make_ring(void)
{
	struct io_uring_params params = { 0 };

	return error_of(syscall(SYS_io_uring_setup, 4, &params));
}

static int make_memfd(void)
{
	return error_of(memfd_create("test", MFD_CLOEXEC));
}

static int remove_file(void)
{
	return error_of(unlink("/no/such/file"));
}

/* An operation of KVM, which this file does not have. */
static int call_kvm(void)
{
	return error_of(ioctl(STDERR_FILENO, 0xae80, 0));
}

static int receive_message(void)
{
	struct msghdr message = { .msg_iovlen = 0 };

	return error_of(recvmsg(STDERR_FILENO, &message, MSG_DONTWAIT));
}

static int map_memory(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return page == MAP_FAILED ? errno : error_of(munmap(page, 4096));
}

static int limit_parent(void)
{
	const struct rlimit none = { RLIM_INFINITY, RLIM_INFINITY };

	return error_of(prlimit(getppid(), RLIMIT_CPU, &none, NULL));
}

static int limit_itself(void)
{
	struct rlimit limit;

	return error_of(getrlimit(RLIMIT_CPU, &limit)) || error_of(setrlimit(RLIMIT_CPU, &limit));
}

static int own_for_parent(void)
{
	return error_of(fcntl(STDIN_FILENO, F_SETOWN, getppid()));
}

static int choose_a_signal(void)
{
	return error_of(fcntl(STDIN_FILENO, F_SETSIG, SIGKILL));
}

static int signal_when_ready(void)
{
	return error_of(fcntl(STDIN_FILENO, F_SETFL, O_ASYNC));
}

static int set_user_id_bit(void)
{
	return error_of(chmod("/no/such/file", 04755));
}

static int change_mode(void)
{
	return error_of(chmod("/no/such/file", 0660));
}

static int change_mode_in_folder(void)
{
	return error_of(fchmodat(AT_FDCWD, "/no/such/file", 0666, 0));
}

static int change_mode_of_descriptor(void)
{
	return error_of(fchmod(STDIN_FILENO, 04755));
}

static int make_private_socket(void)
{
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return error_of(fd) || error_of(fchmod(fd, 0600));
}

static int change_owner(void)
{
	return error_of(fchownat(AT_FDCWD, "/no/such/file", 12, 34, 0));
}

static int change_group(void)
{
	return error_of(fchownat(AT_FDCWD, "/no/such/file", (uid_t)-1, 34, 0));
}

static int change_to_other_group(void)
{
	return error_of(fchownat(AT_FDCWD, "/no/such/file", (uid_t)-1, 35, 0));
}

static int reach_netfilter(void)
{
	return error_of(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER));
}

static int read_addresses(void)
{
	return error_of(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
}

/* To find out whether a tap interface exists. */
static int find_interface(void)
{
	return if_nametoindex("lo") ? 0 : errno;
}

static int survive_parent(void)
{
	return error_of(prctl(PR_SET_PDEATHSIG, 0));
}

static int end_with_parent(void)
{
	return error_of(prctl(PR_SET_PDEATHSIG, SIGKILL));
}

static int become_another(void)
{
	return error_of(setresgid((gid_t)-1, (gid_t)-1, (gid_t)-1));
}

/* As for the machine that has arrived. */
static int filter_again(void)
{
	static struct confine_plan next = CONFINE_PLAN_INIT;
	const struct vmm_call_needs needs = { .folder = false };
	struct vmm_socket_calls sockets;

	next.action = CALL_FILTER_FAIL;
	vmm_process_calls(&next, &needs, &sockets);
	return confine_execute(&next, CONFINE_FILTER, NULL) < 0 || !next.filtered ? EPERM :
	       open_file();
}

static int stream[2];	/* the standard error of the child */

static int log_a_line(void)
{
	char line[64];

	prog_log(VSU_LOG_WARNING, NULL, "text");
	return error_of(read(stream[0], line, sizeof(line)));
}

/* ------------------------------------------------------------------------ claims */

struct attempt {
	int kind, (*fn)(void), error;
	struct vmm_call_needs needs;
};

static struct confine_plan plan = CONFINE_PLAN_INIT;

/* Runs in the child, in a thread of that kind. */
static void *attempt_main(void *arg)
{
	const struct attempt *a = arg;

	if (a->kind < PROCESS &&
	    confine_thread(&plan, vmm_thread_calls((enum vmm_thread)a->kind), NULL) < 0)
		_exit(97);
	_exit(a->fn());
}

static int child_main(const struct attempt *a, enum call_filter_action action)
{
	struct vmm_socket_calls sockets;
	pthread_t thread;
	void *result;

	if (pipe2(stream, O_CLOEXEC | O_NONBLOCK) < 0 || dup2(stream[1], STDERR_FILENO) < 0)
		return 94;
	plan.action = action;
	if (a->kind == RECEIVING)
		vmm_receiving_calls(&plan, &a->needs, false, &sockets);
	else
		vmm_process_calls(&plan, &a->needs, &sockets);
	if (confine_execute(&plan, CONFINE_FILTER, NULL) < 0 ||
	    pthread_create(&thread, NULL, attempt_main, (void *)(uintptr_t)a))
		return 96;
	pthread_join(thread, &result);
	return 95;
}

static int result_of(const struct attempt *a, enum call_filter_action action)
{
	int status;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (!pid)
		_exit(child_main(a, action));
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static int (*const never[])(void) = {
	run_program, make_process, map_code, turn_into_code, trace_parent, signal_parent,
	make_packet_socket, type_into_a_terminal, make_namespace, mount_a_folder, load_program,
	become_another,
};

static int (*const others[])(void) = {
	limit_parent, own_for_parent, choose_a_signal, signal_when_ready, survive_parent,
};

static int (*const attributes[])(void) = {
	set_user_id_bit, change_mode, change_mode_in_folder, change_mode_of_descriptor,
	change_owner, change_group,
};

static const int kinds[] = { RECEIVING, PROCESS, VMM_THREAD_CPU, VMM_THREAD_SIGNALS };

static void assert_refused_everywhere(int (*fn)(void))
{
	struct attempt a = { .fn = fn };
	unsigned int i;

	for_rows(i, COUNT(kinds)) {
		a.kind = kinds[i];
		ck_assert_int_eq(result_of(&a, CALL_FILTER_FAIL), EPERM);
	}
}

START_TEST(no_thread_executes_traces_or_loads_code)
{
	assert_refused_everywhere(never[_i]);
}
END_TEST

START_TEST(e0_01_no_thread_affects_another_process)
{
	assert_refused_everywhere(others[_i]);
}
END_TEST

START_TEST(e0_02_no_thread_changes_attributes_of_files)
{
	assert_refused_everywhere(attributes[_i]);
}
END_TEST

START_TEST(e0_04_no_thread_speaks_other_protocols_of_netlink)
{
	assert_refused_everywhere(reach_netfilter);
}
END_TEST

/* TCGETS and others, and those of glibc from 2.42 on: TCGETS2 and others. */
static const unsigned long terminals[] = {
	0x5401, 0x5402, 0x5403, 0x5404, 0x802c542a, 0x402c542b, 0x402c542c, 0x402c542d,
	0x540b, 0x540f,
};

START_TEST(modes_of_a_terminal_are_set_with_each_c_library)
{
	struct attempt a = { .fn = use_modes };
	unsigned int i;

	modes = terminals[_i];
	for_rows(i, COUNT(kinds)) {
		a.kind = kinds[i];
		ck_assert_int_eq(result_of(&a, CALL_FILTER_FAIL), a.kind == VMM_THREAD_CPU ? EPERM : EBADF);
	}
}
END_TEST

#define NOTHING { .folder = false }

static const struct attempt narrow[] = {
	{ VMM_THREAD_CPU, open_file, EPERM, NOTHING },
	{ VMM_THREAD_CPU, make_socket, EPERM, NOTHING },
	{ VMM_THREAD_CPU, make_ring, EPERM, NOTHING },
	{ VMM_THREAD_CPU, make_memfd, EPERM, NOTHING },
	{ VMM_THREAD_CPU, remove_file, EPERM, NOTHING },
	{ VMM_THREAD_SIGNALS, open_file, EPERM, NOTHING },
	{ VMM_THREAD_SIGNALS, make_socket, EPERM, NOTHING },
	{ VMM_THREAD_SIGNALS, make_memfd, EPERM, NOTHING },
	{ VMM_THREAD_SIGNALS, call_kvm, EPERM, NOTHING },
	{ VMM_THREAD_SIGNALS, receive_message, EPERM, NOTHING },
};

START_TEST(threads_of_few_calls_make_no_others)
{
	ck_assert_int_eq(result_of(&narrow[_i], CALL_FILTER_FAIL), narrow[_i].error);
}
END_TEST

static const struct vsu_sock_access shared = { .mode = 0660, .group = 34 };

static const struct attempt needed[] = {
	{ PROCESS, change_mode_in_folder, ENOENT, { .folder = true } },
	{ PROCESS, change_owner, ENOENT, { .folder = true } },
	{ PROCESS, become_another, 0, { .user = true } },
	{ PROCESS, change_mode, ENOENT, { .sockets = &shared } },
	{ PROCESS, set_user_id_bit, EPERM, { .sockets = &shared } },
	{ PROCESS, change_group, ENOENT, { .sockets = &shared } },
	{ PROCESS, change_to_other_group, EPERM, { .sockets = &shared } },
	{ PROCESS, change_owner, EPERM, { .sockets = &shared } },
};

START_TEST(e0_02_options_permit_what_they_need)
{
	ck_assert_int_eq(result_of(&needed[_i], CALL_FILTER_FAIL), needed[_i].error);
}
END_TEST

static const struct attempt permitted[] = {
	{ RECEIVING, open_file, 0, NOTHING },
	{ RECEIVING, filter_again, 0, NOTHING },
	{ PROCESS, limit_itself, 0, NOTHING },
	{ PROCESS, make_private_socket, 0, NOTHING },
	{ PROCESS, read_addresses, 0, NOTHING },
	{ PROCESS, find_interface, 0, NOTHING },
	{ PROCESS, end_with_parent, 0, NOTHING },
	{ PROCESS, open_file, 0, NOTHING },
	{ PROCESS, make_socket, 0, NOTHING },
	{ PROCESS, make_memfd, 0, NOTHING },
	{ PROCESS, remove_file, ENOENT, NOTHING },
	{ PROCESS, map_memory, 0, NOTHING },
	{ PROCESS, log_a_line, 0, NOTHING },
	{ VMM_THREAD_CPU, map_memory, 0, NOTHING },
	{ VMM_THREAD_CPU, log_a_line, 0, NOTHING },
	{ VMM_THREAD_CPU, call_kvm, ENOTTY, NOTHING },
	{ VMM_THREAD_CPU, receive_message, ENOTSOCK, NOTHING },
	{ VMM_THREAD_SIGNALS, map_memory, 0, NOTHING },
};

START_TEST(calls_of_a_kind_of_thread_are_permitted)
{
	ck_assert_int_eq(result_of(&permitted[_i], CALL_FILTER_FAIL), permitted[_i].error);
}
END_TEST

START_TEST(logged_calls_are_executed)
{
	const struct attempt a = { .kind = VMM_THREAD_CPU, .fn = open_file };

	ck_assert_int_eq(result_of(&a, CALL_FILTER_LOG), 0);
}
END_TEST

/* In a child: a filter is permanent. */
static bool has_filters(void)
{
	static const struct call_table *const none[] = { NULL };
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(confine_new_privileges(NULL) < 0 ||
		      call_filter_load(CALL_FILTER_LOG, none, true, NULL) < 0);
	return waitpid(pid, &status, 0) == pid && status == 0;
}

int main(void)
{
	Suite *suite = suite_create("call filters");
	TCase *tc = tcase_create("threads");

	if (has_filters()) {
		tcase_add_loop_test(tc, no_thread_executes_traces_or_loads_code, 0,
				    (int)COUNT(never));
		tcase_add_loop_test(tc, e0_01_no_thread_affects_another_process, 0, (int)COUNT(others));
		tcase_add_loop_test(tc, e0_02_no_thread_changes_attributes_of_files, 0,
				    (int)COUNT(attributes));
		tcase_add_test(tc, e0_04_no_thread_speaks_other_protocols_of_netlink);
		tcase_add_loop_test(tc, modes_of_a_terminal_are_set_with_each_c_library, 0,
				    (int)COUNT(terminals));
		tcase_add_loop_test(tc, threads_of_few_calls_make_no_others, 0,
				    (int)COUNT(narrow));
		tcase_add_loop_test(tc, e0_02_options_permit_what_they_need, 0, (int)COUNT(needed));
		tcase_add_loop_test(tc, calls_of_a_kind_of_thread_are_permitted, 0,
				    (int)COUNT(permitted));
	}
	tcase_add_test(tc, logged_calls_are_executed);	/* also where no filter is possible */
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
