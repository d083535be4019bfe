/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about recovery of a session after the process was killed, and its file. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "../folder.h"
#include "../image.h"
#include "../suite.h"
#include "core/kept.h"
#include "fs/device/recover.h"
#include "fs-rig.h"

/* Another process removes this file of the shared directory before the device stats it. */
static const char *vanishing;
static unsigned int looks;	/* before it vanishes */

/* Bits that statx() does not return: the mount before Linux 5.8, birth times on some file systems. */
static uint32_t lacking;

int __real_virtdev_priv_fs_stat(int fd, const char *name, struct statx *out);
int __wrap_virtdev_priv_fs_stat(int fd, const char *name, struct statx *out);

int __wrap_virtdev_priv_fs_stat(int fd, const char *name, struct statx *out)
{
	int rc;

	if (vanishing && !strcmp(name, vanishing) && !looks--) {
		ck_assert_int_eq(unlinkat(fd, name, 0), 0);
		vanishing = NULL;
	}
	rc = __real_virtdev_priv_fs_stat(fd, name, out);
	if (rc >= 0 && lacking) {
		out->stx_mask &= ~lacking;
		out->stx_mnt_id = 0;
	}
	return rc;
}

/* The recovery file does not grow, as on a full file system. */
static bool full;

/* The symbol that the library calls; the linker redirects it to the wrapper. */
#ifdef __LP64__
#define REAL_FALLOCATE __real_fallocate
#define WRAP_FALLOCATE __wrap_fallocate
#else
#define REAL_FALLOCATE __real_fallocate64
#define WRAP_FALLOCATE __wrap_fallocate64
#endif

int REAL_FALLOCATE(int fd, int mode, off_t at, off_t len);
int __attribute__((used)) WRAP_FALLOCATE(int fd, int mode, off_t at, off_t len);

int WRAP_FALLOCATE(int fd, int mode, off_t at, off_t len)
{
	if (!full)
		return REAL_FALLOCATE(fd, mode, at, len);
	errno = ENOSPC;
	return -1;
}

#define INODES 16u
#define INODES_LARGE 1024u	/* the first 400 or so are allocated initially */
#define HANDLES 8u

static struct fs_rig r;
static char place[64], path[80];

static void setup_inodes(uint32_t inodes, struct vmem_sigbus *sigbus)
{
	/* a memory file system, to avoid disk writes in each test */
	strcpy(place, "/dev/shm/test-recover-XXXXXX");
	if (!mkdtemp(place)) {
		strcpy(place, "/tmp/test-recover-XXXXXX");
		ck_assert_ptr_nonnull(mkdtemp(place));
	}
	snprintf(path, sizeof(path), "%s/table", place);
	fs_rig_folder(&r);
	r.config.recover = path;
	r.config.inodes = inodes;
	r.config.handles = HANDLES;
	r.config.sigbus = sigbus;
	fs_rig_make(&r, RIG_REQUESTS);
	ck_assert_int_eq(fs_rig_begin(&r), 0);
}

static void setup(void)
{
	setup_inodes(INODES, NULL);
}

static void setup_large(void)
{
	setup_inodes(INODES_LARGE, NULL);
}

static void setup_handled(void)
{
	setup_inodes(INODES_LARGE, handled_table());
}

static void teardown(void)
{
	fs_rig_fini(&r);
	folder_remove(place);
}

/* Ends the device as a killed process would: the file remains as it is. */
static void kill_device(void)
{
	virtdev_queue_stop(r.dev, r.queue);
	virtdev_free(r.dev);
}

static int next_device(struct vsu_error *err)
{
	int rc = virtdev_fs_new(&r.config, &r.dev, err);

	if (rc >= 0)
		ck_assert_int_eq(virtdev_queue_start(r.dev, r.queue, r.g.q,
						     NULL), 0);
	return rc;
}

static void again(void)
{
	struct vsu_error err = VSU_ERROR_INIT;

	kill_device();
	ck_assert_msg(next_device(&err) == 0, "%s", err.msg);
}

static int rename_to(uint64_t from, const char *old, uint64_t to, const char *new)
{
	const struct fuse_rename2_in in = { .newdir = to };
	char text[64];
	const int len = snprintf(text, sizeof(text), "%s%c%s", old, 0, new);

	return fs_rig_ask(&r, FUSE_RENAME2, from, &in, sizeof(in), text,
			  (uint32_t)len + 1);
}

static void forget(uint64_t node, uint64_t times)
{
	const struct fuse_forget_in in = { times };

	fs_rig_ask(&r, FUSE_FORGET, node, &in, sizeof(in), NULL, 0);
}

