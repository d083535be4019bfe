/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* One session of the server: its requests, the calls of the device, its end. */
#include <config.h>

#include <errno.h>

#include <vhost/backend_device.h>
#include <vhost/protocol.h>
#include <vhost/shmem.h>
#include <virtio-devices/report.h>
#include <virtio-devices/state.h>

#include "core/kept.h"
#include "vhost_user/served.h"

/* --- calls of the session --- */

static void on_refused(void *opaque, uint32_t request, uint32_t ring,
		       const struct vsu_error *err)
{
	struct virtdev_vhost_user_server *s = opaque;

	if (s->config.refused)
		s->config.refused(s->config.opaque, request, ring, err);
}

/*
 * Before a queue has run, a new process continues with the state that the previous one
 * has left. It depends on the driver's features, which may arrive before or after it.
 */
static void load_kept(struct virtdev_vhost_user_server *s)
{
	struct vsu_error err = VSU_ERROR_INIT;

	if (!s->has_kept || !s->has_features || !s->fresh)
		return;
	if (virtdev_priv_kept_load(s->config.dev, &err))
		vhost_user_backend_kept_loaded(s->session);
	else if (err.code)
		on_refused(s, VHOST_USER_SET_INFLIGHT_FD, VHOST_USER_ALL_RINGS,
			   &err);
}

static void on_kept(void *opaque, void *bytes, size_t len)
{
	struct virtdev_vhost_user_server *s = opaque;

	virtdev_priv_kept_set(s->config.dev, bytes, len);
	s->has_kept = bytes != NULL;
	load_kept(s);
	if (s->has_kept && !s->fresh)
		virtdev_keep(s->config.dev);
}

static int on_set_features(void *opaque, uint64_t features)
{
	struct virtdev_vhost_user_server *s = opaque;
	int rc = virtdev_set_features(s->config.dev, features, NULL);

	if (rc < 0)
		return rc;
	s->has_features = true;
	load_kept(s);
	return 0;
}

static int on_get_config(void *opaque, uint32_t off, void *buf, uint32_t len)
{
	struct virtdev_vhost_user_server *s = opaque;

	virtdev_config_read(s->config.dev, off, buf, len);
	return 0;
}

static int on_set_config(void *opaque, uint32_t off, const void *buf,
			 uint32_t len, bool migration)
{
	struct virtdev_vhost_user_server *s = opaque;

	(void)migration;
	return virtdev_config_write(s->config.dev, off, buf, len);
}

static void on_run(void *opaque, uint32_t ring)
{
	struct virtdev_vhost_user_server *s = opaque;
	struct vsu_error err = VSU_ERROR_INIT;

	if (s->has_kept && s->fresh)
		virtdev_keep(s->config.dev);
	s->fresh = false;
	virtdev_resume(s->config.dev);
	if (virtdev_priv_socket_queue_run(&s->queues[ring], &err) >= 0)
		return;
	if (s->config.refused && *err.msg)
		s->config.refused(s->config.opaque, VHOST_USER_SET_VRING_KICK,
				  ring, &err);
	vhost_user_backend_ring_error(s->session, ring);
}

void virtdev_priv_socket_answer(struct virtdev_vhost_user_server *s)
{
	uint64_t token = s->question.token;
	uint32_t i;

	if (!token)
		return;
	for (i = 0; s->question.waiting && i < s->nqueues; i++) {
		if (virtdev_priv_socket_queue_answered(&s->queues[i],
						       s->question.drain))
			s->question.waiting--;
	}
	if (s->question.waiting)
		return;
	s->question.token = 0;
	vhost_user_backend_done(s->session, token);
}

static void ask_queue(struct virtdev_vhost_user_server *s, uint32_t ring)
{
	struct server_queue *q = &s->queues[ring];

	if (!virtdev_priv_socket_queue_ask(q, s->question.token,
					   s->question.drain,
					   vhost_user_backend_keep_kick(
						s->session, ring)))
		return;
	s->question.waiting++;
	if (!s->config.threaded)
		virtdev_priv_socket_queue_turn(q);
}

static void on_quiesce(void *opaque, uint32_t ring, bool drain, uint64_t token)
{
	struct virtdev_vhost_user_server *s = opaque;
	uint32_t i;

	s->question.token = token;
	s->question.waiting = 0;
	s->question.drain = drain;
	if (ring != VHOST_USER_ALL_RINGS)
		ask_queue(s, ring);
	for (i = 0; ring == VHOST_USER_ALL_RINGS && i < s->nqueues; i++)
		ask_queue(s, i);
	virtdev_priv_socket_answer(s);
}

static void on_reset(void *opaque)
{
	struct virtdev_vhost_user_server *s = opaque;
	uint32_t i;

	virtdev_priv_socket_state_end(s);
	for (i = 0; i < s->nqueues; i++) {
		virtdev_priv_socket_queue_off(&s->queues[i]);
		virtdev_priv_socket_queue_forget(&s->queues[i]);
	}
	virtdev_reset(s->config.dev);
}

/* Called when a session ended, or could not begin. */
static void tell_ended(void *opaque, const struct vsu_error *err)
{
	struct virtdev_vhost_user_server *s = opaque;

	if (s->config.session_ended)
		s->config.session_ended(s->config.opaque, err);
}

static void on_gone(void *opaque, const struct vsu_error *err)
{
	struct virtdev_vhost_user_server *s = opaque;
	struct vhost_user_backend *session = s->session;

	on_kept(s, NULL, 0);
	on_reset(s);
	s->session = NULL;
	tell_ended(s, err);
	vhost_user_backend_free(session);
}

