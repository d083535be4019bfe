/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The front-end's long procedures as tables of steps: the handshake, a start, a
 * stop.
 */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "frontend/frontend_priv.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define BIT(n) (UINT64_C(1) << (n))

/* VIRTIO 1.3, 2.1 */
#define STATUS_FEATURES_OK	0x0bu	/* with ACKNOWLEDGE and DRIVER */
#define STATUS_DRIVER_OK	0x0fu

static bool has_protocol(const struct vhost_user_frontend *f)
{
	return f->features & VHOST_USER_F_PROTOCOL_FEATURES;
}

/* ---------------------------------------------------------------- handshake */

/* A protocol feature and those without which it may not be agreed on. */
struct dependency {
	uint8_t bit;
	uint64_t needs;
};

static const struct dependency dependencies[] = {
	{ VHOST_USER_PROTOCOL_F_INBAND_NOTIFICATIONS,
	  VHOST_USER_PROTOCOL_BIT(REPLY_ACK) |
	  VHOST_USER_PROTOCOL_BIT(BACKEND_REQ) },
	{ VHOST_USER_PROTOCOL_F_BACKEND_SEND_FD,
	  VHOST_USER_PROTOCOL_BIT(BACKEND_REQ) },
	{ VHOST_USER_PROTOCOL_F_HOST_NOTIFIER,
	  VHOST_USER_PROTOCOL_BIT(BACKEND_REQ) |
	  VHOST_USER_PROTOCOL_BIT(BACKEND_SEND_FD) },
	{ VHOST_USER_PROTOCOL_F_SHARED_OBJECT,
	  VHOST_USER_PROTOCOL_BIT(BACKEND_REQ) |
	  VHOST_USER_PROTOCOL_BIT(BACKEND_SEND_FD) },
	{ VHOST_USER_PROTOCOL_F_SHMEM,
	  VHOST_USER_PROTOCOL_BIT(BACKEND_REQ) |
	  VHOST_USER_PROTOCOL_BIT(BACKEND_SEND_FD) },
	{ VHOST_USER_PROTOCOL_F_GET_VRING_BASE_INFLIGHT,
	  VHOST_USER_PROTOCOL_BIT(INFLIGHT_SHMFD) },
	{ VHOST_USER_PROTOCOL_F_GET_VRING_BASE_SKIP_DRAIN,
	  VHOST_USER_PROTOCOL_BIT(INFLIGHT_SHMFD) |
	  VHOST_USER_PROTOCOL_BIT(GET_VRING_BASE_INFLIGHT) },
};

static uint64_t without_orphans(uint64_t bits)
{
	const struct dependency *d;

	for (d = dependencies; d < dependencies + COUNT(dependencies); d++)
		if ((bits & d->needs) != d->needs)
			bits &= ~BIT(d->bit);
	return bits;
}

/* "CONFIG, MQ" */
static void name_bits(uint64_t bits, char *buf, size_t size)
{
	const char *name;
	unsigned int i;
	size_t len = 0;

	buf[0] = '\0';
	for (i = 0; i < 64 && len < size; i++) {
		if (!(bits >> i & 1))
			continue;
		name = vhost_user_priv_protocol_feature_name(i);
		len += (size_t)snprintf(buf + len, size - len, "%s%s",
					len ? ", " : "", name ? name : "?");
	}
}

static int agree(struct vhost_user_frontend *f, struct vsu_error *err)
{
	uint64_t missing;
	char names[256];

	f->protocol = without_orphans(f->protocol_wanted & f->offered_protocol);
	missing = f->protocol_required & ~f->protocol;
	if (!missing)
		return 0;
	name_bits(missing, names, sizeof(names));
	return vsu_error_set(err, -EOPNOTSUPP, "the back-end lacks the protocol "
			     "features %s, which are needed here", names);
}

