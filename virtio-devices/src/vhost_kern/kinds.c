/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The kinds of devices that the kernel serves, with what a guest sees of them. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <virtio-devices/ids.h>
#include <virtio-devices/state.h>
#include <virtio-devices/vsock.h>

#include "vhost_kern/priv.h"
#include "vsock/packet.h"

#define VSOCK_QUEUE_MAX 256u

/* --------------------------------------------------------------- of either kind */

/*
 * Features of the kernel, without ACCESS_PLATFORM: the device is not behind an
 * IOMMU.
 */
static uint64_t features_of(const struct virtdev_vhost_kern *k)
{
	return vhost_kern_features(k->sides[0]) & ~VQ_F_ACCESS_PLATFORM;
}

static int add_side(struct virtdev_vhost_kern *k,
		    const struct vhost_kern_config *config,
		    struct vsu_error *err)
{
	int rc = vhost_kern_open(config, &k->sides[k->nsides], err);

	if (rc < 0)
		return rc;
	k->nsides++;
	if (features_of(k) & VQ_F_VERSION_1)
		return 0;
	return vsu_error_set(err, -EOPNOTSUPP,
			     "'%s' does not offer VIRTIO_F_VERSION_1",
			     vhost_kern_name(k->sides[0]));
}

static int make_object(uint32_t nsides, uint32_t nrings, uint32_t needed,
		       struct virtdev_vhost_kern **out, struct vsu_error *err)
{
	struct virtdev_vhost_kern *k =
		calloc(1, sizeof(*k) + nsides * sizeof(k->sides[0]));

	if (k)
		k->rings = calloc(nrings, sizeof(k->rings[0]));
	if (!k || !k->rings) {
		free(k);
		return vsu_error_sys(err, -ENOMEM, "device of the kernel");
	}
	k->nrings = nrings;
	k->needed = needed;
	*out = k;
	return 0;
}

/* --------------------------------------------------------------- a network card */

/*
 * Only a tap interface passes the virtio header in front of a frame, which the
 * kernel expects.
 */
static int check_link(const struct virtdev_net_link *link,
		      struct vsu_error *err)
{
	if (!strcmp(virtdev_priv_link_name(link), "tap"))
		return 0;
	return vsu_error_set(err, -EINVAL,
			     "the kernel serves a network card over a tap interface with headers; this link is of the kind '%s'",
			     virtdev_priv_link_name(link));
}

static int open_net(struct virtdev_vhost_kern *k,
		    const struct virtdev_net_config *c, const char *node,
		    struct vsu_error *err)
{
	const struct virtdev_net_link *link = c->link;
	struct vhost_kern_config kernel = {
		.size = sizeof(kernel), .kind = VHOST_KERN_NET, .node = node,
	};
	struct net_away away = {
		.set_lane = virtdev_priv_kern_set_side, .opaque = k,
	};
	uint32_t i;
	int rc = 0;

	for (i = 0; !rc && i < link->info.lanes; i++) {
		kernel.tap_fd = link->ops.fd(link->self, i);
		rc = add_side(k, &kernel, err);
	}
	if (rc < 0)
		return rc;
	away.who = vhost_kern_name(k->sides[0]);
	away.features = features_of(k);
	rc = virtdev_priv_net_new(c, &away, &k->net, err);
	k->dev = rc < 0 ? NULL : k->net->dev;
	return rc;
}

static int refuse_checks(const struct virtdev_net_config *c,
			 struct vsu_error *err)
{
	if (c->block != VIRTDEV_NET_BLOCK_NONE)
		return vsu_error_set(err, -EINVAL, "net: addresses cannot be blocked for devices of the kernel");
	if (!c->receive.bytes && !c->receive.ops && !c->send.bytes &&
	    !c->send.ops)
		return 0;
	return vsu_error_set(err, -EINVAL,
			     "net: rate limits are not supported for devices of the kernel");
}

int virtdev_vhost_kern_net(const struct virtdev_net_config *config,
			   const char *node, struct virtdev_vhost_kern **out,
			   struct vsu_error *err)
{
	struct virtdev_net_config c;
	struct virtdev_vhost_kern *k = NULL;
	int rc = virtdev_priv_net_read_config(config, &c, err);

