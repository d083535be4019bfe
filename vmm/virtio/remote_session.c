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

#include "log/log.h"
#include "virtio/remote_session.h"

#define NS_PER_MS UINT64_C(1000000)

/* The back-end disconnected or is reconnecting. */
static bool is_away(const struct remote *r)
{
	const struct vhost_user_frontend *f = virtdev_vhost_user_frontend(r->user);

	return vhost_user_frontend_state(f) == VHOST_USER_FRONTEND_AWAY;
}

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

/* The driver only sees that a reset is required, so the reason is logged. */
static void remote_not_started(void *opaque, const struct vsu_error *err)
{
	const struct remote *r = opaque;

	vmm_log(r->log, VMM_LOG_WARNING, "not started",
		"the queues of '%s' cannot be started: %s; the guest has to reset the device",
		r->socket, err->msg);
}

/* --------------------------- the guest's memory, as a back-end receives it */

static int tell_memory(struct remote *r, struct vsu_error *err)
{
	struct vmem_map *map;
	int rc = vmm_window_map_for(r->shmem, r, r->memory == REMOTE_MEMORY_ALL, &map);

	if (rc < 0)
		return vsu_error_sys(err, rc, "the guest's memory");
	rc = virtdev_vhost_user_set_memory(r->user, map, err);
	vmem_map_unref(map);
	return rc;
}

