/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The synchronous engine: system calls on the queue's thread, for hosts that refuse
 * io_uring. Kick blocks while the file system blocks.
 */
#include <config.h>

#include "disk/now.h"

static int sync_submit(void *self, void *channel,
		       struct virtdev_disk_request *request)
{
	virtdev_priv_now_add(channel, request,
			     virtdev_priv_file_begin(self, request));
	return 0;
}

static bool sync_step(void *self, struct virtdev_disk_request *r,
		      uint64_t *budget)
{
	struct virtdev_priv_step step;

	virtdev_priv_file_step(self, r, &step);
	virtdev_priv_spend(budget, step.cost);
	return virtdev_priv_file_outcome(self, r,
					 virtdev_priv_file_call(self, r,
								&step));
}

static int sync_kick(void *self, void *channel, uint64_t *budget)
{
	return virtdev_priv_now_kick(self, channel, budget, sync_step);
}

static int sync_resize(void *self, uint64_t bytes, uint64_t *capacity,
		       struct vsu_error *err)
{
	return virtdev_priv_file_resize(self, bytes, capacity, err);
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
	.submit = sync_submit,
	.kick = sync_kick,
	.reap = virtdev_priv_now_reap,
	.free = sync_free,
	.resize = sync_resize,
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
