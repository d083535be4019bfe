/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about a root that has the named files of a plan only, in mounts of the test's own. */
#define _GNU_SOURCE
#include <config.h>

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>

#include "../../../tests/support/suite.h"
#include "../../../tests/support/tree.h"
#include "confine/mounts.h"
#include "confine/root.h"

#define COUNT(a) (int)(sizeof(a) / sizeof((a)[0]))

static char folder[64];		/* on the host: "shared" with "disk" and "link", "key", "secret" */
static struct confine_plan plan = CONFINE_PLAN_INIT;
static struct vsu_error err;

/* Mounts that the host does not see. */
static int own_mounts(void)
{
	const uid_t uid = geteuid();
	const gid_t gid = getegid();

	if (unshare(CLONE_NEWNS | (uid ? CLONE_NEWUSER : 0)) < 0 ||
	    (uid && prog_mount_map_ids(uid, gid) < 0) ||
	    mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0)
		return -errno;
	return 0;
}

/* NULL, or why a root cannot be made here. */
static const char *no_mounts(void)
{
	pid_t pid = fork();
	int status, tree;

	if (!pid) {
		if (own_mounts() < 0 || mount("probe", CONFINE_STAGED, "tmpfs", 0, NULL) < 0)
			_exit(1);
		tree = prog_mount_copy(open("/tmp", O_PATH | O_CLOEXEC));
		_exit(tree < 0 || prog_mount_restrict(tree, PROG_MOUNT_READ_ONLY) < 0);
	}
	return waitpid(pid, &status, 0) != pid || status ?
	       "this user cannot make and restrict mounts of its own" : NULL;
}

static const char *at(const char *name)
{
	static char paths[4][PATH_MAX];
	static unsigned int n;
	char *path = paths[n++ % 4];

	snprintf(path, PATH_MAX, "%s/%s", folder, name);
	return path;
}

