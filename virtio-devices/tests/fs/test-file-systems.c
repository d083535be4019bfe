/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about calls and flags that file systems support differently, on each file system that this
 * host can mount, or only on that of the folder FS_TEST_FOLDER: the guest gets the result that the
 * host gets, and no flag is ignored.
 */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "../folder.h"
#include "../suite.h"
#include "fs-rig.h"

#include "fs/device/priv.h"

#define LOOP(type, size, options) \
	"truncate -s " size " image && mkfs." type " " options " image && mount -o loop image data"

/* The first one is that of FS_TEST_FOLDER. Each is mounted on the folder "data" of its own folder; a server ends with this process. */
static const struct {
	const char *name, *mount, *server;
} types[] = {
	{ "given", "mount --bind \"$FS_TEST_FOLDER\" data", NULL },
	{ "tmpfs", "mount -t tmpfs none data", NULL },
	{ "overlay", "mkdir lower upper work && "
		     "mount -t overlay none data -o lowerdir=lower,upperdir=upper,workdir=work", NULL },
	{ "ext4", LOOP("ext4", "32M", "-q -F"), NULL },
	{ "xfs", LOOP("xfs", "320M", "-q"), NULL },
	{ "btrfs", LOOP("btrfs", "128M", "-q"), NULL },
	{ "vfat", LOOP("vfat", "8M", ""), NULL },
	{ "FUSE", "mkdir source", "exec bindfs -f source data" },
};
#define TYPES (sizeof(types) / sizeof(*types))

static struct fs_rig r;
static char place[] = "/tmp/test-file-systems-XXXXXX";
static unsigned int mounted[TYPES], nmounted;

/* ------------------------------------------------------------- file systems */

static int shell(const char *name, const char *command)
{
	char line[512];

	snprintf(line, sizeof(line), "cd %s/%s && { %s; } >/dev/null 2>&1", place, name, command);
	return system(line);
}

static bool is_mount(const char *name)
{
	struct stat above, data;
	char path[96];

	snprintf(path, sizeof(path), "%s/%s", place, name);
	if (stat(path, &above) < 0)
		return false;
	strcat(path, "/data");
	return !stat(path, &data) && data.st_dev != above.st_dev;
}

/* Waits for its mount, or its end if it cannot mount. */
static void serve(const char *name, const char *server)
{
	char line[256];
	const pid_t child = fork();

	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		snprintf(line, sizeof(line), "cd %s/%s && %s >/dev/null 2>&1", place, name, server);
		execl("/bin/sh", "sh", "-c", line, (char *)NULL);
		_exit(1);
	}
	while (!is_mount(name) && !waitpid(child, NULL, WNOHANG))
		poll(NULL, 0, 5);
}

static void mount_each(void)
{
	const bool given = getenv("FS_TEST_FOLDER");
	char path[96];
	size_t i;

	for (i = given ? 0 : 1; i < (given ? 1 : TYPES); i++) {
		snprintf(path, sizeof(path), "%s/%s", place, types[i].name);
		mkdir(path, 0755);
		if (shell(types[i].name, "PATH=$PATH:/sbin:/usr/sbin; mkdir data") ||
		    shell(types[i].name, types[i].mount))
			continue;
		if (types[i].server)
			serve(types[i].name, types[i].server);
		if (is_mount(types[i].name))
			mounted[nmounted++] = (unsigned int)i;
	}
}

/* In a private mount table and in memory; they end with this process. */
static bool begin(void)
{
	if (getuid() || !mkdtemp(place))
		return false;
	setenv("PATH", "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin", 1);
	if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("none", place, "tmpfs", 0, "mode=755") < 0)
		return false;
	mount_each();
	return nmounted;
}

static void end(void)
{
	unsigned int i;

	for (i = 0; i < nmounted; i++)
		shell(types[mounted[i]].name, "umount data");
	umount2(place, MNT_DETACH);
	rmdir(place);
}

/* ------------------------------------------------------------------- the rig */