static void on_shmem_result(void *opaque, uint64_t cookie, int result)
{
	struct virtdev_vhost_user_server *s = opaque;

	virtdev_region_done(s->config.dev, cookie, result);
}

/*
 * Threads that access missing pages block until the front-end sends them; the
 * device needs no preparation.
 */
static int on_postcopy(void *opaque, bool on)
{
	(void)opaque;
	(void)on;
	return 0;
}

static const struct vhost_user_backend_ops session_ops = {
	.size = sizeof(session_ops),
	.set_features = on_set_features,
	.get_config = on_get_config,
	.set_config = on_set_config,
	.run = on_run,
	.quiesce = on_quiesce,
	.reset = on_reset,
	.gone = on_gone,
	.refused = on_refused,
	.shmem_result = on_shmem_result,
	.take_state_fd = virtdev_priv_socket_take_state_fd,
	.check_state = virtdev_priv_socket_check_state,
	.postcopy = on_postcopy,
	.kept = on_kept,
};

/* --- calls of the device --- */

static void on_notify(void *opaque, uint32_t queue)
{
	struct virtdev_vhost_user_server *s = opaque;

	vhost_user_backend_call(s->session, queue);
}

static void on_config_changed(void *opaque)
{
	struct virtdev_vhost_user_server *s = opaque;

	if (s->session)
		vhost_user_backend_config_changed(s->session);
}

/* Front-ends rarely report the ring's error descriptor. */
static void report_broken(const struct virtdev_vhost_user_server *s, uint32_t queue)
{
	const struct vq *q = vhost_user_backend_vq(s->session, queue);
	struct vsu_error why = VSU_ERROR_INIT, what;

	if (!q || vq_broken_error(q, &why) == 0)
		return;
	vsu_error_set(&what, why.code, "%s; the driver has to reset the device", why.msg);
	virtdev_report(s->config.dev, &what);
}

static void on_queue_broken(void *opaque, uint32_t queue)
{
	struct virtdev_vhost_user_server *s = opaque;

	report_broken(s, queue);
	vhost_user_backend_ring_error(s->session, queue);
}

static int on_queue_missed(void *opaque, uint32_t queue)
{
	struct virtdev_vhost_user_server *s = opaque;

	return vhost_user_backend_missed(s->session, queue);
}

/* Any result is reported on the session's thread. */
static int on_region_change(void *opaque, bool map,
			    const struct virtdev_mapping *m, uint64_t cookie)
{
	struct virtdev_vhost_user_server *s = opaque;
	const struct vhost_user_shmem_request request = {
		.offset = m->offset, .len = m->len, .fd_offset = m->fd_offset,
		.fd = map ? m->fd : -1, .shmid = m->region,
		.writable = m->writable,
	};
	int rc;

	if (!s->session)
		return -EPROTO;
	if (map && m->replaces)
		return -EOPNOTSUPP;
	rc = vhost_user_backend_shmem_post(s->session, map, &request, cookie);
	return rc < 0 ? rc : 1;
}

static int on_queue_wait(void *opaque, uint32_t queue, uint64_t ns)
{
	struct virtdev_vhost_user_server *s = opaque;

	return virtdev_priv_socket_queue_wait(&s->queues[queue], ns);
}

static void on_queue_wake(void *opaque, uint32_t queue)
{
	struct virtdev_vhost_user_server *s = opaque;

	virtdev_priv_socket_queue_wake(&s->queues[queue]);
}

const struct virtdev_server_ops virtdev_priv_socket_ops = {
	.size = sizeof(virtdev_priv_socket_ops),
	.notify = on_notify,
	.config_changed = on_config_changed,
	.queue_broken = on_queue_broken,
	.queue_missed = on_queue_missed,
	.queue_wait = on_queue_wait,
	.queue_wake = on_queue_wake,
	.region_change = on_region_change,
};

/* --- beginning --- */

static int on_begin(void *opaque, int sock, struct vhost_user_backend **session,
		    struct vsu_error *err)
{
	struct virtdev_vhost_user_server *s = opaque;
	const struct virtdev_info *info = virtdev_get_info(s->config.dev);
	uint64_t shmem_sizes[VHOST_USER_SHMEM_REGIONS] = { 0 };
	struct vhost_user_backend_config config = {
		.size = sizeof(config),
		.features = info->features,
		.nrings = info->nqueues,
		.queue_size_max = info->queue_size_max,
		.max_chain = info->max_chain,
		.config_size = info->config_size,
		.sigbus = s->config.sigbus,
		.closer = s->config.closer,
		.served_files = s->config.served_files,
		.iotlb_entries = s->config.iotlb_entries,
		.postcopy_guard = s->config.postcopy_guard,
		.kept_size = virtdev_priv_keeps(s->config.dev) ? VIRTDEV_KEPT_SIZE : 0,
		.shmem_sizes = shmem_sizes,
		.nshmem = info->nregions ? VHOST_USER_SHMEM_REGIONS : 0,
	};
	struct vhost_user_backend_ops ops = session_ops;
	uint32_t i;
	int rc;

	s->fresh = true;
	s->has_features = false;
	if (!s->config.postcopy)
		ops.postcopy = NULL;
	for (i = 0; i < info->nregions; i++)
		shmem_sizes[info->regions[i].id] = info->regions[i].len;
	rc = vhost_user_backend_new_take_fd(sock, &config, &ops, s,
					    &s->session, err);
	*session = s->session;
	return rc;
}

const struct vhost_user_server_ops virtdev_priv_socket_sessions_ops = {
	.size = sizeof(virtdev_priv_socket_sessions_ops),
	.begin = on_begin,
	.failed = tell_ended,
};
