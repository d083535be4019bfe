/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about migration of a guest that has mounted the shared directory. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include <virtio-devices/state.h>
#include <vmm-sys-util/fd.h>

#include "../suite.h"
#include "fs-rig.h"

/* Bytes before the model's state. */
#define HEAD 20u
/* Bytes of the model's state before the first inode. */
#define FILES 12u

static struct fs_rig r;

static void setup(void)
{
	fs_rig_init(&r);
}

static void teardown(void)
{
	fs_rig_fini(&r);
}

static unsigned char *save(size_t *len)
{
	void *bytes;

	virtdev_queue_stop(r.dev, r.queue);
	virtdev_pause(r.dev);
	ck_assert_int_eq(virtdev_state_take(r.dev, &bytes, len, NULL), 0);
	return bytes;
}

/* Replaces the device by a new one and loads the state. */
static int load(const void *bytes, size_t len, struct vsu_error *err)
{
	int rc;

	virtdev_free(r.dev);
	ck_assert_int_eq(virtdev_fs_new(&r.config, &r.dev, NULL), 0);
	rc = virtdev_state_load(r.dev, bytes, len, err);
	ck_assert_int_eq(virtdev_queue_start(r.dev, r.queue, r.g.q, NULL), 0);
	return rc;
}

static int move(struct vsu_error *err)
{
	size_t len;
	unsigned char *bytes = save(&len);
	int rc = load(bytes, len, err);

	free(bytes);
	return rc;
}

START_TEST(mount_continues_after_a_move)
{
	uint64_t sub, file, link, fh, dir;

	fs_rig_put_file(&r, "sub/inner", "within");
	ck_assert_int_eq(symlinkat("/etc", r.dir, "sub/link"), 0);
	sub = fs_rig_lookup(&r, 1, "sub");
	file = fs_rig_lookup(&r, sub, "inner");
	link = fs_rig_lookup(&r, sub, "link");
	fh = fs_rig_open(&r, FUSE_OPEN, file, O_RDWR);
	dir = fs_rig_open(&r, FUSE_OPENDIR, sub, 0);
	ck_assert_int_eq(move(NULL), 0);
	ck_assert_int_eq(fs_rig_read(&r, FUSE_READ, file, fh, 0, 6), 0);
	ck_assert_mem_eq(fs_rig_answer(&r), "within", 6);
	ck_assert_int_eq(fs_rig_write(&r, file, fh, 0, "W", 1), 0);
	ck_assert_int_eq(fs_rig_name(&r, FUSE_READLINK, link, NULL, 0, NULL),
			 0);
	ck_assert_mem_eq(fs_rig_answer(&r), "/etc", 4);
	ck_assert_uint_eq(fs_rig_lookup(&r, sub, "inner"), file);
	ck_assert_int_eq(fs_rig_read(&r, FUSE_READDIR, sub, dir, 0, 4096), 0);
	ck_assert_uint_gt(fs_rig_answer_len(&r), 0);
	ck_assert_int_eq(fs_rig_release(&r, FUSE_RELEASEDIR, sub, dir), 0);
	ck_assert_int_eq(fs_rig_release(&r, FUSE_RELEASE, file, fh), 0);
}
END_TEST

START_TEST(read_only_handle_stays_read_only_after_a_move)
{
	const uint64_t file = fs_rig_lookup(&r, 1, "file");
	const uint64_t fh = fs_rig_open(&r, FUSE_OPEN, file, O_RDONLY);

	ck_assert_int_eq(move(NULL), 0);
	ck_assert_int_eq(fs_rig_write(&r, file, fh, 0, "x", 1), -EBADF);
	ck_assert_int_eq(fs_rig_read(&r, FUSE_READ, file, fh, 0, 7), 0);
	ck_assert_mem_eq(fs_rig_answer(&r), "content", 7);
}
END_TEST

START_TEST(lookup_counts_continue_after_a_move)
{
	const struct fuse_forget_in in = { 1 };
	uint64_t file = fs_rig_lookup(&r, 1, "file");

	fs_rig_lookup(&r, 1, "file");
	ck_assert_int_eq(move(NULL), 0);
	fs_rig_ask(&r, FUSE_FORGET, file, &in, sizeof(in), NULL, 0);
	ck_assert_int_eq(fs_rig_getattr(&r, file), 0);
	fs_rig_ask(&r, FUSE_FORGET, file, &in, sizeof(in), NULL, 0);
	ck_assert_int_eq(fs_rig_getattr(&r, file), -ESTALE);
}
END_TEST

