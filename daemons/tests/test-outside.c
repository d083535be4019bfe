/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Tests of the access to host files that remains to a daemon without a folder.
 */
#define _GNU_SOURCE
#include <config.h>

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vmm-sys-util/foreign.h>

#include "../../tests/support/no_landlock.h"
#include "../../tests/support/suite.h"
#include "plan.h"

/* Two folders with a file each, and a file without a name (memfd). */
static char top[64];
static char sockets[96], others[96], folders[2][80];
static int file = -1;

/* Fails a claim with its line number, which is the exit status. */
#define HOLDS(condition) do { if (!(condition)) return __LINE__ % 90 + 1; } while (0)

static int finish(pid_t pid)
{
	int status;

	return waitpid(pid, &status, 0) != pid ? -1000 :
	       WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static bool hides_landlock;	/* the next child has a kernel without it */

/* In a child, because the restriction is permanent. */
static int after_leaving(const struct devkind_facts *device, bool postcopy,
			 int (*fn)(void))
{
	const struct daemon_rights r = { .facts = *device, .postcopy = postcopy };
	struct vsu_sock_path where = { .dev = 0 };
	struct confine_plan plan;
	pid_t pid = fork();

	if (pid)
		return finish(pid);
	if (hides_landlock && !landlock_is_hidden())
		_exit(97);
	if (daemon_plan_make(&plan, &r, NULL) < 0)
		_exit(98);
	snprintf(where.path, sizeof(where.path), "%s", sockets);
	if ((!device->sockets[0] && confine_leave_socket(&plan, &where, NULL) != 0) ||
	    daemon_plan_files(&plan, &r, NULL) < 0 || confine_execute(&plan, CONFINE_CLOSE, NULL) < 0)
		_exit(99);
	_exit(fn());
}

static const struct devkind_facts none;

/* A test that succeeds if fn returns 0. */
#define HOLDS_OUTSIDE(claim, fn)					\
START_TEST(claim)							\
{									\
	ck_assert_int_eq(after_leaving(&none, false, fn), 0);		\
}									\
END_TEST

static bool is_refused(int rc)
{
	const bool refused = rc < 0 && errno == EACCES;

	if (rc >= 0)
		close(rc);
	return refused;
}

static int nothing_is_opened(void)
{
	HOLDS(is_refused(open("/etc/passwd", O_RDONLY | O_CLOEXEC)));
	HOLDS(is_refused(open("/dev/null", O_RDWR | O_CLOEXEC)));
	HOLDS(is_refused(open(others, O_RDWR | O_CLOEXEC)));
	HOLDS(is_refused(open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC)));
	HOLDS(is_refused(truncate(others, 0)));
	HOLDS(is_refused(unlink(others)));
	HOLDS(is_refused(mkdir("/tmp/outside.made", 0700)));
	HOLDS(is_refused(open("/proc/1/status", O_RDONLY | O_CLOEXEC)));
	HOLDS(is_refused(open("/proc/self/root/etc/passwd", O_RDONLY | O_CLOEXEC)));
	HOLDS(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
	return 0;
}

HOLDS_OUTSIDE(files_of_the_host_are_not_opened, nothing_is_opened)

static int no_capability_is_left(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct sets[2];

	HOLDS(syscall(SYS_capget, &header, sets) == 0);
	HOLDS(!sets[0].effective && !sets[0].permitted && !sets[1].effective && !sets[1].permitted);
	return 0;
}

HOLDS_OUTSIDE(e0_03_capabilities_of_root_are_dropped, no_capability_is_left)

static int only_files_are_left(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	HOLDS(fd >= 0 && close(fd) == 0);
	return no_capability_is_left();
}

START_TEST(e0_03_capabilities_of_root_are_dropped_without_landlock)
{
	hides_landlock = true;
	ck_assert_int_eq(after_leaving(&none, false, only_files_are_left), 0);
	hides_landlock = false;
}
END_TEST

/* The daemon can remove its socket, but not open any: other sockets may be in the folder. */
static int socket_is_removed(void)
{
	HOLDS(is_refused(open(sockets, O_RDWR | O_CLOEXEC)));
	HOLDS(unlink(sockets) == 0);
	HOLDS(is_refused(open(sockets, O_CREAT | O_RDWR | O_CLOEXEC, 0600)));
	return 0;
}

HOLDS_OUTSIDE(socket_of_the_daemon_can_be_removed, socket_is_removed)

START_TEST(sockets_of_the_device_can_be_removed)
{
	const struct devkind_facts device = { .sockets = { others, sockets } };

	ck_assert_int_eq(after_leaving(&device, false, socket_is_removed), 0);
}
END_TEST

/* Determining the file type requires the mount's id, from /proc/self/fdinfo. */
static int file_is_told(void)
{
	const int kind = vsu_foreign_kind(file);
	int i;

	HOLDS(kind == VSU_FOREIGN_FILE || kind == VSU_FOREIGN_SHARED);
	for (i = 0; i < 100; i++)
		HOLDS(!is_refused(open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC)));
	return 0;
}

HOLDS_OUTSIDE(files_of_a_peer_are_told_from_those_of_a_server, file_is_told)

static int pipe_is_opened_anew(void)
{
	char name[32];
	int ends[2];

	HOLDS(pipe(ends) == 0);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", ends[0]);
	HOLDS(!is_refused(open(name, O_RDONLY | O_NONBLOCK | O_CLOEXEC)));
	snprintf(name, sizeof(name), "/proc/self/fd/%d", file);
	HOLDS(is_refused(open(name, O_RDONLY | O_CLOEXEC)));
	return 0;
}

