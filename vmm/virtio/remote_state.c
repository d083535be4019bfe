/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Pauses, saves, loads and resumes a remote device. Its back-end completes its
 * requests and returns the positions of the queues, from which the next start
 * continues, here or behind another session.
 */
#include <config.h>

#include <errno.h>
#include <stdlib.h>

#include <vhost/protocol.h>
#include <virtio-devices/net_layout.h>

#include "virtio/remote_session.h"

static struct virtdev_transport *transport_of(const struct remote *r)
{
	return vmm_virtio_transport(r->v);
}

/* The features of a start, as virtdev_transport_ops.activate receives them. */
static uint64_t start_features(const struct remote *r)
{
	const struct virtdev *dev = virtdev_transport_device(transport_of(r));

	return virtdev_transport_features(transport_of(r)) &
	       (virtdev_get_info(dev)->features | ~VQ_F_RING_RESET);
}

/* True if a device has no state but its queues and its configuration space. */
static bool is_stateless(const struct remote *r)
{
	const uint64_t features = virtdev_transport_features(transport_of(r));
	const struct virtdev *dev = virtdev_transport_device(transport_of(r));

	switch (virtdev_get_info(dev)->id) {
	case VIRTDEV_ID_BLOCK:
	case VIRTDEV_ID_ENTROPY:
	case VIRTDEV_ID_SCSI:
		return true;
	case VIRTDEV_ID_NET:
		return !(features & VIRTDEV_NET_F_CTRL_VQ);
	default:
		return false;
	}
}

/* -------------------------------------------------------------- a replacement */

#define CONSOLE_F_MULTIPORT (UINT64_C(1) << 1)

uint64_t vmm_remote_kept_loads(const struct remote *r)
{
	uint64_t loads = 0;

	(void)!vhost_user_frontend_kept_loads(virtdev_vhost_user_frontend(r->user),
					      &loads);
	return loads;
}

/* Like is_stateless(), also for kinds whose whole state is the configuration space. */
static bool has_only_settings(const struct remote *r)
{
	const struct virtdev *dev = virtdev_transport_device(transport_of(r));

	switch (virtdev_get_info(dev)->id) {
	case VIRTDEV_ID_BALLOON:
	case VIRTDEV_ID_INPUT:
	case VIRTDEV_ID_PMEM:
		return true;
	case VIRTDEV_ID_CONSOLE:
		return !(virtdev_transport_features(transport_of(r)) &
			 CONSOLE_F_MULTIPORT);
	default:
		return is_stateless(r);
	}
}

/* A daemon of a folder may keep inodes and handles in a file (--recover). */
enum vmm_settings vmm_remote_judge_settings(const struct remote *r, bool rings_lost)
{
	const struct virtdev *dev = virtdev_transport_device(transport_of(r));
	const uint32_t status = virtdev_transport_status(transport_of(r));

	if (rings_lost)
		return VMM_SETTINGS_RESET;
	if (vmm_remote_kept_loads(r) > r->kept_loads)
		return VMM_SETTINGS_KEPT;
	if (has_only_settings(r) || !(status & VIRTDEV_STATUS_DRIVER_OK))
		return VMM_SETTINGS_REPEATED;
	return virtdev_get_info(dev)->id == VIRTDEV_ID_FS ? VMM_SETTINGS_UNKNOWN :
							    VMM_SETTINGS_RESET;
}

/* True if the back-end can transfer the state that it keeps. */
static bool moves_state(const struct remote *r)
{
	return vhost_user_frontend_protocol_features(virtdev_vhost_user_frontend(r->user)) &
	       (UINT64_C(1) << VHOST_USER_PROTOCOL_F_DEVICE_STATE);
}

static bool has_windows(const struct remote *r)
{
	const struct vhost_user_frontend *f =
		virtdev_vhost_user_frontend(r->user);
	unsigned int id;

	for (id = 0; id < VHOST_USER_SHMEM_REGIONS; id++)
		if (vhost_user_frontend_shmem_size(f, (uint8_t)id))
			return true;
	return false;
}