START_TEST(device_without_a_session_moves)
{
	virtdev_queue_stop(r.dev, r.queue);
	virtdev_reset(r.dev);
	ck_assert_int_eq(virtdev_queue_start(r.dev, r.queue, r.g.q, NULL), 0);
	ck_assert_int_eq(move(NULL), 0);
	ck_assert_int_eq(fs_rig_getattr(&r, 1), -ENOTCONN);
	ck_assert_int_eq(fs_rig_begin(&r), 0);
}
END_TEST

/* A device that served a guest before: its inodes and handles end with the load. */
START_TEST(state_replaces_the_session_of_its_device)
{
	const uint64_t file = fs_rig_lookup(&r, 1, "file");
	const uint64_t fh = fs_rig_open(&r, FUSE_OPEN, file, O_RDONLY);
	uint64_t sub, dir;
	unsigned char *bytes;
	size_t len;
	int fds;

	bytes = save(&len);
	virtdev_resume(r.dev);
	ck_assert_int_eq(virtdev_queue_start(r.dev, r.queue, r.g.q, NULL), 0);
	fds = vsu_fd_count();
	sub = fs_rig_lookup(&r, 1, "sub");
	dir = fs_rig_open(&r, FUSE_OPENDIR, sub, 0);
	virtdev_queue_stop(r.dev, r.queue);
	ck_assert_int_eq(virtdev_state_load(r.dev, bytes, len, NULL), 0);
	free(bytes);
	ck_assert_int_eq(vsu_fd_count(), fds);
	ck_assert_int_eq(virtdev_queue_start(r.dev, r.queue, r.g.q, NULL), 0);
	ck_assert_int_eq(fs_rig_getattr(&r, sub), -ESTALE);
	ck_assert_int_eq(fs_rig_read(&r, FUSE_READDIR, sub, dir, 0, 4096), -ESTALE);
	ck_assert_int_eq(fs_rig_read(&r, FUSE_READ, file, fh, 0, 7), 0);
	ck_assert_mem_eq(fs_rig_answer(&r), "content", 7);
}
END_TEST

START_TEST(missing_file_fails_the_move)
{
	struct vsu_error err = VSU_ERROR_INIT;

	fs_rig_lookup(&r, 1, "file");
	ck_assert_int_eq(unlinkat(r.dir, "file", 0), 0);
	ck_assert_int_eq(move(&err), -ENOENT);
	ck_assert_ptr_nonnull(strstr(err.msg, "1 of the files"));
	ck_assert_int_eq(fs_rig_getattr(&r, 1), -ENOTCONN);
}
END_TEST

START_TEST(missing_file_becomes_an_error_if_configured)
{
	const uint64_t old = fs_rig_lookup(&r, 1, "file");
	const uint64_t sub = fs_rig_lookup(&r, 1, "sub");
	const uint64_t fh = fs_rig_open(&r, FUSE_OPEN, old, O_RDONLY);
	unsigned int i;

	r.config.lost = VIRTDEV_FS_LOST_ERROR;
	ck_assert_int_eq(unlinkat(r.dir, "file", 0), 0);
	for (i = 0; i < 2; i++) {
		ck_assert_int_eq(move(NULL), 0);
		ck_assert_int_eq(fs_rig_getattr(&r, old), -ESTALE);
		ck_assert_int_eq(fs_rig_read(&r, FUSE_READ, old, fh, 0, 7),
				 -ESTALE);
		ck_assert_int_eq(fs_rig_getattr(&r, sub), 0);
	}
	fs_rig_put_file(&r, "file", "another");
	ck_assert_uint_ne(fs_rig_lookup(&r, 1, "file"), old);
	ck_assert_uint_ne(fs_rig_open(&r, FUSE_OPENDIR, sub, 0), fh);
	ck_assert_int_eq(fs_rig_getattr(&r, old), -ESTALE);
}
END_TEST

/* Renames between save and load. Returns whether file handles are supported. */
static bool renamed_meanwhile(uint64_t *file)
{
	size_t len;
	unsigned char *bytes;
	bool can;

	*file = fs_rig_lookup(&r, 1, "file");
	bytes = save(&len);
	/* the first file's record: number, lookups, type, length of its handle */
	can = bytes[HEAD + FILES + 20];
	ck_assert_int_eq(renameat(r.dir, "file", r.dir, "sub/other"), 0);
	fs_rig_put_file(&r, "file", "another");
	ck_assert_int_eq(load(bytes, len, NULL), 0);
	free(bytes);
	return can;
}

