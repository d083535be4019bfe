/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about malicious drivers, and directories that change concurrently. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "../suite.h"
#include "fs-rig.h"

static struct fs_rig r;

static void setup(void)
{
	fs_rig_init(&r);
}

static void teardown(void)
{
	fs_rig_fini(&r);
}

static int lookup(uint64_t folder, const char *name)
{
	return fs_rig_name(&r, FUSE_LOOKUP, folder, NULL, 0, name);
}

static bool is_there(const char *name)
{
	return faccessat(r.dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Sends a header and n bytes. */
static int send_header(struct fuse_in_header in, uint32_t n)
{
	unsigned char bytes[256] = { 0 };

	in.unique = 0x1234;
	memcpy(bytes, &in, sizeof(in));
	return fs_rig_send(&r, bytes, (uint32_t)sizeof(in) + n);
}

START_TEST(a8_11_length_that_differs_from_the_chain_is_refused)
{
	const struct fuse_in_header in = { .opcode = FUSE_GETATTR,
					   .nodeid = 1 };
	struct fuse_in_header bad = in;

	bad.len = sizeof(in) + 16;
	ck_assert_int_eq(send_header(bad, 16), 0);
	ck_assert_int_eq(send_header(bad, 15), -EINVAL);
	bad.len = UINT32_MAX;
	ck_assert_int_eq(send_header(bad, 16), -EINVAL);
	bad.len = sizeof(in) - 1;
	ck_assert_int_eq(send_header(bad, 16), -EINVAL);
	bad.len = sizeof(in) + 15;
	ck_assert_int_eq(send_header(bad, 16), -EINVAL);
	bad.len = sizeof(in) + 16;
	memset((char *)&bad + 36, 0xff, 2);	/* total_extlen */
	ck_assert_int_eq(send_header(bad, 16), -EINVAL);
	/* without a complete header there is no reply */
	ck_assert_int_eq(fs_rig_send(&r, &in, sizeof(in) - 1), 1);
}
END_TEST

START_TEST(a8_11_unknown_request_is_refused_and_the_queue_continues)
{
	static const uint32_t opcodes[] = {
		0, 7, 19, FUSE_BMAP, FUSE_IOCTL, FUSE_POLL, FUSE_INTERRUPT,
		FUSE_NOTIFY_REPLY, 53, 54, 4096, FUSE_INIT_BSWAP_RESERVED,
		UINT32_MAX,
	};
	unsigned int i;

	for_rows(i, sizeof(opcodes) / sizeof(opcodes[0]))
		ck_assert_int_eq(fs_rig_ask(&r, opcodes[i], 1, NULL, 0, NULL,
					    0), -ENOSYS);
	ck_assert_int_eq(lookup(1, "file"), 0);
}
END_TEST

START_TEST(a8_11_request_without_room_for_its_reply_is_not_executed)
{
	const struct fuse_mkdir_in in = { .mode = 0755 };

	r.room = sizeof(struct fuse_out_header) +
		 sizeof(struct fuse_entry_out) - 1;
	ck_assert_int_eq(fs_rig_name(&r, FUSE_MKDIR, 1, &in, sizeof(in), "d"),
			 -EINVAL);
	r.room = sizeof(struct fuse_out_header) - 1;
	ck_assert_int_eq(fs_rig_name(&r, FUSE_MKDIR, 1, &in, sizeof(in), "d"),
			 1);
	r.room = 0;
	ck_assert_int_eq(fs_rig_name(&r, FUSE_MKDIR, 1, &in, sizeof(in), "d"),
			 1);
	r.room = RIG_ROOM;
	ck_assert(!is_there("d"));
	ck_assert_int_eq(lookup(1, "file"), 0);
}
END_TEST

START_TEST(a8_11_truncated_arguments_are_refused)
{
	static const char bytes[128];
	uint32_t opcode, len;

	for (opcode = FUSE_LOOKUP; opcode <= FUSE_TMPFILE + 1; opcode++)
		for (len = 0; len < sizeof(bytes); len += 7)
			ck_assert_int_le(fs_rig_ask(&r, opcode, 1, bytes, len,
						    NULL, 0), 1);
	ck_assert_int_eq(fs_rig_begin(&r), 0);
	ck_assert_int_eq(lookup(1, "file"), 0);
}
END_TEST

START_TEST(a8_11_reads_and_writes_beyond_the_largest_file_are_refused)
{
	const uint64_t file = fs_rig_lookup(&r, 1, "file");
	const uint64_t fh = fs_rig_open(&r, FUSE_OPEN, file, O_RDWR);
	struct fuse_write_in in = { .fh = fh, .size = UINT32_MAX };

	ck_assert_int_eq(fs_rig_read(&r, FUSE_READ, file, fh, UINT64_MAX, 1),
			 -EINVAL);
	ck_assert_int_eq(fs_rig_read(&r, FUSE_READ, file, fh, 0, UINT32_MAX),
			 -EINVAL);
	ck_assert_int_eq(fs_rig_read(&r, FUSE_READ, file, fh, 0, RIG_ROOM),
			 -EINVAL);
	ck_assert_int_eq(fs_rig_ask(&r, FUSE_WRITE, file, &in, sizeof(in),
				    "x", 1), -EINVAL);
	in.size = 2;
	ck_assert_int_eq(fs_rig_ask(&r, FUSE_WRITE, file, &in, sizeof(in),
				    "x", 1), -EINVAL);
	ck_assert_int_eq(fs_rig_write(&r, file, fh, UINT64_MAX, "x", 1),
			 -EFBIG);
	in.fh = fh + 1;
	in.size = 1;
	ck_assert_int_eq(fs_rig_ask(&r, FUSE_WRITE, file, &in, sizeof(in),
				    "x", 1), -EBADF);
	ck_assert_int_eq(fs_rig_ask(&r, FUSE_WRITE, 1, &in, sizeof(in), "x",
				    1), -EBADF);
}
END_TEST

START_TEST(a8_12_pipes_sockets_and_devices_are_not_opened)
{
	const struct fuse_open_in in = { .flags = O_RDWR };
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(mkfifoat(r.dir, "pipe", 0666), 0);
	snprintf(at.sun_path, sizeof(at.sun_path), "%s/sock", r.folder);
	ck_assert_int_eq(bind(sock, (struct sockaddr *)&at, sizeof(at)), 0);
	ck_assert_int_eq(fs_rig_ask(&r, FUSE_OPEN, fs_rig_lookup(&r, 1, "pipe"),
				    &in, sizeof(in), NULL, 0), -EBADF);
	ck_assert_int_eq(fs_rig_ask(&r, FUSE_OPEN, fs_rig_lookup(&r, 1, "sock"),
				    &in, sizeof(in), NULL, 0), -EBADF);
	if (!mknodat(r.dir, "null", S_IFCHR | 0666, 0x103))
		ck_assert_int_eq(fs_rig_ask(&r, FUSE_OPEN,
					    fs_rig_lookup(&r, 1, "null"), &in,
					    sizeof(in), NULL, 0), -EBADF);
	ck_assert_int_eq(fs_rig_ask(&r, FUSE_OPEN, 1, &in, sizeof(in), NULL,
				    0), -EISDIR);
	close(sock);
}
END_TEST

static void setup_small(void)
{
	fs_rig_folder(&r);
	r.config.inodes = 3;
	r.config.handles = 2;
	fs_rig_make(&r, RIG_REQUESTS);
	ck_assert_int_eq(fs_rig_begin(&r), 0);
}

START_TEST(a8_13_files_above_the_limit_fail_with_enfile)
{
	const struct fuse_open_in in = { .flags = O_RDONLY };
	const struct fuse_create_in make = { .flags = O_RDWR, .mode = 0600 };
	const struct fuse_forget_in once = { .nlookup = 1 };
	uint64_t file, sub, fh;

	setup_small();
	file = fs_rig_lookup(&r, 1, "file");
	sub = fs_rig_lookup(&r, 1, "sub");
	fh = fs_rig_open(&r, FUSE_OPEN, file, O_RDONLY);
	ck_assert_int_eq(fs_rig_name(&r, FUSE_CREATE, 1, &make, sizeof(make),
				     "third"), -ENFILE);
	ck_assert_int_eq(lookup(1, "third"), -ENFILE);
	fs_rig_open(&r, FUSE_OPENDIR, sub, 0);
	ck_assert_int_eq(fs_rig_ask(&r, FUSE_OPEN, file, &in, sizeof(in), NULL,
				    0), -ENFILE);
	ck_assert_int_eq(fs_rig_release(&r, FUSE_RELEASE, file, fh), 0);
	fs_rig_ask(&r, FUSE_FORGET, file, &once, sizeof(once), NULL, 0);
	fs_rig_lookup(&r, 1, "third");
	teardown();
}
END_TEST

START_TEST(a8_13_directory_is_readable_when_no_inode_is_left)
{
	uint64_t fh;

	setup_small();
	ck_assert_int_eq(mkdirat(r.dir, "another", 0755), 0);
	ck_assert_int_eq(mkdirat(r.dir, "yet", 0755), 0);
	fh = fs_rig_open(&r, FUSE_OPENDIR, 1, 0);
	ck_assert_int_eq(fs_rig_read(&r, FUSE_READDIRPLUS, 1, fh, 0, 8192), 0);
	/* six entries with names of up to 8 bytes */
	ck_assert_uint_eq(fs_rig_answer_len(&r), 6 * (128 + 24 + 8));
	teardown();
}
END_TEST

/* Opens and closes up to n descriptors; returns how many could be opened. */
static unsigned int descriptors_left(unsigned int n)
{
	int fds[256];
	unsigned int i, got = 0;

	ck_assert_uint_le(n, sizeof(fds) / sizeof(fds[0]));
	while (got < n && (fds[got] = dup(r.dir)) >= 0)
		got++;
	for (i = 0; i < got; i++)
		close(fds[i]);
	return got;
}

START_TEST(a8_13_descriptors_are_reserved_for_the_process)
{
	const struct rlimit before = fs_rig_limit_files(256);
	const struct fuse_open_in in = { .flags = O_RDONLY };
	int others[120], rc;
	unsigned int i;

	setup();
	for (i = 0; i < 120; i++)
		others[i] = dup(r.dir);
	ck_assert_int_eq(fs_rig_lookup_new(&r, 200), -ENFILE);
	rc = fs_rig_ask(&r, FUSE_OPENDIR, 1, &in, sizeof(in), NULL, 0);
	ck_assert_int_eq(rc, -ENFILE);
	ck_assert_uint_eq(descriptors_left(60), 60);
	for (i = 0; i < 120; i++)
		close(others[i]);
	fs_rig_open(&r, FUSE_OPENDIR, 1, 0);
	teardown();
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
}
END_TEST

START_TEST(a8_13_file_that_was_refused_is_found_when_descriptors_are_free)
{
	const struct rlimit before = fs_rig_limit_files(256);
	int others[120];
	unsigned int i;
	uint64_t file;

	setup();
	for (i = 0; i < 120; i++)
		others[i] = dup(r.dir);
	ck_assert_int_eq(fs_rig_lookup_new(&r, 200), -ENFILE);
	for (i = 0; i < 3; i++)
		ck_assert_int_eq(lookup(1, "file"), -ENFILE);
	for (i = 0; i < 120; i++)
		close(others[i]);
	file = fs_rig_lookup(&r, 1, "file");
	fs_rig_open(&r, FUSE_OPEN, file, O_RDONLY);
	teardown();
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
}
END_TEST

START_TEST(a8_14_forget_above_the_lookup_count_removes_once)
{
	const struct fuse_forget_in all = { .nlookup = UINT64_MAX };
	const struct fuse_getattr_in get = { 0 };
	const uint64_t file = fs_rig_lookup(&r, 1, "file");
	const uint64_t fh = fs_rig_open(&r, FUSE_OPEN, file, O_RDONLY);

	fs_rig_ask(&r, FUSE_FORGET, file, &all, sizeof(all), NULL, 0);
	fs_rig_ask(&r, FUSE_FORGET, file, &all, sizeof(all), NULL, 0);
	ck_assert_int_eq(fs_rig_read(&r, FUSE_READ, file, fh, 0, 1), -ESTALE);
	fs_rig_ask(&r, FUSE_FORGET, 1, &all, sizeof(all), NULL, 0);
	ck_assert_int_eq(fs_rig_ask(&r, FUSE_GETATTR, 1, &get, sizeof(get),
				    NULL, 0), 0);
}
END_TEST

START_TEST(a8_14_batch_is_limited_by_its_received_length)
{
	struct fuse_batch_forget_in in = { .count = 2 };
	const uint64_t file = fs_rig_lookup(&r, 1, "file");
	const struct fuse_forget_one ones[] = {
		{ file, 1 }, { UINT64_MAX, UINT64_MAX },
	};
	const struct fuse_getattr_in get = { 0 };

	in.count = 3;
	ck_assert_int_eq(fs_rig_ask(&r, FUSE_BATCH_FORGET, 0, &in, sizeof(in),
				    ones, sizeof(ones)), 1);
	ck_assert_int_eq(fs_rig_ask(&r, FUSE_GETATTR, file, &get, sizeof(get),
				    NULL, 0), 0);
	in.count = 2;
	ck_assert_int_eq(fs_rig_ask(&r, FUSE_BATCH_FORGET, 0, &in, sizeof(in),
				    ones, sizeof(ones)), 1);
	ck_assert_int_eq(fs_rig_ask(&r, FUSE_GETATTR, file, &get, sizeof(get),
				    NULL, 0), -ESTALE);
}
END_TEST

START_TEST(a8_15_new_file_belongs_to_the_requesting_user)
{
	const struct fuse_mkdir_in in = { .mode = 0755 };
	struct stat st;

	r.uid = 1234;
	r.gid = 5678;
	ck_assert_int_eq(fs_rig_name(&r, FUSE_MKDIR, 1, &in, sizeof(in), "no"),
			 -EACCES);
	ck_assert_int_eq(fchmod(r.dir, 02777), 0);
	ck_assert_int_eq(fchown(r.dir, 0, 99), 0);
	ck_assert_int_eq(fs_rig_name(&r, FUSE_MKDIR, 1, &in, sizeof(in), "d"),
			 0);
	ck_assert_int_eq(fstatat(r.dir, "d", &st, 0), 0);
	ck_assert_uint_eq(st.st_uid, 1234);
	ck_assert_uint_eq(st.st_gid, 99);
	ck_assert_uint_eq(st.st_mode, S_IFDIR | 02755);
	r.uid = UINT32_MAX;	/* "unchanged": would keep root */
	ck_assert_int_eq(fs_rig_name(&r, FUSE_MKDIR, 1, &in, sizeof(in), "e"),
			 -EINVAL);
	ck_assert_uint_eq(geteuid(), 0);
	ck_assert(!is_there("e") && !is_there("no"));
}
END_TEST

START_TEST(a8_16_read_only_directory_is_never_changed)
{
	const struct fuse_open_in writing = { .flags = O_WRONLY };
	const struct fuse_open_in cutting = { .flags = O_RDONLY | O_TRUNC };
	const struct fuse_setattr_in set = { .valid = FATTR_MODE };
	struct fuse_access_in access = { .mask = R_OK };
	uint64_t file;

	fs_rig_folder(&r);
	r.config.read_only = true;
	fs_rig_make(&r, RIG_REQUESTS);
	ck_assert_int_eq(fs_rig_begin(&r), 0);
	file = fs_rig_lookup(&r, 1, "file");
	ck_assert_int_eq(fs_rig_name(&r, FUSE_UNLINK, 1, NULL, 0, "file"),
			 -EROFS);
	ck_assert_int_eq(fs_rig_ask(&r, FUSE_OPEN, file, &writing,
				    sizeof(writing), NULL, 0), -EROFS);
	ck_assert_int_eq(fs_rig_ask(&r, FUSE_OPEN, file, &cutting,
				    sizeof(cutting), NULL, 0), -EROFS);
	ck_assert_int_eq(fs_rig_ask(&r, FUSE_SETATTR, file, &set, sizeof(set),
				    NULL, 0), -EROFS);
	ck_assert_int_eq(fs_rig_ask(&r, FUSE_ACCESS, file, &access, sizeof(access), NULL, 0), 0);
	access.mask = W_OK;
	ck_assert_int_eq(fs_rig_ask(&r, FUSE_ACCESS, file, &access, sizeof(access), NULL, 0), -EROFS);
	fs_rig_open(&r, FUSE_OPEN, file, O_RDONLY);
	teardown();
}
END_TEST

START_TEST(a8_17_names_stay_below_the_shared_directory)
{
	static const char *const names[] = { "", ".", "..", "/", "/etc",
		"sub/..", "../file", "file/" };
	const struct fuse_create_in make = { .flags = O_RDWR, .mode = 0600 };
	const struct fuse_rename2_in to = { .newdir = 1 };
	char longest[300];
	unsigned int i;

	for_rows(i, sizeof(names) / sizeof(names[0])) {
		ck_assert_int_eq(lookup(1, names[i]), -EINVAL);
		ck_assert_int_eq(fs_rig_name(&r, FUSE_CREATE, 1, &make,
					     sizeof(make), names[i]), -EINVAL);
	}
	ck_assert_int_eq(fs_rig_ask(&r, FUSE_RENAME2, 1, &to, sizeof(to),
				    "file\0../out", 12), -EINVAL);
	/* without a NUL */
	ck_assert_int_eq(fs_rig_ask(&r, FUSE_LOOKUP, 1, NULL, 0, "file", 4),
			 -EINVAL);
	ck_assert_int_eq(fs_rig_ask(&r, FUSE_RENAME2, 1, &to, sizeof(to),
				    "file\0out", 8), -EINVAL);
	memset(longest, 'a', sizeof(longest));
	longest[256] = 0;
	ck_assert_int_eq(lookup(1, longest), -ENAMETOOLONG);
}
END_TEST

START_TEST(a8_17_symbolic_link_is_not_followed)
{
	const struct fuse_open_in in = { .flags = O_RDONLY };
	const struct fuse_setattr_in set = { .valid = FATTR_MODE | FATTR_SIZE,
					     .mode = 0777 };
	uint64_t link;

	ck_assert_int_eq(symlinkat("/etc", r.dir, "out"), 0);
	ck_assert_int_eq(symlinkat("/etc/passwd", r.dir, "file-out"), 0);
	link = fs_rig_lookup(&r, 1, "out");
	ck_assert_int_eq(lookup(link, "passwd"), -ENOTDIR);
	ck_assert_int_eq(fs_rig_ask(&r, FUSE_OPENDIR, link, &in, sizeof(in),
				    NULL, 0), -ENOTDIR);
	link = fs_rig_lookup(&r, 1, "file-out");
	ck_assert_int_eq(fs_rig_ask(&r, FUSE_OPEN, link, &in, sizeof(in), NULL,
				    0), -EBADF);
	ck_assert_int_lt(fs_rig_ask(&r, FUSE_SETATTR, link, &set, sizeof(set),
				    NULL, 0), 0);
}
END_TEST

START_TEST(a8_17_inode_stays_the_same_file_when_its_name_is_replaced)
{
	const uint64_t file = fs_rig_lookup(&r, 1, "file");
	const struct fuse_create_in make = { .flags = O_RDWR, .mode = 0600 };
	uint64_t fh;

	ck_assert_int_eq(renameat(r.dir, "file", r.dir, "moved"), 0);
	ck_assert_int_eq(symlinkat("/etc/passwd", r.dir, "file"), 0);
	fh = fs_rig_open(&r, FUSE_OPEN, file, O_RDONLY);
	ck_assert_int_eq(fs_rig_read(&r, FUSE_READ, file, fh, 0, 100), 0);
	ck_assert_uint_eq(fs_rig_answer_len(&r), 7);
	ck_assert_int_eq(fs_rig_name(&r, FUSE_CREATE, 1, &make, sizeof(make),
				     "file"), -EBADF);
}
END_TEST

START_TEST(high_priority_queue_accepts_only_its_requests)
{
	const struct fuse_getattr_in get = { 0 };
	const struct fuse_forget_in forget = { .nlookup = 1 };

	fs_rig_folder(&r);
	fs_rig_make(&r, RIG_URGENT);
	ck_assert_int_eq(fs_rig_begin(&r), -EINVAL);
	ck_assert_int_eq(fs_rig_ask(&r, FUSE_GETATTR, 1, &get, sizeof(get),
				    NULL, 0), -EINVAL);
	ck_assert_int_eq(fs_rig_ask(&r, FUSE_FORGET, 5, &forget,
				    sizeof(forget), NULL, 0), 1);
	ck_assert_int_eq(fs_rig_ask(&r, FUSE_INTERRUPT, 0, &forget,
				    sizeof(forget), NULL, 0), -ENOSYS);
	teardown();
}
END_TEST

START_TEST(invalid_configuration_is_refused)
{
	static const struct {
		struct virtdev_fs_config config;
		int rc;
	} rows[] = {
		{ { .tag = "t" }, -EINVAL },
		{ { .path = "/" }, -EINVAL },
		{ { .path = "/", .tag = "0123456789012345678901234567890123456" },
		  -ENAMETOOLONG },
		{ { .path = "/", .tag = "t", .window = 4096 }, -EINVAL },
		/* the number of chunks overflows to 0 in 32 bits */
		{ { .path = "/", .tag = "t", .window = UINT64_C(1) << 53 },
		  -EINVAL },
		{ { .path = "/", .tag = "t", .window = (UINT64_C(1) << 40) +
		    VIRTDEV_FS_WINDOW_ALIGN }, -EINVAL },
		{ { .path = "/", .tag = "t", .queues = 65 }, -EINVAL },
		{ { .path = "/", .tag = "t", .queue_size_max = 65536 }, -EINVAL },
		{ { .path = "/", .tag = "t", .cache = 4 }, -EINVAL },
		{ { .path = "/none", .tag = "t" }, -ENOENT },
		{ { .path = "/dev/null", .tag = "t" }, -ENOTDIR },
	};
	struct virtdev_fs_config config = { 0 };
	struct baseline before = baseline_take();
	struct virtdev *dev;
	unsigned int i;

	ck_assert_int_eq(virtdev_fs_new(&config, &dev, NULL), -EINVAL);
	for_rows(i, sizeof(rows) / sizeof(rows[0])) {
		struct vsu_error err = VSU_ERROR_INIT;

		config = rows[i].config;
		config.size = sizeof(config);
		ck_assert_int_eq(virtdev_fs_new(&config, &dev, &err),
				 rows[i].rc);
		ck_assert_ptr_nonnull(strstr(err.msg, "fs: "));
	}
	baseline_check(before);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("hostile");
	TCase *tc = tcase_create("hostile"), *alone = tcase_create("alone");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a8_11_length_that_differs_from_the_chain_is_refused);
	tcase_add_test(tc,
		       a8_11_unknown_request_is_refused_and_the_queue_continues);
	tcase_add_test(tc,
		       a8_11_request_without_room_for_its_reply_is_not_executed);
	tcase_add_test(tc, a8_11_truncated_arguments_are_refused);
	tcase_add_test(tc,
		       a8_11_reads_and_writes_beyond_the_largest_file_are_refused);
	tcase_add_test(tc, a8_12_pipes_sockets_and_devices_are_not_opened);
	tcase_add_test(tc, a8_14_forget_above_the_lookup_count_removes_once);
	tcase_add_test(tc, a8_14_batch_is_limited_by_its_received_length);
	tcase_add_test_unless(tc, not_root(), a8_15_new_file_belongs_to_the_requesting_user);
	tcase_add_test(tc, a8_17_names_stay_below_the_shared_directory);
	tcase_add_test(tc, a8_17_symbolic_link_is_not_followed);
	tcase_add_test(tc,
		       a8_17_inode_stays_the_same_file_when_its_name_is_replaced);
	tcase_add_test(alone, a8_13_files_above_the_limit_fail_with_enfile);
	tcase_add_test(alone,
		       a8_13_directory_is_readable_when_no_inode_is_left);
	tcase_add_test(alone,
		       a8_13_descriptors_are_reserved_for_the_process);
	tcase_add_test(alone, a8_13_file_that_was_refused_is_found_when_descriptors_are_free);
	tcase_add_test(alone,
		       a8_16_read_only_directory_is_never_changed);
	tcase_add_test(alone, high_priority_queue_accepts_only_its_requests);
	tcase_add_test(alone, invalid_configuration_is_refused);
	suite_add_tcase(s, tc);
	suite_add_tcase(s, alone);
	return s;
}

int main(void)
{
	return run_suite(suite());
}
