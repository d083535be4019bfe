/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Engines that execute requests within kick: channel and system calls. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

#include "disk/now.h"

struct now_channel {
	struct virtdev_priv_list queued, finished;
};

int virtdev_priv_now_channel_open(void *self, uint32_t depth, void **channel,
				  struct vsu_error *err)
{
	struct now_channel *c = calloc(1, sizeof(*c));

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

void virtdev_priv_now_add(void *channel, struct virtdev_disk_request *request,
			  bool has_steps)
{
	struct now_channel *c = channel;

	virtdev_priv_list_add(has_steps ? &c->queued : &c->finished, request);
}

int virtdev_priv_now_kick(void *self, void *channel, uint64_t *budget,
			  virtdev_priv_now_step_fn step)
{
	struct now_channel *c = channel;
	struct virtdev_disk_request *r;

	while ((r = c->queued.first)) {
		if (!*budget)
			return -EAGAIN;
		if (!step(self, r, budget))
			continue;
		virtdev_priv_list_take(&c->queued);
		virtdev_priv_list_add(&c->finished, r);
	}
	return c->finished.first != NULL;
}

struct virtdev_disk_request *virtdev_priv_now_reap(void *self, void *channel)
{
	struct now_channel *c = channel;

	(void)self;
	return virtdev_priv_list_take(&c->finished);
}

static int64_t file_transfer(const struct virtdev_disk_request *r,
			     const struct virtdev_priv_step *step)
{
	bool reads = step->kind == VIRTDEV_PRIV_STEP_READV;
	off_t pos = (off_t)step->pos;

	if (step->niov == 1)
		return reads ?
		       pread(step->fd, r->iov->iov_base, step->len, pos) :
		       pwrite(step->fd, r->iov->iov_base, step->len, pos);
	return reads ? preadv(step->fd, r->iov, (int)step->niov, pos) :
	       pwritev(step->fd, r->iov, (int)step->niov, pos);
}

int64_t virtdev_priv_file_call(const struct virtdev_priv_file *file,
			       const struct virtdev_disk_request *r,
			       const struct virtdev_priv_step *step)
{
	int64_t rc = -1;

	switch ((enum virtdev_priv_step_kind)step->kind) {
	case VIRTDEV_PRIV_STEP_READV:
	case VIRTDEV_PRIV_STEP_WRITEV:
		rc = file_transfer(r, step);
		break;
	case VIRTDEV_PRIV_STEP_WRITE:
		rc = pwrite(step->fd, file->zeros, step->len,
			    (off_t)step->pos);
		break;
	case VIRTDEV_PRIV_STEP_FDATASYNC:
		rc = fdatasync(step->fd);
		break;
	case VIRTDEV_PRIV_STEP_FALLOCATE:
		rc = fallocate(step->fd, step->mode, (off_t)step->pos,
			       (off_t)step->len);
		break;
	}
	return rc < 0 ? -errno : rc;
}