START_TEST(a_file_with_a_handle_is_found_under_another_name)
{
	uint64_t file;
	bool can;

	fs_rig_folder(&r);
	r.config.file_handles = VIRTDEV_FS_HANDLES_PREFER;
	r.config.lost = VIRTDEV_FS_LOST_ERROR;
	fs_rig_make(&r, RIG_REQUESTS);
	ck_assert_int_eq(fs_rig_begin(&r), 0);
	can = renamed_meanwhile(&file);
	ck_assert_int_eq(fs_rig_getattr(&r, file), 0);
	ck_assert(!can == (fs_rig_lookup(&r, 1, "file") == file));
	teardown();
}
END_TEST

START_TEST(rejects_migration_with_locks_on_the_host)
{
	struct fuse_lk_in lk = { .owner = 5, .lk = { .end = 9, .type = F_WRLCK } };
	struct vsu_error err = VSU_ERROR_INIT;
	uint64_t file;
	size_t len;
	void *bytes;

	fs_rig_folder(&r);
	r.config.posix_lock = r.config.flock = true;
	fs_rig_make(&r, RIG_REQUESTS);
	ck_assert_int_eq(fs_rig_begin(&r), 0);
	file = fs_rig_lookup(&r, 1, "file");
	lk.fh = fs_rig_open(&r, FUSE_OPEN, file, O_RDWR);
	lk.lk_flags = _i ? FUSE_LK_FLOCK : 0;
	ck_assert_int_eq(fs_rig_ask(&r, FUSE_SETLK, file, &lk, sizeof(lk), NULL,
				    0), 0);
	ck_assert_int_eq(virtdev_state_take(r.dev, &bytes, &len, &err),
			 -EOPNOTSUPP);
	ck_assert_ptr_nonnull(strstr(err.msg, "unlock"));
	lk.lk.type = F_UNLCK;
	ck_assert_int_eq(fs_rig_ask(&r, FUSE_SETLK, file, &lk, sizeof(lk), NULL,
				    0), 0);
	ck_assert_int_eq(move(NULL), 0);
	teardown();
}
END_TEST

START_TEST(state_of_other_options_is_refused)
{
	struct vsu_error err = VSU_ERROR_INIT;
	size_t len;
	unsigned char *bytes = save(&len);

	r.config.cache = VIRTDEV_FS_CACHE_ALWAYS;
	ck_assert_int_eq(load(bytes, len, &err), -EBADMSG);
	ck_assert_ptr_nonnull(strstr(err.msg, "same options"));
	free(bytes);
}
END_TEST

/* ------------------------------------------------------------- hostile states */

struct blob {
	unsigned char bytes[16384];
	size_t len;
};

static void put(struct blob *b, uint64_t value, size_t n)
{
	for (; n; n--, value >>= 8)
		b->bytes[b->len++] = (unsigned char)value;
}

static void put_text(struct blob *b, const char *text)
{
	put(b, strlen(text), 2);
	memcpy(b->bytes + b->len, text, strlen(text));
	b->len += strlen(text);
}

static void begin(struct blob *b, uint64_t agreed)
{
	b->len = 0;
	put(b, 0x76656476, 4);
	put(b, 1, 4);
	put(b, 26, 4);
	put(b, 1, 4);
	put(b, 0, 4);
	put(b, agreed, 8);
}

#define SESSION (UINT64_C(1) << 63)

static void a_file(struct blob *b, uint64_t id, uint32_t type, const char *path)
{
	put(b, id, 8);
	put(b, 1, 8);
	put(b, type, 4);
	put(b, 0, 5);
	put_text(b, path);
}

static int load_blob(struct blob *b, struct vsu_error *err)
{
	size_t at = b->len;

	b->len = 16;
	put(b, at - HEAD, 4);
	b->len = at;
	virtdev_queue_stop(r.dev, r.queue);
	return load(b->bytes, at, err);
}

/* Loads a state with one inode, ID 2. */
static int load_path(uint32_t type, const char *path)
{
	struct blob b;

	begin(&b, SESSION);
	put(&b, 0, 4);
	a_file(&b, 2, type, path);
	put(&b, 0, 8);
	put(&b, 0, 4);
	put(&b, 0, 8);
	return load_blob(&b, NULL);
}

