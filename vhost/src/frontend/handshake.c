/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The handshake: feature negotiation, and the back-end's limits. */
#include <config.h>

#include <errno.h>
#include <stdio.h>

#include "frontend/priv.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static bool has_protocol(const struct vhost_user_frontend *f)
{
	return f->features & VHOST_USER_F_PROTOCOL_FEATURES;
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
		name = vhost_user_protocol_feature_name(i);
		len += (size_t)snprintf(buf + len, size - len, "%s%s",
					len ? ", " : "", name ? name : "?");
	}
}

static int features_agree(struct vhost_user_frontend *f, struct vsu_error *err)
{
	uint64_t wanted = f->reconnect.away ? f->reconnect.protocol : f->terms.wanted;
	uint64_t needed = f->reconnect.away ? f->reconnect.protocol : f->terms.required;
	uint64_t missing;
	char names[256];

	f->protocol = vhost_user_priv_without_orphans(wanted &
						      f->terms.offered);
	/*
	 * drafts had only this bit, which permitted every stop to leave
	 * requests
	 */
	if (!fe_has(f, VHOST_USER_PROTOCOL_F_GET_VRING_BASE_SKIP_DRAIN))
		f->protocol &=
			~VHOST_USER_PROTOCOL_BIT(GET_VRING_BASE_INFLIGHT);
	/*
	 * the end message of postcopy has the same form as a slot without
	 * memory
	 */
	if (fe_has(f, VHOST_USER_PROTOCOL_F_PAGEFAULT))
		f->protocol &= ~VHOST_USER_PROTOCOL_BIT(CONFIGURE_MEM_SLOTS);
	missing = needed & ~f->protocol;
	if (!missing)
		return 0;
	name_bits(missing, names, sizeof(names));
	return vsu_error_set(err, -EOPNOTSUPP,
			     "the back-end lacks the protocol features %s, which are required",
			     names);
}

static int send_get_protocol(struct vhost_user_frontend *f, unsigned int item,
			     struct vsu_error *err)
{
	(void)item;
	if (!has_protocol(f))
		return 0;
	return vhost_user_priv_fe_ask(f, VHOST_USER_GET_PROTOCOL_FEATURES, err);
}

/* The next message is the first that may request an acknowledgement. */
static int send_set_protocol(struct vhost_user_frontend *f, unsigned int item,
			     struct vsu_error *err)
{
	struct vsu_error why;
	int rc;

	(void)item;
	vhost_user_priv_no_error(&why);
	if (features_agree(f, &why) < 0) {
		vhost_user_priv_fe_fail(f, &why);
		return 0;
	}
	if (!has_protocol(f))
		return 0;
	rc = vhost_user_priv_fe_tell(f, VHOST_USER_SET_PROTOCOL_FEATURES,
			vhost_user_priv_move_feature(f->protocol,
					VHOST_USER_PROTOCOL_F_SHMEM,
					f->shm.bit), err);
	if (!rc)
		f->acks = fe_has(f, VHOST_USER_PROTOCOL_F_REPLY_ACK);
	return rc;
}

/* Limits of the back-end, with the protocol features that have them. */
static const struct {
	unsigned int bit;
	uint32_t number;
} limits[] = {
	{ VHOST_USER_PROTOCOL_F_MQ, VHOST_USER_GET_QUEUE_NUM },
	{ VHOST_USER_PROTOCOL_F_CONFIGURE_MEM_SLOTS, VHOST_USER_GET_MAX_MEM_SLOTS },
	{ VHOST_USER_PROTOCOL_F_SHMEM, VHOST_USER_GET_SHMEM_CONFIG },
};

static unsigned int count_limits(struct vhost_user_frontend *f)
{
	(void)f;
	return COUNT(limits);
}

static int send_get_limit(struct vhost_user_frontend *f, unsigned int item,
			  struct vsu_error *err)
{
	return fe_has(f, limits[item].bit) ?
	       vhost_user_priv_fe_ask(f, limits[item].number, err) : 0;
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
	f->done.ready(f);
}