START_TEST(mount_continues_without_a_new_session)
{
	uint64_t sub, inner, fh, dir;

	fs_rig_put_file(&r, "sub/inner", "within");
	sub = fs_rig_lookup(&r, 1, "sub");
	inner = fs_rig_lookup(&r, sub, "inner");
	fh = fs_rig_open(&r, FUSE_OPEN, inner, O_RDWR);
	dir = fs_rig_open(&r, FUSE_OPENDIR, sub, 0);
	again();
	ck_assert_int_eq(fs_rig_read(&r, FUSE_READ, inner, fh, 0, 6), 0);
	ck_assert_mem_eq(fs_rig_answer(&r), "within", 6);
	ck_assert_int_eq(fs_rig_write(&r, inner, fh, 0, "W", 1), 0);
	ck_assert_uint_eq(fs_rig_lookup(&r, sub, "inner"), inner);
	ck_assert_int_eq(fs_rig_read(&r, FUSE_READDIR, sub, dir, 0, 4096), 0);
	ck_assert_int_eq(fs_rig_release(&r, FUSE_RELEASEDIR, sub, dir), 0);
	ck_assert_int_eq(fs_rig_release(&r, FUSE_RELEASE, inner, fh), 0);
}
END_TEST

START_TEST(forgotten_inodes_and_closed_handles_stay_so)
{
	uint64_t file = fs_rig_lookup(&r, 1, "file"), fh, sub;

	sub = fs_rig_lookup(&r, 1, "sub");
	fs_rig_lookup(&r, 1, "sub");
	fh = fs_rig_open(&r, FUSE_OPEN, file, O_RDONLY);
	ck_assert_int_eq(fs_rig_release(&r, FUSE_RELEASE, file, fh), 0);
	forget(file, 1);
	forget(sub, 1);
	again();
	ck_assert_int_eq(fs_rig_getattr(&r, file), -ESTALE);
	ck_assert_int_eq(fs_rig_getattr(&r, sub), 0);
	forget(sub, 1);
	ck_assert_int_eq(fs_rig_getattr(&r, sub), -ESTALE);
	ck_assert_uint_ne(fs_rig_lookup(&r, 1, "file"), file);
}
END_TEST

START_TEST(file_is_found_under_its_new_name)
{
	uint64_t sub = fs_rig_lookup(&r, 1, "sub"), file;

	file = fs_rig_lookup(&r, 1, "file");
	ck_assert_int_eq(rename_to(1, "file", sub, "moved"), 0);
	ck_assert_int_eq(rename_to(1, "sub", 1, "below"), 0);
	again();
	ck_assert_int_eq(fs_rig_getattr(&r, file), 0);
	ck_assert_int_eq(fs_rig_getattr(&r, sub), 0);
	ck_assert_uint_eq(fs_rig_lookup(&r, sub, "moved"), file);
}
END_TEST

START_TEST(file_removed_meanwhile_is_stale)
{
	uint64_t file = fs_rig_lookup(&r, 1, "file"), fh;

	fh = fs_rig_open(&r, FUSE_OPEN, file, O_RDWR);
	kill_device();
	ck_assert_int_eq(unlinkat(r.dir, "file", 0), 0);
	fs_rig_put_file(&r, "other", "another");
	ck_assert_int_eq(renameat(r.dir, "other", r.dir, "file"), 0);
	ck_assert_int_eq(next_device(NULL), 0);
	ck_assert_int_eq(fs_rig_getattr(&r, file), -ESTALE);
	ck_assert_int_eq(fs_rig_read(&r, FUSE_READ, file, fh, 0, 7), -ESTALE);
	ck_assert_uint_ne(fs_rig_lookup(&r, 1, "file"), file);
}
END_TEST

START_TEST(handle_that_cannot_be_reopened_fails_with_ebadf)
{
	uint64_t file = fs_rig_lookup(&r, 1, "file"), fh;

	fh = fs_rig_open(&r, FUSE_OPEN, file, O_RDWR);
	kill_device();
	r.config.read_only = true;
	ck_assert_int_eq(next_device(NULL), 0);
	ck_assert_int_eq(fs_rig_getattr(&r, file), 0);
	ck_assert_int_eq(fs_rig_read(&r, FUSE_READ, file, fh, 0, 7), -EBADF);
}
END_TEST

START_TEST(directory_is_found_after_two_crashes)
{
	uint64_t sub = fs_rig_lookup(&r, 1, "sub"), fh;
	unsigned int i;

	fh = fs_rig_open(&r, FUSE_OPENDIR, sub, 0);
	for (i = 0; i < 3; i++) {
		again();
		ck_assert_int_eq(fs_rig_getattr(&r, sub), 0);
	}
	ck_assert_int_eq(fs_rig_release(&r, FUSE_RELEASEDIR, sub, fh), 0);
	again();
	ck_assert_int_eq(fs_rig_release(&r, FUSE_RELEASEDIR, sub, fh), -EBADF);
}
END_TEST

START_TEST(other_front_end_in_between_removes_nothing)
{
	uint64_t sub = fs_rig_lookup(&r, 1, "sub");

	kill_device();
	ck_assert_int_eq(virtdev_fs_new(&r.config, &r.dev, NULL), 0);
	virtdev_reset(r.dev);
	ck_assert_int_eq(virtdev_queue_start(r.dev, r.queue, r.g.q, NULL), 0);
	ck_assert_int_eq(fs_rig_getattr(&r, sub), 0);
	virtdev_queue_stop(r.dev, r.queue);
	virtdev_reset(r.dev);
	ck_assert_int_eq(virtdev_queue_start(r.dev, r.queue, r.g.q, NULL), 0);
	again();
	ck_assert_int_eq(fs_rig_getattr(&r, sub), -ENOTCONN);
}
END_TEST

