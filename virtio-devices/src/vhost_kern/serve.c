/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The kernel as server of a device behind a transport. An inline server has the control
 * queue of a network card and the event queue of sockets, supplies the kicks of all queues,
 * and stores the positions of the kernel's queues in its state.
 */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <virtio-devices/ids.h>
#include <virtio-devices/inline.h>
#include <vmm-sys-util/sized.h>

#include "core/inline_priv.h"
#include "core/transport_priv.h"
#include "vhost_kern/priv.h"

struct kern_server {
	struct virtdev_server server;
	struct virtdev_vhost_kern *k;
	struct inline_server *h;	/* the control queue */
	struct virtdev_server_owner owner;
	bool started;		/* by the driver; false if it has to reset the device first */
	struct virtdev_server_queue queues[];	/* of the owner */
};

static bool is_control(const struct kern_server *s, uint32_t queue)
{
	return virtdev_priv_kern_is_control(s->k, queue);
}

/* -------------------------------------------------------------------------- start */

static void describe_ring(const struct kern_server *s, uint32_t queue,
			  struct vhost_user_ring *ring)
{
	const struct virtdev_server_queue fds = {
		s->h->queues[queue].kick_fd, s->queues[queue].call_fd, s->queues[queue].err_fd,
	};

	virtdev_priv_describe_ring(s->server.t, queue, &fds, ring);
}

/* Only queues that ran at the pause start again, where they stopped. */
static void set_positions(struct kern_server *s, struct vhost_user_ring *rings)
{
	uint32_t i;

	for (i = 0; i < s->h->nqueues; i++) {
		struct inline_queue *q = &s->h->queues[i];

		if (is_control(s, i))
			continue;
		rings[i].base = q->base;
		if (!q->paused)
			rings[i].size = 0;
		q->base = 0;
	}
}

static int start_kernel(struct kern_server *s, uint64_t features, bool again,
			struct vsu_error *err)
{
	const uint32_t n = s->h->nqueues;
	struct vhost_user_ring *rings;
	int rc = s->owner.starting ? s->owner.starting(s->owner.opaque, err) : 0;
	uint32_t i;

	if (rc < 0)
		return rc;
	rings = calloc(n, sizeof(rings[0]));
	if (!rings)
		return vsu_error_sys(err, -ENOMEM, "rings");
	for (i = 0; i < n; i++)
		describe_ring(s, i, &rings[i]);
	if (again)
		set_positions(s, rings);
	rc = virtdev_priv_kern_start(s->k, features, rings, n, err);
	free(rings);
	return rc;
}

static int kern_start(void *self, uint64_t features, struct vsu_error *err)
{
	struct kern_server *s = self;
	int rc = start_kernel(s, features, false, err);
	uint32_t i;

	if (rc < 0)
		return rc;
	for (i = 0; !rc && i < s->h->nqueues; i++)
		if (is_control(s, i))
			rc = virtdev_priv_inline_start_queue(s->h, i, err);
	if (rc < 0)
		virtdev_priv_kern_stop(s->k);
	s->started = !rc;
	return rc;
}

/* The control queue completes its requests within its turn. */
static int kern_stop(void *self)
{
	struct kern_server *s = self;

	s->started = false;
	virtdev_priv_kern_stop(s->k);
	(void)!virtdev_priv_inline_stop(s->h);
	return 0;
}

/*
 * The reset always succeeds; if the other ring of the pair cannot continue, the
 * device requires a reset.
 */
static int kern_queue_reset(void *self, uint32_t queue)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct kern_server *s = self;
	int rc;

	if (is_control(s, queue))
		return virtdev_priv_inline_reset_queue(s->h, queue);
	rc = virtdev_priv_kern_reset_queue(s->k, queue, &err);
	if (virtdev_priv_server_report(&s->server, rc, &err) < 0)
		virtdev_transport_needs_reset(s->server.t);
	return 0;
}

static int kern_queue_start(void *self, uint32_t queue, struct vsu_error *err)
{
	struct kern_server *s = self;
	struct vhost_user_ring ring;

	if (is_control(s, queue))
		return virtdev_priv_inline_start_queue(s->h, queue, err);
	describe_ring(s, queue, &ring);
	return virtdev_priv_kern_start_queue(s->k, queue, &ring, err);
}

/* -------------------------------------------------------------------------- turns */

static void kern_dispatch(void *self)
{
	virtdev_priv_inline_dispatch(((struct kern_server *)self)->h);
}

static int kern_kick_fd(const void *self, uint32_t queue)
{
	return ((const struct kern_server *)self)->h->queues[queue].kick_fd;
}

static int kern_set_memory(void *self, struct vmem_map *map, struct vsu_error *err)
{
	const struct kern_server *s = self;

	(void)!virtdev_server_set_memory(&s->h->server, NULL, NULL);
	return virtdev_priv_kern_set_memory(s->k, map, err);
}

static int kern_fail(void *self, const struct vsu_error *why)
{
	struct kern_server *s = self;

	(void)why;
	s->started = false;
	virtdev_priv_kern_stop(s->k);
	(void)!virtdev_priv_kern_set_memory(s->k, NULL, NULL);
	virtdev_transport_needs_reset(s->server.t);
	return 0;
}

/* ---------------------------------------------------------- pause, save and load */

