/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Reports of the session of a device, and the device's configuration space. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <vhost/protocol.h>

#include "vhost_user/remote_priv.h"

static void on_config_read(void *self, uint32_t off, void *buf, uint32_t len)
{
	const struct virtdev_vhost_user *r = self;

	memcpy(buf, r->bytes + off, len);
}

/* Each request has one reply, unless the session is lost. */
static int ask_config(struct virtdev_vhost_user *r)
{
	int rc = vhost_user_frontend_get_config(r->frontend, 0, r->config.config_size, NULL);

	if (!rc)
		r->config_asked++;
	return rc;
}

/*
 * Configuration space shows the driver's write after the back-end has replied, except a
 * setting, which it shows at once, because drivers read it back: Linux sends flushes if the
 * field of a disk's cache reads 1. A setting is also kept for later starts; a disconnected
 * back-end receives it then.
 */
static int on_config_write(void *self, uint32_t off, const void *buf,
			   uint32_t len)
{
	struct virtdev_vhost_user *r = self;
	bool kept = false;
	int rc;

	if (r->own_space)
		return -EPERM;
	if (virtdev_priv_remote_is_setting(r, off, len))
		kept = !virtdev_priv_remote_keep(r, off, buf, len, NULL);
	if (kept)
		memcpy(r->bytes + off, buf, len);
	if (kept && vhost_user_frontend_state(r->frontend) ==
		    VHOST_USER_FRONTEND_AWAY)
		return 0;
	rc = vhost_user_frontend_set_config(r->frontend, off, buf, len, false,
					    NULL);
	return rc ? rc : ask_config(r);
}

static void on_reset(void *self)
{
	virtdev_priv_remote_forget_settings(self);
}

/* A queue of this device never starts in this process. */
static int on_queue_start(void *self, uint32_t queue, struct vq *q,
			  struct vsu_error *err)
{
	const struct virtdev_vhost_user *r = self;

	(void)q;
	return vsu_error_set(err, -EOPNOTSUPP, "queue %" PRIu32
		" is served by %s", queue, r->who);
}

static int check_features(const struct virtdev_vhost_user *r,
			  struct vsu_error *err)
{
	if (vhost_user_frontend_features(r->frontend) & VQ_F_VERSION_1)
		return 0;
	return vsu_error_set(err, -EOPNOTSUPP, "%s does not offer VIRTIO_F_VERSION_1", r->who);
}

/*
 * Bits of the protocol, and of an IOMMU, which the guest does not see. The transport adds
 * its own bits.
 */
#define NOT_THE_GUESTS (VHOST_USER_F_PROTOCOL_FEATURES | \
			VHOST_USER_F_LOG_ALL | VQ_F_ACCESS_PLATFORM)

static int make_device(struct virtdev_vhost_user *r, struct vsu_error *err)
{
	static const struct virtdev_ops ops = {
		.size = sizeof(ops), .name = "vhost-user",
		.config_read = on_config_read, .config_write = on_config_write,
		.queue_start = on_queue_start, .reset = on_reset,
		.state_version = 1,
		.state_save = virtdev_priv_remote_save_settings,
		.state_load = virtdev_priv_remote_load_settings,
	};
	const uint64_t features = vhost_user_frontend_features(r->frontend);
	struct virtdev_info info = {
		.id = r->config.id, .queue_size_max = r->config.queue_size_max,
		.config_size = r->config.config_size,
		.features = features & ~NOT_THE_GUESTS,
	};

	info.nqueues = virtdev_priv_remote_queues(r, features);
	return virtdev_new(&ops, &info, r, &r->dev, err);
}

/* The session now permits only calls that end it. */
static void session_fail(struct virtdev_vhost_user *r, const struct vsu_error *err)
{
	(void)virtdev_priv_remote_enter(&r->phase, REMOTE_ON_FAILED);
	r->why = *err;
	r->server.start_failed = true;	/* the failure is reported below */
	if (r->t) {
		virtdev_priv_remote_reset_done(r);
		virtdev_transport_needs_reset(r->t);
	}
	virtdev_priv_remote_postcopy_lost(r);
	if (r->ops.failed)
		r->ops.failed(r->opaque, err);
}

static void become_ready(struct virtdev_vhost_user *r)
{
	struct vsu_error err = VSU_ERROR_INIT;
	int rc = make_device(r, &err);

	(void)virtdev_priv_remote_enter(&r->phase, REMOTE_ON_READY);
	if (rc < 0) {
		vsu_error_prefix(&err, rc, "the device behind '%s'", r->peer);
		session_fail(r, &err);
	}
	else if (r->ops.ready)
		r->ops.ready(r->opaque);
}

static void on_ready(void *opaque)
{
	struct virtdev_vhost_user *r = opaque;
	struct vsu_error err = VSU_ERROR_INIT;

	if (check_features(r, &err))
		session_fail(r, &err);
	/* Read it first: it may contain the number of queues. */
	else if (!r->config.config_size || r->own_space || ask_config(r))
		become_ready(r);
}

