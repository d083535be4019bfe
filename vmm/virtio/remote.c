/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Queues that a vhost-user back-end serves. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include <virtio-devices/vhost_user.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "log.h"
#include "virtio/remote.h"
#include "closer.h"

/*
 * A back-end's call passes through the loop: the transport's interrupt status
 * has to be set before the line is raised.
 */
struct queue {
	struct remote *remote;
	uint32_t index;
	int kick_fd, call_fd;
	ev_io called;
};

/* As a window of 8 GiB needs for pieces of 2 MiB. */
#define DEFAULT_MAX_MAPPINGS 4096
#define NS_PER_MS UINT64_C(1000000)

struct remote {
	struct vmm_virtio *v;
	struct ev_loop *loop;
	struct vmm_shmem *shmem;
	struct virtdev_vhost_user *user;
	ev_io session;
	ev_timer refresh;	/* the windows changed in this iteration */
	bool ready, dead;
	bool stopped;		/* the queues came back, or the back-end died */
	bool locked;		/* the session is dispatched under the lock */
	bool announce;		/* the back-end is to hear of a new map */
	bool memory_only;	/* it has no room for others' windows */
	bool back;		/* a back-end came in the place of a lost one */
	bool rings_lost;	/* nobody knows what a lost back-end finished */
	bool start_waits;	/* the driver is ready, the back-end is away */
	uint64_t start_features;
	char socket[VMM_SOCKET_MAX];
	uint64_t lost_ns;	/* when it was lost */
	struct vsu_error why;
	uint32_t nqueues;
	struct queue *queues;
};

static void on_ready(void *opaque)
{
	struct remote *r = opaque;

	r->ready = true;
}

static void on_stopped(void *opaque)
{
	struct remote *r = opaque;

	r->stopped = true;
}

static void on_failed(void *opaque, const struct vsu_error *err)
{
	struct remote *r = opaque;

	r->dead = r->stopped = true;
	r->why = *err;
}

/*
 * Changing slots may pause the CPUs, and one of them may wait for this
 * device's lock: it is let go meanwhile.
 */
static void on_shmem(void *opaque, struct vhost_user_shmem_change *changes,
		     unsigned int n)
{
	struct remote *r = opaque;

	if (r->locked)
		vmm_virtio_unlock(r->v);
	vmm_shmem_change(r->shmem, r, changes, n);
	if (r->locked)
		vmm_virtio_lock(r->v);
}

/* A refusal leaves the back-end with a map that must not stay. */
static void on_memory(void *opaque, const struct vsu_error *err)
{
	struct remote *r = opaque;

	if (err && r->memory_only)
		vhost_user_frontend_fail(virtdev_vhost_user_frontend(r->user),
					 err);
	else if (err)
		r->memory_only = r->announce = true;
}

static void on_refused(void *opaque, const struct vsu_error *err)
{
	(void)opaque;
	prog_log(PROG_LOG_WARNING, "refused", "%s", err->msg);
}

static int on_connect(void *opaque, struct vsu_error *err)
{
	const struct remote *r = opaque;

	return vsu_sock_connect(r->socket, err);
}

static void on_lost(void *opaque, const struct vsu_error *err)
{
	struct remote *r = opaque;

	r->lost_ns = vsu_now_ns();
	r->memory_only = false;
	prog_log(PROG_LOG_WARNING, "lost",
		 "%s; its device waits for another back-end", err->msg);
}

static void on_back(void *opaque, bool rings_lost)
{
	struct remote *r = opaque;

	r->back = true;
	r->rings_lost = rings_lost;
	prog_log(PROG_LOG_INFO, "back", "'%s' is served again after %" PRIu64 " ms%s",
		 r->socket, (vsu_now_ns() - r->lost_ns) / NS_PER_MS,
		 rings_lost ? "; the guest has to reset the device" : "");
}

static const struct virtdev_vhost_user_ops user_ops = {
	.size = sizeof(user_ops), .ready = on_ready, .stopped = on_stopped,
	.failed = on_failed, .memory = on_memory, .shmem = on_shmem,
	.refused = on_refused, .connect = on_connect, .lost = on_lost,
	.back = on_back,
};

static int tell_memory(struct remote *r)
{
	struct vmem_map *map;
	int rc = vmm_shmem_map_for(r->shmem, r, !r->memory_only, &map);

	if (rc < 0)
		return rc;
	rc = virtdev_vhost_user_set_memory(r->user, map, NULL);
	vmem_map_unref(map);
	return rc;
}