/* The kernel completes the requests that it has popped. */
static int kern_pause(void *self)
{
	struct kern_server *s = self;
	struct vq_config config;
	uint32_t i;
	int rc;

	virtdev_priv_kern_stop(s->k);
	rc = virtdev_priv_inline_pause(s->h);
	/* also if its control queue is still busy: it may be resumed instead */
	for (i = 0; s->started && i < s->h->nqueues; i++) {
		if (is_control(s, i))
			continue;
		s->h->queues[i].paused = virtdev_transport_queue(s->server.t, i, &config);
		s->h->queues[i].base = virtdev_priv_kern_base(s->k, i);
	}
	return rc;
}

static int kern_resume(void *self, struct vsu_error *err)
{
	struct kern_server *s = self;
	uint32_t i;
	int rc = 0;

	if (s->started) {
		rc = start_kernel(s, virtdev_transport_features(s->server.t), true, err);
		s->started = !rc;
	}
	/* or this process would serve them, also at a later resume */
	for (i = 0; i < s->h->nqueues; i++)
		s->h->queues[i].paused = s->h->queues[i].paused && is_control(s, i);
	return rc ? rc : virtdev_priv_inline_resume(s->h, err);
}

static int kern_take(void *self, void **bytes, size_t *len, struct vsu_error *err)
{
	return virtdev_priv_inline_take(((struct kern_server *)self)->h, bytes, len, err);
}

/* A driver that has reset all queues starts them again, unless it has to reset the device. */
static bool may_start_queues(const struct kern_server *s)
{
	const uint32_t status = virtdev_transport_status(s->server.t);

	return (status & (VIRTDEV_STATUS_DRIVER_OK | VIRTDEV_STATUS_NEEDS_RESET)) == VIRTDEV_STATUS_DRIVER_OK;
}

static int kern_load(void *self, const void *bytes, size_t len, struct vsu_error *err)
{
	struct kern_server *s = self;
	int rc = virtdev_priv_inline_load(s->h, bytes, len, err);
	uint32_t i;

	for (i = 0; !rc && i < s->h->nqueues; i++)
		s->started |= s->h->queues[i].paused;
	s->started |= !rc && may_start_queues(s);
	return rc;
}

/* ---------------------------------------------------------------------- migration */

/* Linux logs the used ring of sockets only, not the buffers that it fills. */
static int kern_check_log(const void *self, struct vsu_error *err)
{
	const struct kern_server *s = self;

	if (s->k->net)
		return 0;
	return vsu_error_set(err, -EOPNOTSUPP, "the host's kernel serves its sockets (%s) and does not log the pages that it writes, which a migration has to know",
			     virtdev_vhost_kern_name(s->k));
}

/* A log ends in all sides, also behind one that fails. */
static int kern_set_log(void *self, const struct virtdev_server_log *log, struct vsu_error *err)
{
	const struct kern_server *s = self;
	uint32_t i;
	int side_rc, rc = 0;

	for (i = 0; (!rc || !log) && i < s->k->nsides; i++) {
		side_rc = vhost_kern_set_log(s->k->sides[i], log ? log->words : NULL,
					     log ? (size_t)log->size : 0, -1, err);
		rc = rc ? rc : side_rc;
	}
	return rc;
}

static int kern_postcopy_advise(void *self, struct vsu_error *err)
{
	const struct kern_server *s = self;

	return vsu_error_set(err, -EOPNOTSUPP, "the host's kernel serves it (%s), and post-copy has not been tested with it",
			     virtdev_vhost_kern_name(s->k));
}

/* ----------------------------------------------------------------------- creation */

static void kern_free(void *self)
{
	struct kern_server *s = self;

	(void)kern_stop(s);
	virtdev_server_free(&s->h->server);
	free(s);
}

static const struct server_ops kern_ops = {
	.start = kern_start, .stop = kern_stop, .queue_reset = kern_queue_reset,
	.queue_start = kern_queue_start, .dispatch = kern_dispatch, .kick_fd = kern_kick_fd,
	.set_memory = kern_set_memory, .fail = kern_fail, .pause = kern_pause,
	.resume = kern_resume, .take = kern_take, .load = kern_load,
	.check_log = kern_check_log, .set_log = kern_set_log,
	.postcopy_advise = kern_postcopy_advise, .free = kern_free,
};

int virtdev_vhost_kern_attach(struct virtdev_vhost_kern *k, struct virtdev_transport *t,
			      struct vmem_space *space, const struct virtdev_server_owner *owner,
			      struct virtdev_server **out, struct vsu_error *err)
{
	const uint32_t n = virtdev_get_info(k->dev)->nqueues;
	struct kern_server *s = calloc(1, sizeof(*s) + n * sizeof(s->queues[0]));
	struct virtdev_server *control;
	int rc;

	if (!s)
		return vsu_error_sys(err, -ENOMEM, "device of the kernel");
	rc = vsu_copy_sized(&s->owner, sizeof(s->owner), owner, "struct virtdev_server_owner", err);
	if (!rc)
		rc = virtdev_inline_new(t, space, NULL, NULL, &control, err);
	if (rc < 0) {
		free(s);
		return rc;
	}
	memcpy(s->queues, owner->queues, n * sizeof(s->queues[0]));
	s->k = k;
	s->h = control->self;
	s->server = (struct virtdev_server){
		.ops = &kern_ops, .self = s, .t = t, .fd = control->fd,
	};
	t->server = &s->server;
	*out = &s->server;
	return 0;
}
