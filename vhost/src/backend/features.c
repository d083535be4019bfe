/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Negotiation, device status and reset. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>

#include "backend/priv.h"

#define BIT(name) VHOST_USER_PROTOCOL_BIT(name)

/* Bits of the feature word that are not passed to the device. */
#define OWN_FEATURES (VHOST_USER_F_PROTOCOL_FEATURES | VHOST_USER_F_LOG_ALL | \
		      VHOST_USER_F_ACCESS_PLATFORM)

/* Features without an operation of the owner. */
static uint64_t left_out(const struct vhost_user_backend *b)
{
	const struct vhost_user_backend_ops *o = &b->ops;
	const struct {
		bool there;
		uint64_t bit;
	} needs[] = {
		{ o->get_config && b->config.config_size, BIT(CONFIG) },
		{ o->shmem_result && b->config.nshmem, BIT(SHMEM) },
		{ o->reset, BIT(RESET_DEVICE) },
		{ o->announce, BIT(RARP) },
		{ o->set_mtu, BIT(NET_MTU) },
		{ o->open_session && o->close_session, BIT(CRYPTO_SESSION) },
		{ o->get_shared_object || o->answered, BIT(SHARED_OBJECT) },
		{ o->park, BIT(GET_VRING_BASE_SKIP_DRAIN) },
		{ o->take_state_fd && o->check_state, BIT(DEVICE_STATE) },
		{ o->postcopy, BIT(PAGEFAULT) },
	};
	uint64_t bits = 0;
	unsigned int i;

	for (i = 0; i < sizeof(needs) / sizeof(needs[0]); i++)
		if (!needs[i].there)
			bits |= needs[i].bit;
	return bits;
}

/*
 * The features whose messages are implemented here and whose operations the
 * owner provides.
 */
uint64_t vhost_user_priv_offered_protocol(const struct vhost_user_backend *b)
{
	const struct vhost_user_message *row;
	uint64_t bits = BIT(REPLY_ACK);
	unsigned int i;

	for (i = 0; i < VHOST_USER_PRIV_FRONTEND_ROWS; i++) {
		row = vhost_user_message(VHOST_USER_SIDE_FRONTEND, i);
		if (row && b->handlers[i] &&
		    row->protocol_bit != VHOST_USER_NO_BIT)
			bits |= UINT64_C(1) << row->protocol_bit;
	}
	bits &= ~left_out(b);
	if (b->ops.answered)
		bits |= BIT(HOST_NOTIFIER);
	if (bits & (BIT(SHMEM) | BIT(SHARED_OBJECT) | BIT(HOST_NOTIFIER)))
		bits |= BIT(BACKEND_SEND_FD);
	/*
	 * QEMU accepts this feature, but then neither kicks nor handles calls
	 */
	if (!(b->config.protocol_features & BIT(INBAND_NOTIFICATIONS)))
		bits &= ~BIT(INBAND_NOTIFICATIONS);
	if (!(bits & (BIT(CONFIG) | BIT(BACKEND_SEND_FD) |
		      BIT(INBAND_NOTIFICATIONS))) &&
	    !b->config.iotlb_entries)
		bits &= ~BIT(BACKEND_REQ);	/* no feature requires the channel */
	/*
	 * the end message of postcopy has the same form as a slot without
	 * memory
	 */
	if (bits & BIT(PAGEFAULT))
		bits &= ~BIT(CONFIGURE_MEM_SLOTS);
	/*
	 * the first is a message, the second permits to leave requests in
	 * flight
	 */
	if (bits & BIT(GET_VRING_BASE_SKIP_DRAIN))
		bits |= BIT(GET_VRING_BASE_INFLIGHT);
	/*
	 * the lookup of user addresses is unchanged, they are guest addresses
	 */
	bits |= BIT(GPA_ADDRESSES);
	if (!b->config.protocol_features)
		bits &= ~BIT(GPA_ADDRESSES);
	else
		bits &= b->config.protocol_features;
	if (b->config.shmem_bit != VHOST_USER_PROTOCOL_F_SHMEM)
		bits &= ~(UINT64_C(1) << b->config.shmem_bit);
	return vhost_user_priv_without_orphans(bits);
}

