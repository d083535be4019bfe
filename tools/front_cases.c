/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Cases of "check-frontend" with a session of their own: other offers, events and replies. */
#include <config.h>

#include <virtio-queue/features.h>

#include "front.h"

#define F30 VHOST_USER_F_PROTOCOL_FEATURES
#define OFFER (VQ_F_VERSION_1 | F30)
#define CHANNEL (PF(BACKEND_REQ) | PF(BACKEND_SEND_FD))
#define ALL (PF(MQ) | PF(LOG_SHMFD) | PF(REPLY_ACK) | CHANNEL | PF(CONFIG) | PF(INFLIGHT_SHMFD) | \
	     PF(RESET_DEVICE) | PF(CONFIGURE_MEM_SLOTS) | PF(STATUS) | PF(SHMEM))

const struct front_script front_plain = { .features = OFFER | VHOST_USER_F_LOG_ALL, .protocol = ALL };

/* --------------------------------------------------------------- judgements */

/* No message breaks a rule of <vhost/message.h> or of the negotiation. */
static bool is_clean(struct check *c)
{
	const struct front *f = front_of(c);
	const struct front_record *r;

	for (r = f->records; r < f->records + f->nrecords; r++)
		if (!r->reply && !r->channel && r->problem.code)
			return check_fail(c, "%s", r->problem.msg);
	return true;
}

static bool lives(struct check *c)
{
	return front_of(c)->happened || check_skip(c, "the front-end has not come so far");
}

/* The reply to the request on the back-end channel, or NULL with a verdict. */
static const struct front_record *reply_of(struct check *c)
{
	const struct front *f = front_of(c);
	const struct front_record *r;

	for (r = f->records; lives(c) && r < f->records + f->nrecords; r++)
		if (r->channel && !r->reply)
			return r;
	if (!(c->exchange.protocol.acked & PF(REPLY_ACK)))
		check_skip(c, "REPLY_ACK was not negotiated");
	check_fail(c, "no reply");
	return NULL;
}

static bool is_answered(struct check *c)
{
	return reply_of(c);
}

static bool is_acknowledged(struct check *c)
{
	const struct front_record *r = reply_of(c);

	return r && check_that(c, r->u64 == 0, "the request was refused");
}

static bool is_refused(struct check *c)
{
	const struct front_record *r = reply_of(c);

	return r && check_that(c, r->u64 != 0, "the request was not refused");
}

/* The second connection, or a verdict. */
static bool is_back(struct check *c)
{
	struct front *f = front_of(c);

	f->judged = 2;
	return lives(c) &&
	       (f->connection > 1 || check_skip(c, "the front-end does not connect again"));
}

