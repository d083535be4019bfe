/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A remote device's session in the event loop: requests, disconnections, rings.
 */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include <virtio-devices/report.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/sock.h>

#include "cvmm/configuration.h"
#include "owner/owner.h"
#include "virtio/remote_session.h"

#define NS_PER_MS UINT64_C(1000000)

/* -------------------------------------------------- the loop and the owner */

void vmm_remote_watch(struct remote *r)
{
	vsu_io_start(r->loop, &r->session);
	r->watched = true;
}

void vmm_remote_unwatch(struct remote *r)
{
	if (!r->watched)
		return;
	vsu_io_stop(&r->session);
	vsu_alarm_stop(&r->refresh);
	vsu_alarm_stop(&r->limit);
	r->watched = false;
}

/* Reports to the owner that the back-end disconnected or, if err is NULL, is replaced. */
static void remote_notify(const struct remote *r, const struct vsu_error *err)
{
	const struct vmm_virtio_resources *resources =
		r->v ? vmm_virtio_get_resources(r->v) : NULL;

	if (resources && err && resources->away)
		resources->away(resources->opaque, err);
	else if (resources && !err && resources->back)
		resources->back(resources->opaque, virtdev_vhost_user_settings(r->user));
}

/* --------------------------- the guest's memory, as a back-end receives it */

/* Sends a map that the back-end does not have yet. */
static int remote_announce(void *backend, struct vsu_error *err)
{
	struct remote *r = backend;
	int rc;

	if (!r->announce || vmm_remote_is_dead(r))
		return 0;
	rc = vmm_virtio_give_memory(r->v, r->memory == REMOTE_MEMORY_ALL, err);
	if (rc == -ENOSPC && r->memory == REMOTE_MEMORY_ALL) {
		r->memory = REMOTE_MEMORY_ONLY;
		rc = vmm_virtio_give_memory(r->v, false, err);
	}
	r->announce = rc == -EBUSY;
	return rc;
}

static void on_ready(void *opaque)
{
	struct remote *r = opaque;

	r->state = REMOTE_CONNECTED;
}

static void on_failed(void *opaque, const struct vsu_error *err)
{
	struct remote *r = opaque;

	r->state = REMOTE_FAILED;
	r->why = *err;
}

/* Before its device exists, no window belongs to it. */
static void on_shmem(void *opaque, struct vhost_user_shmem_change *changes,
		     unsigned int n)
{
	struct remote *r = opaque;
	const bool locked = r->v && vmm_virtio_yield(r->v);

	vmm_window_change(r->shmem, r->v ? (const void *)r->v : r, changes, n);
	if (locked)
		vmm_virtio_lock(r->v);
}

/* After a refusal the back-end still has a map that must not be used. */
static void on_memory(void *opaque, const struct vsu_error *err)
{
	struct remote *r = opaque;

	if (err && r->memory == REMOTE_MEMORY_ONLY)
		vhost_user_frontend_fail(virtdev_vhost_user_frontend(r->user),
					 err);
	else if (err)
		r->announce = true;
	if (err)
		r->memory = REMOTE_MEMORY_ONLY;
}

static void on_refused(void *opaque, const struct vsu_error *err)
{
	const struct remote *r = opaque;

	vmm_log(r->log, CVMM_LOG_WARNING, "refused", "%s", err->msg);
}

static int on_connect(void *opaque, struct vsu_error *err)
{
	const struct remote *r = opaque;

	return r->spawned ? r->servers->connect(r->spawned, err) :
			   vsu_sock_connect(r->socket, err);
}

static void on_lost(void *opaque, const struct vsu_error *err)
{
	struct remote *r = opaque;

	r->losses++;
	r->lost_ns = vsu_now_ns();
	r->memory = REMOTE_MEMORY_ALL;
	vmm_log(r->log, CVMM_LOG_WARNING, "lost",
		 "%s; its device waits for another back-end", err->msg);
	remote_notify(r, err);
}

static void on_back(void *opaque, bool rings_lost)
{
	struct remote *r = opaque;
	const bool reset = rings_lost || virtdev_vhost_user_settings(r->user) ==
					 VIRTDEV_VHOST_USER_SETTINGS_RESET;

	vmm_log(r->log, CVMM_LOG_INFO, "back", "'%s' is served again after %" PRIu64 " ms%s",
		 r->socket, (vsu_now_ns() - r->lost_ns) / NS_PER_MS,
		 reset ? "; the guest has to reset the device" : "");
	remote_notify(r, NULL);
}

