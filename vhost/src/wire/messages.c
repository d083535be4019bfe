/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The message table, and dependencies between protocol features. */
#include <config.h>

#include <errno.h>

#include "wire/messages.h"

#define NO VHOST_USER_NO_BIT
#define K(kind) VHOST_USER_PAYLOAD_##kind
#define FDS(rule) VHOST_USER_FDS_##rule
#define R(rule) VHOST_USER_REPLY_##rule
#define WHEN(when) VHOST_USER_WHEN_##when
#define PF(name) VHOST_USER_PROTOCOL_F_##name
#define F_PROTOCOL 30	/* bit numbers of the VHOST_USER_F_ masks */
#define F_PLATFORM 33

/*
 * SET_ requests are acknowledged on demand, GET_ requests always have a reply.
 * The word behind "reply" is the payload and the descriptors of the reply.
 */
#define ASK(nr, name, kind, fds, bit, feature, when, section) \
	[nr] = { nr, K(kind), FDS(fds), R(ACK), K(RESULT), FDS(NONE), bit, \
		 feature, WHEN(when), name, section }
#define STATUS(nr, name, kind, fds, reply_fds, bit, feature, when, section) \
	[nr] = { nr, K(kind), FDS(fds), R(STATUS), K(RESULT), FDS(reply_fds), \
		 bit, feature, WHEN(when), name, section }
#define VALUE(nr, name, kind, fds, reply, reply_fds, bit, section) \
	[nr] = { nr, K(kind), FDS(fds), R(VALUE), K(reply), FDS(reply_fds), \
		 bit, NO, WHEN(ALWAYS), name, section }

/* Sections of the specification, by their titles. */
#define S_FRONT_END "Front-end message types"
#define S_BACK_END "Back-end message types"
#define S_CHANNEL "Back-end communication"
#define S_FEATURES "Protocol features"
#define S_INBAND "In-band notifications"
#define S_INFLIGHT "Inflight I/O tracking"
#define S_IOMMU "IOMMU support"
#define S_LOGGING "Migration"
#define S_MEMORY "Memory access"
#define S_QUEUES "Multiple queue support"
#define S_RINGS "Ring states"
#define S_TRANSFER "Migrating back-end state"

#define REQ(name) VHOST_USER_##name, #name
#define BREQ(name) VHOST_USER_BACKEND_##name, #name

#define BACKEND_ROWS (VHOST_USER_BACKEND_SHMEM_UNMAP + 1)

/* The macros below take number and name as one argument. */
#define ASK_(pair, ...) ASK(pair, __VA_ARGS__)
#define STATUS_(pair, ...) STATUS(pair, __VA_ARGS__)
#define VALUE_(pair, ...) VALUE(pair, __VA_ARGS__)