/* -EBUSY: the answer to what is under way brings us here again. */
static void map_announce(struct remote *r)
{
	int rc;

	if (!r->announce || r->dead)
		return;
	rc = tell_memory(r);
	if (rc == -ENOSPC && !r->memory_only) {
		r->memory_only = true;
		rc = tell_memory(r);
	}
	r->announce = rc == -EBUSY;
}

static void need_reset(struct remote *r)
{
	vmm_virtio_lock(r->v);
	virtdev_transport_needs_reset(vmm_virtio_transport(r->v));
	vmm_virtio_unlock(r->v);
}

/*
 * Acts on the session's answers once the device's lock is free: a
 * CPU that waits for a reset goes on; the guest learns of a dead back-end.
 */
static void apply_answers(struct remote *r)
{
	const struct vmm_virtio_place *place = vmm_virtio_place(r->v);

	if (r->rings_lost)
		need_reset(r);
	r->rings_lost = false;
	if (!r->stopped)
		return;
	r->stopped = false;
	vmm_virtio_stopped(r->v);
	if (!r->dead)
		return;
	place->lost(place->opaque, &r->why);
	ev_io_stop(r->loop, &r->session);
	ev_timer_stop(r->loop, &r->refresh);
	need_reset(r);
}

static void describe_ring(const struct remote *r, uint32_t i,
			  struct vhost_user_ring *ring)
{
	struct vq_config config;

	memset(ring, 0, sizeof(*ring));
	if (!virtdev_transport_queue(vmm_virtio_transport(r->v), i, &config))
		return;
	ring->size = config.size;
	ring->base = config.base;
	ring->desc_gpa = config.desc_gpa;
	ring->driver_gpa = config.driver_gpa;
	ring->device_gpa = config.device_gpa;
	ring->kick_fd = r->queues[i].kick_fd;
	ring->call_fd = r->queues[i].call_fd;
	ring->err_fd = -1;
}

static int give_rings(struct remote *r, uint64_t features,
		      struct vsu_error *err)
{
	struct vhost_user_ring *rings;
	uint32_t i;
	int rc;

	rings = calloc(r->nqueues, sizeof(rings[0]));
	if (!rings)
		return vsu_error_sys(err, -ENOMEM, "rings");
	for (i = 0; i < r->nqueues; i++)
		describe_ring(r, i, &rings[i]);
	rc = virtdev_vhost_user_start(r->user, features, rings, r->nqueues,
				      err);
	free(rings);
	return rc;
}

/* The guest only sees that it has to reset the device: the user hears why. */
static int start_rings(struct remote *r, uint64_t features)
{
	struct vsu_error err = VSU_ERROR_INIT;
	int rc = give_rings(r, features, &err);

	if (rc < 0)
		prog_log(PROG_LOG_WARNING, "not started",
			 "the queues of '%s' cannot be started: %s; the guest has to reset the device",
			 r->socket, err.msg);
	return rc;
}

static bool is_away(const struct remote *r)
{
	const struct vhost_user_frontend *f =
		virtdev_vhost_user_frontend(r->user);

	return vhost_user_frontend_state(f) == VHOST_USER_FRONTEND_AWAY;
}

/* A guest that begins while its back-end is started again only waits. */
static int remote_start(void *end, uint64_t features)
{
	struct remote *r = end;

	if (r->dead)
		return -ECONNRESET;
	if (!is_away(r))
		return start_rings(r, features);
	r->start_waits = true;
	r->start_features = features;
	return 0;
}

/* With the lock. */
static void start_late(struct remote *r)
{
	bool due = r->back && r->start_waits;

	r->back = false;
	if (!due)
		return;
	r->start_waits = false;
	r->rings_lost = start_rings(r, r->start_features) < 0;
}

/* Whatever brings the loop to a session does it between these two. */
static void session_enter(struct remote *r)
{
	vmm_virtio_lock(r->v);
	r->locked = true;
}

static void session_leave(struct remote *r)
{
	map_announce(r);
	r->locked = false;
	vmm_virtio_unlock(r->v);
	apply_answers(r);
}

/*
 * The session's descriptor stays readable while something is left, so that the
 * loop comes back after it has looked at everything else.
 */