/* As sent to the front-end: SHMEM is at the bit that the owner configured. */
static uint64_t shown_protocol(const struct vhost_user_backend *b)
{
	return vhost_user_priv_move_feature(b->offered_protocol,
					    VHOST_USER_PROTOCOL_F_SHMEM,
					    b->config.shmem_bit);
}

static int get_features(struct vhost_user_backend *b,
			struct vhost_user_priv_msg *msg, struct vsu_error *err)
{
	(void)err;
	return vhost_user_priv_reply_u64(msg, b->offered);
}

/*
 * May be repeated while rings run, to switch dirty logging. Features that
 * define the ring format cannot change then.
 */
static int check_features(struct vhost_user_backend *b,
			  struct vhost_user_priv_msg *msg, struct vsu_error *err)
{
	uint64_t want = msg->payload.u64;
	uint64_t changed = (want ^ b->features) & ~VHOST_USER_F_LOG_ALL;

	if (want & ~b->offered)
		return vsu_error_set(err, -EBADMSG,
				     "SET_FEATURES requests bits that were not offered: %#" PRIx64,
				     want & ~b->offered);
	if (want & VHOST_USER_F_LOG_ALL && b->log.refused)
		return vsu_error_set(err, -EPROTO,
				     "SET_FEATURES requests LOG_ALL after a SET_LOG_BASE that was refused; send a log that can be mapped first");
	if (changed && vhost_user_priv_any_active(b))
		return vsu_error_set(err, -EPROTO,
				     "SET_FEATURES changes bits %#" PRIx64 " while a ring is started",
				     changed);
	return want == b->features ? VHOST_USER_PRIV_GO : VHOST_USER_PRIV_QUIET;
}

/*
 * Rings translate differently from here on. Pending misses concern old
 * addresses and are dropped. All rings are quiet.
 */
static void addresses_switch(struct vhost_user_backend *b)
{
	uint32_t i;

	for (i = 0; i < b->config.nrings; i++)
		vhost_user_priv_miss_forget(&b->rings[i]);
	if (vhost_user_priv_memory_switch(b, &b->why) < 0)
		vhost_user_priv_backend_fail(b);
}

static int set_features(struct vhost_user_backend *b,
			struct vhost_user_priv_msg *msg, struct vsu_error *err)
{
	uint64_t want = msg->payload.u64, changed = want ^ b->features;
	/* the device is not concerned by dirty logging, and may forget settings */
	bool news = !vhost_user_priv_has_features(b) || changed & ~OWN_FEATURES;
	uint32_t i;
	int rc = 0;

	if (news && b->ops.set_features)
		rc = b->ops.set_features(b->opaque, want & ~OWN_FEATURES);
	if (rc < 0)
		return vsu_error_sys(err, rc, "the device refuses its features");
	b->features = want;
	b->negotiation = VHOST_USER_PRIV_FEATURES_SET;
	b->rings_changed = true;
	if (!(want & VHOST_USER_F_LOG_ALL))
		b->log.refused = false;	/* the next migration sends its own */
	if (changed & VHOST_USER_F_ACCESS_PLATFORM)
		addresses_switch(b);
	if (changed & VHOST_USER_F_LOG_ALL)
		vhost_user_priv_log_switch(b);
	if (!(want & VHOST_USER_F_PROTOCOL_FEATURES))
		for (i = 0; i < b->config.nrings; i++)
			b->rings[i].enabled = true;
	return 0;
}

static int get_protocol(struct vhost_user_backend *b,
			struct vhost_user_priv_msg *msg, struct vsu_error *err)
{
	(void)err;
	return vhost_user_priv_reply_u64(msg, shown_protocol(b));
}

