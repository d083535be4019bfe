/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The kinds of devices that the kernel serves, with what a guest sees of them. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <virtio-devices/ids.h>
#include <virtio-devices/vsock.h>

#include "net/net_priv.h"
#include "vhost_kern/kern_priv.h"

#define VSOCK_QUEUE_MAX 256u

/* A frame has its header in front, as the kernel wants it, on a tap only. */
static int check_link(const struct virtdev_net_link *link,
		      struct vsu_error *err)
{
	if (strcmp(virtdev_net_link_name(link), "tap"))
		return vsu_error_set(err, -EINVAL,
				     "the kernel serves a network card over a tap interface with headers; this link is of the kind '%s'",
				     virtdev_net_link_name(link));
	if (link->info.lanes != 1)
		return vsu_error_set(err, -EINVAL,
				     "the kernel serves one pair of queues of a network card; this link has %" PRIu32 " lanes",
				     link->info.lanes);
	return 0;
}

static int open_net(struct virtdev_vhost_kern *k,
		    const struct virtdev_net_config *c, const char *node,
		    struct vsu_error *err)
{
	struct virtdev_net_space space = { .mtu = vsu_le16_make(c->mtu) };
	const struct vhost_kern_config kernel = {
		.size = sizeof(kernel), .kind = VHOST_KERN_NET, .node = node,
		.tap_fd = c->link->ops.fd(c->link->self, 0),
	};
	const struct virtdev_info info = {
		.id = VIRTDEV_ID_NET, .nqueues = VHOST_KERN_RINGS,
		.queue_max = c->queue_max, .config_size = sizeof(space),
		.features = VIRTDEV_NET_F_MAC |
			    (c->mtu ? VIRTDEV_NET_F_MTU : 0) |
			    (c->no_offloads ? 0 : c->link->info.offloads),
	};

	memcpy(space.mac, c->mac, NET_MAC);
	return virtdev_priv_kern_open(k, &kernel, &info, &space, err);
}

int virtdev_vhost_kern_net(const struct virtdev_net_config *config,
			   const char *node, struct virtdev_vhost_kern **out,
			   struct vsu_error *err)
{
	struct virtdev_net_config c;
	struct virtdev_vhost_kern *k;
	int rc = virtdev_priv_net_read_config(config, &c, err);

	if (!rc)
		rc = check_link(c.link, err);
	if (rc < 0)
		return rc;
	k = calloc(1, sizeof(*k));
	rc = k ? open_net(k, &c, node, err) :
		 vsu_error_sys(err, -ENOMEM, "network card");
	if (rc < 0) {
		free(k);
		return rc;
	}
	k->link = c.link;
	*out = k;
	return 0;
}

int virtdev_vhost_kern_vsock(uint64_t cid, uint32_t queue_max,
			     const char *node,
			     struct virtdev_vhost_kern **out,
			     struct vsu_error *err)
{
	const struct vsu_le64 space = vsu_le64_make(cid);
	const struct vhost_kern_config kernel = {
		.size = sizeof(kernel), .kind = VHOST_KERN_VSOCK, .node = node,
		.tap_fd = -1, .cid = cid,
	};
	const struct virtdev_info info = {
		.id = VIRTDEV_ID_SOCKET, .nqueues = VIRTDEV_VSOCK_QUEUES,
		.queue_max = queue_max ? queue_max : VSOCK_QUEUE_MAX,
		.config_size = sizeof(space),
	};
	struct virtdev_vhost_kern *k = calloc(1, sizeof(*k));
	int rc = k ? virtdev_priv_kern_open(k, &kernel, &info, &space, err) :
		     vsu_error_sys(err, -ENOMEM, "socket device");

	if (rc < 0) {
		free(k);
		return rc;
	}
	*out = k;
	return 0;
}