HOLDS_OUTSIDE(pipes_of_a_peer_are_opened_anew_and_files_are_not, pipe_is_opened_anew)

static int file_is_used(void)
{
	HOLDS(pwrite(file, "x", 1, 0) == 1 && ftruncate(file, 4096) == 0);
	return 0;
}

HOLDS_OUTSIDE(files_that_are_open_stay_so, file_is_used)

/* No server listens at that port: a permitted connect() is refused. */
static int tcp_errno(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(1) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return connect(fd, (struct sockaddr *)&at, sizeof(at)) < 0 ? errno : 0;
}

/* Landlock supports TCP ports from version 4. */
static bool knows_ports(void)
{
	return syscall(444, NULL, 0, 1) >= 4;	/* landlock_create_ruleset() */
}

START_TEST(only_a_connecting_device_may_connect)
{
	const struct devkind_facts device = { .connects = true };

	ck_assert_int_ne(after_leaving(&device, false, tcp_errno), EACCES);
	ck_assert_int_eq(after_leaving(&none, false, tcp_errno) == EACCES,
			 knows_ports());
}
END_TEST

static int faults_are_opened(void)
{
	return is_refused(open("/dev/userfaultfd", O_RDWR | O_CLOEXEC));
}

START_TEST(page_faults_can_be_handled_if_configured)
{
	ck_assert_int_eq(after_leaving(&none, true, faults_are_opened), 0);
}
END_TEST

static const struct { const char *path, *parent; } parents[] = {
	{ "socket", "." }, { "/socket", "/" }, { "/tmp/socket", "/tmp" },
	{ "./socket", "." }, { "../socket", ".." },
};

START_TEST(folder_of_a_name_is_found)
{
	struct stat found, real;
	struct confine_plan plan = CONFINE_PLAN_INIT;

	ck_assert_int_eq(confine_add_parent(&plan, parents[_i].path, LANDLOCK_REMOVE, NULL), 0);
	ck_assert_int_eq(fstat(plan.files[0].rule.place, &found), 0);
	ck_assert_int_eq(stat(parents[_i].parent, &real), 0);
	ck_assert_uint_eq(found.st_ino, real.st_ino);
	confine_plan_end(&plan);
}
END_TEST

static int narrow_itself(void)
{
	return open("/dev/null", O_RDWR | O_CLOEXEC) >= 0;
}

static bool has_landlock(void)
{
	if (after_leaving(&none, false, narrow_itself) == 0)
		return true;
	puts("# left out: Landlock, which this kernel or a program with a sanitizer does without");
	return false;
}

static void make_file(char path[96], const char *folder, const char *name)
{
	int fd;

	snprintf(path, 96, "%.79s/%s", folder, name);
	fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0)
		abort();
	close(fd);
}

/* For each test, because some remove it. */
static void make_socket(void)
{
	make_file(sockets, folders[0], "socket");
}

static void make_files(void)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(top, sizeof(top), "%.40s/outside.XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(top))
		abort();
	snprintf(folders[0], sizeof(folders[0]), "%s/sockets", top);
	snprintf(folders[1], sizeof(folders[1]), "%s/others", top);
	if (mkdir(folders[0], 0700) < 0 || mkdir(folders[1], 0700) < 0)
		abort();
	make_socket();
	make_file(others, folders[1], "file");
	file = open(others, O_RDWR | O_CLOEXEC);
	if (file < 0)
		abort();
}

static void remove_files(void)
{
	unlink(sockets);
	unlink(others);
	rmdir(folders[0]);
	rmdir(folders[1]);
	rmdir(top);
}

/* A user without access to the node is refused, whether restricted or not. */
static bool may_open_faults(void)
{
	if (!access("/dev/userfaultfd", R_OK | W_OK) || errno == ENOENT)
		return true;
	printf("# left out: handling page faults: /dev/userfaultfd: %s\n", strerror(errno));
	return false;
}

static void add_tests(TCase *tc)
{
	tcase_add_loop_test(tc, folder_of_a_name_is_found, 0,
			    sizeof(parents) / sizeof(*parents));
	tcase_add_test(tc, files_of_a_peer_are_told_from_those_of_a_server);
	tcase_add_test(tc, files_that_are_open_stay_so);
	if (may_open_faults())
		tcase_add_test(tc, page_faults_can_be_handled_if_configured);
	tcase_add_test(tc, e0_03_capabilities_of_root_are_dropped);
	tcase_add_test_unless(tc, no_filters(),
			      e0_03_capabilities_of_root_are_dropped_without_landlock);
	if (!has_landlock())
		return;
	tcase_add_test(tc, only_a_connecting_device_may_connect);
	tcase_add_test(tc, files_of_the_host_are_not_opened);
	tcase_add_test(tc, socket_of_the_daemon_can_be_removed);
	tcase_add_test(tc, sockets_of_the_device_can_be_removed);
	tcase_add_test(tc, pipes_of_a_peer_are_opened_anew_and_files_are_not);
}

int main(void)
{
	Suite *s = suite_create("outside");
	TCase *tc = tcase_create("outside");
	int failed;

	make_files();
	tcase_add_checked_fixture(tc, make_socket, NULL);
	suite_add_tcase(s, tc);
	add_tests(tc);
	fflush(stdout);
	failed = run_suite(s);
	remove_files();
	return failed;
}