/* Queues do not run while the back-end replaces the memory of their rings. */
int vmm_remote_starting(void *remote, struct vsu_error *err)
{
	struct remote *r = remote;

	(void)err;
	(void)!remote_announce(r, NULL);
	vmm_rings_watch_faults(&r->rings);
	return 0;
}

const struct virtdev_vhost_user_ops vmm_remote_ops = {
	.size = sizeof(vmm_remote_ops), .ready = on_ready,
	.failed = on_failed, .memory = on_memory, .shmem = on_shmem,
	.refused = on_refused, .connect = on_connect, .lost = on_lost,
	.back = on_back,
};

/* The library reports why queues did not start; the driver only sees that a reset is required. */
static void on_report(void *opaque, struct virtdev *dev, const struct vsu_error *what)
{
	const struct remote *r = opaque;

	(void)dev;
	vmm_log(r->log, CVMM_LOG_WARNING, "not started", "the device of '%s': %s", r->socket, what->msg);
}

/* Reports a failed session once, without the device's lock. */
static void report_failure(struct remote *r)
{
	const struct vmm_virtio_resources *resources = vmm_virtio_get_resources(r->v);

	if (r->state != REMOTE_FAILED)
		return;
	r->state = REMOTE_REPORTED;
	vsu_io_stop(&r->session);
	vsu_alarm_stop(&r->refresh);
	if (!vmm_virtio_is_retired(r->v))
		resources->lost(resources->opaque, &r->why);
}

/* Ends every use of the session by the loop, which has the device's lock meanwhile. */
static void session_leave(struct remote *r)
{
	(void)!remote_announce(r, NULL);
	vmm_virtio_unlock(r->v);
	report_failure(r);
}

/*
 * The session's descriptor stays readable while work is left, so the loop polls
 * everything else in between.
 */
static void on_session(void *opaque)
{
	struct remote *r = opaque;

	vmm_virtio_lock(r->v);
	virtdev_vhost_user_dispatch(r->user);
	session_leave(r);
}

/*
 * A timer with delay 0 runs after the loop has polled. An event fed directly
 * would run before, so a peer that changes its windows all the time could
 * starve others.
 */
static void on_refresh(void *opaque)
{
	struct remote *r = opaque;

	vmm_virtio_lock(r->v);
	session_leave(r);
}

/*
 * Deferred until after the reply to the back-end that changed the map: not
 * inside its dispatch.
 */
static void remote_refresh(void *backend)
{
	struct remote *r = backend;

	if (vmm_remote_is_dead(r))
		return;
	r->announce = true;
	vsu_alarm_start(r->loop, &r->refresh, 0, 0);
}

void vmm_remote_free(void *remote)
{
	struct remote *r = remote;

	vmm_remote_unwatch(r);
	virtdev_vhost_user_free(r->user);
	vmm_rings_fini(&r->rings);
	if (r->servers)
		r->servers->remove(r->spawned);
	if (r->v)
		vmm_window_disown(r->shmem, r->v);
	free(r);
}

static uint32_t remote_stats(void *backend, struct virtdev_stat *stats,
			     uint32_t max)
{
	const struct remote *r = backend;
	const struct vhost_user_frontend *f = virtdev_vhost_user_frontend(r->user);
	const struct virtdev_stat all[] = {
		{ "interrupts", r->rings.calls }, { "losses", r->losses },
		{ "away", !vmm_remote_is_dead(r) && vhost_user_frontend_state(f) == VHOST_USER_FRONTEND_AWAY },
		{ "dead", vmm_remote_is_dead(r) },
	};

	return vmm_virtio_some_stats(stats, max, all,
				     sizeof(all) / sizeof(all[0]));
}

static pid_t remote_process(void *backend)
{
	const struct remote *r = backend;

	return r->spawned ? r->servers->pid(r->spawned) : 0;
}

const struct vmm_virtio_backend vmm_remote_backend = {
	.refresh = remote_refresh, .announce = remote_announce, .stats = remote_stats,
	.process = remote_process, .free = vmm_remote_free,
	.postcopy_remedy = { ", which an option of its program may permit; migrate without 'postcopy', or to a unix: address, to which shared memory is passed as files",
			     CVMM_ADVICE_POSTCOPY },
};

void vmm_remote_run(struct remote *r)
{
	vmm_virtio_set_backend(r->v, r, r->server);
	virtdev_set_report(virtdev_vhost_user_device(r->user), on_report, r);
	vsu_io_init(&r->session, on_session, r, virtdev_vhost_user_fd(r->user),
		   VSU_IO_READ);
	vsu_alarm_init(&r->refresh, on_refresh, r);
	vmm_remote_watch(r);
	vmm_rings_run(&r->rings, r->v, r->loop);
}