int vmm_remote_check_save(void *backend, struct vsu_error *err)
{
	const struct remote *r = backend;

	if (vmm_remote_is_dead(r) || vmm_remote_is_away(r))
		return vsu_error_set(err, -ENOTCONN, "%s is disconnected",
				     r->rings.who);
	if (has_windows(r))
		return vsu_error_set(err, -EOPNOTSUPP, "%s has shared memory regions, whose mappings cannot be saved",
				     r->rings.who);
	if (!is_stateless(r) && !moves_state(r))
		return vsu_error_set(err, -EOPNOTSUPP, "%s keeps state of this device and lacks the protocol feature DEVICE_STATE, which saves it",
				     r->rings.who);
	return 0;
}

/* -------------------------------------------------------------------- pause */

static int make_positions(struct remote *r)
{
	if (!r->positions)
		r->positions = calloc(r->rings.n, sizeof(r->positions[0]));
	return r->positions ? 0 : -ENOMEM;
}

void vmm_remote_note_pause(struct remote *r)
{
	struct vq_config config;
	uint32_t i;

	for (i = 0; i < r->rings.n; i++) {
		r->positions[i].runs = virtdev_transport_queue(transport_of(r),
							       i, &config);
		r->positions[i].base = virtdev_vhost_user_base(r->user, i);
	}
	(void)vmm_remote_enter(&r->phase, REMOTE_ON_STOPPED);
}

bool vmm_remote_has_positions(const struct remote *r)
{
	uint32_t i;

	for (i = 0; r->positions && i < r->rings.n; i++)
		if (r->positions[i].runs)
			return true;
	return false;
}

void vmm_remote_clear_positions(struct remote *r)
{
	uint32_t i;

	for (i = 0; r->positions && i < r->rings.n; i++)
		r->positions[i] = (struct virtdev_queue_position){ 0 };
}

/* The session stops queues, or has none that runs. */
static int pause_queues(struct remote *r)
{
	int rc = virtdev_vhost_user_pause(r->user);

	if (rc < 0)
		return rc;
	(void)vmm_remote_enter(&r->phase, rc ? REMOTE_ON_STOPPED : REMOTE_ON_PAUSE);
	return rc ? 0 : -EAGAIN;
}

int vmm_remote_pause(void *backend)
{
	struct remote *r = backend;
	int rc = vmm_remote_is_dead(r) ? -ECONNRESET : make_positions(r);

	if (rc < 0 || r->phase == REMOTE_PAUSED)
		return rc;
	if (vmm_remote_waits(r))
		return -ENOTCONN;
	return r->phase != REMOTE_SERVED && vmm_remote_enter(&r->phase, REMOTE_ON_PAUSE) ?
	       -EAGAIN : pause_queues(r);
}

/* A back-end saves its own state after its queues have stopped. */
int vmm_remote_gather(void *backend)
{
	struct remote *r = backend;

	return !vmm_remote_has_positions(r) || is_stateless(r) ? 0 : vmm_remote_stream_save(r);
}

/* A back-end that is away continues when it returns. */
int vmm_remote_resume(void *backend)
{
	struct remote *r = backend;
	const bool again = r->phase == REMOTE_PAUSED && vmm_remote_has_positions(r);
	const bool away = again && vmm_remote_is_away(r);
	int rc;

	vmm_remote_stream_drop(r);
	(void)vmm_remote_enter(&r->phase, away ? REMOTE_ON_RESUME_AWAY : REMOTE_ON_RESUME);
	r->start_features = again ? start_features(r) : r->start_features;
	if (!again || away)
		return 0;
	rc = vmm_remote_start_rings(r, r->start_features);
	if (rc < 0)
		virtdev_transport_needs_reset(transport_of(r));
	return rc;
}

/* ---------------------------------------------------------------- the state */

int vmm_remote_take(void *backend, void **bytes, size_t *len,
		    struct vsu_error *err)
{
	const struct remote *r = backend;

	return virtdev_transport_take(transport_of(r), r->positions, r->stream.bytes,
				      r->stream.len, bytes, len, err);
}

int vmm_remote_load(void *backend, const void *bytes, size_t len,
		    struct vsu_error *err)
{
	struct remote *r = backend;
	const void *state;
	size_t state_len;
	int rc = make_positions(r);

	if (rc < 0)
		return vsu_error_sys(err, rc, "queues");
	rc = virtdev_transport_load(transport_of(r), bytes, len, r->positions,
				    &state, &state_len, err);
	if (!rc && state_len)
		rc = vmm_remote_stream_load(r, state, state_len, err);
	if (rc < 0)
		vmm_remote_clear_positions(r);
	else
		(void)vmm_remote_enter(&r->phase, REMOTE_ON_LOAD);
	return rc;
}