static void on_session(struct ev_loop *loop, ev_io *w, int revents)
{
	struct remote *r = w->data;

	(void)loop;
	(void)revents;
	session_enter(r);
	virtdev_vhost_user_dispatch(r->user);
	start_late(r);
	session_leave(r);
}

/*
 * An event that is fed would be served before the loop polls again, for as long
 * as a peer has its windows changed; a timer that is due at once comes after it.
 */
static void on_refresh(struct ev_loop *loop, ev_timer *w, int revents)
{
	(void)loop;
	(void)revents;
	session_enter(w->data);
	session_leave(w->data);
}

static void on_call(struct ev_loop *loop, ev_io *w, int revents)
{
	const struct queue *q = w->data;

	(void)loop;
	(void)revents;
	vsu_event_drain(q->call_fd, NULL);
	virtdev_transport_interrupt(vmm_virtio_transport(q->remote->v),
				    q->index);
}

static bool remote_stop(void *end)
{
	struct remote *r = end;

	if (r->start_waits) {
		r->start_waits = false;
		return true;
	}
	return r->dead || virtdev_vhost_user_stop(r->user) > 0;
}

/* Told after the reply to whoever changed it: not from inside its dispatch. */
static void remote_refresh(void *end)
{
	struct remote *r = end;

	if (r->dead)
		return;
	r->announce = true;
	ev_timer_start(r->loop, &r->refresh);
}

static int remote_kick_fd(void *end, uint32_t queue)
{
	const struct remote *r = end;

	return r->queues[queue].kick_fd;
}

static bool remote_shared_region(void *end, uint32_t id, uint64_t *base,
				 uint64_t *len)
{
	const struct remote *r = end;
	const struct vmm_window *w;

	w = id > UINT8_MAX ? NULL : vmm_shmem_window(r->shmem, r, (uint8_t)id);
	if (!w)
		return false;
	*base = w->gpa;
	*len = w->len;
	return true;
}

static void free_remote(struct remote *r)
{
	uint32_t i;

	if (r->session.fd >= 0) {
		ev_io_stop(r->loop, &r->session);
		ev_timer_stop(r->loop, &r->refresh);
	}
	for (i = 0; r->queues && i < r->nqueues; i++) {
		ev_io_stop(r->loop, &r->queues[i].called);
		vsu_fd_close(&r->queues[i].call_fd);
		vsu_fd_close(&r->queues[i].kick_fd);
	}
	free(r->queues);
	virtdev_vhost_user_free(r->user);
	free(r);
}

static void remote_free(void *end)
{
	free_remote(end);
}

static const struct vmm_virtio_end remote_ops = {
	.start = remote_start, .stop = remote_stop,
	.refresh = remote_refresh, .kick_fd = remote_kick_fd,
	.shared_region = remote_shared_region,
	.free = remote_free,
};

/* The back-end's configuration differs. In the session's turn, with the lock. */
static void home_config_changed(void *opaque)
{
	const struct remote *r = opaque;

	virtdev_transport_config_changed(vmm_virtio_transport(r->v));
}

static const struct virtdev_home_ops home_ops = {
	.size = sizeof(home_ops), .config_changed = home_config_changed,
};

/* The machine has not begun: waiting here holds up nobody. */
static int wait_until_ready(struct remote *r, struct vsu_error *err)
{
	struct pollfd p = { .fd = virtdev_vhost_user_fd(r->user),
			    .events = POLLIN };
	int rc = 0;

	while (!r->ready && !r->dead && rc >= 0) {
		if (!rc)
			poll(&p, 1, -1);
		rc = virtdev_vhost_user_dispatch(r->user);
	}
	if (!r->dead)
		return 0;
	*err = r->why;
	return r->why.code ? r->why.code : -ECONNRESET;
}

static int make_queue(struct remote *r, uint32_t i)
{
	struct queue *q = &r->queues[i];

	q->kick_fd = vsu_event_new();
	if (q->kick_fd < 0)
		return q->kick_fd;
	q->call_fd = vsu_event_new();
	if (q->call_fd < 0)
		return q->call_fd;
	ev_io_set(&q->called, q->call_fd, EV_READ);
	ev_io_start(r->loop, &q->called);
	return 0;
}