static void note_negotiation(struct vhost_user_backend *b)
{
	if (b->negotiation == VHOST_USER_PRIV_SILENT)
		b->negotiation = VHOST_USER_PRIV_NEGOTIATES;
}

static int set_protocol(struct vhost_user_backend *b,
			struct vhost_user_priv_msg *msg, struct vsu_error *err)
{
	uint64_t want = msg->payload.u64, strange = want & ~shown_protocol(b);
	const char *name;

	if (strange) {
		name = vhost_user_protocol_feature_name(
				(unsigned int)__builtin_ctzll(strange));
		return vsu_error_set(err, -EBADMSG,
				     "SET_PROTOCOL_FEATURES requests bits that were not offered: %#" PRIx64 " (%s%s)",
				     strange, name ? name : "unknown",
				     strange & (strange - 1) ? ", ..." : "");
	}
	want = vhost_user_priv_move_feature(want, b->config.shmem_bit,
					    VHOST_USER_PROTOCOL_F_SHMEM);
	b->protocol_features = vhost_user_priv_without_orphans(want);
	note_negotiation(b);
	if (!(want & ~b->protocol_features & BIT(INBAND_NOTIFICATIONS)))
		return 0;
	/* the specification requires to close the connection */
	vsu_error_set(&b->why, -EPROTO,
		      "SET_PROTOCOL_FEATURES requests INBAND_NOTIFICATIONS without REPLY_ACK and BACKEND_REQ");
	vhost_user_priv_backend_fail(b);
	return vsu_error_set(err, -EPROTO, "%s", b->why.msg);
}

/*
 * The number of rings, as the specification defines and most front-ends expect.
 * QEMU and DPDK interpret it as a number of queue pairs for network cards: a
 * limit that is then too high, and rings beyond the last one are refused by
 * their index. Reporting pairs would be too low for all others, which would
 * reject the card.
 */
static int get_queue_num(struct vhost_user_backend *b,
			 struct vhost_user_priv_msg *msg, struct vsu_error *err)
{
	(void)err;
	return vhost_user_priv_reply_u64(msg, b->config.nrings);
}

/* A session has one owner from its start; a repetition is harmless. */
static int set_owner(struct vhost_user_backend *b,
		     struct vhost_user_priv_msg *msg, struct vsu_error *err)
{
	(void)msg;
	(void)err;
	note_negotiation(b);
	return 0;
}

/* Deprecated; the specification permits it to disable all rings. */
static int reset_owner(struct vhost_user_backend *b,
		       struct vhost_user_priv_msg *msg, struct vsu_error *err)
{
	uint32_t i;

	(void)msg;
	(void)err;
	for (i = 0; i < b->config.nrings; i++)
		b->rings[i].enabled = false;
	return 0;
}

/*
 * QEMU 7.2 sets status 0 before it requests the ring positions, and migrates
 * these positions: a reset must not lose them.
 */
static void ring_reset(struct vhost_user_backend *b, uint32_t index)
{
	struct vhost_user_priv_ring *ring = &b->rings[index];

	vhost_user_priv_ring_stop(b, index);
	if (ring->base)
		ring->reset_base = ring->base;
	ring->base = 0;
	ring->enabled = false;
	ring->have_addr = false;
	ring->refused = 0;
}

/*
 * The device's initial state. Connection, protocol features and memory are
 * kept, and so are call and error descriptors: front-ends send these once, long
 * before the first start.
 */