static void make_file(const char *name, const char *text)
{
	int fd = open(at(name), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	ck_assert_int_eq(vsu_fd_write_full(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static void setup(void)
{
	snprintf(folder, sizeof(folder), "/tmp/root.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	ck_assert_int_eq(mkdir(at("shared"), 0700), 0);
	make_file("shared/disk", "disk");
	make_file("key", "key");
	make_file("secret", "secret");
	ck_assert_int_eq(symlink("/", at("shared/link")), 0);
	ck_assert_int_eq(chdir(folder), 0);
	plan.option = "--jail";
	ck_assert_int_eq(own_mounts(), 0);
}

static void teardown(void)
{
	confine_plan_end(&plan);
	ck_assert_int_eq(chdir("/"), 0);
	umount2(CONFINE_STAGED, MNT_DETACH);	/* else its files are in use */
	tree_remove(folder);
}

/* name is a path in the plan, path one on the host. */
static void add(const char *name, const char *path, enum landlock_use use)
{
	int place = open(path, O_PATH | O_CLOEXEC);

	ck_assert_int_ge(place, 0);
	ck_assert_int_eq(confine_add(&plan, place, name, use, &err), 0);
}

static void make_root(void)
{
	ck_assert_msg(!confine_root_files(&plan, &err), "%s", err.msg);
}

/* 0, or the error of opening a file below the new root. */
static int try_open(const char *path, int flags)
{
	char name[PATH_MAX];
	int fd;

	snprintf(name, sizeof(name), "%s%s", CONFINE_STAGED, path);
	fd = open(name, flags | O_CLOEXEC, 0600);
	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

START_TEST(root_has_the_named_files_only)
{
	add(at("key"), at("key"), LANDLOCK_READ_FILE);
	add("shared", at("shared"), LANDLOCK_READ);
	make_root();
	ck_assert_int_eq(try_open(at("key"), O_RDONLY), 0);
	ck_assert_int_eq(try_open(at("shared/disk"), O_RDONLY), 0);
	ck_assert_int_eq(try_open(at("secret"), O_RDONLY), ENOENT);
	ck_assert_int_eq(try_open("/etc", O_RDONLY), ENOENT);
	ck_assert_int_eq(try_open(folder, O_RDONLY | O_DIRECTORY), 0);
	ck_assert_int_eq(try_open(at("new"), O_WRONLY | O_CREAT), EROFS);
}
END_TEST

START_TEST(working_directory_exists_without_a_file)
{
	make_root();
	ck_assert_int_eq(try_open(folder, O_RDONLY | O_DIRECTORY), 0);
	ck_assert_int_eq(try_open(at("key"), O_RDONLY), ENOENT);
}
END_TEST

static const struct {
	enum landlock_use use;
	int code;
} rights[] = {
	{ LANDLOCK_READ, EROFS }, { LANDLOCK_READ_FILE, EROFS }, { LANDLOCK_NAMES, EROFS },
	{ LANDLOCK_FILE, 0 }, { LANDLOCK_FULL, 0 }, { LANDLOCK_DEVICE, 0 },
};

START_TEST(file_is_writable_if_its_rule_is)
{
	add(at("key"), at("key"), rights[_i].use);
	make_root();
	ck_assert_int_eq(try_open(at("key"), O_RDONLY), 0);
	ck_assert_int_eq(try_open(at("key"), O_RDWR), rights[_i].code);
}
END_TEST

/* Two options may name one file. */
START_TEST(widest_of_two_rules_applies)
{
	add(at("key"), at("key"), _i ? LANDLOCK_FILE : LANDLOCK_READ_FILE);
	add(at("key"), at("key"), _i ? LANDLOCK_READ_FILE : LANDLOCK_FILE);
	make_root();
	ck_assert_int_eq(try_open(at("key"), O_RDWR), 0);
}
END_TEST

/* A writer would wait for a reader, and end what that reads. */
START_TEST(fifo_of_two_rules_is_not_opened)
{
	struct pollfd reader = { .events = POLLIN };

	ck_assert_int_eq(mkfifo(at("fifo"), 0600), 0);
	reader.fd = open(at("fifo"), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	add(at("fifo"), at("fifo"), LANDLOCK_FILE);
	add("fifo", at("fifo"), LANDLOCK_FILE);
	make_root();
	ck_assert_int_eq(poll(&reader, 1, 0), 0);	/* no writer has opened it */
	close(reader.fd);
}
END_TEST

/* Names of one folder. */
static const char *const spellings[] = {
	"shared", "shared/", "shared///", ".///shared", "././././shared/././.",
	"shared/../shared/../shared",
};

/* A disk in a folder that another option names, in any spelling. */
START_TEST(writable_file_stays_writable_in_a_folder_that_is_read)
{
	add(spellings[_i], at("shared"), LANDLOCK_READ);
	add(at("shared/disk"), at("shared/disk"), LANDLOCK_FILE);
	make_root();
	ck_assert_int_eq(try_open(at("shared/disk"), O_RDWR), 0);
	ck_assert_int_eq(try_open(at("shared/other"), O_WRONLY | O_CREAT), EROFS);
}
END_TEST

START_TEST(name_through_a_link_of_a_shared_folder_is_refused)
{
	add(at("shared"), at("shared"), LANDLOCK_FULL);
	add(at("shared/link/etc"), "/etc", LANDLOCK_READ);
	ck_assert_int_eq(confine_root_files(&plan, &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "--jail: "));
	ck_assert_ptr_nonnull(strstr(err.msg, "/shared/link/etc' leads through a symbolic link"));
}
END_TEST

static const char *const roots[] = { "/", "//", "/.", "/tmp/..", "/.." };

START_TEST(root_of_the_host_is_refused)
{
	add(roots[_i], "/", LANDLOCK_READ);
	ck_assert_int_eq(confine_root_files(&plan, &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "is the host's root; name a folder below it"));
}
END_TEST

/* With the working directory, PATH_MAX bytes are too many, with their last one. */
START_TEST(name_that_is_too_long_is_refused)
{
	char name[PATH_MAX + 1] = "";
	size_t len = PATH_MAX - strlen(folder) - 1 - (_i ? 0 : 1);

	memset(name, '/', len - 3);
	memcpy(name, "./", 2);
	memcpy(name + len - 3, "key", 4);
	add(name, at("key"), LANDLOCK_READ_FILE);
	ck_assert_int_eq(confine_root_files(&plan, &err), _i ? -ENAMETOOLONG : 0);
	ck_assert(!_i || strstr(err.msg, "/key' is too long"));
}
END_TEST

START_TEST(folder_becomes_the_root_without_devices_and_read_only_if_so_configured)
{
	plan.folder = at("shared");
	plan.read_only = _i;
	ck_assert_int_eq(confine_root_folder(&plan, &err), 0);
	ck_assert_str_eq(plan.folder, CONFINE_STAGED);
	ck_assert_int_eq(try_open("/disk", O_RDONLY), 0);
	ck_assert_int_eq(try_open("/disk", O_RDWR), _i ? EROFS : 0);
}
END_TEST

START_TEST(missing_folder_is_named)
{
	plan.folder = "nowhere";
	ck_assert_int_eq(confine_root_folder(&plan, &err), -ENOENT);
	ck_assert_ptr_nonnull(strstr(err.msg, "nowhere"));
	ck_assert_str_eq(plan.folder, "nowhere");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("root");
	TCase *tc = tcase_create("root");
	const char *why = no_mounts();

	if (!why)
		tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test_unless(tc, why, root_has_the_named_files_only);
	tcase_add_test_unless(tc, why, working_directory_exists_without_a_file);
	tcase_add_loop_test_unless(tc, why, file_is_writable_if_its_rule_is, 0, COUNT(rights));
	tcase_add_loop_test_unless(tc, why, widest_of_two_rules_applies, 0, 2);
	tcase_add_test_unless(tc, why, fifo_of_two_rules_is_not_opened);
	tcase_add_loop_test_unless(tc, why, writable_file_stays_writable_in_a_folder_that_is_read, 0,
				   COUNT(spellings));
	tcase_add_test_unless(tc, why, name_through_a_link_of_a_shared_folder_is_refused);
	tcase_add_loop_test_unless(tc, why, root_of_the_host_is_refused, 0, COUNT(roots));
	tcase_add_loop_test_unless(tc, why, name_that_is_too_long_is_refused, 0, 2);
	tcase_add_loop_test_unless(tc, why, folder_becomes_the_root_without_devices_and_read_only_if_so_configured, 0, 2);
	tcase_add_test_unless(tc, why, missing_folder_is_named);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