static const struct vhost_user_message frontend_rows[VHOST_USER_PRIV_FRONTEND_ROWS] = {
	VALUE_(REQ(GET_FEATURES), EMPTY, NONE, FEATURES, NONE, NO, S_FRONT_END),
	ASK_(REQ(SET_FEATURES), FEATURES, NONE, NO, NO, ALWAYS, S_FRONT_END),
	ASK_(REQ(SET_OWNER), EMPTY, NONE, NO, NO, ALWAYS, S_FRONT_END),
	ASK_(REQ(RESET_OWNER), EMPTY, NONE, NO, NO, ALWAYS, S_FRONT_END),
	ASK_(REQ(SET_MEM_TABLE), TABLE, PER_REGION, NO, NO, ALWAYS, S_MEMORY),
	VALUE_(REQ(SET_LOG_BASE), LOG, OPTIONAL, LOG, NONE, PF(LOG_SHMFD),
	       S_LOGGING),
	ASK_(REQ(SET_LOG_FD), EMPTY, ONE, NO, NO, ALWAYS, S_LOGGING),
	ASK_(REQ(SET_VRING_NUM), STATE, NONE, NO, NO, ALWAYS, S_FRONT_END),
	ASK_(REQ(SET_VRING_ADDR), ADDR, NONE, NO, NO, ALWAYS, S_FRONT_END),
	ASK_(REQ(SET_VRING_BASE), STATE, NONE, NO, NO, ALWAYS, S_FRONT_END),
	VALUE_(REQ(GET_VRING_BASE), STATE, NONE, STATE, NONE, NO, S_RINGS),
	ASK_(REQ(SET_VRING_KICK), RING, UNLESS_NOFD, NO, NO, ALWAYS, S_RINGS),
	ASK_(REQ(SET_VRING_CALL), RING, UNLESS_NOFD, NO, NO, ALWAYS, S_FRONT_END),
	ASK_(REQ(SET_VRING_ERR), RING, UNLESS_NOFD, NO, NO, ALWAYS, S_FRONT_END),
	VALUE_(REQ(GET_PROTOCOL_FEATURES), EMPTY, NONE, PROTOCOL_FEATURES,
	       NONE, NO, S_FEATURES),
	ASK_(REQ(SET_PROTOCOL_FEATURES), PROTOCOL_FEATURES, NONE, NO, NO,
	     ALWAYS, S_FEATURES),
	VALUE_(REQ(GET_QUEUE_NUM), EMPTY, NONE, U64, NONE, PF(MQ), S_QUEUES),
	ASK_(REQ(SET_VRING_ENABLE), STATE, NONE, NO, F_PROTOCOL, ALWAYS, S_RINGS),
	ASK_(REQ(SEND_RARP), MAC, NONE, PF(RARP), NO, ALWAYS, S_LOGGING),
	ASK_(REQ(NET_SET_MTU), U64, NONE, PF(NET_MTU), NO, ALWAYS, S_FRONT_END),
	ASK_(REQ(SET_BACKEND_REQ_FD), EMPTY, ONE, PF(BACKEND_REQ), NO, ALWAYS,
	     S_CHANNEL),
	STATUS_(REQ(IOTLB_MSG), IOTLB, NONE, NONE, NO, F_PLATFORM, ALWAYS,
		S_IOMMU),
	ASK_(REQ(SET_VRING_ENDIAN), STATE, NONE, PF(CROSS_ENDIAN), NO, ALWAYS,
	     S_FRONT_END),
	VALUE_(REQ(GET_CONFIG), CONFIG, NONE, CONFIG, NONE, PF(CONFIG),
	       S_FRONT_END),
	ASK_(REQ(SET_CONFIG), CONFIG, NONE, PF(CONFIG), NO, ALWAYS, S_FRONT_END),
	VALUE_(REQ(CREATE_CRYPTO_SESSION), CRYPTO, NONE, CRYPTO, NONE,
	       PF(CRYPTO_SESSION), S_FRONT_END),
	ASK_(REQ(CLOSE_CRYPTO_SESSION), U64, NONE, PF(CRYPTO_SESSION), NO,
	     ALWAYS, S_FRONT_END),
	VALUE_(REQ(POSTCOPY_ADVISE), EMPTY, NONE, EMPTY, OPTIONAL,
	       PF(PAGEFAULT), S_FRONT_END),
	STATUS_(REQ(POSTCOPY_LISTEN), EMPTY, NONE, NONE, PF(PAGEFAULT), NO,
		ALWAYS, S_FRONT_END),
	STATUS_(REQ(POSTCOPY_END), EMPTY, NONE, NONE, PF(PAGEFAULT), NO,
		ALWAYS, S_FRONT_END),
	VALUE_(REQ(GET_INFLIGHT_FD), INFLIGHT, NONE, INFLIGHT, OPTIONAL,
	       PF(INFLIGHT_SHMFD), S_INFLIGHT),
	ASK_(REQ(SET_INFLIGHT_FD), INFLIGHT, ONE, PF(INFLIGHT_SHMFD), NO,
	     ALWAYS, S_INFLIGHT),
	ASK_(REQ(GPU_SET_SOCKET), EMPTY, ONE, NO, NO, ALWAYS, S_FRONT_END),
	ASK_(REQ(RESET_DEVICE), EMPTY, NONE, PF(RESET_DEVICE), NO, ALWAYS,
	     S_RINGS),
	ASK_(REQ(VRING_KICK), STATE, NONE, PF(INBAND_NOTIFICATIONS), NO,
	     ALWAYS, S_INBAND),
	VALUE_(REQ(GET_MAX_MEM_SLOTS), EMPTY, NONE, U64, NONE,
	       PF(CONFIGURE_MEM_SLOTS), S_MEMORY),
	ASK_(REQ(ADD_MEM_REG), REGION, ONE, PF(CONFIGURE_MEM_SLOTS), NO,
	     ALWAYS, S_MEMORY),
	ASK_(REQ(REM_MEM_REG), REGION, IGNORED, PF(CONFIGURE_MEM_SLOTS), NO,
	     ALWAYS, S_MEMORY),
	ASK_(REQ(SET_STATUS), STATUS, NONE, PF(STATUS), NO, ALWAYS, S_FRONT_END),
	VALUE_(REQ(GET_STATUS), EMPTY, NONE, STATUS, NONE, PF(STATUS),
	       S_FRONT_END),
	VALUE_(REQ(GET_SHARED_OBJECT), SHARED, NONE, SHARED, OPTIONAL,
	       PF(SHARED_OBJECT), S_FRONT_END),
	STATUS_(REQ(SET_DEVICE_STATE_FD), TRANSFER, ONE, OPTIONAL,
		PF(DEVICE_STATE), NO, SUSPENDED, S_TRANSFER),
	STATUS_(REQ(CHECK_DEVICE_STATE), EMPTY, NONE, NONE, PF(DEVICE_STATE),
		NO, SUSPENDED, S_TRANSFER),
	VALUE_(REQ(GET_SHMEM_CONFIG), EMPTY, NONE, SHMEM, NONE, PF(SHMEM),
	       S_FRONT_END),
	VALUE_(REQ(GET_VRING_BASE_SKIP_DRAIN), STATE, NONE, STATE, NONE,
	       PF(GET_VRING_BASE_SKIP_DRAIN), S_INFLIGHT),
};

