/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Tests of the rights that remain to a confined daemon. */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/fs.h>
#include <linux/io_uring.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <vmm-sys-util/foreign.h>

#include "../../tests/support/suite.h"
#include "confine/privileges.h"
#include "plan.h"

static int confine_calls(enum daemon_filter how, const struct daemon_rights *needs)
{
	struct daemon_rights rights = *needs;
	struct confine_plan plan;

	rights.filter = how;
	return daemon_plan_make(&plan, &rights, NULL) < 0 ? -1 :
	       confine_execute(&plan, CONFINE_FILTER, NULL);
}

/* Runs fn in a child: its exit status, or -1 minus the number of the signal. */
static int in_child_with(int (*fn)(void), enum daemon_filter how,
			 const struct daemon_rights *needs)
{
	int status;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (!pid)
		_exit(confine_calls(how, needs) < 0 ? 99 : fn());
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1 - WTERMSIG(status);
}

static const struct daemon_rights nothing_more;

static int in_child(int (*fn)(void), enum daemon_filter how)
{
	return in_child_with(fn, how, &nothing_more);
}

static int error_of(bool failed)
{
	return failed ? errno : 0;
}

static int run_program(void)
{
	char name[] = "true";
	char *const argv[] = { name, NULL };

	return error_of(execv("/bin/true", argv) < 0);
}

static int make_process(void)
{
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	return error_of(pid < 0);
}

static int reach_network(void)
{
	return error_of(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) < 0);
}

static int reach_the_host(void)
{
	const struct sockaddr_un name = { .sun_family = AF_UNIX,
					  .sun_path = "/tmp/s" };

	return error_of(connect(STDIN_FILENO, (const struct sockaddr *)&name,
				sizeof(name)) < 0);
}