static void device_reset(struct vhost_user_backend *b)
{
	bool translated = vhost_user_priv_translates(b);
	uint32_t i;
	int rc;

	for (i = 0; i < b->config.nrings; i++)
		ring_reset(b, i);
	vhost_user_priv_log_drop(b);
	vhost_user_priv_kept_clear(b);
	rc = vhost_user_priv_inflight_drop(b);
	if (rc < 0) {
		vsu_error_sys(&b->why, rc, "the in-flight area cannot be released");
		vhost_user_priv_backend_fail(b);
	}
	b->state_moves = false;
	b->features = 0;
	if (vhost_user_priv_has_features(b))
		b->negotiation = VHOST_USER_PRIV_NEGOTIATES;
	if (translated)
		addresses_switch(b);
	b->status = 0;
	if (b->ops.reset)
		b->ops.reset(b->opaque);
}

static int reset_device(struct vhost_user_backend *b,
			struct vhost_user_priv_msg *msg, struct vsu_error *err)
{
	(void)msg;
	(void)err;
	device_reset(b);
	return 0;
}

/* VIRTIO 1.3, section 2.1: status is one byte, 0 resets the device. */
static int check_status(struct vhost_user_backend *b,
			struct vhost_user_priv_msg *msg, struct vsu_error *err)
{
	(void)b;
	if (msg->payload.u64 > UINT8_MAX)
		return vsu_error_set(err, -EBADMSG,
				     "SET_STATUS of %#" PRIx64 ", a status has 8 bits",
				     msg->payload.u64);
	return msg->payload.u64 ? VHOST_USER_PRIV_GO : VHOST_USER_PRIV_DRAIN;
}

static int set_status(struct vhost_user_backend *b,
		      struct vhost_user_priv_msg *msg, struct vsu_error *err)
{
	(void)err;
	if (msg->payload.u64 == 0)
		device_reset(b);
	b->status = (uint8_t)msg->payload.u64;
	if (b->ops.set_status)
		b->ops.set_status(b->opaque, b->status);
	return 0;
}

static int get_status(struct vhost_user_backend *b,
		      struct vhost_user_priv_msg *msg, struct vsu_error *err)
{
	(void)err;
	return vhost_user_priv_reply_u64(msg, b->status);
}

static const struct vhost_user_priv_handler handlers[] = {
	{ VHOST_USER_GET_FEATURES, VHOST_USER_PRIV_NO_RING, VHOST_USER_PRIV_GO,
	  NULL, get_features, NULL },
	{ VHOST_USER_SET_FEATURES, VHOST_USER_PRIV_ALL_RINGS, VHOST_USER_PRIV_GO,
	  check_features, set_features, NULL },
	{ VHOST_USER_SET_OWNER, VHOST_USER_PRIV_NO_RING, VHOST_USER_PRIV_GO,
	  NULL, set_owner, NULL },
	{ VHOST_USER_RESET_OWNER, VHOST_USER_PRIV_ALL_RINGS, VHOST_USER_PRIV_DRAIN,
	  NULL, reset_owner, NULL },
	{ VHOST_USER_GET_PROTOCOL_FEATURES, VHOST_USER_PRIV_NO_RING, VHOST_USER_PRIV_GO,
	  NULL, get_protocol, NULL },
	{ VHOST_USER_SET_PROTOCOL_FEATURES, VHOST_USER_PRIV_NO_RING, VHOST_USER_PRIV_GO,
	  NULL, set_protocol, NULL },
	{ VHOST_USER_GET_QUEUE_NUM, VHOST_USER_PRIV_NO_RING, VHOST_USER_PRIV_GO,
	  NULL, get_queue_num, NULL },
	{ VHOST_USER_RESET_DEVICE, VHOST_USER_PRIV_ALL_RINGS, VHOST_USER_PRIV_DRAIN,
	  NULL, reset_device, NULL },
	{ VHOST_USER_SET_STATUS, VHOST_USER_PRIV_ALL_RINGS, VHOST_USER_PRIV_GO,
	  check_status, set_status, NULL },
	{ VHOST_USER_GET_STATUS, VHOST_USER_PRIV_NO_RING, VHOST_USER_PRIV_GO,
	  NULL, get_status, NULL },
};

VHOST_USER_PRIV_HANDLERS(features_handlers, handlers);