START_TEST(regular_exit_keeps_the_session)
{
	uint64_t sub = fs_rig_lookup(&r, 1, "sub");

	virtdev_fs_keep(r.dev);
	virtdev_queue_stop(r.dev, r.queue);
	virtdev_reset(r.dev);
	virtdev_free(r.dev);
	ck_assert_int_eq(next_device(NULL), 0);
	ck_assert_int_eq(fs_rig_getattr(&r, sub), 0);
}
END_TEST

START_TEST(session_that_begins_during_the_exit_is_kept)
{
	virtdev_fs_keep(r.dev);
	ck_assert_int_eq(fs_rig_begin(&r), 0);
	virtdev_queue_stop(r.dev, r.queue);
	virtdev_reset(r.dev);
	virtdev_free(r.dev);
	ck_assert_int_eq(next_device(NULL), 0);
	ck_assert_int_eq(fs_rig_getattr(&r, 1), 0);
}
END_TEST

START_TEST(new_session_discards_the_former_one)
{
	uint64_t sub = fs_rig_lookup(&r, 1, "sub");

	again();
	ck_assert_int_eq(fs_rig_begin(&r), 0);
	ck_assert_int_eq(fs_rig_getattr(&r, sub), -ESTALE);
	again();
	ck_assert_int_eq(fs_rig_getattr(&r, sub), -ESTALE);
	ck_assert_int_eq(fs_rig_getattr(&r, 1), 0);
}
END_TEST

/* --------------------------------------------------------------------- twice */

static const struct fuse_mkdir_in new_folder = { .mode = 0755 };
static const struct fuse_mknod_in new_node = { .mode = S_IFREG | 0644 };
static const struct fuse_create_in new_file = {
	.flags = O_RDWR | O_CREAT | O_EXCL, .mode = 0644,
};
static struct fuse_link_in new_link;
static const struct fuse_rename2_in new_name = { .newdir = 1 };

/* Requests that change names. */
static const struct {
	uint32_t opcode;
	const void *args;
	uint32_t len, text_len;
	const char *text;
} changes[] = {
	{ FUSE_MKDIR, &new_folder, sizeof(new_folder), 5, "made" },
	{ FUSE_CREATE, &new_file, sizeof(new_file), 5, "made" },
	{ FUSE_MKNOD, &new_node, sizeof(new_node), 5, "made" },
	{ FUSE_SYMLINK, NULL, 0, 10, "made\0file" },
	{ FUSE_LINK, &new_link, sizeof(new_link), 5, "made" },
	{ FUSE_UNLINK, NULL, 0, 5, "file" },
	{ FUSE_RMDIR, NULL, 0, 4, "sub" },
	{ FUSE_RENAME2, &new_name, sizeof(new_name), 10, "file\0made" },
};
#define MKDIR 0
#define CREATE 1
#define CHANGES ((int)(sizeof(changes) / sizeof(*changes)))

static int ask(int i)
{
	return fs_rig_ask(&r, changes[i].opcode, 1, changes[i].args,
			  changes[i].len, changes[i].text, changes[i].text_len);
}

START_TEST(completed_request_is_answered_as_before)
{
	new_link.oldnodeid = fs_rig_lookup(&r, 1, "file");
	ck_assert_int_eq(ask(_i), 0);
	again();
	r.unique--;
	ck_assert_int_eq(ask(_i), 0);
	ck_assert_int_ne(ask(_i), 0);
}
END_TEST

/* Texts of a repeated FUSE_TMPFILE, which has no name: files that the driver cannot look up. */
static const char *const texts[] = { "", "/", "/proc/self/exe", "..", "sub/x" };

START_TEST(repeated_request_for_an_unnamed_file_makes_another)
{
	const struct fuse_create_in in = { .flags = O_RDWR | O_TMPFILE, .mode = S_IFREG | 0600 };
	struct { struct fuse_entry_out entry; struct fuse_open_out open; } out;

	fs_rig_put_file(&r, "sub/x", "secret");
	ck_assert_int_eq(fs_rig_name(&r, FUSE_TMPFILE, 1, &in, sizeof(in), ""), 0);
	again();
	r.unique--;
	ck_assert_int_eq(fs_rig_name(&r, FUSE_TMPFILE, 1, &in, sizeof(in), texts[_i]), 0);
	ck_assert_uint_eq(fs_rig_answer_len(&r), sizeof(out));
	memcpy(&out, fs_rig_answer(&r), sizeof(out));
	ck_assert(S_ISREG(out.entry.attr.mode));
	ck_assert_uint_eq(out.entry.attr.size, 0);
	ck_assert_int_eq(fs_rig_write(&r, out.entry.nodeid, out.open.fh, 0, "new", 3), 0);
}
END_TEST