static const struct fe_step handshake_steps[] = {
	{ .send = vhost_user_priv_fe_barrier },
	{ .send = send_get_protocol, .wait = true },
	{ .send = send_set_protocol, .wait = true },
	{ .count = count_limits, .send = send_get_limit },
	{ .send = vhost_user_priv_fe_backend_channel_offer },
	{ .send = send_set_owner },
};

static const struct fe_sequence handshake = {
	.steps = handshake_steps,
	.n = COUNT(handshake_steps),
	.done = handshake_done,
};

void vhost_user_priv_fe_handshake(struct vhost_user_frontend *f,
				  void (*done)(struct vhost_user_frontend *f))
{
	f->done.ready = done;
	vhost_user_priv_fe_begin(f, &handshake);
}

/* ----------------------------------------------------------------- replies */

static int accept_features(struct vhost_user_frontend *f,
			 const struct fe_pending *p,
			 const struct vhost_user_priv_msg *msg,
			 struct vsu_error *err)
{
	(void)p;
	(void)err;
	/* later ones are barriers only: the driver has seen the first reply */
	if (f->state == VHOST_USER_FRONTEND_NEGOTIATING)
		f->features = msg->payload.u64;
	return 0;
}

static int accept_protocol_features(struct vhost_user_frontend *f,
				  const struct fe_pending *p,
				  const struct vhost_user_priv_msg *msg,
				  struct vsu_error *err)
{
	(void)p;
	(void)err;
	f->terms.offered =
		vhost_user_priv_move_feature(msg->payload.u64, f->shm.bit,
					     VHOST_USER_PROTOCOL_F_SHMEM);
	return 0;
}

/* A limit of the back-end: 0 is refused, values above ours are reduced. */
static int accept_limit(const struct vhost_user_priv_msg *msg, const char *name,
		      const char *what, uint32_t max, uint32_t *limit,
		      struct vsu_error *err)
{
	uint64_t value = msg->payload.u64;

	if (!value)
		return vsu_error_set(err, -EBADMSG,
				     "%s: the back-end reports that it has no %s",
				     name, what);
	*limit = value < max ? (uint32_t)value : max;
	return 0;
}

static int accept_queue_num(struct vhost_user_frontend *f,
			  const struct fe_pending *p,
			  const struct vhost_user_priv_msg *msg,
			  struct vsu_error *err)
{
	(void)p;
	return accept_limit(msg, "GET_QUEUE_NUM", "queues", FE_MAX_RINGS,
			  &f->queue_num, err);
}

/*
 * A replacement keeps the limit of the first back-end: the memory that is set
 * while disconnected must fit into each.
 */
static int accept_max_slots(struct vhost_user_frontend *f,
			  const struct fe_pending *p,
			  const struct vhost_user_priv_msg *msg,
			  struct vsu_error *err)
{
	uint32_t max = 0;
	int rc = accept_limit(msg, "GET_MAX_MEM_SLOTS", "memory slots",
			      FE_MAX_SLOTS, &max, err);

	(void)p;
	if (rc < 0)
		return rc;
	if (!f->reconnect.away)
		f->max_slots = max;
	if (f->max_slots <= max)
		return 0;
	return vsu_error_set(err, -EOPNOTSUPP,
			     "the replacement back-end supports %u regions of memory, the previous one supported %u",
			     max, f->max_slots);
}

static const struct fe_handler rows[] = {
	{ FE_SENT(GET_FEATURES), .accept = accept_features },
	{ FE_SENT(GET_PROTOCOL_FEATURES), .accept = accept_protocol_features },
	{ FE_SENT(GET_QUEUE_NUM), .accept = accept_queue_num },
	{ FE_SENT(GET_MAX_MEM_SLOTS), .accept = accept_max_slots },
};
FE_HANDLERS(handshake, rows);