static const char *const no_paths[] = {
	"..", "../file", "sub/../..", ".", "sub/.", "/etc/passwd", "/", "sub/",
	"sub//inner",
};

START_TEST(path_out_of_the_directory_is_refused)
{
	r.config.lost = VIRTDEV_FS_LOST_ERROR;
	ck_assert_int_eq(load_path(S_IFDIR, no_paths[_i]), -EBADMSG);
	ck_assert_int_eq(fs_rig_getattr(&r, 2), -ENOTCONN);
}
END_TEST

START_TEST(overlong_name_in_a_path_is_refused)
{
	char path[300];

	memset(path, 'n', sizeof(path));
	path[256] = 0;
	ck_assert_int_eq(load_path(S_IFREG, path), -EBADMSG);
}
END_TEST

START_TEST(symbolic_link_in_a_path_is_not_followed)
{
	r.config.lost = VIRTDEV_FS_LOST_ERROR;
	ck_assert_int_eq(symlinkat("/etc", r.dir, "link"), 0);
	ck_assert_int_eq(load_path(S_IFREG, "link/passwd"), 0);
	ck_assert_int_eq(fs_rig_getattr(&r, 2), -ESTALE);
	ck_assert_int_eq(load_path(S_IFDIR, "link"), 0);
	ck_assert_int_eq(fs_rig_getattr(&r, 2), -ESTALE);
	ck_assert_int_eq(load_path(S_IFLNK, "link"), 0);
	ck_assert_int_eq(fs_rig_getattr(&r, 2), 0);
}
END_TEST

START_TEST(file_of_another_type_is_refused)
{
	ck_assert_int_eq(load_path(S_IFDIR, "file"), -ENOENT);
	ck_assert_int_eq(load_path(S_IFREG, "sub"), -ENOENT);
	ck_assert_int_eq(load_path(0, "sub"), -EBADMSG);
	ck_assert_int_eq(load_path(S_IFDIR, "sub"), 0);
}
END_TEST

static int load_ids(uint64_t first, uint64_t second, const char *path)
{
	struct blob b;

	begin(&b, SESSION);
	put(&b, 0, 4);
	a_file(&b, first, S_IFREG, path);
	a_file(&b, second, S_IFDIR, "sub");
	put(&b, 0, 8);
	put(&b, 0, 4);
	put(&b, 0, 8);
	return load_blob(&b, NULL);
}

START_TEST(impossible_numbers_are_refused)
{
	r.config.lost = VIRTDEV_FS_LOST_ERROR;
	ck_assert_int_eq(load_ids(2, 2, "file"), -EBADMSG);
	ck_assert_int_eq(load_ids(2, 2, "nowhere"), -EBADMSG);
	ck_assert_int_eq(load_ids(2, UINT64_C(5) << 32 | 2, "file"), -EBADMSG);
	ck_assert_int_eq(load_ids(1, 2, "file"), -EBADMSG);
	ck_assert_int_eq(load_ids(UINT64_C(1) << 32, 2, "file"), -EBADMSG);
	ck_assert_int_eq(load_ids(UINT32_MAX, 2, "file"), 0);
	ck_assert_int_eq(fs_rig_getattr(&r, UINT32_MAX), -ESTALE);
	ck_assert_int_eq(load_ids(UINT64_MAX - 9, 2, "file"), 0);
	ck_assert_int_eq(load_ids(UINT64_C(7) << 32 | 3, 2, "file"), 0);
	ck_assert_int_eq(fs_rig_getattr(&r, UINT64_C(7) << 32 | 3), 0);
}
END_TEST

/* Loads a state with an open handle and directory 2. */
static int load_open(uint64_t id, uint64_t node, uint32_t flags)
{
	struct blob b;

	begin(&b, SESSION);
	put(&b, UINT32_MAX, 4);
	a_file(&b, 2, S_IFDIR, "sub");
	put(&b, 0, 8);
	put(&b, 0, 4);
	put(&b, id, 8);
	put(&b, node, 8);
	put(&b, flags, 4);
	put(&b, 0, 8);
	return load_blob(&b, NULL);
}