/* Also a barrier: it is answered when all before it was done. */
int vhost_user_priv_fe_get_features(struct vhost_user_frontend *f,
				    unsigned int item, struct vsu_error *err)
{
	(void)item;
	return vhost_user_priv_fe_ask(f, VHOST_USER_GET_FEATURES, err);
}

static int send_get_protocol(struct vhost_user_frontend *f, unsigned int item,
			     struct vsu_error *err)
{
	(void)item;
	if (!has_protocol(f))
		return 0;
	return vhost_user_priv_fe_ask(f, VHOST_USER_GET_PROTOCOL_FEATURES, err);
}

/* The first message that may ask for acknowledgements is the next one. */
static int send_set_protocol(struct vhost_user_frontend *f, unsigned int item,
			     struct vsu_error *err)
{
	struct vsu_error why = VSU_ERROR_INIT;
	int rc;

	(void)item;
	if (agree(f, &why) < 0) {
		vhost_user_priv_fe_doom(f, &why);
		return 0;
	}
	if (!has_protocol(f))
		return 0;
	rc = vhost_user_priv_fe_tell(f, VHOST_USER_SET_PROTOCOL_FEATURES,
				     f->protocol, err);
	if (!rc)
		f->acks = fe_has(f, VHOST_USER_PROTOCOL_F_REPLY_ACK);
	return rc;
}

static int send_get_queue_num(struct vhost_user_frontend *f, unsigned int item,
			      struct vsu_error *err)
{
	(void)item;
	if (!fe_has(f, VHOST_USER_PROTOCOL_F_MQ))
		return 0;
	return vhost_user_priv_fe_ask(f, VHOST_USER_GET_QUEUE_NUM, err);
}

static int send_get_max_slots(struct vhost_user_frontend *f, unsigned int item,
			      struct vsu_error *err)
{
	(void)item;
	if (!fe_has(f, VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS))
		return 0;
	return vhost_user_priv_fe_ask(f, VHOST_USER_GET_MAX_MEM_SLOTS, err);
}

static int send_get_shmem(struct vhost_user_frontend *f, unsigned int item,
			  struct vsu_error *err)
{
	(void)item;
	if (!fe_has(f, VHOST_USER_PROTOCOL_F_SHMEM))
		return 0;
	return vhost_user_priv_fe_ask(f, VHOST_USER_GET_SHMEM_CONFIG, err);
}

static int send_set_owner(struct vhost_user_frontend *f, unsigned int item,
			  struct vsu_error *err)
{
	(void)item;
	return vhost_user_priv_fe_ask(f, VHOST_USER_SET_OWNER, err);
}

static void handshake_done(struct vhost_user_frontend *f)
{
	f->state = VHOST_USER_FRONTEND_READY;
	if (f->ops.ready)
		f->ops.ready(f->opaque);
}

static const struct fe_step handshake_steps[] = {
	{ .send = vhost_user_priv_fe_get_features },
	{ .send = send_get_protocol, .wait = true },
	{ .send = send_set_protocol, .wait = true },
	{ .send = send_get_queue_num },
	{ .send = send_get_max_slots },
	{ .send = send_get_shmem },
	{ .send = vhost_user_priv_fe_offer_channel },
	{ .send = send_set_owner },
};

static const struct fe_sequence handshake = {
	.steps = handshake_steps,
	.n = COUNT(handshake_steps),
	.done = handshake_done,
};

void vhost_user_priv_fe_handshake(struct vhost_user_frontend *f)
{
	vhost_user_priv_fe_begin(f, &handshake);
}

/* -------------------------------------------------------------------- start */

/* Bit 30 is the protocol's own: without it SET_VRING_ENABLE is not legal. */
static int send_set_features(struct vhost_user_frontend *f, unsigned int item,
			     struct vsu_error *err)
{
	uint64_t bits = f->acked |
			(f->features & VHOST_USER_F_PROTOCOL_FEATURES);

