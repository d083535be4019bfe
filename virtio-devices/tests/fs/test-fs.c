/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the file system device: the effect of each operation. */
#define _GNU_SOURCE
#include <config.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <virtio-devices/ids.h>

#include "../suite.h"
#include "fs-rig.h"
#include "fs/device/protocol.h"

#ifndef STATX_BASIC_STATS
#include <linux/stat.h>
#endif

static struct fs_rig r;

static void setup(void)
{
	fs_rig_init(&r);
}

static void teardown(void)
{
	fs_rig_fini(&r);
}

static bool is_there(const char *name)
{
	return faccessat(r.dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void check_content(const char *name, const char *content)
{
	char bytes[256];
	int fd = openat(r.dir, name, O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, bytes, sizeof(bytes));

	close(fd);
	ck_assert_int_eq(n, (ssize_t)strlen(content));
	ck_assert_mem_eq(bytes, content, strlen(content));
}

START_TEST(configuration_contains_the_tag_and_the_queues)
{
	struct { char tag[36]; unsigned char queues[4]; } space;

	ck_assert_uint_eq(virtdev_get_info(r.dev)->id, VIRTDEV_ID_FS);
	ck_assert_uint_eq(virtdev_get_info(r.dev)->nqueues, 2);
	ck_assert_uint_eq(virtdev_get_info(r.dev)->config_size, sizeof(space));
	virtdev_config_read(r.dev, 0, &space, sizeof(space));
	ck_assert_str_eq(space.tag, "test");
	ck_assert_uint_eq(space.queues[0], 1);
	ck_assert_int_eq(virtdev_config_write(r.dev, 0, &space, 1), -EPERM);
}
END_TEST

START_TEST(init_negotiates_the_version_and_common_flags)
{
	struct fuse_init_out out;

	ck_assert_int_eq(fs_rig_begin(&r), 0);
	memcpy(&out, fs_rig_answer(&r), sizeof(out));
	ck_assert_uint_eq(out.major, 7);
	ck_assert_uint_ge(out.minor, 36);
	ck_assert_uint_eq(out.max_write, 1u << 20);
	ck_assert_uint_eq(out.max_pages, 256);
	ck_assert(out.flags & FUSE_DO_READDIRPLUS);
	ck_assert(!(out.flags & (FUSE_SUBMOUNTS | FUSE_MAP_ALIGNMENT)));
}
END_TEST

START_TEST(init_of_another_major_version_returns_ours)
{
	struct fuse_init_in in = { .major = 8, .minor = 1 };
	struct fuse_init_out out;

	ck_assert_int_eq(fs_rig_ask(&r, FUSE_INIT, 0, &in, sizeof(in), NULL, 0),
			 0);
	memcpy(&out, fs_rig_answer(&r), sizeof(out));
	ck_assert_uint_eq(out.major, 7);
	in.major = 7;
	in.minor = 23;
	ck_assert_int_eq(fs_rig_ask(&r, FUSE_INIT, 0, &in, 16, NULL, 0),
			 -EPROTO);
}
END_TEST

START_TEST(lookup_returns_one_inode_and_counts)
{
	const uint64_t file = fs_rig_lookup(&r, 1, "file");
	const struct fuse_entry_out *out = fs_rig_answer(&r);
	const struct stat st = fs_rig_stat(&r, "file");

	ck_assert_uint_eq(out->attr.ino, st.st_ino);
	ck_assert_uint_eq(out->attr.size, 7);
	ck_assert_uint_eq(out->attr.mode, st.st_mode);
	ck_assert_uint_eq(out->entry_valid, 1);
	ck_assert_uint_eq(fs_rig_lookup(&r, 1, "file"), file);
	ck_assert_uint_ne(fs_rig_lookup(&r, 1, "sub"), file);
	ck_assert_int_eq(fs_rig_name(&r, FUSE_LOOKUP, 1, NULL, 0, "none"),
			 -ENOENT);
	ck_assert_int_eq(fs_rig_name(&r, FUSE_LOOKUP, file, NULL, 0, "x"),
			 -ENOTDIR);
}
END_TEST

START_TEST(read_ends_at_the_end_of_the_file)
{
	const uint64_t file = fs_rig_lookup(&r, 1, "file");
	const uint64_t fh = fs_rig_open(&r, FUSE_OPEN, file, O_RDONLY);

	ck_assert_int_eq(fs_rig_read(&r, FUSE_READ, file, fh, 0, 4096), 0);
	ck_assert_uint_eq(fs_rig_answer_len(&r), 7);
	ck_assert_mem_eq(fs_rig_answer(&r), "content", 7);
	ck_assert_int_eq(fs_rig_read(&r, FUSE_READ, file, fh, 3, 2), 0);
	ck_assert_uint_eq(fs_rig_answer_len(&r), 2);
	ck_assert_mem_eq(fs_rig_answer(&r), "te", 2);
	ck_assert_int_eq(fs_rig_read(&r, FUSE_READ, file, fh, 7, 100), 0);
	ck_assert_uint_eq(fs_rig_answer_len(&r), 0);
	ck_assert_int_eq(fs_rig_write(&r, file, fh, 0, "x", 1), -EBADF);
	ck_assert_int_eq(fs_rig_release(&r, FUSE_RELEASE, file, fh), 0);
	ck_assert_int_eq(fs_rig_read(&r, FUSE_READ, file, fh, 0, 1), -EBADF);
}
END_TEST

START_TEST(as_many_pages_are_read_as_the_guest_may_request)
{
	fs_rig_read_large(&r);
}
END_TEST

START_TEST(what_is_written_is_in_the_file)
{
	const uint64_t file = fs_rig_lookup(&r, 1, "file");
	const uint64_t fh = fs_rig_open(&r, FUSE_OPEN, file, O_RDWR);
	const struct fuse_fsync_in sync = { .fh = fh };
	const struct fuse_flush_in flush = { .fh = fh };

	ck_assert_int_eq(fs_rig_write(&r, file, fh, 3, "ainer!", 6), 0);
	ck_assert_uint_eq(((const struct fuse_write_out *)
			   fs_rig_answer(&r))->size, 6);
	check_content("file", "conainer!");
	ck_assert_int_eq(fs_rig_ask(&r, FUSE_FSYNC, file, &sync, sizeof(sync),
				    NULL, 0), 0);
	ck_assert_int_eq(fs_rig_ask(&r, FUSE_FLUSH, file, &flush,
				    sizeof(flush), NULL, 0), 0);
	ck_assert_int_eq(fs_rig_release(&r, FUSE_RELEASE, file, fh), 0);
	fs_rig_release(&r, FUSE_RELEASE, file,
		       fs_rig_open(&r, FUSE_OPEN, file, O_WRONLY | O_TRUNC));
	ck_assert_int_eq(fs_rig_stat(&r, "file").st_size, 0);
}
END_TEST

static bool closes_without_flush(uint32_t opcode, uint64_t node, uint32_t flags)
{
	struct fuse_open_out out;

	fs_rig_open(&r, opcode, node, flags);
	memcpy(&out, fs_rig_answer(&r), sizeof(out));
	return out.open_flags & FOPEN_NOFLUSH;
}

START_TEST(files_opened_only_for_reading_are_closed_without_flush)
{
	const uint64_t file = fs_rig_lookup(&r, 1, "file");

	ck_assert(closes_without_flush(FUSE_OPEN, file, O_RDONLY));
	ck_assert(!closes_without_flush(FUSE_OPEN, file, O_WRONLY));
	ck_assert(!closes_without_flush(FUSE_OPEN, file, O_RDWR | O_APPEND));
	ck_assert(!closes_without_flush(FUSE_OPEN, file, O_RDONLY | O_TRUNC));
	ck_assert(!closes_without_flush(FUSE_OPENDIR, 1, O_RDONLY));
}
END_TEST

static uint64_t create(const char *name, uint32_t flags, uint32_t mode,
		       uint64_t *fh)
{
	const struct fuse_create_in in = { .flags = flags, .mode = mode };
	struct { struct fuse_entry_out e; struct fuse_open_out o; } out;

	ck_assert_int_eq(fs_rig_name(&r, FUSE_CREATE, 1, &in, sizeof(in), name),
			 0);
	ck_assert_uint_eq(fs_rig_answer_len(&r), sizeof(out));
	memcpy(&out, fs_rig_answer(&r), sizeof(out));
	*fh = out.o.fh;
	return out.e.nodeid;
}

START_TEST(create_opens_a_new_file_with_the_requested_mode)
{
	uint64_t fh, again, node;

	umask(022);
	node = create("new", O_RDWR | O_CREAT, S_IFREG | 0666, &fh);
	ck_assert_uint_eq(fs_rig_stat(&r, "new").st_mode, S_IFREG | 0666);
	ck_assert_int_eq(fs_rig_write(&r, node, fh, 0, "abc", 3), 0);
	check_content("new", "abc");
	ck_assert_uint_eq(create("new", O_RDONLY, 0600, &again), node);
	ck_assert_int_eq(fs_rig_read(&r, FUSE_READ, node, again, 0, 10), 0);
	ck_assert_uint_eq(fs_rig_answer_len(&r), 3);
	ck_assert_uint_eq(fs_rig_stat(&r, "new").st_mode, S_IFREG | 0666);
}
END_TEST

START_TEST(exclusive_create_of_an_existing_file_fails)
{
	const struct fuse_create_in in = { .flags = O_RDWR | O_EXCL,
					   .mode = 0600 };
	const struct fuse_create_in any = { .flags = O_RDWR, .mode = 0600 };

	ck_assert_int_eq(fs_rig_name(&r, FUSE_CREATE, 1, &in, sizeof(in),
				     "file"), -EEXIST);
	ck_assert_int_eq(fs_rig_name(&r, FUSE_CREATE, 1, &any, sizeof(any),
				     "sub"), -EISDIR);
}
END_TEST

START_TEST(directories_links_and_nodes_are_created_and_removed)
{
	const struct fuse_mkdir_in dir = { .mode = 0777 };
	const struct fuse_mknod_in pipe = { .mode = S_IFIFO | 0620 };
	static const char texts[] = "link\0target";
	uint64_t link;

	ck_assert_int_eq(fs_rig_name(&r, FUSE_MKDIR, 1, &dir, sizeof(dir),
				     "folder"), 0);
	ck_assert_uint_eq(fs_rig_stat(&r, "folder").st_mode, S_IFDIR | 0777);
	ck_assert_int_eq(fs_rig_name(&r, FUSE_MKNOD, 1, &pipe, sizeof(pipe),
				     "pipe"), 0);
	ck_assert_uint_eq(fs_rig_stat(&r, "pipe").st_mode, S_IFIFO | 0620);
	ck_assert_int_eq(fs_rig_ask(&r, FUSE_SYMLINK, 1, NULL, 0, texts,
				    sizeof(texts)), 0);
	link = fs_rig_lookup(&r, 1, "link");
	ck_assert_int_eq(fs_rig_ask(&r, FUSE_READLINK, link, NULL, 0, NULL, 0),
			 0);
	ck_assert_uint_eq(fs_rig_answer_len(&r), 6);
	ck_assert_mem_eq(fs_rig_answer(&r), "target", 6);
	ck_assert_int_eq(fs_rig_name(&r, FUSE_UNLINK, 1, NULL, 0, "link"), 0);
	ck_assert(!is_there("link"));
	ck_assert_int_eq(fs_rig_name(&r, FUSE_UNLINK, 1, NULL, 0, "folder"),
			 -EISDIR);
	ck_assert_int_eq(fs_rig_name(&r, FUSE_RMDIR, 1, NULL, 0, "folder"), 0);
	ck_assert(!is_there("folder"));
}
END_TEST

START_TEST(link_adds_a_second_name)
{
	const struct fuse_link_in in = { .oldnodeid =
					 fs_rig_lookup(&r, 1, "file") };
	const uint64_t sub = fs_rig_lookup(&r, 1, "sub");

	ck_assert_int_eq(fs_rig_name(&r, FUSE_LINK, sub, &in, sizeof(in),
				     "second"), 0);
	ck_assert_uint_eq(((const struct fuse_entry_out *)
			   fs_rig_answer(&r))->nodeid, in.oldnodeid);
	ck_assert_uint_eq(fs_rig_stat(&r, "file").st_nlink, 2);
	ck_assert_uint_eq(fs_rig_stat(&r, "sub/second").st_ino, fs_rig_stat(&r, "file").st_ino);
}
END_TEST

static int rename_to(const char *texts, uint32_t len, uint64_t folder,
		     uint32_t flags)
{
	const struct fuse_rename2_in in = { .newdir = folder, .flags = flags };

	return fs_rig_ask(&r, FUSE_RENAME2, 1, &in, sizeof(in), texts, len);
}

START_TEST(rename_follows_its_flags)
{
	const uint64_t sub = fs_rig_lookup(&r, 1, "sub");

	ck_assert_int_eq(rename_to("file\0moved", 11, sub, 0), 0);
	ck_assert(is_there("sub/moved") && !is_there("file"));
	ck_assert_int_eq(rename_to("sub\0sub", 8, 1, 1 /* NOREPLACE */),
			 -EEXIST);
	ck_assert_int_eq(rename_to("sub\0other", 10, 1, 8), -EINVAL);
	ck_assert_int_eq(rename_to("sub\0other", 10, 77, 0), -ESTALE);
	ck_assert_int_eq(rename_to("sub\0other", 10, 1, 0), 0);
	ck_assert(is_there("other/moved"));
}
END_TEST

START_TEST(rename_without_flags_replaces_the_target)
{
	const struct fuse_rename_in in = { .newdir = fs_rig_lookup(&r, 1, "sub") };
	const uint64_t file = fs_rig_lookup(&r, 1, "file");

	fs_rig_put_file(&r, "sub/file", "other");
	ck_assert_int_eq(fs_rig_ask(&r, FUSE_RENAME, 1, &in, sizeof(in),
				    "file\0file", 10), 0);
	ck_assert(!is_there("file"));
	check_content("sub/file", "content");
	ck_assert_uint_eq(fs_rig_lookup(&r, in.newdir, "file"), file);
	ck_assert_int_eq(fs_rig_ask(&r, FUSE_RENAME, 1, &in, sizeof(in),
				    "file\0file", 10), -ENOENT);
}
END_TEST

START_TEST(a_file_without_a_name_is_written_and_then_named)
{
	const struct fuse_create_in in = { .flags = O_RDWR | O_TMPFILE,
					   .mode = S_IFREG | 0640 };
	struct fuse_entry_out entry;
	struct fuse_open_out opened;
	struct fuse_link_in link;

	ck_assert_int_eq(fs_rig_name(&r, FUSE_TMPFILE, 1, &in, sizeof(in), ""),
			 0);
	memcpy(&entry, fs_rig_answer(&r), sizeof(entry));
	memcpy(&opened, (const char *)fs_rig_answer(&r) + sizeof(entry),
	       sizeof(opened));
	ck_assert_int_eq(fs_rig_write(&r, entry.nodeid, opened.fh, 0, "abc", 3),
			 0);
	link.oldnodeid = entry.nodeid;
	ck_assert_int_eq(fs_rig_name(&r, FUSE_LINK, 1, &link, sizeof(link),
				     "named"), 0);
	check_content("named", "abc");
	ck_assert_uint_eq(fs_rig_stat(&r, "named").st_mode, S_IFREG | 0640);
	ck_assert_uint_eq(fs_rig_lookup(&r, 1, "named"), entry.nodeid);
}
END_TEST

START_TEST(attributes_are_set_one_by_one_or_together)
{
	const struct timespec now = { .tv_sec = 12345, .tv_nsec = 678 };
	struct fuse_setattr_in in = {
		.valid = FATTR_MODE | FATTR_SIZE | FATTR_MTIME,
		.mode = 0601, .size = 3, .mtime = 12345, .mtimensec = 678,
	};
	const uint64_t file = fs_rig_lookup(&r, 1, "file");
	struct stat st;

	ck_assert_int_eq(fs_rig_ask(&r, FUSE_SETATTR, file, &in, sizeof(in),
				    NULL, 0), 0);
	st = fs_rig_stat(&r, "file");
	ck_assert_uint_eq(st.st_mode, S_IFREG | 0601);
	ck_assert_int_eq(st.st_size, 3);
	ck_assert_int_eq(st.st_mtim.tv_sec, now.tv_sec);
	ck_assert_int_eq(st.st_mtim.tv_nsec, now.tv_nsec);
	in = (struct fuse_setattr_in){ .valid = FATTR_SIZE,
				       .size = UINT64_MAX };
	ck_assert_int_eq(fs_rig_ask(&r, FUSE_SETATTR, file, &in, sizeof(in),
				    NULL, 0), -EFBIG);
}
END_TEST

START_TEST(statx_returns_getattr_and_the_birth_time)
{
	const struct fs_statx_in in = { .mask = STATX_BTIME };
	const uint64_t file = fs_rig_lookup(&r, 1, "file");
	struct fs_statx_out out;
	struct statx st;

	ck_assert_int_eq(fs_rig_ask(&r, FS_STATX, file, &in, sizeof(in) - 1,
				    NULL, 0), -EINVAL);
	ck_assert_int_eq(fs_rig_ask(&r, FS_STATX, file, &in, sizeof(in), NULL,
				    0), 0);
	ck_assert_uint_eq(fs_rig_answer_len(&r), 288);
	memcpy(&out, fs_rig_answer(&r), sizeof(out));
	ck_assert_int_eq(syscall(SYS_statx, r.dir, "file", 0, STATX_BASIC_STATS |
				 STATX_BTIME, &st), 0);
	ck_assert_uint_eq(out.mask, st.stx_mask &
			  (STATX_BASIC_STATS | STATX_BTIME));
	ck_assert_uint_eq(out.blksize, st.stx_blksize);
	ck_assert_uint_eq(out.mode, st.stx_mode);
	ck_assert_uint_eq(out.size, st.stx_size);
	ck_assert_uint_eq(out.ino, st.stx_ino);
	ck_assert_uint_eq(out.nlink, st.stx_nlink);
	ck_assert_uint_eq(out.uid, st.stx_uid);
	ck_assert_int_eq(out.btime.s, st.stx_btime.tv_sec);
	ck_assert_uint_eq(out.btime.ns, st.stx_btime.tv_nsec);
	ck_assert_int_eq(out.mtime.s, st.stx_mtime.tv_sec);
	ck_assert_uint_eq(out.ctime.ns, st.stx_ctime.tv_nsec);
	ck_assert_uint_eq(out.dev_major | out.dev_minor, 0);
}
END_TEST

START_TEST(statfs_and_access_are_served)
{
	const uint64_t file = fs_rig_lookup(&r, 1, "file");
	struct fuse_access_in in = { .mask = R_OK | W_OK };
	const struct fuse_syncfs_in sync = { 0 };
	struct fuse_statfs_out out;

	ck_assert_int_eq(fs_rig_ask(&r, FUSE_SYNCFS, 1, &sync, sizeof(sync),
				    NULL, 0), 0);
	ck_assert_int_eq(fs_rig_ask(&r, FUSE_STATFS, 1, NULL, 0, NULL, 0), 0);
	memcpy(&out, fs_rig_answer(&r), sizeof(out));
	ck_assert_uint_gt(out.st.blocks, 0);
	ck_assert_int_eq(fs_rig_ask(&r, FUSE_ACCESS, file, &in, sizeof(in),
				    NULL, 0), 0);
	in.mask = 8;
	ck_assert_int_eq(fs_rig_ask(&r, FUSE_ACCESS, file, &in, sizeof(in),
				    NULL, 0), -EINVAL);
}
END_TEST

/* Counts the entries of the reply, and reports whether "file" is one of them. */
static unsigned int count_entries(bool plus, bool *has_file, uint64_t *last)
{
	const char *at = fs_rig_answer(&r);
	const char *end = at + fs_rig_answer_len(&r);
	const struct fuse_dirent *d;
	unsigned int n = 0;

	while (at < end) {
		d = (const struct fuse_dirent *)(const void *)
			(at + (plus ? sizeof(struct fuse_entry_out) : 0));
		*has_file |= d->namelen == 4 && !memcmp(d->name, "file", 4);
		*last = d->off;
		at = (const char *)d + FUSE_REC_ALIGN(FUSE_NAME_OFFSET +
						      d->namelen);
		n++;
	}
	ck_assert_ptr_eq(at, end);
	return n;
}

START_TEST(directory_is_read_in_pieces_of_any_size)
{
	const uint64_t fh = fs_rig_open(&r, FUSE_OPENDIR, 1, 0);
	uint64_t at = 0;
	unsigned int n = 0, i, got;
	bool has_file = false;

	for (i = 0; i < 10; i++) {
		ck_assert_int_eq(fs_rig_read(&r, FUSE_READDIR, 1, fh, at, 40),
				 0);
		got = count_entries(false, &has_file, &at);
		ck_assert_uint_le(got, 1);
		n += got;
		if (!got)
			break;
	}
	ck_assert_uint_eq(n, 4);
	ck_assert(has_file);
	ck_assert_int_eq(fs_rig_read(&r, FUSE_READDIR, 1, fh, 0, 8), -EINVAL);
	ck_assert_int_eq(fs_rig_release(&r, FUSE_RELEASEDIR, 1, fh), 0);
}
END_TEST

START_TEST(directory_is_read_completely_while_entries_are_removed)
{
	const struct fuse_mkdir_in in = { .mode = 0755 };
	const uint64_t fh = fs_rig_open(&r, FUSE_OPENDIR, 1, 0);
	char name[8];
	uint64_t at = 0;
	unsigned int n = 0, i, got;
	bool has_file = false;

	for (i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		ck_assert_int_eq(fs_rig_name(&r, FUSE_MKDIR, 1, &in,
					     sizeof(in), name), 0);
	}
	do {
		ck_assert_int_eq(fs_rig_read(&r, FUSE_READDIR, 1, fh, at, 400),
				 0);
		got = count_entries(false, &has_file, &at);
		n += got;
		for (i = 0; got && n < 100 && i < 10; i++) {
			snprintf(name, sizeof(name), "n%u", i);
			fs_rig_name(&r, FUSE_RMDIR, 1, NULL, 0, name);
		}
	} while (got);
	/* the ten removed entries may be included, all others must be */
	ck_assert_uint_ge(n, 94);
	ck_assert_uint_le(n, 104);
}
END_TEST

START_TEST(readdirplus_returns_attributes_of_entries)
{
	const uint64_t fh = fs_rig_open(&r, FUSE_OPENDIR, 1, 0);
	const struct fuse_fsync_in sync = { .fh = fh };
	bool has_file = false;
	uint64_t last;

	ck_assert_int_eq(fs_rig_read(&r, FUSE_READDIRPLUS, 1, fh, 0, 4096), 0);
	ck_assert_uint_eq(count_entries(true, &has_file, &last), 4);
	ck_assert(has_file);
	ck_assert_int_eq(fs_rig_read(&r, FUSE_READ, 1, fh, 0, 4096), -EBADF);
	ck_assert_int_eq(fs_rig_ask(&r, FUSE_FSYNCDIR, 1, &sync, sizeof(sync),
				    NULL, 0), 0);
	ck_assert_int_eq(fs_rig_release(&r, FUSE_RELEASEDIR, 1, fh), 0);
}
END_TEST

START_TEST(holes_copies_and_allocation_are_served)
{
	const uint64_t file = fs_rig_lookup(&r, 1, "file");
	const uint64_t fh = fs_rig_open(&r, FUSE_OPEN, file, O_RDWR);
	struct fuse_lseek_in seek = { .fh = fh, .whence = SEEK_HOLE };
	struct fuse_fallocate_in more = { .fh = fh, .length = 100 };
	struct fuse_copy_file_range_in copy = {
		.fh_in = fh, .nodeid_out = file, .fh_out = fh, .off_out = 200,
		.len = 7,
	};

	ck_assert_int_eq(fs_rig_ask(&r, FUSE_LSEEK, file, &seek, sizeof(seek),
				    NULL, 0), 0);
	ck_assert_uint_eq(*(const uint64_t *)fs_rig_answer(&r), 7);
	seek.whence = SEEK_SET;
	ck_assert_int_eq(fs_rig_ask(&r, FUSE_LSEEK, file, &seek, sizeof(seek),
				    NULL, 0), -EINVAL);
	ck_assert_int_eq(fs_rig_ask(&r, FUSE_FALLOCATE, file, &more,
				    sizeof(more), NULL, 0), 0);
	ck_assert_int_eq(fs_rig_stat(&r, "file").st_size, 100);
	ck_assert_int_eq(fs_rig_ask(&r, FUSE_COPY_FILE_RANGE, file, &copy,
				    sizeof(copy), NULL, 0), 0);
	ck_assert_int_eq(fs_rig_stat(&r, "file").st_size, 207);
	more.mode = 8;	/* collapse: moves content that others have mapped */
	ck_assert_int_eq(fs_rig_ask(&r, FUSE_FALLOCATE, file, &more,
				    sizeof(more), NULL, 0), -EOPNOTSUPP);
}
END_TEST

START_TEST(extended_attributes_are_those_of_the_host)
{
	const struct fuse_setxattr_in set = { .size = 3 };
	struct fuse_getxattr_in get = { .size = 100 };
	const uint64_t file = fs_rig_lookup(&r, 1, "file");
	int rc = fs_rig_ask(&r, FUSE_SETXATTR, file, &set, 8, "user.a\0xyz",
			    10);

	ck_assert_int_eq(rc, 0);
	ck_assert_int_eq(fs_rig_name(&r, FUSE_GETXATTR, file, &get, sizeof(get),
				     "user.a"), 0);
	ck_assert_uint_eq(fs_rig_answer_len(&r), 3);
	ck_assert_mem_eq(fs_rig_answer(&r), "xyz", 3);
	ck_assert_int_eq(fs_rig_ask(&r, FUSE_LISTXATTR, file, &get, sizeof(get),
				    NULL, 0), 0);
	ck_assert_mem_eq(fs_rig_answer(&r), "user.a", 7);
	get.size = 2;
	ck_assert_int_eq(fs_rig_name(&r, FUSE_GETXATTR, file, &get, sizeof(get),
				     "user.a"), -ERANGE);
	get.size = 0;
	ck_assert_int_eq(fs_rig_name(&r, FUSE_GETXATTR, file, &get, sizeof(get),
				     "user.a"), 0);
	ck_assert_uint_eq(*(const uint32_t *)fs_rig_answer(&r), 3);
	ck_assert_int_eq(fs_rig_name(&r, FUSE_REMOVEXATTR, file, NULL, 0,
				     "user.a"), 0);
	ck_assert_int_eq(fs_rig_name(&r, FUSE_GETXATTR, file, &get, sizeof(get),
				     "user.a"), -ENODATA);
}
END_TEST

START_TEST(forgotten_inode_number_is_not_reused)
{
	const struct fuse_forget_in in = { .nlookup = 2 };
	const struct fuse_getattr_in get = { 0 };
	const uint64_t file = fs_rig_lookup(&r, 1, "file");
	uint64_t next;

	fs_rig_lookup(&r, 1, "file");
	ck_assert_int_eq(fs_rig_ask(&r, FUSE_FORGET, file, &in, sizeof(in),
				    NULL, 0), 1);
	ck_assert_int_eq(fs_rig_ask(&r, FUSE_GETATTR, file, &get, sizeof(get),
				    NULL, 0), -ESTALE);
	next = fs_rig_lookup(&r, 1, "file");
	ck_assert_uint_ne(next, file);
	ck_assert_uint_eq((uint32_t)next, (uint32_t)file);
}
END_TEST

START_TEST(new_session_has_no_inodes)
{
	const struct fuse_getattr_in get = { 0 };
	const uint64_t file = fs_rig_lookup(&r, 1, "file");
	const uint64_t fh = fs_rig_open(&r, FUSE_OPEN, file, O_RDONLY);

	ck_assert_int_eq(fs_rig_ask(&r, FUSE_DESTROY, 0, NULL, 0, NULL, 0), 0);
	ck_assert_int_eq(fs_rig_ask(&r, FUSE_GETATTR, 1, &get, sizeof(get),
				    NULL, 0), -ENOTCONN);
	ck_assert_int_eq(fs_rig_begin(&r), 0);
	ck_assert_int_eq(fs_rig_ask(&r, FUSE_GETATTR, 1, &get, sizeof(get),
				    NULL, 0), 0);
	ck_assert_int_eq(fs_rig_read(&r, FUSE_READ, file, fh, 0, 1), -ESTALE);
}
END_TEST

/* Root's supplementary groups do not apply to users of the guest. */
START_TEST(a8_15_groups_of_the_process_do_not_apply_to_users)
{
	const gid_t group = 4242;
	struct fuse_mkdir_in in = { .mode = 0755 };
	gid_t before[64], now[64];
	int n = getgroups(64, before);

	ck_assert_int_ge(n, 0);
	ck_assert_int_eq(setgroups(1, &group), 0);
	fs_rig_init(&r);
	ck_assert_int_eq(fchownat(r.dir, ".", 0, group, 0), 0);
	ck_assert_int_eq(fchmodat(r.dir, ".", 0770, 0), 0);
	r.uid = r.gid = 12345;
	ck_assert_int_eq(fs_rig_name(&r, FUSE_MKDIR, 1, &in, sizeof(in),
				     "theirs"), -EACCES);
	r.gid = group;
	ck_assert_int_eq(fs_rig_name(&r, FUSE_MKDIR, 1, &in, sizeof(in),
				     "theirs"), 0);
	ck_assert_int_eq(getgroups(64, now), 1);
	ck_assert_uint_eq(now[0], group);
	teardown();
	ck_assert_int_eq(setgroups((size_t)n, before), 0);
}
END_TEST

static bool is_told_as_another(const char *name)
{
	struct fuse_entry_out out;

	fs_rig_lookup(&r, 1, name);
	memcpy(&out, fs_rig_answer(&r), sizeof(out));
	return out.attr.flags & FUSE_ATTR_SUBMOUNT;
}

/* Mounts in a private mount namespace; false: not permitted. */
static bool mount_another(const char *dir)
{
	return unshare(CLONE_NEWNS) == 0 &&
	       mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount("none", dir, "tmpfs", 0, NULL) == 0;
}

START_TEST(mount_points_are_announced_if_configured)
{
	char dir[80];

	fs_rig_folder(&r);
	r.config.submounts = _i;
	ck_assert_int_eq(mkdirat(r.dir, "other", 0755), 0);
	snprintf(dir, sizeof(dir), "%s/other", r.folder);
	if (!mount_another(dir))
		dir[0] = '\0';	/* requires root */
	fs_rig_make(&r, RIG_REQUESTS);
	ck_assert_int_eq(fs_rig_begin(&r), 0);
	ck_assert(!is_told_as_another("sub"));
	ck_assert_int_eq(is_told_as_another("other"), dir[0] && _i);
	if (dir[0])
		ck_assert_int_eq(umount2(dir, MNT_DETACH), 0);
	teardown();
}
END_TEST

/* One descriptor is available, which the shared directory uses. */
START_TEST(reports_emfile_not_a_missing_proc)
{
	struct rlimit before, limit;
	struct virtdev *dev;
	int fds[256], n = 0;

	getrlimit(RLIMIT_NOFILE, &before);
	limit = before;
	limit.rlim_cur = 128;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	while (n < 256 && (fds[n] = dup(r.dir)) >= 0)
		n++;
	ck_assert_int_gt(n, 0);
	close(fds[--n]);
	ck_assert_int_eq(virtdev_fs_new(&r.config, &dev, NULL), -EMFILE);
	while (n > 0)
		close(fds[--n]);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
}
END_TEST

static const char *no_attributes(void)
{
	char folder[] = "/tmp/vfs-test-attributes-XXXXXX";
	const bool has = mkdtemp(folder) && !setxattr(folder, "user.a", "x", 1, 0);

	rmdir(folder);
	return has ? NULL : "the file system of /tmp has no extended attributes";
}

static const char *no_groups(void)
{
	gid_t groups[64];
	const int n = getgroups(64, groups);

	if (getuid())
		return "only root acts as another user";
	return n >= 0 && !setgroups((size_t)n, groups) ? NULL : "setgroups() is not permitted here";
}

static Suite *suite(void)
{
	Suite *s = suite_create("fs");
	TCase *tc = tcase_create("fs"), *alone = tcase_create("alone");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, configuration_contains_the_tag_and_the_queues);
	tcase_add_test(tc, init_negotiates_the_version_and_common_flags);
	tcase_add_test(tc, init_of_another_major_version_returns_ours);
	tcase_add_test(tc, lookup_returns_one_inode_and_counts);
	tcase_add_test(tc, read_ends_at_the_end_of_the_file);
	tcase_add_test(tc, as_many_pages_are_read_as_the_guest_may_request);
	tcase_add_test(tc, what_is_written_is_in_the_file);
	tcase_add_test(tc, files_opened_only_for_reading_are_closed_without_flush);
	tcase_add_test(tc, create_opens_a_new_file_with_the_requested_mode);
	tcase_add_test(tc, exclusive_create_of_an_existing_file_fails);
	tcase_add_test(tc, directories_links_and_nodes_are_created_and_removed);
	tcase_add_test(tc, link_adds_a_second_name);
	tcase_add_test(tc, rename_follows_its_flags);
	tcase_add_test(tc, rename_without_flags_replaces_the_target);
	tcase_add_test(tc, a_file_without_a_name_is_written_and_then_named);
	tcase_add_test(tc, attributes_are_set_one_by_one_or_together);
	tcase_add_test(tc, statx_returns_getattr_and_the_birth_time);
	tcase_add_test(tc, statfs_and_access_are_served);
	tcase_add_test(tc, directory_is_read_in_pieces_of_any_size);
	tcase_add_test(tc, directory_is_read_completely_while_entries_are_removed);
	tcase_add_test(tc, readdirplus_returns_attributes_of_entries);
	tcase_add_test(tc, holes_copies_and_allocation_are_served);
	tcase_add_test_unless(tc, no_attributes(), extended_attributes_are_those_of_the_host);
	tcase_add_test(tc, forgotten_inode_number_is_not_reused);
	tcase_add_test(tc, new_session_has_no_inodes);
	tcase_add_test_unless(tc, under_valgrind() ? "valgrind has descriptors of its own" : NULL,
			      reports_emfile_not_a_missing_proc);
	tcase_add_test_unless(alone, no_groups(), a8_15_groups_of_the_process_do_not_apply_to_users);
	tcase_add_loop_test(alone, mount_points_are_announced_if_configured,
			    0, 2);
	suite_add_tcase(s, tc);
	suite_add_tcase(s, alone);
	return s;
}

int main(void)
{
	return run_suite(suite());
}