START_TEST(impossible_open_files_are_refused)
{
	ck_assert_int_eq(load_open(1, 2, O_DIRECTORY), 0);
	ck_assert_int_eq(fs_rig_release(&r, FUSE_RELEASEDIR, 2, 1), 0);
	ck_assert_int_eq(load_open(1, 2, O_CREAT), -EBADMSG);
	ck_assert_int_eq(load_open(1, 2, O_TRUNC), -EBADMSG);
	ck_assert_int_eq(load_open(1, 2, O_ACCMODE), -EBADMSG);
	ck_assert_int_eq(load_open(UINT64_C(1) << 32, 2, O_DIRECTORY), -EBADMSG);
	ck_assert_int_eq(load_open(1, 2, O_RDONLY), -ENOENT);
	ck_assert_int_eq(load_open(1, 2, O_DIRECTORY | O_RDWR), -ENOENT);
	ck_assert_int_eq(load_open(1, 3, O_RDONLY), 0);
	ck_assert_int_eq(load_open(UINT32_MAX, 2, O_DIRECTORY), -ENOENT);
}
END_TEST

START_TEST(unoffered_options_are_refused)
{
	struct blob b;

	begin(&b, SESSION | FUSE_WRITEBACK_CACHE);
	ck_assert_int_eq(load_blob(&b, NULL), -EBADMSG);
	begin(&b, FUSE_ASYNC_READ);
	ck_assert_int_eq(load_blob(&b, NULL), -EBADMSG);
	begin(&b, 0);
	put(&b, 0, 1);
	ck_assert_int_eq(load_blob(&b, NULL), -EBADMSG);
	begin(&b, 0);
	ck_assert_int_eq(load_blob(&b, NULL), 0);
}
END_TEST

/* Either loading fails and the device is unchanged, or the device works. */
static void try_changed(const unsigned char *bytes, size_t len)
{
	int rc;

	virtdev_queue_stop(r.dev, r.queue);
	rc = load(bytes, len, NULL);
	ck_assert(rc == 0 || rc == -EBADMSG || rc == -ENOENT ||
		  rc == -EOPNOTSUPP);
	if (rc < 0)
		ck_assert_int_eq(fs_rig_getattr(&r, 1), -ENOTCONN);
	else
		fs_rig_getattr(&r, 2);
}

START_TEST(truncated_or_modified_state_does_no_harm)
{
	uint64_t file = fs_rig_lookup(&r, 1, "file");
	unsigned char *bytes;
	size_t len, i;

	fs_rig_open(&r, FUSE_OPEN, file, O_RDONLY);
	bytes = save(&len);
	ck_assert_int_eq(load(bytes, len, NULL), 0);
	for (i = 0; i < len; i++) {
		try_changed(bytes, i);
		bytes[i] ^= 0xff;
		try_changed(bytes, len);
		bytes[i] ^= 0xfe;
		try_changed(bytes, len);
		bytes[i] ^= 1;
	}
	free(bytes);
}
END_TEST

#define NAMES 600	/* names per path */
#define LOST_FILES 12

/* Inodes with long paths that do not exist. */
static size_t long_paths(struct blob *b)
{
	char path[2 * NAMES];
	size_t i, len;

	for (i = 0; i < NAMES; i++)
		memcpy(path + 2 * i, "a/", 2);
	path[2 * NAMES - 1] = 0;
	begin(b, SESSION);
	put(b, 0, 4);
	for (i = 0; i < LOST_FILES; i++) {
		path[0] = (char)('a' + i % 2);	/* no common prefix */
		a_file(b, 2 + i, S_IFREG, path);
	}
	put(b, 0, 8);
	put(b, 0, 4);
	put(b, 0, 8);
	len = b->len;
	b->len = 16;
	put(b, len - HEAD, 4);
	return len;
}

START_TEST(files_of_nested_directories_are_found)
{
	uint64_t sub, deep, last, other;

	ck_assert_int_eq(mkdirat(r.dir, "sub/deep", 0755), 0);
	ck_assert_int_eq(mkdirat(r.dir, "sub2", 0755), 0);
	fs_rig_put_file(&r, "sub/inner", "1");
	fs_rig_put_file(&r, "sub/deep/inner", "2");
	fs_rig_put_file(&r, "sub2/inner", "3");
	fs_rig_put_file(&r, "sub/last", "4");
	sub = fs_rig_lookup(&r, 1, "sub");
	deep = fs_rig_lookup(&r, sub, "deep");
	fs_rig_lookup(&r, sub, "inner");
	fs_rig_lookup(&r, deep, "inner");
	other = fs_rig_lookup(&r, fs_rig_lookup(&r, 1, "sub2"), "inner");
	last = fs_rig_lookup(&r, sub, "last");
	ck_assert_int_eq(move(NULL), 0);
	ck_assert_uint_eq(fs_rig_lookup(&r, sub, "last"), last);
	ck_assert_uint_eq(fs_rig_lookup(&r, fs_rig_lookup(&r, 1, "sub2"),
					"inner"), other);
	ck_assert_int_eq(fs_rig_getattr(&r, deep), 0);
}
END_TEST

