/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Start and stop of all rings, as tables of steps. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>

#include "frontend/priv.h"
#include <vmm-sys-util/event.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* VIRTIO 1.3, 2.1 */
#define STATUS_FEATURES_OK	0x0bu	/* with ACKNOWLEDGE and DRIVER */
#define STATUS_DRIVER_OK	0x0fu

/* -------------------------------------------------------------------- start */

static int send_status(struct vhost_user_frontend *f, uint64_t status,
		       struct vsu_error *err)
{
	if (!fe_has(f, VHOST_USER_PROTOCOL_F_STATUS))
		return 0;
	return vhost_user_priv_fe_tell(f, VHOST_USER_SET_STATUS, status, err);
}

static int send_features_ok(struct vhost_user_frontend *f, unsigned int item,
			    struct vsu_error *err)
{
	(void)item;
	return send_status(f, STATUS_FEATURES_OK, err);
}

static int send_get_status(struct vhost_user_frontend *f, unsigned int item,
			   struct vsu_error *err)
{
	(void)item;
	if (!fe_has(f, VHOST_USER_PROTOCOL_F_STATUS))
		return 0;
	return vhost_user_priv_fe_ask(f, VHOST_USER_GET_STATUS, err);
}

/* Some back-ends serve no ring before this. */
static int send_driver_ok(struct vhost_user_frontend *f, unsigned int item,
			  struct vsu_error *err)
{
	(void)item;
	return send_status(f, STATUS_DRIVER_OK, err);
}

static void start_done(struct vhost_user_frontend *f)
{
	f->state = VHOST_USER_FRONTEND_RUNNING;
	f->parking = false;
	f->inflight.list = FE_INFLIGHT_IN_USE;
	vhost_user_priv_fe_apply_answers(f);
	f->done.started(f);
}

/*
 * A back-end may fail to provide an in-flight area, and refuse a repeated write of
 * the configuration; any other refusal ends the start.
 */
static void start_refused(struct vhost_user_frontend *f,
			  const struct fe_pending *p,
			  const struct vsu_error *err)
{
	struct vsu_error why = *err;

	if (p->request == VHOST_USER_GET_INFLIGHT_FD)
		f->inflight.asked = false;
	else if (p->request == VHOST_USER_SET_CONFIG)
		vhost_user_priv_fe_report(f, &why);
	else
		vhost_user_priv_fe_fail(f, err);
}

/*
 * The log comes after the memory, because it may be too short for that of the
 * previous start. The last step is a barrier. Some back-ends do not acknowledge, others
 * acknowledge requests that they cannot perform and disconnect at the next
 * message.
 */
static const struct fe_step start_steps[] = {
	{ .send = vhost_user_priv_fe_send_features },
	{ .send = send_features_ok },
	{ .send = send_get_status },
	{ .send = vhost_user_priv_fe_send_kept,
	  .count = vhost_user_priv_fe_kept_count },
	{ .send = vhost_user_priv_fe_send_get_inflight },
	{ .send = vhost_user_priv_fe_send_set_inflight },
	{ .send = vhost_user_priv_fe_send_memory,
	  .count = vhost_user_priv_fe_memory_count },
	{ .send = vhost_user_priv_fe_confirm_memory },
	{ .send = vhost_user_priv_fe_send_log },
	{ .send = vhost_user_priv_fe_send_log_all },
	{ .send = vhost_user_priv_fe_send_ring,
	  .count = vhost_user_priv_fe_ring_message_count },
	{ .send = vhost_user_priv_fe_enable_ring,
	  .count = vhost_user_priv_fe_ring_count },
	{ .send = send_driver_ok },
	{ .send = vhost_user_priv_fe_barrier },
};

static const struct fe_sequence start = {
	.steps = start_steps,
	.n = COUNT(start_steps),
	.done = start_done,
	.refused = start_refused,
};

int vhost_user_priv_fe_begin_start(struct vhost_user_frontend *f,
				   void (*done)(struct vhost_user_frontend *f),
				   struct vsu_error *err)
{
	int rc = vhost_user_priv_fe_check_rings(f, f->mem.wanted, err);

	if (!rc)
		rc = vhost_user_priv_fe_plan_memory(f, err);
	if (rc < 0)
		return rc;
	f->state = VHOST_USER_FRONTEND_STARTING;
	f->done.started = done;
	vhost_user_priv_fe_begin(f, &start);
	return 0;
}

static void tell_started(struct vhost_user_frontend *f)
{
	if (f->ops.started)
		f->ops.started(f->opaque);
}

static int check_features(const struct vhost_user_frontend *f,
			  uint64_t features, struct vsu_error *err)
{
	const uint64_t own = VHOST_USER_F_PROTOCOL_FEATURES |
			     VHOST_USER_F_LOG_ALL;

	if (features & VHOST_USER_F_ACCESS_PLATFORM &&
	    !(f->device.iotlb_miss &&
	      fe_has(f, VHOST_USER_PROTOCOL_F_BACKEND_REQ)))
		return vsu_error_set(err, -EOPNOTSUPP, "features %#" PRIx64
				     ": ACCESS_PLATFORM (bit 33) needs the operation iotlb_miss and the protocol feature BACKEND_REQ",
				     features);
	if (features & ~f->features || features & own)
		return vsu_error_set(err, -EINVAL, "features %#" PRIx64
				     ": bits %#" PRIx64 " are not offered by the back-end or belong to the protocol",
				     features,
				     (features & ~f->features) |
				     (features & own));
	return 0;
}