START_TEST(failed_request_is_not_repeated)
{
	ck_assert_int_eq(mkdirat(r.dir, "made", 0755), 0);
	ck_assert_int_eq(ask(MKDIR), -EEXIST);
	kill_device();
	ck_assert_int_eq(unlinkat(r.dir, "made", AT_REMOVEDIR), 0);
	ck_assert_int_eq(next_device(NULL), 0);
	r.unique--;
	ck_assert_int_eq(ask(MKDIR), -EEXIST);
	ck_assert_int_eq(ask(MKDIR), 0);
}
END_TEST

START_TEST(request_number_belongs_to_its_session)
{
	ck_assert_int_eq(ask(MKDIR), 0);
	again();
	r.unique -= 2;
	ck_assert_int_eq(fs_rig_begin(&r), 0);
	ck_assert_int_eq(ask(MKDIR), -EEXIST);
}
END_TEST

START_TEST(repeated_forget_counts_once)
{
	uint64_t sub = fs_rig_lookup(&r, 1, "sub");

	fs_rig_lookup(&r, 1, "sub");
	forget(sub, 1);
	again();
	r.unique--;
	forget(sub, 1);
	ck_assert_int_eq(fs_rig_getattr(&r, sub), 0);
}
END_TEST

/* A repeated FUSE_RELEASE succeeds if the previous process executed it. */
START_TEST(repeated_release_succeeds_once)
{
	uint64_t file = fs_rig_lookup(&r, 1, "file"), fh, dir;

	fh = fs_rig_open(&r, FUSE_OPEN, file, O_RDWR);
	dir = fs_rig_open(&r, FUSE_OPENDIR, 1, 0);
	ck_assert_int_eq(fs_rig_release(&r, FUSE_RELEASE, file, fh), 0);
	again();
	r.unique--;
	ck_assert_int_eq(fs_rig_release(&r, FUSE_RELEASE, file, fh), 0);
	ck_assert_int_eq(fs_rig_release(&r, FUSE_RELEASE, file, fh), -EBADF);
	ck_assert_int_eq(fs_rig_release(&r, FUSE_RELEASEDIR, 1, dir), 0);
	again();
	again();
	r.unique--;
	ck_assert_int_eq(fs_rig_release(&r, FUSE_RELEASEDIR, 1, dir), 0);
}
END_TEST

/* ------------------------------------------------------------------- refused */

static void refused(int code, const char *why)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct virtdev *dev;

	ck_assert_int_eq(virtdev_fs_new(&r.config, &dev, &err), code);
	ck_assert_msg(strstr(err.msg, why) != NULL, "%s", err.msg);
}

START_TEST(table_is_used_by_one_process)
{
	refused(-EBUSY, "still runs");
}
END_TEST

START_TEST(other_file_at_the_path_is_unchanged)
{
	char other[96], text[8] = "";
	int fd;

	snprintf(other, sizeof(other), "%s/other", place);
	fd = open(other, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	ck_assert_int_eq(write(fd, "precious", 8), 8);
	r.config.recover = other;
	refused(-EINVAL, "is not a recovery file");
	ck_assert_int_eq(pread(fd, text, 8, 0), 8);
	ck_assert_mem_eq(text, "precious", 8);
	ck_assert_int_eq(fchmod(fd, 0622), 0);
	refused(-EINVAL, "not writable by others");
	close(fd);
	r.config.recover = place;
	refused(-EINVAL, "Is a directory");
	r.config.recover = path;
}
END_TEST

START_TEST(symbolic_link_to_a_table_is_refused_by_name)
{
	char link[100];

	snprintf(link, sizeof(link), "%s/link", place);
	ck_assert_int_eq(symlink(path, link), 0);
	r.config.recover = link;
	refused(-EINVAL, "/link' (recover) is a symbolic link");
	r.config.recover = path;
}
END_TEST

START_TEST(recovery_with_a_dax_window_is_refused)
{
	r.config.window = VIRTDEV_FS_WINDOW_ALIGN;
	refused(-EINVAL, "window");
	r.config.window = 0;
}
END_TEST

START_TEST(table_of_other_limits_or_another_directory_is_refused)
{
	char sub[80];

	kill_device();
	r.config.inodes = INODES - 1;
	refused(-EINVAL, "limit of open files");
	r.config.inodes = INODES;
	snprintf(sub, sizeof(sub), "%s/sub", r.folder);
	r.config.path = sub;
	refused(-EINVAL, "another folder");
	r.config.path = r.folder;
	ck_assert_int_eq(next_device(NULL), 0);
	ck_assert_int_eq(fs_rig_getattr(&r, 1), 0);
}
END_TEST

/* ------------------------------------------------------------------- hostile */

/* The recovery file of this configuration. */
static struct {
	_Alignas(FS_RECOVER_HEAD) struct fs_recover_head head;
	_Alignas(FS_RECOVER_HEAD) struct fs_recover_inode_record inodes[INODES];
	_Alignas(FS_RECOVER_HEAD) struct fs_recover_handle_record handles[HANDLES];
	_Alignas(FS_RECOVER_HEAD) struct fs_replay_record replays[FS_REPLAY_RECORDS];
} table;
#define TABLE_LEN ((size_t)((char *)&table.replays[FS_REPLAY_RECORDS] - (char *)&table))

/* Kills the process and reads its file. */
static void take_table(void)
{
	int fd;

	kill_device();
	fd = open(path, O_RDONLY | O_CLOEXEC);
	ck_assert_int_eq(lseek(fd, 0, SEEK_END), (off_t)TABLE_LEN);
	ck_assert_int_eq(pread(fd, &table, TABLE_LEN, 0), (ssize_t)TABLE_LEN);
	close(fd);
}

static void write_table(void)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);

	ck_assert_int_eq(write(fd, &table, TABLE_LEN), (ssize_t)TABLE_LEN);
	close(fd);
}

