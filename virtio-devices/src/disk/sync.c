/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The synchronous disk: plain system calls on the thread of the queue, for
 * hosts that refuse io_uring. Kick blocks until all that was queued is done.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

#include "disk/image.h"

int virtdev_priv_now_channel_open(void *self, uint32_t depth, void **channel,
				  struct vsu_error *err)
{
	struct virtdev_priv_now_channel *c = calloc(1, sizeof(*c));

	(void)self;
	(void)depth;
	if (!c)
		return vsu_error_sys(err, -ENOMEM, "disk channel");
	*channel = c;
	return 0;
}

void virtdev_priv_now_channel_close(void *self, void *channel)
{
	(void)self;
	free(channel);
}

int virtdev_priv_now_channel_fd(void *self, void *channel)
{
	(void)self;
	(void)channel;
	return -1;
}

int virtdev_priv_now_submit(void *self, void *channel,
			    struct virtdev_disk_request *request)
{
	struct virtdev_priv_now_channel *c = channel;

	(void)self;
	virtdev_priv_list_add(&c->queued, request);
	return 0;
}

static int64_t make_call(const struct virtdev_priv_file *file,
			 const struct virtdev_disk_request *r,
			 const struct virtdev_priv_step *step)
{
	int64_t rc = -1;

	switch ((enum virtdev_priv_step_kind)step->kind) {
	case VIRTDEV_PRIV_STEP_READV:
		rc = preadv(file->fd, r->iov, (int)r->niov, (off_t)step->pos);
		break;
	case VIRTDEV_PRIV_STEP_WRITEV:
		rc = pwritev(file->fd, r->iov, (int)r->niov, (off_t)step->pos);
		break;
	case VIRTDEV_PRIV_STEP_WRITE:
		rc = pwrite(file->fd, file->zeros, step->len,
			    (off_t)step->pos);
		break;
	case VIRTDEV_PRIV_STEP_FDATASYNC:
		rc = fdatasync(file->fd);
		break;
	case VIRTDEV_PRIV_STEP_FALLOCATE:
		rc = fallocate(file->fd, step->mode, (off_t)step->pos,
			       (off_t)step->len);
		break;
	}
	return rc < 0 ? -errno : rc;
}

void virtdev_priv_file_run(struct virtdev_priv_file *file,
			   struct virtdev_disk_request *r)
{
	struct virtdev_priv_step step;

	if (!virtdev_priv_file_begin(file, r))
		return;
	do {
		virtdev_priv_file_step(file, r, &step);
	} while (!virtdev_priv_file_outcome(file, r,
					    make_call(file, r, &step)));
}

static int sync_kick(void *self, void *channel)
{
	struct virtdev_priv_now_channel *c = channel;
	struct virtdev_disk_request *r;
	int some = 0;

	while ((r = virtdev_priv_list_take(&c->queued))) {
		virtdev_priv_file_run(self, r);
		virtdev_priv_list_add(&c->finished, r);
		some = 1;
	}
	return some;
}

struct virtdev_disk_request *virtdev_priv_now_reap(void *self, void *channel)
{
	struct virtdev_priv_now_channel *c = channel;

	(void)self;
	return virtdev_priv_list_take(&c->finished);
}

static void sync_free(void *self)
{
	virtdev_priv_file_free(self);
}

static const struct virtdev_disk_ops sync_ops = {
	.size = sizeof(sync_ops),
	.name = "sync",
	.channel_open = virtdev_priv_now_channel_open,
	.channel_close = virtdev_priv_now_channel_close,
	.channel_fd = virtdev_priv_now_channel_fd,
	.submit = virtdev_priv_now_submit,
	.kick = sync_kick,
	.reap = virtdev_priv_now_reap,
	.free = sync_free,
};

int virtdev_priv_disk_sync_new(struct virtdev_priv_file *file,
			       struct virtdev_disk **out,
			       struct vsu_error *err)
{
	int rc;

	file->info.blocks = 1;
	rc = virtdev_disk_new(&sync_ops, &file->info, file, out);
	return rc < 0 ? vsu_error_sys(err, rc, "synchronous disk") : 0;
}
