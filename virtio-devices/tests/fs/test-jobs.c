/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about requests that worker threads serve. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/vfs.h>

#include "../suite.h"
#include "fs-rig.h"
#include "fs/users/users.h"

/* A server that hangs in one of the next calls: it posts begun, and waits for answered. */
static struct {
	int armed;		/* atomic; in which one, from 1 on */
	sem_t begun, answered;
} server;

static void host_call(void)
{
	if (!__atomic_load_n(&server.armed, __ATOMIC_SEQ_CST) ||
	    __atomic_sub_fetch(&server.armed, 1, __ATOMIC_SEQ_CST))
		return;
	sem_post(&server.begun);
	sem_wait(&server.answered);
}

/* The symbols that the library calls; the linker redirects them to the wrappers. */
#if defined(__LP64__) || !defined(__GLIBC__)
#define REAL(name) __real_##name
#define WRAP(name) __wrap_##name
#else
#define REAL(name) __real_##name##64
#define WRAP(name) __wrap_##name##64
#endif

int REAL(fstatfs)(int fd, struct statfs *st);
int __attribute__((used)) WRAP(fstatfs)(int fd, struct statfs *st);
off_t REAL(lseek)(int fd, off_t at, int whence);
off_t __attribute__((used)) WRAP(lseek)(int fd, off_t at, int whence);
ssize_t __real_readlinkat(int dir, const char *name, char *target, size_t size);
ssize_t __wrap_readlinkat(int dir, const char *name, char *target, size_t size);
int __real_faccessat(int dir, const char *name, int mode, int flags);
int __wrap_faccessat(int dir, const char *name, int mode, int flags);
int __real_syncfs(int fd);
int __wrap_syncfs(int fd);
ssize_t __real_virtdev_priv_fs_xattr(const struct fs *fs, int fd, const struct fs_xattr_request *q);
ssize_t __wrap_virtdev_priv_fs_xattr(const struct fs *fs, int fd, const struct fs_xattr_request *q);

static uint32_t file_system;	/* of all files; 0: the true one */

int WRAP(fstatfs)(int fd, struct statfs *st)
{
	int rc;

	host_call();
	rc = REAL(fstatfs)(fd, st);
	if (!rc && file_system)
		st->f_type = file_system;
	return rc;
}

#if defined(__LP64__) && defined(__GLIBC__)
/* The run-time library of ThreadSanitizer refers to it. */
int __real_fstatfs64(int fd, struct statfs64 *st);
int __attribute__((used)) __wrap_fstatfs64(int fd, struct statfs64 *st);
int __wrap_fstatfs64(int fd, struct statfs64 *st)
{
	return __real_fstatfs64(fd, st);
}
#endif

off_t WRAP(lseek)(int fd, off_t at, int whence)
{
	host_call();
	return REAL(lseek)(fd, at, whence);
}

ssize_t __wrap_readlinkat(int dir, const char *name, char *target, size_t size)
{
	host_call();
	return __real_readlinkat(dir, name, target, size);
}

int __wrap_faccessat(int dir, const char *name, int mode, int flags)
{
	host_call();
	return __real_faccessat(dir, name, mode, flags);
}

int __wrap_syncfs(int fd)
{
	host_call();
	return __real_syncfs(fd);
}

ssize_t __wrap_virtdev_priv_fs_xattr(const struct fs *fs, int fd, const struct fs_xattr_request *q)
{
	host_call();
	return __real_virtdev_priv_fs_xattr(fs, fd, q);
}

#define AT_ONCE 7u	/* of two buffers, in a ring of 16 */
#define ROUNDS 50u

static struct fs_rig r;

static void setup_idle(void)
{
	fs_rig_folder(&r);
	r.config.workers = RIG_WORKERS;
	fs_rig_make(&r, RIG_REQUESTS);
}

static void setup(void)
{
	setup_idle();
	fs_rig_work(&r);
	ck_assert_int_eq(fs_rig_begin(&r), 0);
}

static void teardown(void)
{
	fs_rig_fini(&r);
}

/* Adds a GETATTR of the root with its own buffers. */
static void add_request(uint64_t number)
{
	const struct {
		struct fuse_in_header in;
		struct fuse_getattr_in getattr;
	} ask = {
		.in = { .len = sizeof(ask), .opcode = FUSE_GETATTR,
			.unique = number, .nodeid = 1, .uid = r.uid,
			.gid = r.gid },
	};
	const struct vq_buffer buffers[] = {
		{ RIG_ASK + number * 4096, sizeof(ask), false },
		{ RIG_ANSWER + number * 4096, 4096, true },
	};

	memcpy(guest_at(&r.g, buffers[0].gpa), &ask, sizeof(ask));
	ck_assert_int_eq(vq_driver_add(r.g.driver, buffers, 2, number), 0);
}

static void check_answer(uint64_t number, uint32_t written)
{
	struct fuse_out_header out;

	memcpy(&out, guest_at(&r.g, RIG_ANSWER + number * 4096), sizeof(out));
	ck_assert_uint_eq(written, sizeof(out) + sizeof(struct fuse_attr_out));
	ck_assert_uint_eq(out.unique, number);
	ck_assert_int_eq(out.error, 0);
}

