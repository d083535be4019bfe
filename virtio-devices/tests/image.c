/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Image files, disks on them, and single requests. */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "image.h"

void image_make(const char *name, uint64_t size)
{
	int fd = open(name, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, (off_t)size), 0);
	close(fd);
}

bool may_mount(void)
{
	int status = 1;
	pid_t child = fork();

	if (child == 0)
		_exit(unshare(CLONE_NEWNS) < 0 ||
		      mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0);
	return child > 0 && waitpid(child, &status, 0) == child && !status;
}

void mount_here(const char *type, const char *options)
{
	ck_assert_int_eq(unshare(CLONE_NEWNS), 0);
	ck_assert_int_eq(mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL), 0);
	ck_assert_int_eq(mkdir("fs", 0700), 0);
	ck_assert_int_eq(mount("none", "fs", type, 0, options), 0);
}

static struct vmem_sigbus *table;

static void on_sigbus(int number, siginfo_t *info, void *context)
{
	(void)context;
	if (!vmem_sigbus_fix(table, info))
		signal(number, SIG_DFL);
}

struct vmem_sigbus *handled_table(void)
{
	struct sigaction action = { .sa_flags = SA_SIGINFO };

	action.sa_sigaction = on_sigbus;
	if (!table && vmem_sigbus_new(16, &table, NULL) == 0)
		sigaction(SIGBUS, &action, NULL);
	return table;
}

int disk_open(const char *name, bool read_only, uint32_t engine,
	      struct virtdev_disk **out, struct vsu_error *err)
{
	struct virtdev_disk_file how = {
		.size = sizeof(how),
		.path = name,
		.read_only = read_only,
		.engine = engine,
	};

	if (engine == VIRTDEV_DISK_ENGINE_MMAP)
		how.sigbus = handled_table();
	return virtdev_disk_file_open(&how, out, err);
}

/* Called before the tests run, so assertions are not available. */
bool engine_works(uint32_t engine)
{
	int fd = memfd_create("probe", MFD_CLOEXEC);
	struct virtdev_disk *disk;
	char path[32];
	int rc = -1;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (fd >= 0 && ftruncate(fd, 512) == 0)
		rc = disk_open(path, true, engine, &disk, NULL);
	if (!rc)
		virtdev_disk_free(disk);
	close(fd);
	return !rc;
}

void test_disk_init(struct test_disk *d, const char *name, uint32_t engine,
		    uint32_t depth)
{
	struct vsu_error err = VSU_ERROR_INIT;

	ck_assert_msg(disk_open(name, false, engine, &d->disk, &err) == 0,
		      "%s", err.msg);
	ck_assert_msg(d->disk->ops.channel_open(d->disk->self, depth,
						&d->channel, &err) == 0,
		      "%s", err.msg);
}

void test_disk_fini(struct test_disk *d)
{
	d->disk->ops.channel_close(d->disk->self, d->channel);
	virtdev_disk_free(d->disk);
}

void test_disk_submit(struct test_disk *d, struct virtdev_disk_request *r)
{
	ck_assert_int_eq(d->disk->ops.submit(d->disk->self, d->channel, r), 0);
}

int test_disk_kick(struct test_disk *d, uint64_t budget)
{
	return d->disk->ops.kick(d->disk->self, d->channel, &budget);
}

struct virtdev_disk_request *test_disk_reap(struct test_disk *d)
{
	return d->disk->ops.reap(d->disk->self, d->channel);
}

struct virtdev_disk_request *test_disk_wait(struct test_disk *d)
{
	const struct virtdev_disk_ops *ops = &d->disk->ops;
	struct virtdev_disk_request *r;
	struct pollfd p = { ops->channel_fd(d->disk->self, d->channel),
			    POLLIN, 0 };
	int rc;

	for (;;) {
		r = ops->reap(d->disk->self, d->channel);
		if (r)
			return r;
		rc = test_disk_kick(d, UINT64_MAX);
		ck_assert(rc >= 0 || rc == -EAGAIN);
		if (!rc && p.fd >= 0)
			poll(&p, 1, -1);
	}
}

static int run(struct test_disk *d, struct virtdev_disk_request *r)
{
	test_disk_submit(d, r);
	ck_assert_ptr_eq(test_disk_wait(d), r);
	return r->result;
}

int test_disk_do(struct test_disk *d, uint32_t op, uint64_t offset,
		 void *buf, uint64_t len)
{
	struct iovec iov = { buf, len };
	struct virtdev_disk_request r = {
		.op = op, .iov = &iov, .niov = 1, .offset = offset, .len = len,
	};

	return run(d, &r);
}

int test_disk_range(struct test_disk *d, uint32_t op, uint64_t offset,
		    uint64_t len, bool may_unmap)
{
	struct virtdev_disk_request r = {
		.op = op, .offset = offset, .len = len, .may_unmap = may_unmap,
	};

	return run(d, &r);
}