	(void)item;
	return vhost_user_priv_fe_tell(f, VHOST_USER_SET_FEATURES, bits, err);
}

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

/* Some back-ends do not serve a ring before this. */
static int send_driver_ok(struct vhost_user_frontend *f, unsigned int item,
			  struct vsu_error *err)
{
	(void)item;
	return send_status(f, STATUS_DRIVER_OK, err);
}

static void start_done(struct vhost_user_frontend *f)
{
	f->state = VHOST_USER_FRONTEND_RUNNING;
	vhost_user_priv_fe_settle_memory(f);
	if (f->ops.started)
		f->ops.started(f->opaque);
}

/*
 * The last step is a barrier. It carries no news, but there are back-ends that
 * do not acknowledge, and others that acknowledge what they cannot do and hang
 * up at the next message.
 */
static const struct fe_step start_steps[] = {
	{ .send = send_set_features },
	{ .send = send_features_ok },
	{ .send = send_get_status },
	{ .send = vhost_user_priv_fe_send_memory,
	  .count = vhost_user_priv_fe_memory_count },
	{ .send = vhost_user_priv_fe_send_ring,
	  .count = vhost_user_priv_fe_ring_message_count },
	{ .send = vhost_user_priv_fe_enable_ring,
	  .count = vhost_user_priv_fe_ring_count },
	{ .send = send_driver_ok },
	{ .send = vhost_user_priv_fe_get_features },
};

static const struct fe_sequence start = {
	.steps = start_steps,
	.n = COUNT(start_steps),
	.done = start_done,
};

static int check_features(const struct vhost_user_frontend *f,
			  uint64_t features, struct vsu_error *err)
{
	const uint64_t own = VHOST_USER_F_PROTOCOL_FEATURES |
			     VHOST_USER_F_LOG_ALL;

	if (features & VHOST_USER_F_ACCESS_PLATFORM)
		return vsu_error_set(err, -EOPNOTSUPP, "features %#" PRIx64
				     ": ACCESS_PLATFORM (bit 33) needs an "
				     "IOTLB, which is not served here",
				     features);
	if (features & ~f->features || features & own)
		return vsu_error_set(err, -EINVAL, "features %#" PRIx64
				     ": bits %#" PRIx64 " are not offered by "
				     "the back-end or belong to the protocol",
				     features,
				     (features & ~f->features) |
				     (features & own));
	return 0;
}

int vhost_user_frontend_start(struct vhost_user_frontend *f, uint64_t features,
			      struct vsu_error *err)
{
	int rc;

	if (f->state != VHOST_USER_FRONTEND_READY || f->seq)
		return vsu_error_set(err, -EPROTO, "start: the session with "
				     "'%s' is not ready", f->peer);
	rc = check_features(f, features, err);
	if (!rc)
		rc = vhost_user_priv_fe_check_rings(f, f->mem.wanted, err);
	if (!rc)
		rc = vhost_user_priv_fe_plan_memory(f, err);
	if (rc < 0)
		return rc;
	f->acked = features;
	f->state = VHOST_USER_FRONTEND_STARTING;
	vhost_user_priv_fe_begin(f, &start);
	vhost_user_priv_fe_push(f);
	return 0;
}

/* --------------------------------------------------------------------- stop */

static void stop_done(struct vhost_user_frontend *f)
{
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

/* A change of memory under way is finished first. */
int vhost_user_frontend_stop(struct vhost_user_frontend *f,
			     struct vsu_error *err)
{
	if (f->state != VHOST_USER_FRONTEND_RUNNING)
		return vsu_error_set(err, -EPROTO, "stop: the session with "
				     "'%s' does not run", f->peer);
	f->state = VHOST_USER_FRONTEND_STOPPING;
	if (f->seq)
		f->next_seq = &stop;
	else
		vhost_user_priv_fe_begin(f, &stop);
	vhost_user_priv_fe_push(f);
	return 0;
}