static void on_config(void *opaque, uint32_t off, const void *buf,
		      uint32_t len)
{
	struct virtdev_vhost_user *r = opaque;

	const bool fits = len && off < CONFIG_MAX && len <= CONFIG_MAX - off;
	unsigned char before[CONFIG_MAX];
	bool differs;

	memcpy(before, r->bytes, sizeof(before));
	if (fits)
		memcpy(r->bytes + off, buf, len);
	/* the back-end may have sent it before the driver's last write */
	if (r->config_asked && --r->config_asked)
		virtdev_priv_remote_show_settings(r);
	differs = memcmp(r->bytes, before, sizeof(before)) != 0;
	if (r->phase == REMOTE_CONNECTS)
		become_ready(r);
	else if (r->dev && differs)
		virtdev_config_changed(r->dev);
}

/* -EAGAIN: too many requests are unanswered; retry after a reply. */
void virtdev_priv_remote_ask_config(struct virtdev_vhost_user *r)
{
	if (r->config.config_size && !r->own_space)
		r->config_stale = ask_config(r) == -EAGAIN;
}

static void on_config_changed(void *opaque)
{
	struct virtdev_vhost_user *r = opaque;

	r->config_reported = true;
	virtdev_priv_remote_ask_config(r);
}

static void on_refused(void *opaque, const struct vsu_error *err)
{
	struct virtdev_vhost_user *r = opaque;

	if (r->ops.refused)
		r->ops.refused(r->opaque, err);
}

/*
 * Performs a stop that was requested during the start. Only a failed session
 * refuses it, and on_failed reports that.
 */
static void on_started(void *opaque)
{
	struct virtdev_vhost_user *r = opaque;

	r->changing = false;
	/* the start repeats settings, and undoes changes if no reset did */
	if (r->settings.n || r->config_reported)
		virtdev_priv_remote_ask_config(r);
	r->config_reported = false;
	virtdev_priv_remote_announce(r);
	if (r->stop_wanted)
		(void)!vhost_user_frontend_stop(r->frontend, NULL);
	else
		virtdev_priv_remote_change(r);
}

static void on_stopped(void *opaque, const uint32_t *bases, unsigned int n)
{
	struct virtdev_vhost_user *r = opaque;
	struct vsu_error err = VSU_ERROR_INIT;

	/* A start at the positions of a pause would drop these changes. */
	if (virtdev_priv_remote_has_changes(r) &&
	    virtdev_priv_remote_enter(&r->phase, REMOTE_ON_CHANGED))
		r->changing = true;
	if (r->changing && virtdev_priv_remote_changed(r))
		return;
	r->stop_wanted = false;
	if (r->phase == REMOTE_PAUSES || r->phase == REMOTE_RESUMES) {
		virtdev_priv_remote_note_positions(r, bases, n);
		return;
	}
	/*
	 * A back-end that does not support a reset forgets its state at the
	 * next start.
	 */
	if (vhost_user_frontend_reset(r->frontend, &err) < 0)
		on_refused(r, &err);
	if (r->config_reported)
		virtdev_priv_remote_ask_config(r);
	virtdev_priv_remote_reset_done(r);
	if (r->ops.stopped)
		r->ops.stopped(r->opaque);
}

static void on_failed(void *opaque, const struct vsu_error *err)
{
	struct virtdev_vhost_user *r = opaque;

	r->stop_wanted = r->changing = false;
	session_fail(r, err);
}

static void on_memory(void *opaque, const struct vsu_error *err)
{
	struct virtdev_vhost_user *r = opaque;

	if (r->ops.memory)
		r->ops.memory(r->opaque, err);
}

static void on_shmem(void *opaque, struct vhost_user_shmem_change *changes,
		     unsigned int n)
{
	struct virtdev_vhost_user *r = opaque;

	r->ops.shmem(r->opaque, changes, n);
}

static int on_connect(void *opaque, struct vsu_error *err)
{
	struct virtdev_vhost_user *r = opaque;

	virtdev_priv_remote_tries(r);
	return r->ops.connect(r->opaque, err);
}

static void on_lost(void *opaque, const struct vsu_error *err)
{
	struct virtdev_vhost_user *r = opaque;

	virtdev_priv_remote_lost(r);
	if (r->ops.lost)
		r->ops.lost(r->opaque, err);
}

/* The replacement back-end may have another disk. */
static void on_back(void *opaque, bool rings_lost)
{
	struct virtdev_vhost_user *r = opaque;

	virtdev_priv_remote_ask_config(r);
	virtdev_priv_remote_replaced(r, rings_lost);
	if (r->ops.back)
		r->ops.back(r->opaque, rings_lost);
}

const struct vhost_user_frontend_ops virtdev_priv_remote_session_ops = {
	.size = sizeof(virtdev_priv_remote_session_ops), .ready = on_ready,
	.started = on_started, .stopped = on_stopped, .config = on_config,
	.config_changed = on_config_changed, .failed = on_failed,
	.memory = on_memory, .refused = on_refused,
	.lost = on_lost, .back = on_back,
	.state_moves = virtdev_priv_remote_on_state_moves,
	.state_moved = virtdev_priv_remote_on_state_moved,
};

const struct vhost_user_frontend_ops virtdev_priv_remote_optional_ops = {
	.size = sizeof(virtdev_priv_remote_optional_ops), .shmem = on_shmem,
	.connect = on_connect,
};