const struct vhost_user_message vhost_user_priv_postcopy_table = {
	VHOST_USER_SET_MEM_TABLE, K(TABLE), FDS(PER_REGION), R(VALUE), K(TABLE),
	FDS(NONE), PF(PAGEFAULT), NO, WHEN(ALWAYS), "SET_MEM_TABLE",
	S_LOGGING
};

/* A suspended device sends no request (section "Suspended device"). */
static const struct vhost_user_message backend_rows[BACKEND_ROWS] = {
	ASK_(BREQ(IOTLB_MSG), IOTLB, NONE, PF(BACKEND_REQ), F_PLATFORM,
	     STARTED, S_IOMMU),
	ASK_(BREQ(CONFIG_CHANGE_MSG), EMPTY, NONE, PF(CONFIG), NO, STARTED,
	     S_BACK_END),
	ASK_(BREQ(VRING_HOST_NOTIFIER_MSG), AREA, UNLESS_NOFD,
	     PF(HOST_NOTIFIER), NO, STARTED, S_BACK_END),
	ASK_(BREQ(VRING_CALL), STATE, NONE, PF(INBAND_NOTIFICATIONS), NO,
	     STARTED, S_INBAND),
	ASK_(BREQ(VRING_ERR), STATE, NONE, PF(INBAND_NOTIFICATIONS), NO,
	     STARTED, S_INBAND),
	ASK_(BREQ(SHARED_OBJECT_ADD), SHARED, NONE, PF(SHARED_OBJECT), NO,
	     STARTED, S_BACK_END),
	ASK_(BREQ(SHARED_OBJECT_REMOVE), SHARED, NONE, PF(SHARED_OBJECT), NO,
	     STARTED, S_BACK_END),
	STATUS_(BREQ(SHARED_OBJECT_LOOKUP), SHARED, NONE, OPTIONAL,
		PF(SHARED_OBJECT), NO, STARTED, S_BACK_END),
	ASK_(BREQ(SHMEM_MAP), MMAP, ONE, PF(SHMEM), NO, STARTED, S_BACK_END),
	ASK_(BREQ(SHMEM_UNMAP), MMAP, OPTIONAL, PF(SHMEM), NO, STARTED,
	     S_BACK_END),
};

/*
 * Protocol features: name, and the features that must be negotiated with it,
 * all of which have lower numbers.
 */
