/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Post-copy: passes the session's results to the owner of the device. */
#include <config.h>

#include <vhost/frontend_device.h>

#include "vhost_user/remote_priv.h"

static void on_advised(void *opaque, int result, int fd)
{
	struct virtdev_vhost_user *r = opaque;

	r->ops.postcopy_advised(r->opaque, result, fd);
}

static void on_listening(void *opaque, int result)
{
	struct virtdev_vhost_user *r = opaque;

	r->ops.postcopy_listening(r->opaque, result);
}

static void on_placed(void *opaque, const struct vhost_user_placed_region *regions,
		      unsigned int n)
{
	struct virtdev_vhost_user *r = opaque;

	r->ops.postcopy_placed(r->opaque, regions, n);
}

static void on_ended(void *opaque, int result)
{
	struct virtdev_vhost_user *r = opaque;

	r->ops.postcopy_ended(r->opaque, result);
}

const struct vhost_user_frontend_device_ops virtdev_priv_remote_postcopy_ops = {
	.size = sizeof(virtdev_priv_remote_postcopy_ops),
	.postcopy_advised = on_advised, .postcopy_listening = on_listening,
	.postcopy_placed = on_placed, .postcopy_ended = on_ended,
};