static int make_queues(struct remote *r, struct vsu_error *err)
{
	uint32_t i;
	int rc = 0;

	r->queues = calloc(r->nqueues, sizeof(r->queues[0]));
	if (!r->queues)
		return vsu_error_sys(err, -ENOMEM, "queues");
	for (i = 0; i < r->nqueues; i++) {
		ev_init(&r->queues[i].called, on_call);
		r->queues[i].called.data = &r->queues[i];
		r->queues[i].remote = r;
		r->queues[i].index = i;
		r->queues[i].kick_fd = r->queues[i].call_fd = -1;
	}
	for (i = 0; !rc && i < r->nqueues; i++)
		rc = make_queue(r, i);
	return rc ? vsu_error_sys(err, rc, "queues") : 0;
}

static int connect_session(struct remote *r,
			   const struct vmm_device_spec *spec,
			   struct vsu_error *err)
{
	const struct virtdev_vhost_user_config config = {
		.size = sizeof(config), .id = spec->id,
		.nqueues = spec->queues, .queue_max = spec->queue_size,
		.config_size = spec->config_size, .peer = spec->socket,
		.sigbus = r->shmem->memory->sigbus,
		.closer = prog_closer(), .served_files = spec->allow_fuse,
		.max_shmem = spec->max_window_bytes,
		.max_shmem_maps = spec->max_mappings ? spec->max_mappings :
				  DEFAULT_MAX_MAPPINGS,
		.reconnect_ns = spec->reconnect_ms * NS_PER_MS,
		.read_only_regions = spec->read_only_windows,
	};
	struct virtdev_vhost_user_ops ops = user_ops;
	int sock = vsu_sock_connect(spec->socket, err), rc;

	if (sock < 0)
		return sock;
	if (spec->allow_fuse && prog_closer())
		vsu_closer_set_keep(prog_closer(), 0);
	strcpy(r->socket, spec->socket);
	if (!spec->reconnect_ms)
		ops.connect = NULL;
	rc = virtdev_vhost_user_new_take_fd(sock, &config, &ops, r, &r->user,
					    err);
	if (rc < 0)
		vsu_fd_close(&sock);
	return rc ? rc : wait_until_ready(r, err);
}

static int make_windows(struct remote *r, const char *name,
			struct vsu_error *err)
{
	const struct vhost_user_frontend *f =
		virtdev_vhost_user_frontend(r->user);
	unsigned int id;
	uint64_t len;
	int rc = 0;

	for (id = 0; !rc && id < VHOST_USER_SHMEM_REGIONS; id++) {
		len = vhost_user_frontend_shmem_size(f, (uint8_t)id);
		if (len)
			rc = vmm_shmem_add_window(r->shmem, r, name,
						  (uint8_t)id, len, err);
	}
	return rc;
}

/* The last step, after all of it has been made: the loop takes over. */
static void hand_over(struct remote *r)
{
	ev_io_init(&r->session, on_session, virtdev_vhost_user_fd(r->user),
		   EV_READ);
	ev_timer_init(&r->refresh, on_refresh, 0., 0.);
	r->session.data = r->refresh.data = r;
	ev_io_start(r->loop, &r->session);
}

int vmm_virtio_remote(const struct vmm_virtio_place *place,
		      const struct vmm_device_spec *spec, struct vmem_map *map,
		      struct vmm_virtio **out, struct vsu_error *err)
{
	struct remote *r = calloc(1, sizeof(*r));
	struct virtdev *dev;
	int rc;

	if (!r)
		return vsu_error_sys(err, -ENOMEM, "device");
	r->loop = place->loop;
	r->shmem = place->shmem;
	r->session.fd = -1;
	rc = connect_session(r, spec, err);
	if (!rc)
		rc = virtdev_vhost_user_set_memory(r->user, map, err);
	if (!rc)
		rc = make_windows(r, spec->socket, err);
	if (rc < 0) {
		free_remote(r);
		return rc;
	}
	dev = virtdev_vhost_user_device(r->user);
	r->nqueues = virtdev_info(dev)->nqueues;
	rc = make_queues(r, err);
	if (!rc)
		rc = vmm_virtio_new(place, dev, &r->v, err);
	if (rc < 0) {
		free_remote(r);
		return rc;
	}
	vmm_virtio_set_end(r->v, &remote_ops, r);
	virtdev_set_home(dev, &home_ops, r);
	hand_over(r);
	*out = r->v;
	return 0;
}