static int map_code(void)
{
	return error_of(mmap(NULL, 4096, PROT_WRITE | PROT_EXEC,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED);
}

static int turn_into_code(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return page == MAP_FAILED ? 98 :
	       error_of(mprotect(page, 4096, PROT_READ | PROT_EXEC) < 0);
}

static int look_into_another(void)
{
	return error_of(ptrace(PTRACE_ATTACH, getppid(), NULL, NULL) < 0);
}

static int send_a_signal(void)
{
	return error_of(kill(getppid(), 0) < 0);
}

static int make_ring(void)
{
	struct io_uring_params params = { 0 };

	return error_of(syscall(SYS_io_uring_setup, 4, &params) < 0);
}

static int change_a_ring(void)
{
	return error_of(syscall(SYS_io_uring_register, -1,
				IORING_UNREGISTER_FILES, NULL, 0) < 0);
}

static int submit_to_a_ring(void)
{
	return error_of(syscall(SYS_io_uring_enter, -1, 1, 0, 0, NULL, 0) < 0);
}

static int signal_a_thread_of_another(void)
{
	return error_of(syscall(SYS_tgkill, getppid(), getppid(), 0) < 0);
}

static int catch_page_faults(void)
{
	return error_of(syscall(SYS_userfaultfd, O_CLOEXEC) < 0);
}

static int ask_for_page_faults(void)
{
	struct uffdio_api api = { .api = UFFD_API };

	return error_of(ioctl(STDIN_FILENO, UFFDIO_API, &api) < 0);
}

static int own_a_descriptor(void)
{
	return error_of(fcntl(STDIN_FILENO, F_SETOWN, getppid()) < 0);
}

static int choose_a_signal(void)
{
	return error_of(fcntl(STDIN_FILENO, F_SETSIG, SIGKILL) < 0);
}

static int signal_when_ready(void)
{
	return error_of(fcntl(STDIN_FILENO, F_SETFL, O_ASYNC | O_NONBLOCK) < 0);
}

static int (*const refused[])(void) = {
	run_program, make_process, reach_network, reach_the_host, map_code,
	turn_into_code, look_into_another, send_a_signal, make_ring,
	change_a_ring, submit_to_a_ring, signal_a_thread_of_another,
	catch_page_faults, ask_for_page_faults,
};

static int (*const signalling[])(void) = {
	own_a_descriptor, choose_a_signal, signal_when_ready,
};

START_TEST(e0_01_descriptor_does_not_signal_another_process)
{
	ck_assert_int_eq(in_child(signalling[_i], DAEMON_FILTER_ON), EPERM);
	ck_assert_int_eq(in_child(signalling[_i], DAEMON_FILTER_KILL), -1 - SIGSYS);
}
END_TEST

START_TEST(calls_not_needed_for_serving_fail)
{
	ck_assert_int_eq(in_child(refused[_i], DAEMON_FILTER_ON), EPERM);
}
END_TEST

START_TEST(forbidden_call_kills_if_configured)
{
	ck_assert_int_eq(in_child(refused[_i], DAEMON_FILTER_KILL), -1 - SIGSYS);
}
END_TEST

START_TEST(filter_that_is_off_refuses_nothing)
{
	ck_assert_int_eq(in_child(map_code, DAEMON_FILTER_OFF), 0);
}
END_TEST

START_TEST(daemon_may_permit_additional_calls)
{
	static const char *const more[] = { "socket", "_llseek", NULL };
	static const struct call_table calls = { more, NULL };
	static const struct daemon_rights needs = { .calls = &calls };

	ck_assert_int_eq(in_child_with(reach_network, DAEMON_FILTER_KILL, &needs), 0);
}
END_TEST

static int own_folder(void)
{
	return unshare(CLONE_FS) < 0 ? errno : 0;
}

static int own_users(void)
{
	return unshare(CLONE_FS | CLONE_NEWUSER) < 0 ? errno : 0;
}

START_TEST(own_working_directory_needs_no_namespace)
{
	ck_assert_int_eq(in_child(own_folder, DAEMON_FILTER_KILL), 0);
	ck_assert_int_eq(in_child(own_users, DAEMON_FILTER_ON), EPERM);
}
END_TEST

/* The filter permits the request; this user may still lack the permission. */
static int catch_or_be_refused(void)
{
	struct uffdio_api api = { .api = UFFD_API };

	return syscall(SYS_userfaultfd, O_CLOEXEC) < 0 && errno == ENOSYS ?
	       97 : ioctl(STDIN_FILENO, UFFDIO_API, &api) == 0;
}

START_TEST(daemon_that_waits_for_pages_may_catch_their_faults)
{
	static const struct daemon_rights needs = { .postcopy = true };

	ck_assert_int_eq(in_child_with(catch_or_be_refused, DAEMON_FILTER_KILL, &needs), 0);
}
END_TEST

static int signal_own_thread(void)
{
	return syscall(SYS_tgkill, getpid(), (pid_t)syscall(SYS_gettid), 0) < 0;
}

static void *do_nothing(void *arg)
{
	return arg;
}

static int use_both(void)
{
	pthread_t id;
	char *memory = malloc(1 << 20);

	memset(memory, 1, 1 << 20);
	memory = realloc(memory, 8 << 20);
	if (!memory || pthread_create(&id, NULL, do_nothing, NULL) ||
	    pthread_join(id, NULL))
		return 1;
	free(memory);
	return 0;
}

/* A peer may send a descriptor of an unexpected kind. */
static int close_a_stranger(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct vsu_closer *closer;

	if (fd < 0 || vsu_closer_new(&closer, NULL) < 0 ||
	    confine_calls(DAEMON_FILTER_KILL, &nothing_more) < 0)
		return 99;
	vsu_foreign_close(closer, &fd);
	vsu_closer_stop(closer);
	while (vsu_closer_turn(closer) > 0)
		;
	return vsu_closer_waiting(closer) ? 1 : 0;
}

static int measure_a_device(void)
{
	uint64_t bytes;

	return ioctl(STDIN_FILENO, BLKGETSIZE64, &bytes) == 0;
}

/* State is written to a pipe whose reader may have exited, and read from a socket. */
static int move_state(void)
{
	static const struct timespec now = { 0, 0 };
	sigset_t pipe_set, pending;
	char byte;

	sigemptyset(&pipe_set);
	sigaddset(&pipe_set, SIGPIPE);
	return sigpending(&pending) < 0 ||
	       sigtimedwait(&pipe_set, NULL, &now) != -1 || errno != EAGAIN ||
	       recv(STDIN_FILENO, &byte, 1, MSG_DONTWAIT) != -1;
}

static int compare(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static int sort_regions(void)
{
	static int numbers[100000];
	int i;

	for (i = 0; i < 100000; i++)
		numbers[i] = i * 31 % 1009;
	qsort(numbers, 100000, sizeof(*numbers), compare);
	return numbers[99999] != 1008;
}

static int lock_and_duplicate(void)
{
	struct flock whole = { .l_type = F_RDLCK };
	int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING), other;
	int flags = fcntl(fd, F_GETFL);

	other = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	return fd < 0 || flags < 0 || other < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
	       fcntl(fd, F_OFD_SETLK, &whole) < 0 || fcntl(fd, F_SETLK, &whole) < 0 ||
	       fcntl(fd, F_ADD_SEALS, F_SEAL_GROW) < 0 || fcntl(fd, F_SETFD, 0) < 0;
}

static int (*const allowed[])(void) = {
	lock_and_duplicate, use_both, measure_a_device, move_state, sort_regions,
	signal_own_thread,
};

START_TEST(calls_needed_for_serving_are_permitted)
{
	ck_assert_int_eq(in_child(allowed[_i], DAEMON_FILTER_KILL), 0);
}
END_TEST

START_TEST(sockets_of_peers_are_closed_without_a_report)
{
	ck_assert_int_eq(in_child(close_a_stranger, DAEMON_FILTER_OFF), 0);
}
END_TEST

static void *wait_for_start(void *arg)
{
	char byte;

	return read(*(int *)arg, &byte, 1) == 1 && map_code() == EPERM ? arg :
	       NULL;
}

/* A thread that existed before the filter. */
static int in_another_thread(void)
{
	int ends[2];
	pthread_t id;
	void *result;

	if (pipe(ends) < 0 ||
	    pthread_create(&id, NULL, wait_for_start, &ends[0]) ||
	    confine_calls(DAEMON_FILTER_ON, &nothing_more) < 0 ||
	    write(ends[1], "", 1) != 1 || pthread_join(id, &result))
		return 1;
	return result ? 0 : 2;
}

START_TEST(all_threads_are_confined)
{
	ck_assert_int_eq(in_child(in_another_thread, DAEMON_FILTER_OFF), 0);
}
END_TEST

START_TEST(privileges_cannot_be_regained)
{
	struct confine_plan plan = CONFINE_PLAN_INIT;
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(confine_user_find(&plan, "nobody", CONFINE_CLOSE, NULL) < 0 ||
		      confine_execute(&plan, CONFINE_CLOSE, NULL) < 0 || !getuid() || !getgid() ||
		      setuid(0) == 0 || getgroups(0, NULL) != 0 ||
		      prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}
END_TEST

/* 0: the process can be traced and dumped; 1: neither; others: a mixture. */
static int forbids_tracing(enum daemon_filter filter)
{
	const struct daemon_rights rights = { .filter = filter };
	struct rlimit cores = { 1, 1 };
	struct confine_plan plan;
	int traced;

	if (daemon_plan_make(&plan, &rights, NULL) < 0 ||
	    confine_execute(&plan, CONFINE_CLOSE, NULL) < 0 || getrlimit(RLIMIT_CORE, &cores) < 0)
		return 99;
	traced = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
#ifdef UNDER_SANITIZER
	traced = cores.rlim_max != 0;	/* its search for leaks traces the process */
#endif
	return traced == (cores.rlim_max != 0) ? !traced : 98;
}

START_TEST(daemon_is_neither_traced_nor_dumped_unless_its_filter_is_off)
{
	static const enum daemon_filter filters[] = {
		DAEMON_FILTER_ON, DAEMON_FILTER_KILL, DAEMON_FILTER_PRESET, DAEMON_FILTER_OFF,
	};
	const struct rlimit cores = { 4096, 4096 };
	int status;
	pid_t pid = fork();

	if (!pid) {	/* a descendant of a limited process cannot raise it */
		prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
		_exit(setrlimit(RLIMIT_CORE, &cores) < 0 ? 97 : forbids_tracing(filters[_i]));
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	if (WEXITSTATUS(status) != 97)
		ck_assert_int_eq(WEXITSTATUS(status), filters[_i] != DAEMON_FILTER_OFF);
}
END_TEST

/* With all its capabilities. */
static int keeps_groups(void)
{
	const struct daemon_rights rights = { .user = NULL };
	const gid_t group = 1234;
	struct confine_plan plan;

	if (setgroups(1, &group) < 0)
		return 97;
	return daemon_plan_make(&plan, &rights, NULL) < 0 ||
	       confine_execute(&plan, CONFINE_CLOSE, NULL) < 0 ? 99 : getgroups(0, NULL);
}

START_TEST(groups_of_root_are_dropped_without_a_folder_and_user)
{
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(keeps_groups());
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 97);
}
END_TEST

START_TEST(missing_user_is_named)
{
	const struct daemon_rights rights = { .user = "no-such-user" };
	struct vsu_error err = VSU_ERROR_INIT;
	struct confine_plan plan;

	ck_assert_int_eq(daemon_plan_make(&plan, &rights, &err), -ENOENT);
	ck_assert_str_eq(err.msg, "--user: this host has no user 'no-such-user'");
}
END_TEST

static void add_filter(TCase *tc)
{
	const int n = sizeof(refused) / sizeof(*refused);

	tcase_add_loop_test(tc, e0_01_descriptor_does_not_signal_another_process, 0,
			    sizeof(signalling) / sizeof(*signalling));
	tcase_add_loop_test(tc, calls_not_needed_for_serving_fail, 0, n);
	tcase_add_loop_test(tc, forbidden_call_kills_if_configured, 0, n);
	tcase_add_test(tc, filter_that_is_off_refuses_nothing);
	tcase_add_test(tc, daemon_may_permit_additional_calls);
	tcase_add_test(tc, own_working_directory_needs_no_namespace);
	tcase_add_test(tc, daemon_that_waits_for_pages_may_catch_their_faults);
	tcase_add_loop_test(tc, calls_needed_for_serving_are_permitted, 0,
			    sizeof(allowed) / sizeof(*allowed));
	tcase_add_test(tc, sockets_of_peers_are_closed_without_a_report);
	tcase_add_test(tc, all_threads_are_confined);
}

/* Called before the tests run. */
static bool filter_works(void)
{
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(confine_calls(DAEMON_FILTER_ON, &nothing_more) < 0);
	return waitpid(pid, &status, 0) == pid && status == 0;
}

int main(void)
{
	Suite *s = suite_create("confine");
	TCase *tc = tcase_create("confine");

	suite_add_tcase(s, tc);
	tcase_add_test(tc, missing_user_is_named);
	tcase_add_loop_test(tc, daemon_is_neither_traced_nor_dumped_unless_its_filter_is_off, 0, 4);
	if (getuid() == 0) {
		tcase_add_test(tc, privileges_cannot_be_regained);
		tcase_add_test(tc, groups_of_root_are_dropped_without_a_folder_and_user);
	} else {
		puts("# left out: becoming another user, and groups, for which root is needed");
	}
	if (filter_works())
		add_filter(tc);
	else
		puts("# left out: the filter, which this build or host has not");
	fflush(stdout);
	return run_suite(s);
}