	if (!rc)
		rc = refuse_checks(&c, err);
	if (!rc)
		rc = check_link(c.link, err);
	if (!rc)
		rc = make_object(c.link->info.lanes,
				 VHOST_KERN_RINGS * c.link->info.lanes, 1, &k,
				 err);
	if (!rc)
		rc = open_net(k, &c, node, err);
	if (rc < 0) {
		virtdev_vhost_kern_free(k);
		return rc;
	}
	*out = k;
	return 0;
}

/* ---------------------------------------------------------------------- sockets */

static void on_config_read(void *self, uint32_t off, void *buf, uint32_t len)
{
	const struct virtdev_vhost_kern *k = self;

	memcpy(buf, (const char *)&k->cid + off, len);
}

/* Only the event queue starts in this process. */
static int on_queue_start(void *self, uint32_t queue, struct vq *q,
			  struct vsu_error *err)
{
	struct virtdev_vhost_kern *k = self;

	if (!virtdev_priv_kern_is_control(k, queue))
		return vsu_error_set(err, -EOPNOTSUPP,
				     "queue %" PRIu32 " is served by the kernel's '%s'",
				     queue, vhost_kern_name(k->sides[0]));
	k->events = q;
	return 0;
}

static void on_queue_stop(void *self, uint32_t queue)
{
	(void)queue;
	((struct virtdev_vhost_kern *)self)->events = NULL;
}

/* One buffer is enough; a turn fills all that are available. */
static uint32_t event_fill(void *opaque, struct vq *q, struct vq_chain *chain)
{
	struct virtdev_vhost_kern *k = opaque;
	const uint32_t written = virtdev_priv_vsock_put_reset(q, chain);

	if (written)
		k->resets = false;
	return written;
}

static int on_queue_serve(void *self, uint32_t queue)
{
	struct virtdev_vhost_kern *k = self;
	const struct vq_turn turn = {
		.size = sizeof(turn), .serve = event_fill, .opaque = k,
	};

	return k->resets && k->events ?
	       virtdev_queue_turn(k->dev, queue, k->events, &turn) : 0;
}

static void on_reset(void *self)
{
	((struct virtdev_vhost_kern *)self)->resets = false;
}

/* The kernel's connections have ended with the saved machine, and the CID may be new. */
static int on_state_load(void *self, uint32_t version,
			 struct virtdev_state_reader *r, struct vsu_error *err)
{
	(void)version;
	((struct virtdev_vhost_kern *)self)->resets = true;
	return virtdev_state_end(r, err);
}

static int open_vsock(struct virtdev_vhost_kern *k, uint32_t queue_size_max,
		      const struct vhost_kern_config *config,
		      struct vsu_error *err)
{
	static const struct virtdev_ops ops = {
		.size = sizeof(ops), .name = "vhost",
		.config_read = on_config_read,
		.queue_start = on_queue_start, .queue_stop = on_queue_stop,
		.queue_serve = on_queue_serve, .reset = on_reset,
		.state_load = on_state_load,
	};
	struct virtdev_info info = {
		.id = VIRTDEV_ID_SOCKET, .nqueues = VIRTDEV_VSOCK_QUEUES,
		.queue_size_max = queue_size_max ? queue_size_max :
				  VSOCK_QUEUE_MAX,
		.config_size = sizeof(k->cid),
	};
	int rc = add_side(k, config, err);

	if (rc < 0)
		return rc;
	k->cid = vsu_le64_make(config->cid);
	info.features = features_of(k);
	return virtdev_new(&ops, &info, k, &k->dev, err);
}

int virtdev_vhost_kern_vsock(uint64_t cid, uint32_t queue_size_max,
			     const char *node,
			     struct virtdev_vhost_kern **out,
			     struct vsu_error *err)
{
	const struct vhost_kern_config config = {
		.size = sizeof(config), .kind = VHOST_KERN_VSOCK, .node = node,
		.tap_fd = -1, .cid = cid,
	};
	struct virtdev_vhost_kern *k = NULL;
	int rc = make_object(1, VIRTDEV_VSOCK_QUEUES, VHOST_KERN_RINGS, &k,
			     err);

	if (!rc)
		rc = open_vsock(k, queue_size_max, &config, err);
	if (rc < 0) {
		virtdev_vhost_kern_free(k);
		return rc;
	}
	*out = k;
	return 0;
}
