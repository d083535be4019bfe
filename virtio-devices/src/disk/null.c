/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The null disk: requests succeed immediately without transferring data. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>

#include "disk/now.h"

static int null_submit(void *self, void *channel,
		       struct virtdev_disk_request *request)
{
	(void)self;
	request->result = 0;
	virtdev_priv_now_add(channel, request, false);
	return 0;
}

static int null_kick(void *self, void *channel, uint64_t *budget)
{
	return virtdev_priv_now_kick(self, channel, budget, NULL);
}

int virtdev_disk_null_new(uint64_t capacity, struct virtdev_disk **out,
			  struct vsu_error *err)
{
	static const struct virtdev_disk_ops ops = {
		.size = sizeof(ops),
		.name = "null",
		.channel_open = virtdev_priv_now_channel_open,
		.channel_close = virtdev_priv_now_channel_close,
		.channel_fd = virtdev_priv_now_channel_fd,
		.submit = null_submit,
		.kick = null_kick,
		.reap = virtdev_priv_now_reap,
	};
	const struct virtdev_disk_info info = {
		.capacity = capacity,
		.block_size = 512,
		.can_discard = 1,
		.can_zero = 1,
	};
	int rc;

	if (!capacity || capacity % 512)
		return vsu_error_set(err, -EINVAL,
				     "a null disk of %" PRIu64 " bytes: not a multiple of 512",
				     capacity);
	rc = virtdev_disk_new(&ops, &info, NULL, out);
	return rc < 0 ? vsu_error_sys(err, rc, "null disk") : 0;
}
