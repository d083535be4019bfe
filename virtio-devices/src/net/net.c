/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The network device: creation, reset, start and stop of queues. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>

#include <virtio-devices/ids.h>
#include <virtio-devices/state.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>

#include "core/device_priv.h"
#include "net/priv.h"

/* ------------------------------------------------------------------ the queues */

static size_t storage_of(const struct net_queue *q)
{
	if (q->role == NET_RECEIVES)
		return sizeof(*q->stock);
	return q->role == NET_SENDS ? sizeof(*q->batch) : 0;
}

/* Usually little of it is used; mmap() populates only touched pages. */
static int storage_map(struct net_queue *q)
{
	const size_t len = storage_of(q);
	void *at;

	if (!len)
		return 0;
	at = mmap(NULL, len, PROT_READ | PROT_WRITE,
		  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (at == MAP_FAILED)
		return -errno;
	(void)madvise(at, len, MADV_NOHUGEPAGE);
	if (q->role == NET_RECEIVES)
		q->stock = at;
	else
		q->batch = at;
	return 0;
}

static void queue_close(struct net_queue *q)
{
	if (q->stock)
		munmap(q->stock, sizeof(*q->stock));
	if (q->batch)
		munmap(q->batch, sizeof(*q->batch));
	q->stock = NULL;
	q->batch = NULL;
	vsu_fd_close(&q->epfd);
	q->watching = 0;
	q->q = NULL;
}

static int queue_open(struct net_queue *q, struct vq *vq)
{
	int rc;

	q->epfd = epoll_create1(EPOLL_CLOEXEC);
	if (q->epfd < 0)
		return -errno;
	rc = storage_map(q);
	if (rc < 0)
		return rc;
	if (q->stock)
		q->stock->wanted = NET_USUAL_FRAME;
	q->reported_broken = false;
	rc = virtdev_priv_net_watch_link(q);
	if (rc == 0)
		q->q = vq;
	return rc;
}

static int net_queue_start(void *self, uint32_t queue, struct vq *vq,
			   struct vsu_error *err)
{
	struct net *net = self;
	struct net_queue *q = &net->queues[queue];
	int rc;

	if (q->q)
		return vsu_error_set(err, -EBUSY, "net: queue %u was started",
				     queue);
	q->role = virtdev_priv_net_role(net, queue);
	if (net->away.set_lane && q->role != NET_CONTROLS)
		return vsu_error_set(err, -EOPNOTSUPP,
				     "net: queue %u is served by %s", queue,
				     net->away.who);
	rc = queue_open(q, vq);
	if (rc < 0) {
		queue_close(q);
		return vsu_error_sys(err, rc, "net: queue %u", queue);
	}
	if (q->role == NET_RECEIVES) {
		virtdev_priv_net_update_lane(net, virtdev_priv_net_lane(q));
		if (virtdev_priv_net_is_down(net))
			virtdev_priv_net_tell_lost(net);
	}
	/* after migration: requests an announcement, see announce.c */
	if (!queue && __atomic_load_n(&net->announce, __ATOMIC_RELAXED) == NET_DRIVER_ANNOUNCES)
		virtdev_config_changed(net->dev);
	return 0;
}

static void net_queue_stop(void *self, uint32_t queue)
{
	struct net *net = self;
	struct net_queue *q = &net->queues[queue];

	queue_close(q);
	if (q->role == NET_RECEIVES)
		virtdev_priv_net_update_lane(net, virtdev_priv_net_lane(q));
}

static int net_queue_serve(void *self, uint32_t queue)
{
	struct net_queue *q = &((struct net *)self)->queues[queue];

	if (!q->q)
		return 0;
	switch (q->role) {
	case NET_RECEIVES:
		return virtdev_priv_net_receive(q);
	case NET_SENDS:
		return virtdev_priv_net_send(q);
	case NET_CONTROLS:
		return virtdev_priv_net_control(q);
	case NET_IDLE:
		break;
	}
	return 0;
}

static int net_queue_host_fd(void *self, uint32_t queue)
{
	return ((struct net *)self)->queues[queue].epfd;
}

/* ------------------------------------------------------------------ the device */

static void net_reset(void *self)
{
	virtdev_priv_net_config_reset(self);
}

static void net_release(struct net *net)
{
	uint32_t i;

	for (i = 0; i < 2 * net->pairs; i++)
		vsu_fd_close(&net->queues[i].back);
	virtdev_priv_net_filters_fini(&net->filters);
	virtdev_priv_net_rates_free(net);
	free(net);
}

static void net_free(void *self)
{
	struct net *net = self;

	virtdev_net_link_free(net->link);
	net_release(net);
}

static const struct virtdev_ops net_ops = {
	.size = sizeof(net_ops), .name = "net",
	.set_features = virtdev_priv_net_set_features,
	.config_read = virtdev_priv_net_config_read,
	/* no config_write: the driver sets the MAC address by a command (5.1.4) */
	.queue_start = net_queue_start, .queue_serve = net_queue_serve,
	.queue_stop = net_queue_stop, .queue_host_fd = net_queue_host_fd,
	.reset = net_reset, .free = net_free,
	.state_version = 1,
	.state_save = virtdev_priv_net_state_save,
	.state_load = virtdev_priv_net_state_load,
	.stats = virtdev_priv_net_stats,
};

/* Send queues of a link that reconnects need an eventfd. */
static int queues_make(struct net *net)
{
	uint32_t i;
	int rc = 0;

	for (i = 0; i < 2 * net->pairs + 1; i++) {
		net->queues[i].net = net;
		net->queues[i].index = i;
		net->queues[i].epfd = net->queues[i].back = -1;
	}
	for (i = 1; rc >= 0 && net->link->ops.retry && i < 2 * net->pairs;
	     i += 2)
		rc = net->queues[i].back = vsu_event_new();
	return rc < 0 ? rc : 0;
}

/*
 * Disables all lanes: a lane without a running receive queue would keep frames that no
 * queue reads.
 */
static void lanes_disable(struct net *net)
{
	uint32_t lane;

	for (lane = 0; lane < net->pairs; lane++)
		virtdev_priv_net_update_lane(net, lane);
}

static int net_make(const struct virtdev_net_config *c, struct net **out)
{
	const uint32_t pairs = c->link->info.lanes, n = 2 * pairs + 1;
	struct net *net = calloc(1, sizeof(*net) + n * sizeof(net->queues[0]));
	int rc;

	if (!net)
		return -ENOMEM;
	net->link = c->link;
	net->pairs = pairs;
	net->mtu = c->mtu;
	net->block = c->block;
	net->offered = c->no_offloads ? 0 : c->link->info.offloads;
	if (c->link->ops.is_down)
		net->down = c->link->ops.is_down(c->link->self);
	virtdev_priv_net_filters_init(&net->filters);
	memcpy(net->own_mac, c->mac, NET_MAC);
	rc = queues_make(net);
	if (rc < 0) {
		net_release(net);
		return rc;
	}
	virtdev_priv_net_config_reset(net);
	*out = net;
	return 0;
}

int virtdev_priv_net_new(const struct virtdev_net_config *c,
			 const struct net_away *away, struct net **out,
			 struct vsu_error *err)
{
	struct virtdev_info info = {
		.id = VIRTDEV_ID_NET, .queue_size_max = c->queue_size_max,
		.config_size = sizeof(struct virtdev_net_space),
	};
	struct virtdev_ops ops = net_ops;
	struct net *net;
	int rc = net_make(c, &net);

	if (rc < 0)
		return vsu_error_sys(err, rc, "net");
	if (away) {
		net->away = *away;
		/* the process that serves the queues counts */
		ops.stats = virtdev_priv_net_no_stats;
	} else {
		lanes_disable(net);
	}
	info.nqueues = 2 * net->pairs + 1;
	info.features = virtdev_priv_net_features(net);
	rc = virtdev_priv_net_rates_make(net, c, err);
	if (!rc)
		rc = virtdev_new(&ops, &info, net, &net->dev, err);
	if (rc < 0) {
		net_release(net);
		return rc;
	}
	net->link->owned = true;
	virtdev_set_keeps(net->dev);
	*out = net;
	return 0;
}

int virtdev_net_new(const struct virtdev_net_config *config,
		    struct virtdev **out, struct vsu_error *err)
{
	struct virtdev_net_config c;
	struct net *net;
	int rc = virtdev_priv_net_read_config(config, &c, err);

	if (!rc)
		rc = virtdev_priv_net_new(&c, NULL, &net, err);
	if (rc < 0)
		return rc;
	*out = net->dev;
	return 0;
}

/* ---------------------------- work of the link, for threads of the program */

static const struct virtdev_net_link *link_of(const struct virtdev *dev)
{
	const struct net *net = virtdev_priv_self(dev, virtdev_priv_net_stats);

	if (!net)
		net = virtdev_priv_self(dev, virtdev_priv_net_no_stats);
	return net ? net->link : NULL;
}

int virtdev_net_work(struct virtdev *dev)
{
	const struct virtdev_net_link *link = link_of(dev);

	if (!link)
		return -EINVAL;
	if (!link->ops.work)
		return -EOPNOTSUPP;
	link->ops.work(link->self);
	return 0;
}

void virtdev_net_work_end(struct virtdev *dev)
{
	const struct virtdev_net_link *link = link_of(dev);

	if (link && link->ops.work_end)
		link->ops.work_end(link->self);
}
