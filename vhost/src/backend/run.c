/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Starts rings that are ready, reports why others wait, and stops rings. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>

#include "backend/priv.h"
#include <vmm-sys-util/fd.h>

/* Why a started and enabled ring does not run. */
enum wait_cause {
	WAIT_FOR_NOTHING,
	WAIT_FOR_FEATURES,
	WAIT_FOR_ACCEPTED,
	WAIT_FOR_NUM,
	WAIT_FOR_ADDR,
	WAIT_FOR_MEMORY,
	WAIT_FOR_ENTRY,
};

static const char *const causes[] = {
	[WAIT_FOR_FEATURES] = "the front-end sent no SET_FEATURES",
	[WAIT_FOR_ACCEPTED] =
		"its SET_VRING_NUM, SET_VRING_BASE or SET_VRING_ADDR was refused, and the previous value is not used",
	[WAIT_FOR_NUM] = "the front-end sent no SET_VRING_NUM",
	[WAIT_FOR_ADDR] = "the front-end sent no SET_VRING_ADDR",
};

static enum wait_cause find_cause(const struct vhost_user_backend *b,
				  const struct vhost_user_priv_ring *ring)
{
	if (!vhost_user_priv_has_features(b))
		return WAIT_FOR_FEATURES;
	if (ring->refused)
		return WAIT_FOR_ACCEPTED;
	if (!ring->size)
		return WAIT_FOR_NUM;
	return ring->have_addr ? WAIT_FOR_NOTHING : WAIT_FOR_ADDR;
}

static int ring_enable(struct vhost_user_backend *b, uint32_t index,
		       struct vsu_error *err)
{
	struct vhost_user_priv_ring *ring = &b->rings[index];
	struct vq_config c;
	int rc;

	if (vhost_user_priv_is_active(ring))
		return 0;
	rc = vhost_user_priv_vq_config(b, index, &ring->addr, ring->base, &c,
				       err);
	if (rc == 0)
		rc = vhost_user_priv_inflight_attach(b, index, err);
	if (rc == 0)
		rc = vq_enable(ring->vq, &c, err);
	return vhost_user_priv_of_peer(rc, err);
}

/* The areas of a ring behind an IOMMU may cause a miss. */
static enum wait_cause try_enable(struct vhost_user_backend *b, uint32_t index,
				  struct vsu_error *err)
{
	int rc = ring_enable(b, index, err);

	if (rc == 0)
		return WAIT_FOR_NOTHING;
	if (rc != -EAGAIN)
		return WAIT_FOR_MEMORY;
	if (vhost_user_priv_miss_want(b, index))
		return WAIT_FOR_ENTRY;
	vsu_error_set(err, -EFAULT,
		      "the front-end maps no memory at I/O address %#" PRIx64,
		      b->rings[index].miss.range.gpa);
	return WAIT_FOR_MEMORY;
}

/* Reports once per cause: rings are checked after every message. */
static void report_wait(struct vhost_user_backend *b, uint32_t index,
		      enum wait_cause cause, struct vsu_error *err)
{
	struct vhost_user_priv_ring *ring = &b->rings[index];

	if (ring->wait_reported == cause)
		return;
	ring->wait_reported = (uint8_t)cause;
	if (cause == WAIT_FOR_ENTRY)
		return;
	if (cause != WAIT_FOR_MEMORY)
		vsu_error_set(err, -EPROTO, "%s", causes[cause]);
	vsu_error_prefix(err, err->code, "ring %u is started and waits", index);
	vhost_user_priv_report(b, VHOST_USER_NO_REQUEST, index, err);
}

static void ring_start(struct vhost_user_backend *b, uint32_t index)
{
	struct vhost_user_priv_ring *ring = &b->rings[index];
	enum wait_cause cause = find_cause(b, ring);
	struct vsu_error err;

	vhost_user_priv_no_error(&err);
	if (cause == WAIT_FOR_NOTHING)
		cause = try_enable(b, index, &err);
	if (cause != WAIT_FOR_NOTHING) {
		report_wait(b, index, cause, &err);
		return;
	}
	ring->wait_reported = WAIT_FOR_NOTHING;
	ring->error_reported = false;
	ring->reset_base = 0;
	ring->run = VHOST_USER_PRIV_RUNS;
	ring->inband = vhost_user_priv_agreed(b,
				VHOST_USER_PROTOCOL_F_INBAND_NOTIFICATIONS);
	vhost_user_priv_note_unlogged(b);
	b->ops.run(b->opaque, index);
}

void vhost_user_priv_start_ready_rings(struct vhost_user_backend *b)
{
	struct vhost_user_priv_ring *ring;
	uint32_t i;

	if (!b->rings_changed)
		return;
	b->rings_changed = false;
	vhost_user_priv_note_short_log(b);
	for (i = 0; i < b->config.nrings && !vhost_user_priv_is_ending(b); i++) {
		ring = &b->rings[i];
		if (ring->run != VHOST_USER_PRIV_RUNS && ring->enabled &&
		    ring->start != VHOST_USER_PRIV_START_NONE)
			ring_start(b, i);
	}
	vhost_user_priv_backend_channel_pump(b);
	vhost_user_priv_miss_pump(b);
}

void vhost_user_priv_ring_stop(struct vhost_user_backend *b, uint32_t index)
{
	struct vhost_user_priv_ring *ring = &b->rings[index];

	vhost_user_priv_ring_suspend(ring);
	ring->start = VHOST_USER_PRIV_START_NONE;
	vhost_user_priv_miss_forget(ring);
	ring->wait_reported = WAIT_FOR_NOTHING;
	vsu_fd_close(&ring->kick);
	__atomic_store_n(&ring->due, 0, __ATOMIC_RELAXED);
	if (!vhost_user_priv_any_started(b))
		vhost_user_priv_backend_channel_cancel(b);
}
