/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Tests of a sandboxed process, from inside and as its parent. */
#define _GNU_SOURCE
#include <config.h>

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <net/if.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../tests/support/suite.h"
#include "plan.h"

#define NOBODY 65534

/* A kind of sandbox and a user. */
static const struct way {
	enum daemon_sandbox kind;
	bool as_nobody;
	const char *name;
} ways[] = {
	{ DAEMON_SANDBOX_NAMESPACE, false, "namespaces" },
	{ DAEMON_SANDBOX_NAMESPACE, true, "namespaces of an unprivileged user" },
	{ DAEMON_SANDBOX_CHROOT, false, "chroot" },
	{ DAEMON_SANDBOX_NONE, false, "no sandbox" },
};
#define NWAYS (int)(sizeof(ways) / sizeof(*ways))
#define WITHOUT (&ways[NWAYS - 1])

/* State of the process in the sandbox. */
struct inside {
	const struct way *way;
	int folder;	/* opened between the steps */
	int own_files;
	int out;	/* to send a byte to the test */
};

static char folder[64];
static bool has_device;		/* the device file "null" exists in it */

static void become_nobody(void)
{
	if (setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
	    setresuid(NOBODY, NOBODY, NOBODY) < 0)
		_exit(98);
}

static int open_folder(const char *path)
{
	return open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

static int plan_for(struct confine_plan *plan, enum daemon_sandbox kind, bool read_only,
		    struct vsu_error *err)
{
	const struct daemon_rights r = { .folder = folder, .sandbox = kind, .facts.writes = !read_only };
	int rc = daemon_plan_make(plan, &r, err);

	rc = rc < 0 ? rc : confine_execute(plan, CONFINE_SEPARATE, err);
	return rc < 0 ? rc : confine_execute(plan, CONFINE_STAGE, err);
}

static int plan_close(struct confine_plan *plan)
{
	const struct daemon_rights r = { .folder = folder };

	return daemon_plan_files(plan, &r, NULL) < 0 ? -1 : confine_execute(plan, CONFINE_CLOSE, NULL);
}

/* The whole life of a sandboxed process; never returns. */
static void live(const struct way *way, bool read_only, int out,
		 int (*fn)(struct inside *))
{
	struct confine_plan plan;
	struct inside in = { .way = way, .out = out };

	if (way->as_nobody && !geteuid())
		become_nobody();
	if (plan_for(&plan, way->kind, read_only, NULL) < 0)
		_exit(99);
	in.folder = open_folder(plan.folder);
	in.own_files = open_folder("/proc/self/fd");
	if (confine_add_path(&plan, "/dev/zero", LANDLOCK_DEVICE, NULL) < 0 || plan_close(&plan) < 0)
		_exit(99);
	umask(0);
	_exit(fn(&in));
}

static pid_t begin(const struct way *way, bool read_only, int out,
		   int (*fn)(struct inside *))
{
	pid_t pid = fork();

	if (!pid)
		live(way, read_only, out, fn);
	return pid;
}

static int finish(pid_t pid)
{
	int status;

	return waitpid(pid, &status, 0) != pid ? -1000 :
	       WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static int in_sandbox(const struct way *way, int (*fn)(struct inside *))
{
	return finish(begin(way, false, -1, fn));
}

/* Fails a claim with its line number, which is the exit status. */
#define HOLDS(condition) do { if (!(condition)) return __LINE__ % 90 + 1; } while (0)

/* A test that succeeds if fn returns 0 in every sandbox of the loop. */
#define HOLDS_INSIDE(claim, fn)						\
START_TEST(claim)							\
{									\
	ck_assert_int_eq(in_sandbox(&ways[_i], fn), 0);			\
}									\
END_TEST

static bool same_file(int dir, const char *path, int dir2, const char *path2)
{
	struct stat a, b;

	return fstatat(dir, path, &a, AT_EMPTY_PATH) == 0 &&
	       fstatat(dir2, path2, &b, AT_EMPTY_PATH) == 0 &&
	       a.st_ino == b.st_ino && a.st_dev == b.st_dev;
}

static int root_is_the_folder(struct inside *in)
{
	bool closed = in->way->kind != DAEMON_SANDBOX_NONE;

	HOLDS((access("/mark", F_OK) == 0) == closed);
	HOLDS((access("/etc/passwd", F_OK) < 0) == closed);
	HOLDS((access("/proc/self", F_OK) < 0) == closed);
	HOLDS(faccessat(in->folder, "mark", F_OK, 0) == 0);
	HOLDS(!closed || same_file(AT_FDCWD, ".", in->folder, ""));
	return 0;
}

HOLDS_INSIDE(folder_is_all_there_is, root_is_the_folder)

static int nothing_is_above(struct inside *in)
{
	int up = openat(in->folder, "../../..", O_PATH | O_CLOEXEC);

	HOLDS(in->way->kind == DAEMON_SANDBOX_NONE || same_file(up, "", in->folder, ""));
	up = openat(in->own_files, "../..", O_PATH | O_CLOEXEC);
	/* chroot() alone leaves /proc above it */
	HOLDS(in->way->kind != DAEMON_SANDBOX_NAMESPACE ||
	      same_file(up, "", in->own_files, ""));
	return 0;
}

HOLDS_INSIDE(descriptors_lead_nowhere_else, nothing_is_above)

static int file_is_opened_anew(struct inside *in)
{
	int file = openat(in->folder, "mark", O_PATH | O_CLOEXEC);
	char name[16], byte = 0;

	snprintf(name, sizeof(name), "%d", file);
	file = openat(in->own_files, name, O_RDONLY | O_CLOEXEC);
	HOLDS(file >= 0 && read(file, &byte, 1) == 1 && byte == 'm');
	return 0;
}

HOLDS_INSIDE(own_descriptors_are_opened_anew, file_is_opened_anew)

static int namespaces_are_own(struct inside *in)
{
	struct if_nameindex *links = if_nameindex();

	(void)in;
	HOLDS(getpid() == 1);
	HOLDS(links && (!links[0].if_index || !links[1].if_index));
	return 0;
}

HOLDS_INSIDE(processes_and_networks_are_not_seen, namespaces_are_own)

static int privileges_are_few(struct inside *in)
{
	const int admin = 21;	/* CAP_SYS_ADMIN */

	HOLDS(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
	HOLDS(geteuid() || prctl(PR_CAPBSET_READ, admin, 0, 0, 0) == 0);
	/* CAP_CHOWN */
	HOLDS((fchownat(in->folder, "mark", NOBODY, 0, 0) == 0) == !geteuid());
	HOLDS(chroot(".") < 0 && errno == EPERM);
	HOLDS(sethostname("x", 1) < 0 && errno == EPERM);
	return 0;
}

HOLDS_INSIDE(capabilities_are_those_of_a_file_server, privileges_are_few)

static int device_is_not_opened(struct inside *in)
{
	HOLDS(openat(in->folder, "null", O_RDONLY | O_CLOEXEC) < 0 &&
	      errno == EACCES);
	return 0;
}

HOLDS_INSIDE(device_in_the_folder_cannot_be_opened, device_is_not_opened)

static int nothing_is_made(struct inside *in)
{
	HOLDS(openat(in->folder, "new", O_CREAT | O_WRONLY | O_CLOEXEC, 0600) < 0 &&
	      errno == EROFS);
	return 0;
}

START_TEST(read_only_folder_is_read_only_for_the_host)
{
	ck_assert_int_eq(finish(begin(&ways[_i], true, -1, nothing_is_made)), 0);
}
END_TEST

/* Reopened by its descriptor, as a file server does. */
static int open_anew(const struct inside *in, const char *name, int flags)
{
	char number[16];
	int file = openat(in->folder, name, O_PATH | O_CLOEXEC), fd;

	snprintf(number, sizeof(number), "%d", file);
	fd = openat(in->own_files, number, flags | O_CLOEXEC);
	close(file);
	return fd;
}

/* A folder is used normally, and files are renamed between its subfolders. */
static int folder_is_lived_in(struct inside *in)
{
	const int unnamed = openat(in->folder, ".", O_TMPFILE | O_RDWR, 0600);
	char number[16];
	int fd;

	HOLDS(mkdirat(in->folder, "a", 0700) == 0);
	HOLDS(mkdirat(in->folder, "b", 0700) == 0);
	fd = openat(in->folder, "a/file", O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	HOLDS(fd >= 0 && write(fd, "text", 4) == 4 && ftruncate(fd, 2) == 0);
	HOLDS(linkat(in->folder, "a/file", in->folder, "b/link", 0) == 0);
	HOLDS(renameat(in->folder, "a/file", in->folder, "b/file") == 0);
	HOLDS(open_anew(in, "b/file", O_RDWR | O_TRUNC) >= 0);
	HOLDS(symlinkat("mark", in->folder, "a/symlink") == 0);
	HOLDS(mkfifoat(in->folder, "a/fifo", 0600) == 0);
	snprintf(number, sizeof(number), "%d", unnamed);
	HOLDS(unnamed < 0 || linkat(in->own_files, number, in->folder, "b/new",
				    AT_SYMLINK_FOLLOW) == 0);
	HOLDS(unlinkat(in->folder, "b/file", 0) == 0);
	HOLDS(unlinkat(in->folder, "b/link", 0) == 0);
	HOLDS(unnamed < 0 || unlinkat(in->folder, "b/new", 0) == 0);
	HOLDS(unlinkat(in->folder, "a/symlink", 0) == 0);
	HOLDS(unlinkat(in->folder, "a/fifo", 0) == 0);
	HOLDS(unlinkat(in->folder, "a", AT_REMOVEDIR) == 0);
	HOLDS(unlinkat(in->folder, "b", AT_REMOVEDIR) == 0);
	return 0;
}

HOLDS_INSIDE(folder_is_used_as_ever, folder_is_lived_in)

static bool is_refused(int rc)
{
	const bool refused = rc < 0 && errno == EACCES;

	if (rc >= 0)
		close(rc);
	return refused;
}

/* Not even by a descriptor that leads there. */
static int nothing_else_is_opened(struct inside *in)
{
	const int etc = open("/etc", O_PATH | O_CLOEXEC);

	(void)in;
	HOLDS(is_refused(open("/etc/passwd", O_RDONLY | O_CLOEXEC)));
	HOLDS(is_refused(openat(etc, "passwd", O_RDONLY | O_CLOEXEC)));
	HOLDS(is_refused(openat(etc, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)));
	HOLDS(is_refused(open("/dev/null", O_RDWR | O_CLOEXEC)));
	HOLDS(open("/dev/zero", O_RDWR | O_CLOEXEC) >= 0);
	HOLDS(is_refused(mkdir("/tmp/sandbox.made", 0700)));
	/* or by a root that is mounted read-only */
	HOLDS(is_refused(truncate("/etc/passwd", 0)) || errno == EROFS);
	return 0;
}

START_TEST(a8_17_files_outside_are_not_opened_without_another_root)
{
	ck_assert_int_eq(in_sandbox(WITHOUT, nothing_else_is_opened), 0);
}
END_TEST

/* Without namespaces only Landlock protects it. */
static int folder_is_only_read(struct inside *in)
{
	HOLDS(is_refused(openat(in->folder, "new", O_CREAT | O_WRONLY, 0600)));
	HOLDS(is_refused(openat(in->folder, "mark", O_WRONLY | O_CLOEXEC)));
	HOLDS(is_refused(unlinkat(in->folder, "mark", 0)));
	HOLDS(open_anew(in, "mark", O_RDONLY) >= 0);
	return 0;
}

START_TEST(read_only_folder_is_read_only_without_namespaces)
{
	ck_assert_int_eq(finish(begin(WITHOUT, true, -1,
				      folder_is_only_read)), 0);
}
END_TEST

/* In another process, because it is permanent. */
static int narrow_itself(void)
{
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	return -landlock_narrow(NULL, 0, false);
}

#ifdef UNDER_COVERAGE
#define USES_LANDLOCK false
#else
#define USES_LANDLOCK true
#endif

static bool has_landlock(void)
{
	pid_t pid = fork();

	if (!pid)
		_exit(narrow_itself());
	if (finish(pid) == 0 && USES_LANDLOCK)
		return true;
	puts("# left out: Landlock, which this kernel, a coverage build or a program with a sanitizer does without");
	return false;
}

static int end_with_42(struct inside *in)
{
	(void)in;
	return 42;
}

static int end_by_signal(struct inside *in)
{
	(void)in;
	/* PID 1 of a namespace ignores signals that it sends to itself */
	__builtin_trap();
}

START_TEST(parent_exits_with_the_status_of_the_child)
{
	ck_assert_int_eq(in_sandbox(&ways[_i], end_with_42), 42);
	ck_assert_int_lt(in_sandbox(&ways[_i], end_by_signal), 0);
}
END_TEST

/* Reports to the test that it runs, then returns what the signal requires. */
static int wait_for_signal(struct inside *in)
{
	sigset_t set;
	int number;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	HOLDS(write(in->out, "", 1) == 1);
	HOLDS(sigwait(&set, &number) == 0);
	return 100 + number;
}

static pid_t begin_and_wait(const struct way *way, int ends[2])
{
	char byte;
	pid_t pid;

	ck_assert_int_eq(pipe(ends), 0);
	pid = begin(way, false, ends[1], wait_for_signal);
	ck_assert_int_gt(pid, 0);
	close(ends[1]);
	ck_assert_int_eq(read(ends[0], &byte, 1), 1);
	return pid;
}

START_TEST(signals_reach_the_child)
{
	int ends[2];
	pid_t pid;

	pid = begin_and_wait(&ways[_i], ends);
	kill(pid, SIGHUP);
	ck_assert_int_eq(finish(pid), 100 + SIGHUP);
	pid = begin_and_wait(&ways[_i], ends);
	kill(pid, SIGTERM);
	ck_assert_int_eq(finish(pid), 100 + SIGTERM);
}
END_TEST

START_TEST(child_does_not_outlive_its_parent)
{
	int ends[2];
	char byte;
	pid_t pid;

	pid = begin_and_wait(&ways[_i], ends);
	kill(pid, SIGKILL);
	ck_assert_int_eq(finish(pid), -SIGKILL);
	/* the child has the other end */
	ck_assert_int_eq(read(ends[0], &byte, 1), 0);
}
END_TEST

/* Runs in the process that has a socket and enters a sandbox. */
static int leave_a_socket(const char *path)
{
	struct confine_plan plan;
	struct vsu_sock_path where;
	int rc = plan_for(&plan, DAEMON_SANDBOX_NAMESPACE, false, NULL), listener;

	listener = vsu_sock_listen(path, 1, NULL);
	HOLDS(rc == 0 && listener >= 0);
	HOLDS(vsu_sock_path_of(listener, &where) == 0);
	HOLDS(confine_leave_socket(&plan, &where, NULL) == 1 && plan_close(&plan) >= 0);
	HOLDS(confine_leave_socket(&plan, &where, NULL) == 0);
	return 42;
}

START_TEST(parent_removes_the_socket)
{
	char path[108];
	pid_t pid;

	snprintf(path, sizeof(path), "%s.socket", folder);
	pid = fork();
	if (!pid)
		_exit(leave_a_socket(path));
	ck_assert_int_eq(finish(pid), 42);
	ck_assert_int_lt(access(path, F_OK), 0);
}
END_TEST

/* The status encodes both the error code and that a message exists. */
static int enter_without_folder(const char *path)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct confine_plan plan;
	int rc;

	snprintf(folder, sizeof(folder), "%s", path);
	rc = plan_for(&plan, DAEMON_SANDBOX_NAMESPACE, false, &err);

	return strstr(err.msg, path) ? -rc : 99;
}

static const struct { const char *path; int code; } no_folders[] = {
	{ "/no/such/folder", ENOENT },
	{ "/etc/passwd", ENOTDIR },
};

START_TEST(file_that_is_not_a_folder_is_named)
{
	pid_t pid = fork();

	if (!pid)
		_exit(enter_without_folder(no_folders[_i].path));
	ck_assert_int_eq(finish(pid), no_folders[_i].code);
}
END_TEST

static void make_folder(void)
{
	const char *tmp = getenv("TMPDIR");
	int fd;

	snprintf(folder, sizeof(folder), "%.40s/sandbox.XXXXXX",
		 tmp ? tmp : "/tmp");
	if (!mkdtemp(folder) || chmod(folder, 0755) < 0 ||
	    (fd = open_folder(folder)) < 0)
		abort();
	has_device = mknodat(fd, "null", S_IFCHR | 0666, makedev(1, 3)) == 0;
	if (!has_device)
		puts("# left out: a device in the folder, which this user cannot make");
	fd = openat(fd, "mark", O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
	if (fd < 0 || write(fd, "mark", 4) != 4)
		abort();
}

static void remove_folder(void)
{
	char path[80];

	snprintf(path, sizeof(path), "%s/null", folder);
	unlink(path);
	snprintf(path, sizeof(path), "%s/mark", folder);
	unlink(path);
	rmdir(folder);
}

static int do_nothing(struct inside *in)
{
	(void)in;
	return 0;
}

static bool is_possible(const struct way *way)
{
	if (in_sandbox(way, do_nothing) == 0)
		return true;
	printf("# left out: %s, which this host refuses to this user\n",
	       way->name);
	return false;
}

#define CAPABILITY(n) (UINT64_C(1) << (n))
static const struct {
	struct devkind_facts facts;
	uint64_t kept;
} makers[] = {
	{ { .writes = true }, 0 }, { { .makes = DEVKIND_MAKES_NODES }, CAPABILITY(CAP_MKNOD) },
	{ { .makes = DEVKIND_MAKES_CAPABILITIES }, CAPABILITY(CAP_SETFCAP) },
	{ { .makes = DEVKIND_MAKES_NODES | DEVKIND_MAKES_CAPABILITIES }, CAPABILITY(CAP_MKNOD) | CAPABILITY(CAP_SETFCAP) },
};

START_TEST(capabilities_for_files_follow_the_device)
{
	const struct daemon_rights r = { .folder = "/", .sandbox = DAEMON_SANDBOX_NONE, .facts = makers[_i].facts };
	struct confine_plan plan;

	ck_assert_int_eq(daemon_plan_make(&plan, &r, NULL), 0);
	ck_assert_uint_eq(plan.capabilities & (CAPABILITY(CAP_MKNOD) | CAPABILITY(CAP_SETFCAP)), makers[_i].kept);
	ck_assert_uint_ne(plan.capabilities & CAPABILITY(CAP_CHOWN), 0);
}
END_TEST

static void add_way(TCase *tc, int i)
{
	tcase_add_loop_test(tc, folder_is_all_there_is, i, i + 1);
	tcase_add_loop_test(tc, descriptors_lead_nowhere_else, i, i + 1);
	tcase_add_loop_test(tc, own_descriptors_are_opened_anew, i, i + 1);
	if (!ways[i].as_nobody)	/* does not own the folder */
		tcase_add_loop_test(tc, folder_is_used_as_ever, i, i + 1);
	tcase_add_loop_test(tc, capabilities_are_those_of_a_file_server, i,
			    i + 1);
	tcase_add_loop_test(tc, parent_exits_with_the_status_of_the_child, i, i + 1);
	if (ways[i].kind == DAEMON_SANDBOX_NONE)
		return;
	tcase_add_loop_test(tc, signals_reach_the_child, i, i + 1);
	tcase_add_loop_test(tc, child_does_not_outlive_its_parent, i, i + 1);
	if (ways[i].kind == DAEMON_SANDBOX_CHROOT)
		return;
	tcase_add_loop_test(tc, processes_and_networks_are_not_seen, i, i + 1);
	tcase_add_loop_test(tc, read_only_folder_is_read_only_for_the_host,
			    i, i + 1);
	if (has_device)
		tcase_add_loop_test(tc, device_in_the_folder_cannot_be_opened,
				    i, i + 1);
}

static void add_tests(TCase *tc)
{
	int i;

	tcase_add_loop_test(tc, capabilities_for_files_follow_the_device, 0, sizeof(makers) / sizeof(makers[0]));
	for (i = 0; i < NWAYS; i++)
		if (is_possible(&ways[i]))
			add_way(tc, i);
	if (has_landlock()) {
		tcase_add_test(tc, a8_17_files_outside_are_not_opened_without_another_root);
		tcase_add_test(tc, read_only_folder_is_read_only_without_namespaces);
	}
	if (!is_possible(&ways[0]))
		return;
	tcase_add_test(tc, parent_removes_the_socket);
	tcase_add_loop_test(tc, file_that_is_not_a_folder_is_named, 0,
			    sizeof(no_folders) / sizeof(*no_folders));
}

int main(void)
{
	Suite *s = suite_create("sandbox");
	TCase *tc = tcase_create("sandbox");
	int failed;

	make_folder();
	suite_add_tcase(s, tc);
	add_tests(tc);
	fflush(stdout);
	failed = run_suite(s);
	remove_folder();
	return failed;
}
