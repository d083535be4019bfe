/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Queues that this process serves, in its event loop. */
#include <config.h>

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include <vmm-sys-util/event.h>

#include "virtio/virtio.h"

/* Between two looks at requests that no descriptor tells of. */
#define DRAIN_AGAIN_MS 1
/* How long the end of the machine waits for the host's answers. */
#define DRAIN_LIMIT_NS UINT64_C(5000000000)

struct queue {
	struct local *local;
	struct vq *vq;
	uint32_t index;
	bool running;
	ev_io kick, host;
	ev_idle again;		/* active while there is more to do */
};

struct local {
	struct vmm_virtio *v;
	struct ev_loop *loop;
	struct virtdev *dev;
	bool stopping;		/* queues finish what they took */
	ev_timer look_again;
	uint32_t nqueues;
	struct queue queues[];
};

static void unwatch(struct local *l, struct queue *q)
{
	ev_io_stop(l->loop, &q->kick);
	ev_io_stop(l->loop, &q->host);
	ev_idle_stop(l->loop, &q->again);
}

/*
 * One step towards the stop of a queue: 0 when it has stopped, else what is
 * left, or -EAGAIN when no descriptor tells of that.
 */
static int drain_queue(struct local *l, struct queue *q)
{
	int left;

	if (!q->running)
		return 0;
	left = virtdev_queue_drain(l->dev, q->index);
	if (left > 0 && virtdev_queue_host_fd(l->dev, q->index) < 0)
		left = -EAGAIN;
	if (left)
		return left;
	virtdev_queue_stop(l->dev, q->index);
	unwatch(l, q);
	vq_disable(q->vq);
	q->running = false;
	return 0;
}

/* A step for all queues: true when all have stopped. With the lock. */
static bool drain_queues(struct local *l)
{
	bool done = true, look_again = false;
	uint32_t i;
	int left;

	assert(vmm_virtio_is_mine(l->v));
	for (i = 0; i < l->nqueues; i++) {
		left = drain_queue(l, &l->queues[i]);
		done = done && !left;
		look_again = look_again || left < 0;
	}
	if (look_again)
		ev_timer_start(l->loop, &l->look_again);
	else
		ev_timer_stop(l->loop, &l->look_again);
	l->stopping = !done;
	return done;
}

/* The host answered, or it is time to look whether it did. */
static void go_on_stopping(struct local *l)
{
	bool done;

	vmm_virtio_lock(l->v);
	done = drain_queues(l);
	vmm_virtio_unlock(l->v);
	if (done)
		vmm_virtio_stopped(l->v);
}

static void on_look_again(struct ev_loop *loop, ev_timer *w, int revents)
{
	(void)loop;
	(void)revents;
	go_on_stopping(w->data);
}

/*
 * A turn of a queue. For what is left it comes again after the loop has looked
 * at everything else: a watcher that fed itself would be called again at once.
 */
static void serve(struct queue *q)
{
	struct local *l = q->local;
	bool more;

	if (l->stopping) {
		go_on_stopping(l);
		return;
	}
	vmm_virtio_lock(l->v);
	more = q->running && virtdev_queue_serve(l->dev, q->index) > 0;
	vmm_virtio_unlock(l->v);
	if (more)
		ev_idle_start(l->loop, &q->again);
	else
		ev_idle_stop(l->loop, &q->again);
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

static void on_again(struct ev_loop *loop, ev_idle *w, int revents)
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
	ev_idle_start(l->loop, &q->again);	/* look at once */
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

/* Nothing more is taken; what was taken is waited for by the loop. */
static bool local_stop(void *end)
{
	struct local *l = end;
	uint32_t i;

	for (i = 0; i < l->nqueues; i++) {
		ev_io_stop(l->loop, &l->queues[i].kick);
		ev_idle_stop(l->loop, &l->queues[i].again);
	}
	return drain_queues(l);
}

static void local_refresh(void *end)
{
	struct local *l = end;
	uint32_t i;

	for (i = 0; i < l->nqueues; i++)
		vq_refresh(l->queues[i].vq);
}

static void free_local(struct local *l)
{
	uint32_t i;

	for (i = 0; i < l->nqueues; i++)
		vq_free(l->queues[i].vq);
	free(l);
}

/* Waits for the host's next answer; not for all of them at one descriptor. */
static void wait_for_host(const struct local *l)
{
	struct pollfd p = { .fd = -1, .events = POLLIN };
	uint32_t i;

	for (i = 0; p.fd < 0 && i < l->nqueues; i++)
		if (l->queues[i].running)
			p.fd = virtdev_queue_host_fd(l->dev, i);
	poll(&p, 1, DRAIN_AGAIN_MS);
}

static bool stop_by_force(struct local *l)
{
	const uint64_t limit = vsu_now_ns() + DRAIN_LIMIT_NS;
	bool done;

	vmm_virtio_lock(l->v);
	done = local_stop(l);
	while (!done && vsu_now_ns() < limit) {
		wait_for_host(l);
		done = drain_queues(l);
	}
	vmm_virtio_unlock(l->v);
	return done;
}

/*
 * What the host may still write to cannot be freed; the process is about to
 * end and takes it along.
 */
static void local_free(void *end)
{
	struct local *l = end;
	uint32_t i;

	if (stop_by_force(l)) {
		virtdev_free(l->dev);
		free_local(l);
		return;
	}
	fprintf(stderr, "cvmm: the host has not finished requests of a %s device within %u seconds; they are left behind\n",
		virtdev_name(l->dev), (unsigned int)(DRAIN_LIMIT_NS / 1000000000));
	ev_timer_stop(l->loop, &l->look_again);
	for (i = 0; i < l->nqueues; i++)
		unwatch(l, &l->queues[i]);
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
	ev_init(&q->again, on_again);
	ev_set_priority(&q->again, EV_MAXPRI);
	q->kick.data = q->host.data = q->again.data = q;
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
	ev_timer_init(&l->look_again, on_look_again, 0,
		      DRAIN_AGAIN_MS / 1000.0);
	l->look_again.data = l;
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
