/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about files of file systems without a device of their own: overlayfs and btrfs. A
 * mount that was detached is as invisible as one of another namespace.
 */
#include <config.h>

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vmm-sys-util/foreign.h>

#include "util.h"

static char folder[32];		/* a tmpfs, with the file system at "mount" */

static const char *path_of(const char *name)
{
	static char path[64];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static bool mount_overlay(void)
{
	char options[160];

	mkdir(path_of("lower"), 0700);
	mkdir(path_of("upper"), 0700);
	mkdir(path_of("work"), 0700);
	snprintf(options, sizeof(options), "lowerdir=%s/lower,upperdir=%s/upper,workdir=%s/work",
		 folder, folder, folder);
	return mount("overlay", path_of("mount"), "overlay", 0, options) == 0;
}

static bool mount_btrfs(void)
{
	char command[256];

	snprintf(command, sizeof(command),
		 "cd %s && { truncate -s 128M image && mkfs.btrfs -q image && mount -o loop image mount; } >/dev/null 2>&1",
		 folder);
	return system(command) == 0;
}

static const struct {
	const char *name;
	bool (*mount)(void);
} systems[] = { { "overlay", mount_overlay }, { "btrfs", mount_btrfs } };

/* False: the host lacks the file system or its tools. Ends with the process's namespace. */
static bool mount_one(int i)
{
	strcpy(folder, "/tmp/test-foreign.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	if (unshare(CLONE_NEWNS) < 0 ||
	    mount("none", "/", "none", MS_REC | MS_PRIVATE, "") < 0 ||
	    mount("tmpfs", folder, "tmpfs", 0, "") < 0)
		return false;
	mkdir(path_of("mount"), 0700);
	return systems[i].mount();
}

static int open_file(void)
{
	const int fd = open(path_of("mount/file"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	return fd;
}

static void clean_up(void)
{
	umount2(path_of("mount"), MNT_DETACH);
	umount2(folder, MNT_DETACH);
	rmdir(folder);
}

START_TEST(file_of_a_visible_mount_is_a_file)
{
	int fd;

	if (mount_one(_i)) {
		fd = open_file();
		ck_assert_int_eq(vsu_foreign_kind(fd), VSU_FOREIGN_FILE);
		close(fd);
	}
	clean_up();
}
END_TEST

/* Any user can mount FUSE in a namespace, and its files have no device either. */
START_TEST(file_of_a_hidden_mount_may_have_a_server)
{
	int fd;

	if (mount_one(_i)) {
		fd = open_file();
		ck_assert_int_eq(umount2(path_of("mount"), MNT_DETACH), 0);
		ck_assert_int_eq(vsu_foreign_kind(fd), VSU_FOREIGN_SERVED);
		close(fd);
	}
	clean_up();
}
END_TEST

START_TEST(file_of_a_hidden_tmpfs_is_shared_memory)
{
	int fd;

	if (mount_one(0)) {
		fd = open(path_of("memory"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		ck_assert_int_ge(fd, 0);
		ck_assert_int_eq(umount2(folder, MNT_DETACH), 0);
		ck_assert_int_eq(vsu_foreign_kind(fd), VSU_FOREIGN_SHARED);
		close(fd);
	}
	clean_up();
}
END_TEST

int main(void)
{
	TCase *tc;
	Suite *s = util_suite("foreign_mounts", &tc);

	if (geteuid()) {
		puts("1..0 # SKIP only root can mount file systems");
		return 0;
	}
	util_add_rows(tc, file_of_a_visible_mount_is_a_file, systems);
	util_add_rows(tc, file_of_a_hidden_mount_may_have_a_server, systems);
	tcase_add_test(tc, file_of_a_hidden_tmpfs_is_shared_memory);
	return run_suite(s);
}
