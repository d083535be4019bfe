/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about file systems below the shared folder, on this kernel and on one before Linux 5.8,
 * whose statx() does not return the mount.
 */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../suite.h"
#include "fs-rig.h"

#include "fs/device/priv.h"

static struct fs_rig r;

/* The simulated kernel. */
static enum {
	NOTHING_LACKS,
	LACKS_MOUNT,		/* statx() */
	LACKS_HANDLES,		/* likewise, and file systems have no file handles */
	KERNELS,
} kernel;

int __real_virtdev_priv_fs_stat(int dir, const char *name, struct statx *st);
int __wrap_virtdev_priv_fs_stat(int dir, const char *name, struct statx *st);
int __attribute__((used)) __wrap_virtdev_priv_fs_stat(int dir, const char *name, struct statx *st)
{
	const int rc = __real_virtdev_priv_fs_stat(dir, name, st);

	if (rc >= 0 && kernel != NOTHING_LACKS) {
		st->stx_mask &= ~STATX_MNT_ID;
		st->stx_mnt_id = 0;
	}
	return rc;
}

int __real_name_to_handle_at(int dir, const char *name, struct file_handle *handle, int *mount,
			     int flags);
int __wrap_name_to_handle_at(int dir, const char *name, struct file_handle *handle, int *mount,
			     int flags);
int __attribute__((used)) __wrap_name_to_handle_at(int dir, const char *name,
						   struct file_handle *handle, int *mount, int flags)
{
	if (kernel < LACKS_HANDLES)
		return __real_name_to_handle_at(dir, name, handle, mount, flags);
	errno = EOPNOTSUPP;
	return -1;
}

/* A trial in a process of its own. */
static const char *no_mounts(void)
{
	const pid_t child = fork();
	int status = 1;

	if (!child)
		_exit(unshare(CLONE_NEWNS) < 0 ||
		      mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0);
	return waitpid(child, &status, 0) == child && !status ? NULL :
	       "file systems cannot be mounted (root)";
}

static void path_of(const char *name, char path[96])
{
	snprintf(path, 96, "%s/%s", r.folder, name);
}

static void mount_below(const char *name, const char *what, const char *type, unsigned long flags)
{
	char from[96], to[96];

	path_of(what, from);
	path_of(name, to);
	ck_assert_int_eq(mkdir(to, 0755), 0);
	ck_assert_int_eq(mount(from, to, type, flags, NULL), 0);
}

/* "other" is a file system, "again" is the folder "sub" at another mount point. */
static void setup(void)
{
	ck_assert_int_eq(unshare(CLONE_NEWNS), 0);
	ck_assert_int_eq(mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL), 0);
	fs_rig_folder(&r);
	mount_below("again", "sub", "none", MS_BIND);
	mount_below("other", "none", "tmpfs", 0);
	fs_rig_put_file(&r, "sub/file", "of sub");
	fs_rig_put_file(&r, "other/file", "of another file system");
	r.config.submounts = true;
	r.config.file_handles = VIRTDEV_FS_HANDLES_PREFER;
	fs_rig_make(&r, RIG_REQUESTS);
	ck_assert_int_eq(fs_rig_begin(&r), 0);
}

static void begin(int simulated)
{
	virtdev_queue_stop(r.dev, r.queue);
	virtdev_free(r.dev);
	kernel = (unsigned int)simulated;
	ck_assert_int_eq(virtdev_fs_new(&r.config, &r.dev, NULL), 0);
	ck_assert_int_eq(virtdev_queue_start(r.dev, r.queue, r.g.q, NULL), 0);
	ck_assert_int_eq(fs_rig_begin(&r), 0);
}

static void teardown(void)
{
	char path[96];

	path_of("again", path);
	ck_assert_int_eq(umount2(path, MNT_DETACH), 0);
	path_of("other", path);
	ck_assert_int_eq(umount2(path, MNT_DETACH), 0);
	fs_rig_fini(&r);
}

static bool is_submount(const char *name)
{
	struct fuse_entry_out out;

	fs_rig_lookup(&r, 1, name);
	memcpy(&out, fs_rig_answer(&r), sizeof(out));
	return out.attr.flags & FUSE_ATTR_SUBMOUNT;
}

START_TEST(mount_points_are_announced)
{
	begin(_i);
	ck_assert(!is_submount("sub"));
	ck_assert(is_submount("again"));
	ck_assert(is_submount("other"));
}
END_TEST

/* Their paths differ, and so do the mounts by which their file handles are opened. */
START_TEST(file_at_two_mount_points_has_two_inodes)
{
	uint64_t sub, again;

	begin(_i);
	sub = fs_rig_lookup(&r, 1, "sub");
	again = fs_rig_lookup(&r, 1, "again");
	ck_assert_uint_ne(sub, again);
	ck_assert_uint_ne(fs_rig_lookup(&r, sub, "file"), fs_rig_lookup(&r, again, "file"));
}
END_TEST

static void check_content(uint64_t node, const char *content)
{
	const uint64_t fh = fs_rig_open(&r, FUSE_OPEN, node, O_RDONLY);

	ck_assert_int_eq(fs_rig_read(&r, FUSE_READ, node, fh, 0, 100), 0);
	ck_assert_uint_eq(fs_rig_answer_len(&r), strlen(content));
	ck_assert_mem_eq(fs_rig_answer(&r), content, strlen(content));
}

/* The inodes have no descriptors, if this process may open file handles. */
START_TEST(inode_is_reopened_on_its_own_file_system)
{
	uint64_t file, in_sub, in_again, in_other;

	begin(_i);
	file = fs_rig_lookup(&r, 1, "file");
	in_other = fs_rig_lookup(&r, fs_rig_lookup(&r, 1, "other"), "file");
	in_sub = fs_rig_lookup(&r, fs_rig_lookup(&r, 1, "sub"), "file");
	in_again = fs_rig_lookup(&r, fs_rig_lookup(&r, 1, "again"), "file");
	check_content(file, "content");
	check_content(in_other, "of another file system");
	check_content(in_sub, "of sub");
	check_content(in_again, "of sub");
}
END_TEST

static Suite *suite(void)
{
	const char *why = no_mounts();
	Suite *s = suite_create("mounts");
	TCase *tc = tcase_create("mounts");

	if (!why)
		tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test_unless(tc, why, mount_points_are_announced, 0, KERNELS);
	tcase_add_loop_test_unless(tc, why, file_at_two_mount_points_has_two_inodes, 0, KERNELS);
	tcase_add_loop_test_unless(tc, why, inode_is_reopened_on_its_own_file_system, 0, KERNELS);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return run_suite(suite());
}