/* Starts the replacement process with the changed file. */
static void give_table(void)
{
	write_table();
	ck_assert_int_eq(next_device(NULL), 0);
}

/* Either the device rejects the file with a message, or it works. */
static void try_table(uint64_t file)
{
	struct vsu_error err = VSU_ERROR_INIT;
	int rc;

	write_table();
	if (next_device(&err) < 0) {
		ck_assert_uint_gt(strlen(err.msg), 0);
		return;
	}
	rc = fs_rig_getattr(&r, file);
	ck_assert(rc == 0 || rc == -ESTALE || rc == -ENOTCONN);
	kill_device();
}

/* Kills the process before it records completion, later_ns after the start. */
static void kill_within(uint64_t later_ns)
{
	unsigned int i;

	take_table();
	for (i = 0; i < FS_REPLAY_RECORDS; i++) {
		table.replays[i].done = 0;
		table.replays[i].result = 0;
		table.replays[i].started += later_ns;
	}
	give_table();
	r.unique--;
}

START_TEST(repeated_request_of_an_unrecorded_change_succeeds)
{
	lacking = _i >= CHANGES ? STATX_MNT_ID : 0;
	again();
	new_link.oldnodeid = fs_rig_lookup(&r, 1, "file");
	ck_assert_int_eq(ask(_i % CHANGES), 0);
	kill_within(0);
	ck_assert_int_eq(ask(_i % CHANGES), 0);
}
END_TEST

/* Killed within rename(): the record contains the old and the new name. */
START_TEST(interrupted_rename_of_a_directory_is_completed)
{
	uint64_t sub = fs_rig_lookup(&r, 1, "sub"), inner;

	fs_rig_put_file(&r, "sub/inner", "within");
	inner = fs_rig_lookup(&r, sub, "inner");
	ck_assert_int_eq(rename_to(1, "sub", 1, "below"), 0);
	take_table();
	ck_assert_uint_eq(table.inodes[1].which, 2);
	table.inodes[1].which = 3;
	if (_i)
		ck_assert_int_eq(renameat(r.dir, "below", r.dir, "sub"), 0);
	give_table();
	kill_within(0);
	ck_assert_int_eq(fs_rig_getattr(&r, sub), 0);
	ck_assert_int_eq(fs_rig_getattr(&r, inner), 0);
	r.unique -= 2;
	ck_assert_int_eq(rename_to(1, "sub", 1, "below"), 0);
	ck_assert_uint_eq(fs_rig_lookup(&r, 1, "below"), sub);
}
END_TEST

#define LABEL "security.test"
#define VALUE "u:r:t:s0"

/* A symbolic link "made" to "file", and an extension with its label. */
static const struct {
	char names[10];
	uint32_t size, type, len, padding;
	char label[24];
} __attribute__((packed)) labelled = { "made\0file", 40, 1, 8, 0, LABEL "\0" VALUE };

static int ask_with_label(void)
{
	int rc;

	r.extensions = labelled.size;
	rc = fs_rig_ask(&r, FUSE_SYMLINK, 1, NULL, 0, &labelled, sizeof(labelled));
	r.extensions = 0;
	return rc;
}

static void begin_with_labels(void)
{
	const struct fuse_init_in in = {
		.major = 7, .minor = 38, .flags = FUSE_INIT_EXT, .flags2 = 1,
	};

	kill_device();
	ck_assert_int_eq(unlink(path), 0);
	r.config.xattr = r.config.security_label = true;
	ck_assert_int_eq(next_device(NULL), 0);
	ck_assert_int_eq(fs_rig_ask(&r, FUSE_INIT, 0, &in, sizeof(in), NULL, 0), 0);
}

/* Killed after symlink(): the label is that of the link, not of the file it points to. */
START_TEST(interrupted_request_labels_what_it_made)
{
	char file[96], made[96], value[16] = "";

	snprintf(file, sizeof(file), "%s/file", r.folder);
	snprintf(made, sizeof(made), "%s/made", r.folder);
	begin_with_labels();
	ck_assert_int_eq(ask_with_label(), 0);
	ck_assert_int_eq(lremovexattr(made, LABEL), 0);
	kill_within(0);
	ck_assert_int_eq(ask_with_label(), 0);
	ck_assert_int_eq(lgetxattr(made, LABEL, value, sizeof(value)), sizeof(VALUE) - 1);
	ck_assert_mem_eq(value, VALUE, sizeof(VALUE));
	ck_assert_int_eq(getxattr(file, LABEL, value, sizeof(value)), -1);
}
END_TEST

