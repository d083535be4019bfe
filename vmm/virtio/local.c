/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Queues that this process serves, in its event loop. */
#include <config.h>

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include <vmm-sys-util/event.h>

#include "virtio/virtio.h"

#define DRAIN_AGAIN_MS 1

struct queue {
	struct local *local;
	struct vq *vq;
	uint32_t index;
	bool running;
	ev_io kick, host;
};

struct local {
	struct vmm_virtio *v;
	struct ev_loop *loop;
	struct virtdev *dev;
	uint32_t nqueues;
	struct queue queues[];
};

/* A turn of a queue; what is left is done after others had theirs. */
static void serve(struct queue *q)
{
	struct local *l = q->local;

	vmm_virtio_lock(l->v);
	if (q->running && virtdev_queue_serve(l->dev, q->index) > 0)
		ev_feed_event(l->loop, &q->kick, EV_READ);
	vmm_virtio_unlock(l->v);
}

static void on_kick(struct ev_loop *loop, ev_io *w, int revents)
{
	struct queue *q = w->data;
	uint64_t count;

	(void)loop;
	(void)revents;
	vsu_event_drain(vmm_virtio_kick_fd(q->local->v, q->index), &count);
	serve(q);
}

static void on_host(struct ev_loop *loop, ev_io *w, int revents)
{
	(void)loop;
	(void)revents;
	serve(w->data);
}

static void watch(struct local *l, struct queue *q)
{
	const int host = virtdev_queue_host_fd(l->dev, q->index);

	ev_io_set(&q->kick, vmm_virtio_kick_fd(l->v, q->index), EV_READ);
	ev_io_start(l->loop, &q->kick);
	if (host >= 0) {
		ev_io_set(&q->host, host, EV_READ);
		ev_io_start(l->loop, &q->host);
	}
	ev_feed_event(l->loop, &q->kick, EV_READ);	/* look at once */
}

static int start_queue(struct local *l, struct queue *q,
		       const struct vq_config *config)
{
	int rc = vq_enable(q->vq, config, NULL);

	if (rc)
		return rc;
	rc = virtdev_queue_start(l->dev, q->index, q->vq, NULL);
	if (rc) {
		vq_disable(q->vq);
		return rc;
	}
	q->running = true;
	watch(l, q);
	return 0;
}

static int local_start(void *end, uint64_t features)
{
	struct local *l = end;
	struct vq_config config;
	uint32_t i;
	int rc = 0;

	(void)features;
	for (i = 0; !rc && i < l->nqueues; i++)
		if (virtdev_mmio_queue(vmm_virtio_mmio(l->v), i, &config))
			rc = start_queue(l, &l->queues[i], &config);
	return rc;
}

/*
 * Lets the queue finish what it took: the host's answers are waited for, or
 * asked for again where no descriptor tells of them.
 */
static void stop_queue(struct local *l, struct queue *q)
{
	struct pollfd p = { .fd = -1, .events = POLLIN };
	int left;

	if (!q->running)
		return;
	p.fd = virtdev_queue_host_fd(l->dev, q->index);
	while ((left = virtdev_queue_drain(l->dev, q->index)) != 0)
		poll(&p, 1, left < 0 || p.fd < 0 ? DRAIN_AGAIN_MS : -1);
	virtdev_queue_stop(l->dev, q->index);
	ev_io_stop(l->loop, &q->kick);
	ev_io_stop(l->loop, &q->host);
	vq_disable(q->vq);
	q->running = false;
}

static bool local_stop(void *end)
{
	struct local *l = end;
	uint32_t i;

	vmm_virtio_lock(l->v);
	for (i = 0; i < l->nqueues; i++)
		stop_queue(l, &l->queues[i]);
	vmm_virtio_unlock(l->v);
	return true;
}

static void local_refresh(void *end)
{
	struct local *l = end;
	uint32_t i;

	vmm_virtio_lock(l->v);
	for (i = 0; i < l->nqueues; i++)
		vq_refresh(l->queues[i].vq);
	vmm_virtio_unlock(l->v);
}

static void free_local(struct local *l)
{
	uint32_t i;

	for (i = 0; i < l->nqueues; i++)
		vq_free(l->queues[i].vq);
	free(l);
}

static void local_free(void *end)
{
	struct local *l = end;

	local_stop(l);
	virtdev_free(l->dev);
	free_local(l);
}

static const struct vmm_virtio_end local_ops = {
	.start = local_start, .stop = local_stop, .refresh = local_refresh,
	.free = local_free,
};

static void home_notify(void *opaque, uint32_t queue)
{
	const struct local *l = opaque;

	(void)queue;
	virtdev_mmio_interrupt(vmm_virtio_mmio(l->v), VIRTDEV_MMIO_INT_USED);
}

static void home_config_changed(void *opaque)
{
	const struct local *l = opaque;

	virtdev_mmio_config_changed(vmm_virtio_mmio(l->v));
}

static void home_queue_broken(void *opaque, uint32_t queue)
{
	const struct local *l = opaque;

	(void)queue;
	virtdev_mmio_needs_reset(vmm_virtio_mmio(l->v));
}

static const struct virtdev_home_ops home_ops = {
	.size = sizeof(home_ops), .notify = home_notify,
	.config_changed = home_config_changed,
	.queue_broken = home_queue_broken,
};

static int make_queue(struct local *l, uint32_t i, struct vmem_space *space)
{
	struct queue *q = &l->queues[i];
	int rc;

	q->local = l;
	q->index = i;
	ev_init(&q->kick, on_kick);
	ev_init(&q->host, on_host);
	q->kick.data = q->host.data = q;
	rc = vq_new(&q->vq);
	return rc ? rc : vq_set_space(q->vq, space);
}

static int make_local(const struct vmm_virtio_place *place,
		      struct virtdev *dev, struct local **out)
{
	const uint32_t n = virtdev_info(dev)->nqueues;
	struct local *l = calloc(1, sizeof(*l) + n * sizeof(l->queues[0]));
	uint32_t i;
	int rc = 0;

	if (!l)
		return -ENOMEM;
	l->loop = place->loop;
	l->dev = dev;
	l->nqueues = n;
	for (i = 0; !rc && i < n; i++)
		rc = make_queue(l, i, place->space);
	if (rc)
		free_local(l);
	else
		*out = l;
	return rc;
}

int vmm_virtio_local(const struct vmm_virtio_place *place, struct virtdev *dev,
		     struct vmm_virtio **out, struct vsu_error *err)
{
	struct local *l;
	int rc = make_local(place, dev, &l);

	if (rc)
		return vsu_error_sys(err, rc, "queues of %s",
				     virtdev_name(dev));
	rc = vmm_virtio_new(place, dev, &local_ops, l, &l->v, err);
	if (rc) {
		free_local(l);
		return rc;
	}
	virtdev_set_home(dev, &home_ops, l);
	*out = l->v;
	return 0;
}