static bool starts_again(struct check *c)
{
	static const uint32_t needed[] = {
		VHOST_USER_GET_FEATURES, VHOST_USER_SET_OWNER, VHOST_USER_SET_FEATURES,
		VHOST_USER_SET_VRING_NUM, VHOST_USER_SET_VRING_ADDR, VHOST_USER_SET_VRING_KICK,
	};
	size_t i;

	for (i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		(void)check_that(c, front_next(front_of(c), NULL, needed[i]), "%s was not sent again",
				 vhost_user_message_name(VHOST_USER_SIDE_FRONTEND, needed[i]));
	return true;
}

static bool keeps_area(struct check *c)
{
	struct front *f = front_of(c);
	const struct front_record *first, *second = front_next(f, NULL, VHOST_USER_SET_INFLIGHT_FD);

	f->judged = 1;
	first = front_next(f, NULL, VHOST_USER_SET_INFLIGHT_FD);
	if (!first)
		return check_skip(c, "SET_INFLIGHT_FD was not sent");
	return check_that(c, second && first->fds[0].st_ino == second->fds[0].st_ino,
			  "the area was not sent again");
}

/* --------------------------------------------------------------- the offers */

#define OFFERS(features_, protocol_) \
	(&(const struct front_script){ .features = (features_), .protocol = (protocol_) })
#define EVENT(...) \
	(&(const struct front_script){ .features = OFFER, .protocol = ALL, .stalls = true, __VA_ARGS__ })
#define SENDS(number_, payload_, size_, ...) SENT(false, number_, payload_, size_, __VA_ARGS__)
#define ASKS(number_, payload_, size_, ...) SENT(true, number_, payload_, size_, __VA_ARGS__)
#define SENT(answered_, number_, payload_, size_, ...) \
	EVENT(.event = FRONT_SENDS, .answered = (answered_), .number = (number_), \
	      .payload = (payload_), .size = (size_), \
	      .twist = { __VA_ARGS__ })

#define CASE(name, rule, section, needs, script, ...) \
	{ name, rule, section, needs, script, { front_run, __VA_ARGS__ } }
#define BACK "Back-end message types"
#define WITHOUT(name, rule, features) \
	CASE("offer." name, rule, PROTOCOL, 0, OFFERS(OFFER, ALL & ~(features)), is_clean)
#define LIVES(name, rule, number, payload, size, ...) \
	CASE("back." name, rule " the front-end", BACK, 0, \
	     SENDS(VHOST_USER_BACKEND_##number, payload, size, __VA_ARGS__), lives)
#define CHANGE(name, rule, ...) LIVES(name, rule, CONFIG_CHANGE_MSG, NULL, 0, __VA_ARGS__)

static const struct vhost_user_shmem_mmap page = { .len = 4096, .flags = VHOST_USER_SHMEM_RW };
static const struct vhost_user_shmem_mmap no_region = { .shmid = 200, .len = 4096 };
static const struct vhost_user_shmem_mmap beyond = { .shm_offset = UINT64_MAX - 4095, .len = 4096 };
static const struct vhost_user_iotlb miss = { .iova = UINT64_MAX, .size = UINT64_MAX, .type = 1 };
static const unsigned char ones[256] = { [0 ... 255] = 0xff };

const struct check_case front_cases[] = {
	CASE("offer.no-protocol-features", "without bit 30 there are no protocol features",
	     NEGOTIATION, 0, OFFERS(VQ_F_VERSION_1, ALL), is_clean),
	CASE("offer.nothing", "a back-end without protocol features is used without them",
	     PROTOCOL, 0, OFFERS(OFFER, 0), is_clean),
	WITHOUT("no-reply-ack", "without REPLY_ACK no acknowledgement is requested", PF(REPLY_ACK)),
	WITHOUT("no-slots", "without CONFIGURE_MEM_SLOTS memory is sent as a table",
		PF(CONFIGURE_MEM_SLOTS)),
	WITHOUT("no-queues", "without MQ the number of queues is not requested", PF(MQ)),
	WITHOUT("no-channel", "without BACKEND_REQ there is no back-end channel",
		CHANNEL | PF(SHMEM)),
	WITHOUT("no-inflight", "without INFLIGHT_SHMFD there is no area in flight",
		PF(INFLIGHT_SHMFD)),
	WITHOUT("no-config", "without CONFIG the configuration is not read", PF(CONFIG)),
	WITHOUT("no-status", "without STATUS the status is not sent", PF(STATUS)),
	CASE("offer.unknown", "unknown protocol features do not confuse",
	     PROTOCOL, 0, OFFERS(OFFER, ALL | ~(PF(COUNT) - 1)), is_clean),
	CASE("reconnect.again", "after a disconnection everything is sent again",
	     "Reconnection", 0, EVENT(.event = FRONT_DISCONNECTS), is_back, is_clean, starts_again),
	CASE("reconnect.inflight", "after a disconnection the area in flight is sent again",
	     TRACKING, 0, EVENT(.event = FRONT_DISCONNECTS), is_back, keeps_area),
	CASE("reconnect.fewer", "only features of the new offer are acknowledged",
	     NEGOTIATION, 0, EVENT(.event = FRONT_DISCONNECTS, .later = F30), is_clean),
	CASE("config.change", "CONFIG_CHANGE_MSG is acknowledged",
	     BACK, PF(CONFIG), ASKS(VHOST_USER_BACKEND_CONFIG_CHANGE_MSG, NULL, 0, .name = NULL),
	     is_acknowledged),
	CASE("back.unknown", "an unknown request of the back-end is not acknowledged",
	     BACK, 0, ASKS(200, ones, 8, .name = NULL), is_refused),
	CASE("back.shmem-map", "SHMEM_MAP of a page is answered",
	     BACK, PF(SHMEM), ASKS(VHOST_USER_BACKEND_SHMEM_MAP, &page, sizeof(page), .nfds = 1),
	     is_answered),
	CASE("back.shmem-region", "SHMEM_MAP of an unknown region is refused",
	     BACK, 0, ASKS(VHOST_USER_BACKEND_SHMEM_MAP, &no_region, sizeof(no_region), .nfds = 1),
	     is_refused),
	CASE("back.shmem-range", "SHMEM_MAP beyond a region is refused",
	     BACK, 0, ASKS(VHOST_USER_BACKEND_SHMEM_MAP, &beyond, sizeof(beyond), .nfds = 1), is_refused),
	LIVES("iotlb", "IOTLB_MSG without an IOMMU does not end", IOTLB_MSG, &miss, sizeof(miss),),
	LIVES("ones", "a request of ones does not end", SHMEM_UNMAP, ones, sizeof(ones),),
	CHANGE("huge", "a request of 4 GiB does not end", .claim = UINT32_MAX),
	CHANGE("descriptors", "32 descriptors do not end", .nfds = 31),
	CHANGE("flags", "another version does not end", .flags = 3),
	CHANGE("many", "many requests at once do not end", .copies = 63),
	CHANGE("half", "half a header does not stop", .keep = 6),
	{ .name = NULL }
};

/* ------------------------------------------------------------------ replies */

const struct front_twist front_twists[] = {
	{ .name = "number", .rule = "with the number of another request is not taken",
	  .number = 1, .judged = true },
	{ .name = "short", .rule = "that is too short is not taken", .size = -4, .judged = true },
	{ .name = "long", .rule = "that is too long does not end the front-end", .size = 8 },
	{ .name = "flags", .rule = "without the flag of replies does not end the front-end",
	  .flags = VHOST_USER_HDR_REPLY },
	{ .name = "version", .rule = "of another version does not end the front-end", .flags = 3 },
	{ .name = "huge", .rule = "of 4 GiB does not end the front-end", .claim = UINT32_MAX },
	{ .name = "ones", .rule = "of ones does not end the front-end", .fill = true },
	{ .name = "twice", .rule = "that comes twice does not end the front-end", .copies = 1 },
	{ .name = "descriptors", .rule = "with 31 descriptors does not end the front-end", .nfds = 31 },
	{ .name = "half", .rule = "cut in its header does not stop the front-end", .keep = 6,
	  .close = true },
	{ .name = "closed", .rule = "that does not come, but an end, does not stop the front-end",
	  .mute = true, .close = true },
	{ .name = "missing", .rule = "that does not come does not keep the front-end from its end",
	  .mute = true },
	{ .name = NULL }
};

const uint32_t front_twisted[] = {
	VHOST_USER_GET_FEATURES,
	VHOST_USER_GET_PROTOCOL_FEATURES,
	VHOST_USER_GET_QUEUE_NUM,
	VHOST_USER_GET_MAX_MEM_SLOTS,
	VHOST_USER_GET_CONFIG,
	VHOST_USER_GET_INFLIGHT_FD,
	VHOST_USER_GET_VRING_BASE,
	VHOST_USER_SET_VRING_ENABLE,
	0
};