/* Whether this process may set security attributes. */
static const char *no_labels(void)
{
	char folder[] = "/tmp/vfs-test-recover-XXXXXX";
	const bool can = mkdtemp(folder) && !setxattr(folder, LABEL, "x", 1, 0);

	rmdir(folder);
	return can ? NULL : "this process may not set security attributes in /tmp";
}

#define SECOND UINT64_C(1000000000)

/* Two processes are killed: one before it makes the file, one afterwards. */
START_TEST(creation_that_two_processes_began_succeeds)
{
	ck_assert_int_eq(ask(CREATE), 0);
	ck_assert_int_eq(unlinkat(r.dir, "made", 0), 0);
	kill_within(-3 * SECOND);
	ck_assert_int_eq(ask(CREATE), 0);
	kill_within(0);
	ck_assert_int_eq(ask(CREATE), 0);
}
END_TEST

START_TEST(creation_by_a_thread_that_ran_late_succeeds)
{
	ck_assert_int_eq(ask(CREATE), 0);
	kill_within(-(SECOND / 2));
	ck_assert_int_eq(ask(CREATE), 0);
}
END_TEST

START_TEST(file_made_by_another_program_is_not_mistaken_for_it)
{
	ck_assert_int_eq(ask(CREATE), 0);
	kill_within(3 * SECOND);
	ck_assert_int_eq(ask(CREATE), -EEXIST);
}
END_TEST

START_TEST(creation_is_not_claimed_without_a_birth_time)
{
	lacking = STATX_BTIME | STATX_MNT_ID;
	ck_assert_int_eq(ask(CREATE), 0);
	kill_within(0);
	ck_assert_int_eq(ask(CREATE), -EEXIST);
}
END_TEST

START_TEST(file_that_vanishes_is_not_mistaken_for_it)
{
	ck_assert_int_eq(ask(CREATE), 0);
	kill_within(0);
	vanishing = "made";
	looks = 1;	/* as the request is repeated, and again when the host refuses it */
	ck_assert_int_eq(ask(CREATE), -EEXIST);
	ck_assert_ptr_null(vanishing);
}
END_TEST

START_TEST(exchange_is_not_executed_twice)
{
	const struct fuse_rename2_in in = { .newdir = 1, .flags = 2 };

	fs_rig_put_file(&r, "other", "other");
	fs_rig_lookup(&r, 1, "file");
	ck_assert_int_eq(fs_rig_ask(&r, FUSE_RENAME2, 1, &in, sizeof(in),
				    "file\0other", 11), 0);
	kill_within(0);
	ck_assert_int_eq(fs_rig_ask(&r, FUSE_RENAME2, 1, &in, sizeof(in),
				    "file\0other", 11), 0);
	ck_assert_int_eq(fs_rig_stat(&r, "other").st_size, 7);
}
END_TEST

static void change_each(void *record, size_t len, uint64_t file)
{
	unsigned char *bytes = record;
	size_t i;

	for (i = 0; i < len; i++) {
		bytes[i] ^= 0xff;
		try_table(file);
		bytes[i] ^= 0xff;
	}
}

/* Only the first bytes of the record are written. */
static void write_prefixes(void *record, size_t len, uint64_t file)
{
	unsigned char whole[sizeof(*table.inodes)], *bytes = record;
	size_t i;

	memcpy(whole, bytes, len);
	memset(bytes, 0, len);
	for (i = 0; i < len; i++) {
		try_table(file);
		bytes[i] = whole[i];
	}
}

START_TEST(table_modified_at_any_byte_does_no_harm)
{
	uint64_t file = fs_rig_lookup(&r, 1, "file");

	fs_rig_open(&r, FUSE_OPEN, file, O_RDWR);
	take_table();
	change_each(&table.head, sizeof(table.head), file);
	change_each(&table.inodes[1], sizeof(*table.inodes), file);
	change_each(&table.handles[0], sizeof(*table.handles), file);
	write_prefixes(&table.inodes[1], sizeof(*table.inodes), file);
	write_prefixes(&table.handles[0], sizeof(*table.handles), file);
	give_table();
	ck_assert_int_eq(fs_rig_getattr(&r, file), 0);
}
END_TEST

START_TEST(damaged_table_is_named)
{
	const uint64_t damage[] = { 1, UINT64_C(0x8000000000000000) | UINT64_C(1) << 62 };
	uint64_t agreed;

	take_table();
	agreed = table.head.agreed;
	table.head.agreed = damage[_i];
	write_table();
	refused(_i ? -EBADMSG : -EINVAL, "/table' (recover)");
	table.head.agreed = agreed;
	give_table();
}
END_TEST

static const char *const bad_names[] = {
	"..", ".", "../file", "sub/../file", "/etc/passwd", "file/", "", "sub//inner",
};