int vhost_user_frontend_start(struct vhost_user_frontend *f, uint64_t features,
			      struct vsu_error *err)
{
	int rc;

	if (f->reconnect.away)
		return vsu_error_set(err, -ENOTCONN,
				     "start: the back-end '%s' is disconnected",
				     f->peer);
	if (f->state != VHOST_USER_FRONTEND_READY || f->progress.seq)
		return vsu_error_set(err, -EPROTO,
				     "start: the session with '%s' is not ready",
				     f->peer);
	rc = check_features(f, features, err);
	if (rc < 0)
		return rc;
	f->acked = features;
	rc = vhost_user_priv_fe_begin_start(f, tell_started, err);
	if (!rc)
		vhost_user_priv_fe_push(f);
	return rc;
}

/* --------------------------------------------------------------------- stop */

static void stop_done(struct vhost_user_frontend *f)
{
	f->stop_due = 0;
	f->state = VHOST_USER_FRONTEND_READY;
	if (f->ops.stopped)
		f->ops.stopped(f->opaque, f->bases, f->nrings);
}

static const struct fe_step stop_steps[] = {
	{ .send = vhost_user_priv_fe_disable_ring,
	  .count = vhost_user_priv_fe_ring_count },
	{ .send = vhost_user_priv_fe_get_base,
	  .count = vhost_user_priv_fe_ring_count },
};

static const struct fe_sequence stop = {
	.steps = stop_steps,
	.n = COUNT(stop_steps),
	.done = stop_done,
};

/* Disabling a ring would drain it, so this variant omits that step. */
static const struct fe_sequence park = {
	.steps = stop_steps + 1,
	.n = COUNT(stop_steps) - 1,
	.done = stop_done,
};

/*
 * First completes a change of memory in progress. A CPU of the guest may be
 * blocked until the stop, so one time-out covers the whole stop instead of each
 * reply.
 */
static int begin_stop(struct vhost_user_frontend *f,
		      const struct fe_sequence *seq, struct vsu_error *err)
{
	if (f->state != VHOST_USER_FRONTEND_RUNNING)
		return vsu_error_set(err, -EPROTO,
				     "stop: the session with '%s' does not run",
				     f->peer);
	f->state = VHOST_USER_FRONTEND_STOPPING;
	f->stop_due = vsu_now_ns() + f->timeout_ns;
	f->parking = seq == &park;
	if (f->progress.seq)
		f->progress.next = seq;
	else
		vhost_user_priv_fe_begin(f, seq);
	vhost_user_priv_fe_push(f);
	return 0;
}

int vhost_user_frontend_stop(struct vhost_user_frontend *f,
			     struct vsu_error *err)
{
	if (f->reconnect.away && f->reconnect.resume) {
		f->reconnect.resume = false;
		f->reconnect.stop_unreported = true;
		vhost_user_priv_fe_push(f);
		return 0;
	}
	return begin_stop(f, &stop, err);
}

int vhost_user_frontend_park(struct vhost_user_frontend *f,
			     struct vsu_error *err)
{
	if (!fe_has(f, VHOST_USER_PROTOCOL_F_GET_VRING_BASE_SKIP_DRAIN) ||
	    f->inflight.fd < 0)
		return vsu_error_set(err, -EOPNOTSUPP,
				     "park: the back-end '%s' has no in-flight area, or lacks the protocol feature GET_VRING_BASE_SKIP_DRAIN",
				     f->peer);
	return begin_stop(f, &park, err);
}

/* ----------------------------------------------------------------- replies */

static int bad_base(const struct fe_pending *p, uint32_t base, uint32_t limit,
		    struct vsu_error *err)
{
	return vsu_error_set(err, -EBADMSG,
			     "GET_VRING_BASE of ring %u: base %#x lies beyond the ring of %u",
			     p->ring, base,
			     limit);
}

/* Split: a free-running 16-bit index. Packed: two ring positions. */
static int accept_base(struct vhost_user_frontend *f, const struct fe_pending *p,
		     const struct vhost_user_priv_msg *msg,
		     struct vsu_error *err)
{
	bool packed = f->acked & VHOST_USER_F_RING_PACKED;
	struct fe_ring *ring = &f->rings[p->ring];
	uint32_t base = msg->payload.state.num;

	if (msg->payload.state.index != p->ring)
		return vsu_error_set(err, -EBADMSG,
				     "GET_VRING_BASE of ring %u: the reply is for ring %u",
				     p->ring, msg->payload.state.index);
	if (packed ? (base & 0x7fff) >= ring->desc.size ||
		     (base >> 16 & 0x7fff) >= ring->desc.size :
		     base > UINT16_MAX)
		return bad_base(p, base, ring->desc.size, err);
	if (packed && !f->parking)
		base = vhost_user_priv_packed_base(base);
	ring->desc.base = base;
	ring->start = FE_RING_STOPPED;
	f->bases[p->ring] = base;
	return 0;
}

static const struct fe_handler rows[] = {
	{ FE_SENT(GET_VRING_BASE), .accept = accept_base },
	{ FE_SENT(GET_VRING_BASE_SKIP_DRAIN), .accept = accept_base },
};
FE_HANDLERS(stop, rows);
