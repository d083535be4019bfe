/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A rig: a disk with two queues, or another device, which a process of the test serves. */
#ifndef TOOLS_TESTS_RIG_H
#define TOOLS_TESTS_RIG_H

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <virtio-devices/blk.h>
#include <virtio-devices/disk.h>
#include <virtio-devices/ids.h>
#include <virtio-devices/vhost_user_server.h>
#include <virtio-queue/features.h>
#include <vmm-sys-util/fd.h>

#define SIZE (1u << 20)
#define BLOCK 4096u

static char folder[32], image[64], path[64];
static struct vsu_error err;
static bool read_only;
static int (*make_device)(struct virtdev **out);	/* NULL: a disk */
static pid_t server;
static int stop_fd;

static int make_disk(struct virtdev **out)
{
	const struct virtdev_disk_file file = {
		.size = sizeof(file), .path = image, .read_only = read_only,
		.engine = VIRTDEV_DISK_ENGINE_SYNC, .block_size = BLOCK,
	};
	struct virtdev_blk_config config = { .size = sizeof(config), .nqueues = 2 };
	int rc = virtdev_disk_file_open(&file, &config.disk, &err);

	return rc < 0 ? rc : virtdev_blk_new(&config, out, &err);
}

static void serve(int stop)
{
	struct virtdev *dev;

	if ((make_device ? make_device(&dev) : make_disk(&dev)) < 0 ||
	    virtdev_vhost_user_serve(dev, path, stop, NULL, NULL, &err) < 0)
		_exit(1);
	virtdev_free(dev);
	_exit(0);
}

static void server_start(void)
{
	int ends[2];

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	server = fork();
	ck_assert_int_ge(server, 0);
	if (server == 0) {
		close(ends[1]);
		serve(ends[0]);
	}
	close(ends[0]);
	stop_fd = ends[1];
}

static void setup(void)
{
	int fd;

	strcpy(folder, "/tmp/c-vmm-disk-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(image, sizeof(image), "%s/image", folder);
	snprintf(path, sizeof(path), "%s/socket", folder);
	fd = open(image, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, SIZE), 0);
	close(fd);
	read_only = false;
	make_device = NULL;
	server = 0;
	vsu_error_clear(&err);
}

static void teardown(void)
{
	int status;

	if (server > 0) {
		vsu_fd_close(&stop_fd);
		ck_assert_int_eq(waitpid(server, &status, 0), server);
	}
	unlink(image);
	unlink(path);
	rmdir(folder);
}

/* Whether a client failed because the server has no socket yet. */
static bool server_starts(void)
{
	return (strstr(err.msg, "there is no socket") || strstr(err.msg, "no server listens")) &&
	       waitpid(server, NULL, WNOHANG) == 0;
}

#endif