START_TEST(name_out_of_the_directory_loses_its_inode)
{
	uint64_t file = fs_rig_lookup(&r, 1, "file");
	struct fs_recover_inode_record *record = &table.inodes[1];

	take_table();
	ck_assert_uint_eq(record->which, 1);
	ck_assert_str_eq(record->dentries[0].name, "file");
	memset(record->dentries[0].name, 0, sizeof(record->dentries[0].name));
	strcpy(record->dentries[0].name, bad_names[_i]);
	give_table();
	ck_assert_int_eq(fs_rig_getattr(&r, file), -ESTALE);
}
END_TEST

START_TEST(record_of_another_slot_is_dropped)
{
	uint64_t file = fs_rig_lookup(&r, 1, "file"), other = file + 3;

	take_table();
	ck_assert_uint_eq(table.inodes[1].id, file);
	table.inodes[1].id = other;
	give_table();
	ck_assert_int_eq(fs_rig_getattr(&r, file), -ESTALE);
	ck_assert_int_eq(fs_rig_getattr(&r, other), -ESTALE);
}
END_TEST

/* A directory whose record names itself as parent has no path. */
START_TEST(detects_cycles_of_parents)
{
	uint64_t sub = fs_rig_lookup(&r, 1, "sub");

	take_table();
	table.inodes[1].dentries[0].parent = sub;
	give_table();
	ck_assert_int_eq(fs_rig_getattr(&r, sub), -ESTALE);
}
END_TEST

/* -------------------------------------------------------------- truncated */

static const off_t cuts[] = { 0, 63, 4096, 8192 };
#define CUTS ((int)(sizeof(cuts) / sizeof(*cuts)))

START_TEST(d1_22_truncated_table_is_reported_and_the_guest_continues)
{
	const struct fuse_mkdir_in made = { .mode = 0755 };
	struct vsu_error err = VSU_ERROR_INIT;
	uint64_t sub = fs_rig_lookup(&r, 1, "sub");

	ck_assert_int_eq(virtdev_fs_check(r.dev, &err), 0);
	ck_assert_int_eq(truncate(path, cuts[_i]), 0);
	ck_assert_int_eq(fs_rig_name(&r, FUSE_MKDIR, 1, &made, sizeof(made), "made"), 0);
	ck_assert_int_eq(fs_rig_getattr(&r, sub), 0);
	ck_assert_int_eq(virtdev_fs_check(r.dev, &err), -EIO);
	ck_assert_ptr_nonnull(strstr(err.msg, "(recover) was truncated"));
	ck_assert_int_eq(fs_rig_begin(&r), 0);
	ck_assert_uint_ne(fs_rig_lookup(&r, 1, "made"), 0);
	ck_assert_int_eq(fs_rig_name(&r, FUSE_RMDIR, 1, NULL, 0, "made"), 0);
	virtdev_reset(r.dev);
}
END_TEST

/* Their records are behind the blocks that are allocated at first. */
START_TEST(many_inodes_are_found_again)
{
	uint64_t last;

	ck_assert_int_eq(fs_rig_lookup_new(&r, INODES_LARGE - 10), 0);
	last = fs_rig_lookup(&r, 1, "f1000");
	again();
	ck_assert_int_eq(fs_rig_getattr(&r, last), 0);
	ck_assert_uint_eq(fs_rig_lookup(&r, 1, "f1000"), last);
}
END_TEST

/* The second ID of a slot, whose record has no room in the file. */
START_TEST(inode_without_a_record_is_not_mistaken_for_another)
{
	uint64_t last, second;
	unsigned int i;
	char name[16];

	full = true;
	ck_assert_int_eq(fs_rig_lookup_new(&r, 500), 0);
	last = fs_rig_lookup(&r, 1, "f499");
	forget(last, 2);
	second = fs_rig_lookup(&r, 1, "f499");
	ck_assert_uint_ne(second, last);
	full = false;
	again();
	ck_assert_int_eq(fs_rig_getattr(&r, second), -ESTALE);
	for (i = 0; i < 500; i++) {
		snprintf(name, sizeof(name), "f%u", i);
		ck_assert_uint_ne(fs_rig_lookup(&r, 1, name), second);
	}
}
END_TEST

/* A vhost-user server asks before the first queue runs. */
static bool continues(void)
{
	static _Alignas(8) unsigned char room[4096];
	struct vsu_error err = VSU_ERROR_INIT;
	bool before;

	ck_assert_msg(virtdev_fs_new(&r.config, &r.dev, &err) == 0, "%s", err.msg);
	ck_assert(virtdev_priv_keeps(r.dev));
	virtdev_priv_kept_set(r.dev, room, sizeof(room));
	before = virtdev_priv_kept_load(r.dev, NULL);
	ck_assert_int_eq(virtdev_queue_start(r.dev, r.queue, r.g.q, NULL), 0);
	ck_assert(!virtdev_priv_kept_load(r.dev, NULL));
	return before;
}

START_TEST(device_knows_whether_it_continues_a_session)
{
	kill_device();
	ck_assert(continues());
	fs_rig_ask(&r, FUSE_DESTROY, 0, NULL, 0, NULL, 0);	/* not mounted: nothing is lost */
	kill_device();
	ck_assert(continues());
	kill_device();
	ck_assert_int_eq(unlink(path), 0);
	ck_assert(!continues());
	kill_device();
	r.config.recover = NULL;
	ck_assert(!continues());
}
END_TEST