/* For a map that the back-end does not have yet. */
static int remote_announce(void *backend, struct vsu_error *err)
{
	struct remote *r = backend;
	int rc;

	if (!r->announce || vmm_remote_is_dead(r))
		return 0;
	rc = tell_memory(r, err);
	if (rc == -ENOSPC && r->memory == REMOTE_MEMORY_ALL) {
		r->memory = REMOTE_MEMORY_ONLY;
		rc = tell_memory(r, err);
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

/*
 * Changing slots may pause the CPUs, and one of them may wait for this device's
 * lock, so the lock is released meanwhile.
 */
static void on_shmem(void *opaque, struct vhost_user_shmem_change *changes,
		     unsigned int n)
{
	struct remote *r = opaque;

	if (r->locked)
		vmm_virtio_unlock(r->v);
	vmm_window_change(r->shmem, r, changes, n);
	if (r->locked)
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

	vmm_log(r->log, VMM_LOG_WARNING, "refused", "%s", err->msg);
}

static int on_connect(void *opaque, struct vsu_error *err)
{
	const struct remote *r = opaque;

	return r->daemon ? r->daemons->connect(r->daemon, err) :
			   vsu_sock_connect(r->socket, err);
}

static void on_lost(void *opaque, const struct vsu_error *err)
{
	struct remote *r = opaque;

	r->losses++;
	r->lost_ns = vsu_now_ns();
	r->memory = REMOTE_MEMORY_ALL;
	vmm_log(r->log, VMM_LOG_WARNING, "lost",
		 "%s; its device waits for another back-end", err->msg);
	remote_notify(r, err);
}

static void on_back(void *opaque, bool rings_lost)
{
	struct remote *r = opaque;
	const bool reset = rings_lost || virtdev_vhost_user_settings(r->user) ==
					 VIRTDEV_VHOST_USER_SETTINGS_RESET;

	vmm_log(r->log, VMM_LOG_INFO, "back", "'%s' is served again after %" PRIu64 " ms%s",
		 r->socket, (vsu_now_ns() - r->lost_ns) / NS_PER_MS,
		 reset ? "; the guest has to reset the device" : "");
	remote_notify(r, NULL);
}

/* Queues do not run while the back-end replaces the memory of their rings. */
static void on_starting(void *opaque)
{
	struct remote *r = opaque;

	(void)!remote_announce(r, NULL);
	vmm_rings_watch_faults(&r->rings);
}

const struct virtdev_vhost_user_ops vmm_remote_ops = {
	.size = sizeof(vmm_remote_ops), .ready = on_ready,
	.failed = on_failed, .memory = on_memory, .shmem = on_shmem,
	.refused = on_refused, .connect = on_connect, .lost = on_lost,
	.back = on_back, .starting = on_starting, .not_started = remote_not_started,
};

/* The library reports why queues did not start; the driver only sees that a reset is required. */
static void on_report(void *opaque, struct virtdev *dev, const struct vsu_error *what)
{
	const struct remote *r = opaque;

	(void)dev;
	vmm_log(r->log, VMM_LOG_WARNING, "not started", "the device of '%s': %s", r->socket, what->msg);
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

/*
 * Every use of the session by the loop is between session_enter() and
 * session_leave().
 */
static void session_enter(struct remote *r)
{
	vmm_virtio_lock(r->v);
	r->locked = true;
}

static void session_leave(struct remote *r)
{
	(void)!remote_announce(r, NULL);
	r->locked = false;
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

	session_enter(r);
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
	session_enter(opaque);
	session_leave(opaque);
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

static int remote_kick_fd(void *backend, uint32_t queue)
{
	const struct remote *r = backend;

	return r->rings.ring[queue].kick_fd;
}

static bool remote_shared_region(void *backend, uint32_t id, uint64_t *base,
				 uint64_t *len)
{
	const struct remote *r = backend;
	const struct vmm_window *w;

	w = id > UINT8_MAX ? NULL : vmm_window_find(r->shmem, r, (uint8_t)id);
	if (!w)
		return false;
	*base = w->gpa;
	*len = w->len;
	return true;
}

void vmm_remote_free(void *remote)
{
	struct remote *r = remote;

	vmm_remote_unwatch(r);
	virtdev_vhost_user_free(r->user);
	vmm_rings_fini(&r->rings);
	if (r->daemons)
		r->daemons->remove(r->daemon);
	vmm_window_disown(r->shmem, r);
	free(r);
}

/* Returns the queues to the guest without waiting for the back-end. */
static void remote_force_stop(void *backend)
{
	struct remote *r = backend;
	struct vsu_error why;

	vsu_error_set(&why, -ECANCELED, "cvmm no longer waits for %s",
		      r->rings.who);
	vhost_user_frontend_fail(virtdev_vhost_user_frontend(r->user), &why);
}

static uint32_t remote_stats(void *backend, struct virtdev_stat *stats,
			     uint32_t max)
{
	const struct remote *r = backend;
	const struct virtdev_stat all[] = {
		{ "interrupts", r->rings.calls }, { "losses", r->losses },
		{ "away", !vmm_remote_is_dead(r) && is_away(r) },
		{ "dead", vmm_remote_is_dead(r) },
	};

	return vmm_virtio_some_stats(stats, max, all,
				     sizeof(all) / sizeof(all[0]));
}

static pid_t remote_process(void *backend)
{
	const struct remote *r = backend;

	return r->daemon ? r->daemons->pid(r->daemon) : 0;
}

/* ------------------------------- pause, save, load and log, by the library */

static int remote_check_save(void *backend, struct vsu_error *err)
{
	const struct remote *r = backend;

	return virtdev_vhost_user_check_save(r->user, err);
}

static int remote_pause(void *backend)
{
	const struct remote *r = backend;

	return virtdev_vhost_user_pause(r->user);
}

/* The result of a pause is only a code, so the reason is logged. */
static int remote_gather(void *backend)
{
	struct vsu_error err = VSU_ERROR_INIT;
	const struct remote *r = backend;
	int rc = virtdev_vhost_user_collect(r->user, &err);

	if (rc < 0 && rc != -EAGAIN)
		vmm_log(r->log, VMM_LOG_WARNING, "state", "%s", err.msg);
	return rc;
}

static int remote_resume(void *backend)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct remote *r = backend;
	int rc = virtdev_vhost_user_resume(r->user, &err);

	if (rc < 0)
		remote_not_started(r, &err);
	return rc;
}

static int remote_take(void *backend, void **bytes, size_t *len, struct vsu_error *err)
{
	const struct remote *r = backend;

	return virtdev_vhost_user_take(r->user, bytes, len, err);
}

/* Blocks, which is acceptable before the machine runs. */
static int remote_load(void *backend, const void *bytes, size_t len, struct vsu_error *err)
{
	struct remote *r = backend;
	int rc;

	r->locked = true;
	rc = virtdev_vhost_user_load(r->user, bytes, len, err);
	r->locked = false;
	return rc;
}

static int remote_check_log(void *backend, struct vsu_error *err)
{
	const struct remote *r = backend;

	return virtdev_vhost_user_check_log(r->user, err);
}

static int remote_set_log(void *backend, const struct vmm_dirty_log *log, struct vsu_error *err)
{
	const struct remote *r = backend;

	return virtdev_vhost_user_set_log(r->user, log ? log->fd : -1, log ? log->size : 0, err);
}

/* --- post-copy at the destination: requests block, since no guest runs yet */

/* A session that has failed meanwhile has the reason. */
static int explain_failure(const struct remote *r, int rc, struct vsu_error *err)
{
	if (vmm_remote_is_dead(r) && r->why.code)
		*err = r->why;
	return rc;
}

static int remote_postcopy_advise(void *backend, struct vsu_error *err)
{
	struct remote *r = backend;
	int rc;

	r->locked = true;
	rc = virtdev_vhost_user_postcopy_advise(r->user, err);
	r->locked = false;
	if (rc == -EOPNOTSUPP)
		return vsu_error_set(err, rc, "%s cannot wait for missing pages: it lacks the protocol feature PAGEFAULT (cvmm's daemons: --allow-postcopy); migrate without 'postcopy', or to a unix: address, to which shared memory is passed as files",
				     r->rings.who);
	return rc < 0 ? explain_failure(r, rc, err) : rc;
}

static int remote_postcopy_listen(void *backend, const struct virtdev_vhost_user_faults *to,
				  struct vsu_error *err)
{
	struct remote *r = backend;
	int rc;

	r->locked = true;
	rc = virtdev_vhost_user_postcopy_listen(r->user, to, err);
	r->locked = false;
	return rc < 0 ? explain_failure(r, rc, err) : rc;
}

static void remote_postcopy_end(void *backend)
{
	const struct remote *r = backend;

	virtdev_vhost_user_postcopy_end(r->user);
}

const struct vmm_virtio_backend vmm_remote_backend = {
	.refresh = remote_refresh, .announce = remote_announce,
	.kick_fd = remote_kick_fd,
	.shared_region = remote_shared_region, .force_stop = remote_force_stop,
	.stats = remote_stats, .process = remote_process, .check_save = remote_check_save,
	.pause = remote_pause, .gather = remote_gather, .resume = remote_resume,
	.check_log = remote_check_log, .set_log = remote_set_log,
	.postcopy_advise = remote_postcopy_advise,
	.postcopy_listen = remote_postcopy_listen,
	.postcopy_end = remote_postcopy_end,
	.take = remote_take, .load = remote_load,
	.free = vmm_remote_free,
};

void vmm_remote_run(struct remote *r)
{
	vmm_virtio_set_backend(r->v, r);
	virtdev_set_report(virtdev_vhost_user_device(r->user), on_report, r);
	vsu_io_init(&r->session, on_session, r, virtdev_vhost_user_fd(r->user),
		   VSU_IO_READ);
	vsu_alarm_init(&r->refresh, on_refresh, r);
	vmm_remote_watch(r);
	vmm_rings_run(&r->rings, r->v, r->loop);
}