/* Shares a new folder on the file system with "file" and "twin", which have the same content. */
static void share(int i, uint32_t file_handles)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s/data/XXXXXX", place, types[mounted[i]].name);
	fs_rig_folder(&r);
	close(r.dir);
	ck_assert_ptr_nonnull(mkdtemp(path));
	r.dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fs_rig_put_file(&r, "file", "content");
	fs_rig_put_file(&r, "twin", "content");
	r.config.path = path;
	r.config.file_handles = file_handles;
	fs_rig_make(&r, RIG_REQUESTS);
	ck_assert_int_eq(fs_rig_begin(&r), 0);
}

static int open_twin(int flags)
{
	int fd = openat(r.dir, "twin", flags | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	return fd;
}

/* The errno of a system call, as of a request. */
static int result(long rc)
{
	return rc < 0 ? -errno : 0;
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

static void check_read(uint64_t file, uint64_t fh)
{
	ck_assert_int_eq(fs_rig_read(&r, FUSE_READ, file, fh, 0, 100), 0);
	ck_assert_uint_eq(fs_rig_answer_len(&r), 7);
	ck_assert_mem_eq(fs_rig_answer(&r), "content", 7);
}

/* ------------------------------------------------------------------- claims */

static void append(uint64_t node, uint64_t fh, const char *bytes)
{
	const struct fuse_write_in in = {
		.fh = fh, .size = (uint32_t)strlen(bytes), .flags = O_APPEND,
	};

	ck_assert_int_eq(fs_rig_ask(&r, FUSE_WRITE, node, &in, sizeof(in), bytes, in.size), 0);
}

START_TEST(write_appends_if_its_request_does)
{
	uint64_t file, fh;

	share(_i / 2, 0);
	file = fs_rig_lookup(&r, 1, "file");
	fh = fs_rig_open(&r, FUSE_OPEN, file, O_RDWR | (_i % 2 ? O_APPEND : 0));
	append(file, fh, "-1");
	append(file, fh, "-2");
	ck_assert_int_eq(fs_rig_write(&r, file, fh, 0, "CON", 3), 0);
	append(file, fh, "-3");
	check_content("file", "CONtent-1-2-3");
	fs_rig_fini(&r);
}
END_TEST

START_TEST(new_file_appends_only_if_its_request_does)
{
	const struct fuse_create_in in = { .flags = O_RDWR | O_CREAT | O_APPEND, .mode = S_IFREG | 0600 };
	struct { struct fuse_entry_out entry; struct fuse_open_out open; } made;

	share(_i, 0);
	ck_assert_int_eq(fs_rig_name(&r, FUSE_CREATE, 1, &in, sizeof(in), "new"), 0);
	memcpy(&made, fs_rig_answer(&r), sizeof(made));
	append(made.entry.nodeid, made.open.fh, "content");
	ck_assert_int_eq(fs_rig_write(&r, made.entry.nodeid, made.open.fh, 0, "CON", 3), 0);
	append(made.entry.nodeid, made.open.fh, "-1");
	check_content("new", "CONtent-1");
	fs_rig_fini(&r);
}
END_TEST

START_TEST(unnamed_file_is_made_where_the_host_makes_one)
{
	const struct fuse_create_in in = { .flags = O_RDWR | O_TMPFILE, .mode = S_IFREG | 0600 };
	int fd, host;

	share(_i, 0);
	fd = openat(r.dir, ".", O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
	host = result(fd);
	close(fd);
	ck_assert_int_eq(fs_rig_name(&r, FUSE_TMPFILE, 1, &in, sizeof(in), ""), host);
	fs_rig_fini(&r);
}
END_TEST

static bool is_unread(const char *name, const struct timespec *since)
{
	return fs_rig_stat(&r, name).st_atim.tv_sec == since->tv_sec;
}

/* The guest's flag is dropped. */
START_TEST(read_sets_the_access_time_as_by_the_host)
{
	static const struct timespec long_ago[2] = { { .tv_sec = 1000000000 }, { .tv_sec = 1000000000 } };
	uint64_t file;
	char bytes[7];
	int fd;

	share(_i, 0);
	ck_assert_int_eq(utimensat(r.dir, "file", long_ago, 0), 0);
	ck_assert_int_eq(utimensat(r.dir, "twin", long_ago, 0), 0);
	fd = open_twin(O_RDONLY);
	ck_assert_int_eq(read(fd, bytes, sizeof(bytes)), 7);
	close(fd);
	file = fs_rig_lookup(&r, 1, "file");
	check_read(file, fs_rig_open(&r, FUSE_OPEN, file, O_RDONLY | O_NOATIME));
	ck_assert_int_eq(is_unread("file", long_ago), is_unread("twin", long_ago));
	fs_rig_fini(&r);
}
END_TEST

static const uint32_t rename_flags[] = { RENAME_NOREPLACE, RENAME_EXCHANGE };

/* "a" is renamed to "b" by the guest, "c" to "d" by the host. */
static void check_rename(uint32_t flags)
{
	const struct fuse_rename2_in in = { .newdir = 1, .flags = flags };
	static const char *const names[] = { "a", "b", "c", "d" };
	int host, i;

	for (i = 0; i < 4; i++)
		fs_rig_put_file(&r, names[i], names[i]);
	host = result(syscall(SYS_renameat2, r.dir, "c", r.dir, "d", flags));
	ck_assert_int_eq(fs_rig_ask(&r, FUSE_RENAME2, 1, &in, sizeof(in), "a\0b", 4), host);
	check_content("b", host || flags == RENAME_NOREPLACE ? "b" : "a");
	for (i = 0; i < 4; i++)
		unlinkat(r.dir, names[i], 0);
}

START_TEST(flags_of_rename_are_never_ignored)
{
	size_t i;

	share(_i, 0);
	for_rows(i, sizeof(rename_flags) / sizeof(*rename_flags))
		check_rename(rename_flags[i]);
	fs_rig_fini(&r);
}
END_TEST

static const int modes[] = {
	0, FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, FALLOC_FL_ZERO_RANGE,
	FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE,
};

START_TEST(range_is_allocated_as_by_the_host)
{
	struct fuse_fallocate_in in = { .offset = 2, .length = 9 };
	uint64_t file;
	size_t i;
	int fd;

	share(_i, 0);
	file = fs_rig_lookup(&r, 1, "file");
	in.fh = fs_rig_open(&r, FUSE_OPEN, file, O_RDWR);
	fd = open_twin(O_RDWR);
	for_rows(i, sizeof(modes) / sizeof(*modes)) {
		in.mode = (uint32_t)modes[i];
		ck_assert_int_eq(fs_rig_ask(&r, FUSE_FALLOCATE, file, &in, sizeof(in), NULL, 0),
				 result(fallocate(fd, modes[i], 2, 9)));
		ck_assert_int_eq(fs_rig_stat(&r, "file").st_size, fs_rig_stat(&r, "twin").st_size);
	}
	close(fd);
	fs_rig_fini(&r);
}
END_TEST

static const int shifting[] = { FALLOC_FL_COLLAPSE_RANGE, FALLOC_FL_INSERT_RANGE, FALLOC_FL_UNSHARE_RANGE };

START_TEST(content_is_never_shifted)
{
	struct fuse_fallocate_in in = { .length = 65536 };
	uint64_t file;
	size_t i;

	share(_i, 0);
	file = fs_rig_lookup(&r, 1, "file");
	in.fh = fs_rig_open(&r, FUSE_OPEN, file, O_RDWR);
	for_rows(i, sizeof(shifting) / sizeof(*shifting)) {
		in.mode = (uint32_t)shifting[i];
		ck_assert_int_eq(fs_rig_ask(&r, FUSE_FALLOCATE, file, &in, sizeof(in), NULL, 0),
				 -EOPNOTSUPP);
	}
	check_content("file", "content");
	fs_rig_fini(&r);
}
END_TEST

static const off_t starts[] = { 0, 7, 65536, (1 << 20) - 1, 1 << 20, (1 << 20) + 6, (1 << 20) + 7 };

static void check_seek(uint64_t file, uint64_t fh, int fd, off_t from, int whence)
{
	const struct fuse_lseek_in in = { .fh = fh, .offset = (uint64_t)from, .whence = (uint32_t)whence };
	const off_t at = lseek(fd, from, whence);
	struct fuse_lseek_out out;

	ck_assert_int_eq(fs_rig_ask(&r, FUSE_LSEEK, file, &in, sizeof(in), NULL, 0), result(at));
	memcpy(&out, fs_rig_answer(&r), sizeof(out));
	ck_assert(at < 0 || out.offset == (uint64_t)at);
}

START_TEST(holes_are_those_of_the_host)
{
	uint64_t file, fh;
	size_t i;
	int fd;

	share(_i, 0);
	fd = open_twin(O_RDWR);
	ck_assert_int_eq(pwrite(fd, "content", 7, 1 << 20), 7);
	file = fs_rig_lookup(&r, 1, "twin");
	fh = fs_rig_open(&r, FUSE_OPEN, file, O_RDONLY);
	for_rows(i, sizeof(starts) / sizeof(*starts)) {
		check_seek(file, fh, fd, starts[i], SEEK_DATA);
		check_seek(file, fh, fd, starts[i], SEEK_HOLE);
	}
	close(fd);
	fs_rig_fini(&r);
}
END_TEST

START_TEST(copy_is_made_where_the_host_makes_one)
{
	struct fuse_copy_file_range_in in = { .off_out = 3, .len = 3 };
	loff_t from = 0, to = 3;
	uint64_t file;
	int fd, host;

	share(_i, 0);
	fd = open_twin(O_RDWR);
	host = result(copy_file_range(fd, &from, fd, &to, 3, 0));
	ck_assert_int_eq(host ? 0 : to, host ? 0 : 6);
	close(fd);
	in.fh_in = fs_rig_open(&r, FUSE_OPEN, fs_rig_lookup(&r, 1, "twin"), O_RDONLY);
	in.nodeid_out = fs_rig_lookup(&r, 1, "file");
	in.fh_out = fs_rig_open(&r, FUSE_OPEN, in.nodeid_out, O_RDWR);
	file = fs_rig_lookup(&r, 1, "twin");
	ck_assert_int_eq(fs_rig_ask(&r, FUSE_COPY_FILE_RANGE, file, &in, sizeof(in), NULL, 0), host);
	check_content("file", host ? "content" : "concont");
	fs_rig_fini(&r);
}
END_TEST

START_TEST(birth_time_is_returned_where_the_host_has_one)
{
	const struct fs_statx_in in = { .mask = STATX_BTIME };
	struct fs_statx_out out;
	struct statx st;

	share(_i, 0);
	ck_assert_int_eq(fs_rig_ask(&r, FS_STATX, fs_rig_lookup(&r, 1, "file"), &in, sizeof(in), NULL, 0),
			 0);
	memcpy(&out, fs_rig_answer(&r), sizeof(out));
	ck_assert_int_eq(syscall(SYS_statx, r.dir, "file", 0, STATX_BASIC_STATS | STATX_BTIME, &st), 0);
	ck_assert_uint_eq(out.mask & STATX_BTIME, st.stx_mask & STATX_BTIME);
	ck_assert_int_eq(out.btime.s, st.stx_btime.tv_sec);
	ck_assert_uint_eq(out.btime.ns, st.stx_btime.tv_nsec);
	fs_rig_fini(&r);
}
END_TEST

/* vfat has steps of two seconds. */
START_TEST(reply_has_the_times_that_the_file_system_stores)
{
	const struct fuse_setattr_in in = {
		.valid = FATTR_MTIME, .mtime = 1000000001, .mtimensec = 123456789,
	};
	struct fuse_attr_out out;
	struct stat st;

	share(_i, 0);
	ck_assert_int_eq(fs_rig_ask(&r, FUSE_SETATTR, fs_rig_lookup(&r, 1, "file"), &in, sizeof(in),
				    NULL, 0), 0);
	memcpy(&out, fs_rig_answer(&r), sizeof(out));
	st = fs_rig_stat(&r, "file");
	ck_assert_int_eq((int64_t)out.attr.mtime, st.st_mtim.tv_sec);
	ck_assert_int_eq(out.attr.mtimensec, st.st_mtim.tv_nsec);
	fs_rig_fini(&r);
}
END_TEST

START_TEST(second_name_is_made_where_the_host_makes_one)
{
	struct fuse_link_in in;
	int host;

	share(_i, 0);
	in.oldnodeid = fs_rig_lookup(&r, 1, "file");
	host = result(linkat(r.dir, "twin", r.dir, "twin2", 0));
	ck_assert_int_eq(fs_rig_name(&r, FUSE_LINK, 1, &in, sizeof(in), "file2"), host);
	if (!host)
		check_content("file2", "content");
	if (!host && fs_rig_stat(&r, "file2").st_ino == fs_rig_stat(&r, "file").st_ino)
		ck_assert_uint_eq(fs_rig_lookup(&r, 1, "file2"), in.oldnodeid);
	fs_rig_fini(&r);
}
END_TEST

START_TEST(attribute_is_set_where_the_host_sets_one)
{
	const struct fuse_setxattr_in in = { .size = 5 };
	uint64_t file;
	int fd;

	share(_i, 0);
	fd = open_twin(O_RDWR);
	file = fs_rig_lookup(&r, 1, "file");
	ck_assert_int_eq(fs_rig_ask(&r, FUSE_SETXATTR, file, &in, 8, "user.a\0value", 12),
			 result(fsetxattr(fd, "user.a", "value", 5, 0)));
	close(fd);
	fs_rig_fini(&r);
}
END_TEST

START_TEST(open_file_outlives_its_name)
{
	uint64_t file, fh;

	share(_i, 0);
	file = fs_rig_lookup(&r, 1, "file");
	fh = fs_rig_open(&r, FUSE_OPEN, file, O_RDWR);
	ck_assert_int_eq(fs_rig_name(&r, FUSE_UNLINK, 1, NULL, 0, "file"), 0);
	check_read(file, fh);
	fs_rig_fini(&r);
}
END_TEST

/* Linux drops the names in memory, and FUSE the inodes, whose handles its server cannot find again. */
static void evict(int i)
{
	char path[96];

	snprintf(path, sizeof(path), "%s/%s/data", place, types[mounted[i]].name);
	ck_assert_int_eq(mount("none", path, "none", MS_REMOUNT, NULL), 0);
}

START_TEST(file_handle_is_used_only_if_it_finds_an_evicted_file)
{
	uint64_t file;

	share(_i, VIRTDEV_FS_HANDLES_PREFER);
	file = fs_rig_lookup(&r, 1, "file");
	evict(_i);
	check_read(file, fs_rig_open(&r, FUSE_OPEN, file, O_RDWR));
	ck_assert_int_eq(renameat(r.dir, "file", r.dir, "other"), 0);
	evict(_i);
	check_read(file, fs_rig_open(&r, FUSE_OPEN, file, O_RDWR));
	ck_assert_uint_eq(fs_rig_lookup(&r, 1, "other"), file);
	fs_rig_fini(&r);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("file_systems");
	TCase *tc = tcase_create("file_systems");
	const int n = (int)nmounted;

	tcase_add_loop_test(tc, write_appends_if_its_request_does, 0, 2 * n);
	tcase_add_loop_test(tc, new_file_appends_only_if_its_request_does, 0, n);
	tcase_add_loop_test(tc, unnamed_file_is_made_where_the_host_makes_one, 0, n);
	tcase_add_loop_test(tc, read_sets_the_access_time_as_by_the_host, 0, n);
	tcase_add_loop_test(tc, flags_of_rename_are_never_ignored, 0, n);
	tcase_add_loop_test(tc, range_is_allocated_as_by_the_host, 0, n);
	tcase_add_loop_test(tc, content_is_never_shifted, 0, n);
	tcase_add_loop_test(tc, holes_are_those_of_the_host, 0, n);
	tcase_add_loop_test(tc, copy_is_made_where_the_host_makes_one, 0, n);
	tcase_add_loop_test(tc, birth_time_is_returned_where_the_host_has_one, 0, n);
	tcase_add_loop_test(tc, reply_has_the_times_that_the_file_system_stores, 0, n);
	tcase_add_loop_test(tc, second_name_is_made_where_the_host_makes_one, 0, n);
	tcase_add_loop_test(tc, attribute_is_set_where_the_host_sets_one, 0, n);
	tcase_add_loop_test(tc, open_file_outlives_its_name, 0, n);
	tcase_add_loop_test(tc, file_handle_is_used_only_if_it_finds_an_evicted_file, 0, n);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	unsigned int i;
	int rc;

	if (!begin()) {
		puts("1..0 # SKIP no file systems can be mounted (root)");
		return 0;
	}
	for (i = 0; i < nmounted; i++)
		printf("# %u: %s\n", i, types[mounted[i]].name);
	fflush(stdout);
	rc = run_suite(suite());
	end();
	return rc;
}