START_TEST(requests_run_concurrently_and_once_each)
{
	unsigned int i, round, left;
	uint64_t number;
	uint32_t written;

	for (round = 0; round < ROUNDS; round++) {
		for (i = 0; i < AT_ONCE; i++)
			add_request(i);
		vq_driver_publish(r.g.driver);
		for (left = AT_ONCE; left;) {
			while (virtdev_queue_serve(r.dev, r.queue))
				;
			while (vq_driver_collect(r.g.driver, &number,
						 &written) == 1) {
				check_answer(number, written);
				left--;
			}
			if (left)
				fs_rig_wait_event(&r);
		}
	}
}
END_TEST

START_TEST(file_is_written_and_read_by_other_threads)
{
	const uint64_t file = fs_rig_lookup(&r, 1, "file");
	const uint64_t fh = fs_rig_open(&r, FUSE_OPEN, file, O_RDWR);

	ck_assert_int_eq(fs_rig_write(&r, file, fh, 0, "CON", 3), 0);
	ck_assert_int_eq(fs_rig_read(&r, FUSE_READ, file, fh, 0, 7), 0);
	ck_assert_mem_eq(fs_rig_answer(&r), "CONtent", 7);
	ck_assert_int_eq(fs_rig_release(&r, FUSE_RELEASE, file, fh), 0);
	ck_assert_int_eq(fs_rig_read(&r, FUSE_READ, file, fh, 0, 7), -EBADF);
}
END_TEST

/* Through a bounce buffer, which is smaller. */
START_TEST(as_many_pages_of_a_server_are_read_as_the_guest_may_request)
{
	file_system = NFS_SUPER_MAGIC;
	setup();
	fs_rig_read_large(&r);
	teardown();
	file_system = 0;
}
END_TEST

/* A slow machine takes several turns. */
static void serve_all(void)
{
	int rc;

	do
		rc = virtdev_queue_serve(r.dev, r.queue);
	while (rc > 0);
	ck_assert_int_eq(rc, 0);
}

START_TEST(queue_stops_with_requests_not_started)
{
	uint64_t number;

	setup_idle();
	for (number = 0; number < AT_ONCE; number++)
		add_request(number);
	vq_driver_publish(r.g.driver);
	serve_all();
	ck_assert_int_eq(virtdev_queue_drain(r.dev, r.queue), RIG_WORKERS);
	virtdev_queue_stop(r.dev, r.queue);
	ck_assert_uint_eq(vq_inflight(r.g.q), 0);
	ck_assert_int_eq(virtdev_queue_start(r.dev, r.queue, r.g.q, NULL), 0);
	fs_rig_fini(&r);
}
END_TEST

START_TEST(requests_not_started_can_be_returned)
{
	uint64_t number;

	setup_idle();
	for (number = 0; number < AT_ONCE; number++)
		add_request(number);
	vq_driver_publish(r.g.driver);
	serve_all();
	ck_assert_uint_eq(virtdev_fs_detach(r.dev), 0);
	fs_rig_wait_event(&r);
	ck_assert_int_eq(virtdev_queue_drain(r.dev, r.queue), 0);
	virtdev_queue_stop(r.dev, r.queue);
	ck_assert_uint_eq(vq_inflight(r.g.q), 0);
	ck_assert_int_eq(virtdev_queue_start(r.dev, r.queue, r.g.q, NULL), 0);
	fs_rig_fini(&r);
}
END_TEST

/* Posts a request, and waits until that one of its host calls hangs. */
static void ask_and_hang(uint32_t opcode, uint64_t node, const void *args, uint32_t args_len,
			 const char *text, int call)
{
	const uint32_t len = text ? (uint32_t)strlen(text) + 1 : 0;
	const struct fuse_in_header in = {
		.len = (uint32_t)sizeof(in) + args_len + len, .opcode = opcode,
		.unique = ++r.unique, .nodeid = node, .uid = r.uid, .gid = r.gid,
	};
	const struct vq_buffer buffers[] = {
		{ RIG_ASK, in.len, false }, { RIG_ANSWER, r.room, true },
	};

	memcpy(guest_at(&r.g, RIG_ASK), &in, sizeof(in));
	memcpy(guest_at(&r.g, RIG_ASK + sizeof(in)), args, args_len);
	if (text)
		memcpy(guest_at(&r.g, RIG_ASK + sizeof(in) + args_len), text, len);
	ck_assert_int_eq(vq_driver_add(r.g.driver, buffers, 2, 0), 0);
	vq_driver_publish(r.g.driver);
	__atomic_store_n(&server.armed, call, __ATOMIC_SEQ_CST);
	serve_all();
	while (sem_wait(&server.begun) < 0)
		;
}

