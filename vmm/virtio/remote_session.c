/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A remote device's session in the loop: its calls, its losses, its rings. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/sock.h>

#include "log.h"
#include "virtio/remote_session.h"

#define NS_PER_MS UINT64_C(1000000)

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

/* In the session's turn, or in an access: with the lock. */
static void on_queue_reset(void *opaque, uint32_t queue)
{
	struct remote *r = opaque;

	virtdev_transport_queue_reset_done(vmm_virtio_transport(r->v), queue);
}

static int on_connect(void *opaque, struct vsu_error *err)
{
	const struct remote *r = opaque;

	return vsu_sock_connect(r->socket, err);
}

static void on_lost(void *opaque, const struct vsu_error *err)
{
	struct remote *r = opaque;

	r->losses++;
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

const struct virtdev_vhost_user_ops vmm_remote_told = {
	.size = sizeof(vmm_remote_told), .ready = on_ready, .stopped = on_stopped,
	.failed = on_failed, .memory = on_memory, .shmem = on_shmem,
	.refused = on_refused, .connect = on_connect, .lost = on_lost,
	.back = on_back, .queue_reset = on_queue_reset,
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

/*
 * Acts on the session's answers once the device's lock is free: a
 * CPU that waits for a reset goes on; the guest learns of a dead back-end.
 */
static void apply_answers(struct remote *r)
{
	const struct vmm_virtio_place *place = vmm_virtio_place(r->v);

	if (r->rings_lost)
		vmm_virtio_need_reset(r->v);
	r->rings_lost = false;
	if (!r->stopped)
		return;
	r->stopped = false;
	vmm_virtio_stopped(r->v);
	if (!r->dead)
		return;
	if (!vmm_virtio_is_retired(r->v))
		place->lost(place->opaque, &r->why);
	ev_io_stop(r->loop, &r->session);
	ev_timer_stop(r->loop, &r->refresh);
	vmm_virtio_need_reset(r->v);
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
		return vmm_remote_start_rings(r, features);
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
	r->rings_lost = vmm_remote_start_rings(r, r->start_features) < 0;
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

	return r->rings.ring[queue].kick_fd;
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

void vmm_remote_watch(struct remote *r)
{
	r->session.data = r->refresh.data = r;
	ev_io_start(r->loop, &r->session);
	r->watched = true;
}

void vmm_remote_unwatch(struct remote *r)
{
	if (!r->watched)
		return;
	ev_io_stop(r->loop, &r->session);
	ev_timer_stop(r->loop, &r->refresh);
	ev_timer_stop(r->loop, &r->limit);
	r->watched = false;
}

void vmm_remote_free(void *remote)
{
	struct remote *r = remote;

	vmm_remote_unwatch(r);
	vmm_rings_fini(&r->rings);
	virtdev_vhost_user_free(r->user);
	vmm_shmem_disown(r->shmem, r);
	free(r);
}

/* Queues that it was asked to give back are the guest's without it. */
static void remote_give_up(void *end)
{
	struct remote *r = end;
	struct vsu_error why;

	vsu_error_set(&why, -ECANCELED, "the back-end at '%s' is waited for no more",
		      r->socket);
	vhost_user_frontend_fail(virtdev_vhost_user_frontend(r->user), &why);
}

static uint32_t remote_stats(void *end, struct virtdev_stat *stats,
			     uint32_t max)
{
	const struct remote *r = end;
	const struct virtdev_stat all[] = {
		{ "interrupts", r->rings.calls }, { "losses", r->losses },
		{ "away", !r->dead && is_away(r) }, { "dead", r->dead },
	};

	return vmm_virtio_some_stats(stats, max, all,
				     sizeof(all) / sizeof(all[0]));
}

const struct vmm_virtio_end vmm_remote_end = {
	.start = remote_start, .stop = remote_stop,
	.queue_reset = vmm_remote_queue_reset,
	.queue_start = vmm_remote_queue_start,
	.refresh = remote_refresh, .kick_fd = remote_kick_fd,
	.shared_region = remote_shared_region, .give_up = remote_give_up,
	.stats = remote_stats,
	.free = vmm_remote_free,
};

/* The back-end's configuration differs. In the session's turn, with the lock. */
static void server_config_changed(void *opaque)
{
	const struct remote *r = opaque;

	virtdev_transport_config_changed(vmm_virtio_transport(r->v));
}

/* Queues that were to go on after the reset of one cannot. Likewise. */
static void server_queue_broken(void *opaque, uint32_t queue)
{
	const struct remote *r = opaque;

	(void)queue;
	virtdev_transport_needs_reset(vmm_virtio_transport(r->v));
}

static const struct virtdev_server_ops server_ops = {
	.size = sizeof(server_ops), .config_changed = server_config_changed,
	.queue_broken = server_queue_broken,
};

void vmm_remote_run(struct remote *r)
{
	vmm_virtio_set_end(r->v, r);
	virtdev_set_server(virtdev_vhost_user_device(r->user), &server_ops, r);
	ev_io_init(&r->session, on_session, virtdev_vhost_user_fd(r->user),
		   EV_READ);
	ev_timer_init(&r->refresh, on_refresh, 0., 0.);
	vmm_remote_watch(r);
	vmm_rings_run(&r->rings, r->v, r->loop);
}