START_TEST(state_of_long_paths_loads_in_bounded_turns)
{
	struct vsu_error err = VSU_ERROR_INIT;
	unsigned int turns = 0;
	struct blob b;
	const size_t len = long_paths(&b);
	int rc;

	virtdev_queue_stop(r.dev, r.queue);
	rc = virtdev_state_load_begin(r.dev, b.bytes, len, &err);
	for (; rc == 1; turns++)
		rc = virtdev_state_load_turn(r.dev, &err);
	ck_assert_int_eq(rc, -ENOENT);
	ck_assert_ptr_nonnull(strstr(err.msg, "12 of the files"));
	ck_assert_uint_ge(turns, NAMES * LOST_FILES / 2048);
	ck_assert_int_eq(virtdev_state_load_turn(r.dev, &err), -EINVAL);
	ck_assert_int_eq(virtdev_queue_start(r.dev, r.queue, r.g.q, NULL), 0);
}
END_TEST

/* Loading is abandoned by reset, stop or another load. */
START_TEST(abandoned_load_leaves_a_new_device)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct blob b;
	const size_t len = long_paths(&b);

	virtdev_queue_stop(r.dev, r.queue);
	ck_assert_int_eq(virtdev_state_load_begin(r.dev, b.bytes, len, &err), 1);
	ck_assert_int_eq(virtdev_queue_start(r.dev, r.queue, r.g.q, &err),
			 -EBUSY);
	if (_i == 0)
		virtdev_reset(r.dev);
	else if (_i == 1)
		virtdev_state_load_stop(r.dev);
	else
		ck_assert_int_eq(virtdev_state_load_begin(r.dev, "", 0, &err),
				 -EBADMSG);
	ck_assert_int_eq(virtdev_queue_start(r.dev, r.queue, r.g.q, &err), 0);
	ck_assert_int_eq(fs_rig_getattr(&r, 1), -ENOTCONN);
	ck_assert_int_eq(fs_rig_begin(&r), 0);
}
END_TEST

static TCase *moves(void)
{
	TCase *tc = tcase_create("moves");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, mount_continues_after_a_move);
	tcase_add_test(tc, read_only_handle_stays_read_only_after_a_move);
	tcase_add_test(tc, lookup_counts_continue_after_a_move);
	tcase_add_test(tc, device_without_a_session_moves);
	tcase_add_test(tc, state_replaces_the_session_of_its_device);
	tcase_add_test(tc, missing_file_fails_the_move);
	tcase_add_test(tc, missing_file_becomes_an_error_if_configured);
	tcase_add_test(tc, state_of_other_options_is_refused);
	return tc;
}

static TCase *hostile(void)
{
	TCase *tc = tcase_create("hostile");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, path_out_of_the_directory_is_refused, 0,
			    (int)(sizeof(no_paths) / sizeof(*no_paths)));
	tcase_add_test(tc, overlong_name_in_a_path_is_refused);
	tcase_add_test(tc, symbolic_link_in_a_path_is_not_followed);
	tcase_add_test(tc, file_of_another_type_is_refused);
	tcase_add_test(tc, impossible_numbers_are_refused);
	tcase_add_test(tc, impossible_open_files_are_refused);
	tcase_add_test(tc, unoffered_options_are_refused);
	tcase_add_test(tc, truncated_or_modified_state_does_no_harm);
	tcase_add_test(tc, files_of_nested_directories_are_found);
	tcase_add_test(tc, state_of_long_paths_loads_in_bounded_turns);
	tcase_add_loop_test(tc, abandoned_load_leaves_a_new_device, 0,
			    3);
	return tc;
}

static Suite *suite(void)
{
	Suite *s = suite_create("state");
	TCase *others = tcase_create("others");

	tcase_add_test(others, a_file_with_a_handle_is_found_under_another_name);
	tcase_add_loop_test(others, rejects_migration_with_locks_on_the_host, 0, 2);
	suite_add_tcase(s, moves());
	suite_add_tcase(s, others);
	suite_add_tcase(s, hostile());
	return s;
}

int main(void)
{
	return run_suite(suite());
}