static const struct {
	uint32_t opcode, len;
	const char *of, *text;
} reading[] = {
	{ FUSE_STATFS, 0, NULL, NULL },
	{ FUSE_ACCESS, sizeof(struct fuse_access_in), NULL, NULL },
	{ FUSE_SYNCFS, sizeof(struct fuse_syncfs_in), NULL, NULL },
	{ FUSE_READLINK, 0, "link", NULL },
	{ FUSE_GETXATTR, sizeof(struct fuse_getxattr_in), "file", "user.a" },
	{ FUSE_LISTXATTR, sizeof(struct fuse_getxattr_in), "file", NULL },
	{ FUSE_LSEEK, sizeof(struct fuse_lseek_in), "file", NULL },
};

START_TEST(request_that_only_reads_is_detached)
{
	union {
		struct fuse_access_in access;
		struct fuse_getxattr_in getxattr;
		struct fuse_lseek_in lseek;
		char bytes[64];
	} args = { .bytes = { 0 } };
	uint64_t node;

	sem_init(&server.begun, 0, 0);
	sem_init(&server.answered, 0, 0);
	ck_assert_int_eq(symlinkat("file", r.dir, "link"), 0);
	node = reading[_i].of ? fs_rig_lookup(&r, 1, reading[_i].of) : 1;
	if (reading[_i].opcode == FUSE_LSEEK)
		args.lseek = (struct fuse_lseek_in){
			.fh = fs_rig_open(&r, FUSE_OPEN, node, O_RDONLY), .whence = SEEK_DATA };
	ask_and_hang(reading[_i].opcode, node, &args, reading[_i].len, reading[_i].text, 1);
	ck_assert_uint_eq(virtdev_fs_detach(r.dev), 1);
	ck_assert_int_eq(virtdev_queue_drain(r.dev, r.queue), 0);
	virtdev_queue_stop(r.dev, r.queue);
	sem_post(&server.answered);
	ck_assert_int_eq(virtdev_queue_start(r.dev, r.queue, r.g.q, NULL), 0);
}
END_TEST

/* A file on another file system, in a private mount namespace; false: not permitted. */
static bool make_other(char file[96])
{
	char other[80];

	snprintf(other, sizeof(other), "%s/other", r.folder);
	snprintf(file, 96, "%s/file", other);
	ck_assert_int_eq(mkdir(other, 0755), 0);
	if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("none", other, "tmpfs", 0, NULL) < 0)
		return false;
	ck_assert_int_eq(mknod(file, S_IFREG | 0644, 0), 0);
	return true;
}

/* With hidden names, the first name in a folder of another file system requires two calls of its server. */
START_TEST(request_detached_before_its_change_changes_nothing)
{
	char file[96];
	struct stat st;
	uint64_t node;
	bool is_made;

	sem_init(&server.begun, 0, 0);
	sem_init(&server.answered, 0, 0);
	fs_rig_folder(&r);
	r.config.workers = RIG_WORKERS;
	r.config.hidden = "key";
	is_made = make_other(file);
	fs_rig_make(&r, RIG_REQUESTS);
	fs_rig_work(&r);
	ck_assert_int_eq(fs_rig_begin(&r), 0);
	node = fs_rig_lookup(&r, 1, "other");
	if (is_made) {
		ask_and_hang(FUSE_UNLINK, node, "", 0, "file", _i);
		ck_assert_uint_eq(virtdev_fs_detach(r.dev), 1);
		ck_assert_int_eq(virtdev_queue_drain(r.dev, r.queue), 0);
		virtdev_queue_stop(r.dev, r.queue);
		sem_post(&server.answered);
		while (virtdev_fs_detach(r.dev))
			sched_yield();
		ck_assert_int_eq(virtdev_queue_start(r.dev, r.queue, r.g.q, NULL), 0);
		ck_assert_int_eq(stat(file, &st), 0);
		*strrchr(file, '/') = '\0';
		ck_assert_int_eq(umount2(file, MNT_DETACH), 0);
	}
	fs_rig_fini(&r);
}
END_TEST

START_TEST(too_many_threads_are_refused)
{
	struct virtdev *dev;

	fs_rig_folder(&r);
	fs_rig_make(&r, RIG_REQUESTS);
	r.config.workers = VIRTDEV_FS_WORKERS_MAX + 1;
	ck_assert_int_eq(virtdev_fs_new(&r.config, &dev, NULL), -EINVAL);
	r.config.workers = 0;
	fs_rig_fini(&r);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("work");
	TCase *tc = tcase_create("work"), *idle = tcase_create("idle");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, requests_run_concurrently_and_once_each);
	tcase_add_test(tc, file_is_written_and_read_by_other_threads);
	tcase_add_loop_test(tc, request_that_only_reads_is_detached, 0,
			    (int)(sizeof(reading) / sizeof(*reading)));
	tcase_add_test(idle, queue_stops_with_requests_not_started);
	tcase_add_test(idle, requests_not_started_can_be_returned);
	tcase_add_loop_test(idle, request_detached_before_its_change_changes_nothing, 1, 3);
	tcase_add_test(idle, too_many_threads_are_refused);
	tcase_add_test(idle, as_many_pages_of_a_server_are_read_as_the_guest_may_request);
	suite_add_tcase(s, tc);
	suite_add_tcase(s, idle);
	return s;
}

int main(void)
{
	return run_suite(suite());
}