/* Allocating more records would extend the file and hide the truncation. */
START_TEST(d1_22_truncated_table_stays_truncated)
{
	uint64_t first;

	ck_assert_int_eq(truncate(path, 0), 0);
	first = fs_rig_lookup(&r, 1, "file");
	ck_assert_int_eq(fs_rig_lookup_new(&r, INODES_LARGE / 2), 0);
	ck_assert_int_eq(fs_rig_getattr(&r, first), 0);
	ck_assert_int_eq(virtdev_fs_check(r.dev, NULL), -EIO);
	ck_assert_uint_eq(fs_rig_stat(&r, "file").st_size, 7);
}
END_TEST

static TCase *add_tcase(Suite *s, const char *name, void (*set_up)(void))
{
	TCase *tc = tcase_create(name);

	tcase_add_checked_fixture(tc, set_up, teardown);
	suite_add_tcase(s, tc);
	return tc;
}

int main(void)
{
	Suite *s = suite_create("recover");
	TCase *tc;

	tc = add_tcase(s, "crashes", setup);
	tcase_add_test(tc, mount_continues_without_a_new_session);
	tcase_add_test(tc, forgotten_inodes_and_closed_handles_stay_so);
	tcase_add_test(tc, file_is_found_under_its_new_name);
	tcase_add_test(tc, file_removed_meanwhile_is_stale);
	tcase_add_test(tc, handle_that_cannot_be_reopened_fails_with_ebadf);
	tcase_add_test(tc, directory_is_found_after_two_crashes);
	tcase_add_test(tc, other_front_end_in_between_removes_nothing);
	tcase_add_test(tc, regular_exit_keeps_the_session);
	tcase_add_test(tc, session_that_begins_during_the_exit_is_kept);
	tcase_add_test(tc, new_session_discards_the_former_one);
	tc = add_tcase(s, "many", setup_large);
	tcase_add_test(tc, device_knows_whether_it_continues_a_session);
	tcase_add_test(tc, many_inodes_are_found_again);
	tcase_add_test(tc, inode_without_a_record_is_not_mistaken_for_another);
	tc = add_tcase(s, "requests", setup);
	tcase_add_loop_test(tc, completed_request_is_answered_as_before, 0, CHANGES);
	tcase_add_loop_test(tc, repeated_request_for_an_unnamed_file_makes_another, 0,
			    (int)(sizeof(texts) / sizeof(*texts)));
	tcase_add_test(tc, failed_request_is_not_repeated);
	tcase_add_test(tc, request_number_belongs_to_its_session);
	tcase_add_test(tc, repeated_forget_counts_once);
	tcase_add_test(tc, repeated_release_succeeds_once);
	tcase_add_loop_test(tc, repeated_request_of_an_unrecorded_change_succeeds, 0, 2 * CHANGES);
	tcase_add_loop_test(tc, interrupted_rename_of_a_directory_is_completed,
			    0, 2);
	tcase_add_test_unless(tc, no_labels(), interrupted_request_labels_what_it_made);
	tcase_add_test(tc, creation_that_two_processes_began_succeeds);
	tcase_add_test(tc, creation_by_a_thread_that_ran_late_succeeds);
	tcase_add_test(tc, file_made_by_another_program_is_not_mistaken_for_it);
	tcase_add_test(tc, creation_is_not_claimed_without_a_birth_time);
	tcase_add_test(tc, file_that_vanishes_is_not_mistaken_for_it);
	tcase_add_test(tc, exchange_is_not_executed_twice);
	tc = add_tcase(s, "refusals", setup);
	tcase_add_test(tc, table_is_used_by_one_process);
	tcase_add_test(tc, other_file_at_the_path_is_unchanged);
	tcase_add_test(tc, symbolic_link_to_a_table_is_refused_by_name);
	tcase_add_test(tc, recovery_with_a_dax_window_is_refused);
	tcase_add_test(tc, table_of_other_limits_or_another_directory_is_refused);
	tc = add_tcase(s, "hostile", setup);
	tcase_add_test(tc, table_modified_at_any_byte_does_no_harm);
	tcase_add_loop_test(tc, damaged_table_is_named, 0, 2);
	tcase_add_loop_test(tc, name_out_of_the_directory_loses_its_inode, 0,
			    (int)(sizeof(bad_names) / sizeof(*bad_names)));
	tcase_add_test(tc, record_of_another_slot_is_dropped);
	tcase_add_test(tc, detects_cycles_of_parents);
	if (!under_valgrind()) {	/* valgrind resumes after a fault with other registers */
		tc = add_tcase(s, "truncated", setup_handled);
		tcase_add_loop_test(tc, d1_22_truncated_table_is_reported_and_the_guest_continues,
				    0, CUTS);
		tcase_add_test(tc, d1_22_truncated_table_stays_truncated);
	}
	return run_suite(s);
}