#define NEEDS(name) VHOST_USER_PROTOCOL_BIT(name)
#define FEATURE(name, needs) [PF(name)] = { #name, needs }

static const struct {
	const char *name;
	uint64_t needs;
} protocol_features[VHOST_USER_PROTOCOL_F_COUNT] = {
	FEATURE(MQ, 0),
	FEATURE(LOG_SHMFD, 0),
	FEATURE(RARP, 0),
	FEATURE(REPLY_ACK, 0),
	FEATURE(NET_MTU, 0),
	FEATURE(BACKEND_REQ, 0),
	FEATURE(CROSS_ENDIAN, 0),
	FEATURE(CRYPTO_SESSION, 0),
	FEATURE(PAGEFAULT, 0),
	FEATURE(CONFIG, 0),
	FEATURE(BACKEND_SEND_FD, NEEDS(BACKEND_REQ)),
	FEATURE(HOST_NOTIFIER, NEEDS(BACKEND_REQ) | NEEDS(BACKEND_SEND_FD)),
	FEATURE(INFLIGHT_SHMFD, 0),
	FEATURE(RESET_DEVICE, 0),
	FEATURE(INBAND_NOTIFICATIONS, NEEDS(REPLY_ACK) | NEEDS(BACKEND_REQ)),
	FEATURE(CONFIGURE_MEM_SLOTS, 0),
	FEATURE(STATUS, 0),
	FEATURE(XEN_MMAP, 0),
	FEATURE(SHARED_OBJECT, NEEDS(BACKEND_REQ) | NEEDS(BACKEND_SEND_FD)),
	FEATURE(DEVICE_STATE, 0),
	FEATURE(GET_VRING_BASE_INFLIGHT, NEEDS(INFLIGHT_SHMFD)),
	FEATURE(GPA_ADDRESSES, 0),
	FEATURE(SHMEM, NEEDS(BACKEND_REQ) | NEEDS(BACKEND_SEND_FD)),
	FEATURE(GET_VRING_BASE_SKIP_DRAIN,
		NEEDS(INFLIGHT_SHMFD) | NEEDS(GET_VRING_BASE_INFLIGHT)),
};

const struct vhost_user_message *
vhost_user_message(enum vhost_user_side side, uint32_t number)
{
	const struct vhost_user_message *rows = frontend_rows;
	uint32_t n = VHOST_USER_PRIV_FRONTEND_ROWS;

	if (side == VHOST_USER_SIDE_BACKEND) {
		rows = backend_rows;
		n = BACKEND_ROWS;
	}
	return number < n && rows[number].name ? &rows[number] : NULL;
}

const char *vhost_user_message_name(enum vhost_user_side side,
					 uint32_t number)
{
	const struct vhost_user_message *row =
		vhost_user_message(side, number);

	return row ? row->name : "request";
}

const char *vhost_user_protocol_feature_name(unsigned int bit)
{
	return bit < VHOST_USER_PROTOCOL_F_COUNT ? protocol_features[bit].name :
						   NULL;
}

uint64_t vhost_user_priv_move_feature(uint64_t bits, unsigned int from,
				      unsigned int to)
{
	uint64_t is = bits >> from & 1;
	uint64_t both = UINT64_C(1) << from | UINT64_C(1) << to;

	return (bits & ~both) | is << to;
}

int vhost_user_priv_check_shmem_bit(uint32_t *bit, struct vsu_error *err)
{
	if (*bit == 0)
		*bit = VHOST_USER_PROTOCOL_F_SHMEM;
	if (*bit >= VHOST_USER_PROTOCOL_F_GET_VRING_BASE_INFLIGHT &&
	    *bit <= VHOST_USER_PROTOCOL_F_SHMEM)
		return 0;
	return vsu_error_set(err, -EINVAL,
			     "shmem_bit %u: SHMEM was never any bit but 20, 21 and 22",
			     *bit);
}

uint64_t vhost_user_priv_without_orphans(uint64_t bits)
{
	uint64_t needs;
	unsigned int i;

	for (i = 0; i < VHOST_USER_PROTOCOL_F_COUNT; i++) {
		needs = protocol_features[i].needs;
		if ((bits & needs) != needs)
			bits &= ~(UINT64_C(1) << i);
	}
	return bits;
}
