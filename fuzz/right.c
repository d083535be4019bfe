/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Valid messages of a front-end. */
#include <config.h>

#include <string.h>

#include <vhost/protocol.h>
#include <vmm-sys-util/endian.h>

#include "right.h"

#define UADDR UINT64_C(0x100000000)
#define SPLIT_FEATURES (UINT64_C(0x100000000) | VHOST_USER_F_PROTOCOL_FEATURES)
#define SOME_PROTOCOL UINT64_C(0x1a229)
/* in the guest's own memory, behind the rings and their buffers */
#define INFLIGHT_AT 0xe000u
#define INFLIGHT_SIZE 0x1000u
#define LOG_AT 0xf000u
#define LOG_SIZE 0x100u

static const struct {
	uint32_t request, size;
	int fd;
} rights[RIGHTS] = {
	[PROTOCOL] = { VHOST_USER_SET_PROTOCOL_FEATURES, 8, -1 },
	[FEATURES] = { VHOST_USER_SET_FEATURES, 8, -1 },
	[TABLE] = { VHOST_USER_SET_MEM_TABLE, 40, MEMFD },
	[SLOT] = { VHOST_USER_ADD_MEM_REG, 40, MEMFD },
	[NUM] = { VHOST_USER_SET_VRING_NUM, 8, -1 },
	[BASE] = { VHOST_USER_SET_VRING_BASE, 8, -1 },
	[ADDR] = { VHOST_USER_SET_VRING_ADDR, 40, -1 },
	[KICK] = { VHOST_USER_SET_VRING_KICK, 8, EVENTFD },
	[CALL] = { VHOST_USER_SET_VRING_CALL, 8, EVENTFD },
	[ENABLE] = { VHOST_USER_SET_VRING_ENABLE, 8, -1 },
	[DISABLE] = { VHOST_USER_SET_VRING_ENABLE, 8, -1 },
	[STOP] = { VHOST_USER_GET_VRING_BASE, 8, -1 },
	[REQUESTS] = { VHOST_USER_SET_BACKEND_REQ_FD, 0, SOCKET },
	[CONFIG] = { VHOST_USER_GET_CONFIG, 12, -1 },
	[EVERYTHING] = { VHOST_USER_SET_PROTOCOL_FEATURES, 8, -1 },
	[GET_INFLIGHT] = { VHOST_USER_GET_INFLIGHT_FD, 24, -1 },
	[SET_INFLIGHT] = { VHOST_USER_SET_INFLIGHT_FD, 24, MEMFD },
	[PARK] = { VHOST_USER_GET_VRING_BASE_SKIP_DRAIN, 8, -1 },
	[LOG] = { VHOST_USER_SET_LOG_BASE, 16, MEMFD },
	[LOG_ALL] = { VHOST_USER_SET_FEATURES, 8, -1 },
	[STATE] = { VHOST_USER_SET_DEVICE_STATE_FD, 8, PIPE_READ },
	[CHECK] = { VHOST_USER_CHECK_DEVICE_STATE, 0, -1 },
	[OBJECT] = { VHOST_USER_GET_SHARED_OBJECT, 16, -1 },
	[RESET_ALL] = { VHOST_USER_RESET_DEVICE, 0, -1 },
	[ANNOUNCE] = { VHOST_USER_SEND_RARP, 8, -1 },
	[MTU] = { VHOST_USER_NET_SET_MTU, 8, -1 },
	[SESSION] = { VHOST_USER_CLOSE_CRYPTO_SESSION, 8, -1 },
	[PLATFORM] = { VHOST_USER_SET_FEATURES, 8, -1 },
	[ENTRY_ALL] = { VHOST_USER_IOTLB_MSG, 32, -1 },
	[ENTRY_PAGE] = { VHOST_USER_IOTLB_MSG, 32, -1 },
	[NO_ENTRY] = { VHOST_USER_IOTLB_MSG, 32, -1 },
	[ADVISE] = { VHOST_USER_POSTCOPY_ADVISE, 0, -1 },
	[LISTEN] = { VHOST_USER_POSTCOPY_LISTEN, 0, -1 },
	[PLACED] = { VHOST_USER_SET_MEM_TABLE, 8, -1 },
	[ARRIVED] = { VHOST_USER_POSTCOPY_END, 0, -1 },
	[RING_KICK] = { VHOST_USER_VRING_KICK, 8, -1 },
	[NO_KICK] = { VHOST_USER_SET_VRING_KICK, 8, -1 },
};

uint64_t right_at(uint32_t ring, uint32_t area)
{
	return 0x1000u * (1 + 4 * ring + area);
}

/* The payload of 8 bytes. */
static uint64_t word_of(enum right what, uint32_t ring, uint64_t offered)
{
	switch (what) {
	case PROTOCOL:
		return SOME_PROTOCOL;
	case FEATURES:
		return SPLIT_FEATURES;
	case LOG_ALL:
		return SPLIT_FEATURES | VHOST_USER_F_LOG_ALL;
	case EVERYTHING:
		return offered;
	case MTU:
		return 1500;
	case PLATFORM:
		return SPLIT_FEATURES | VHOST_USER_F_ACCESS_PLATFORM;
	case PLACED:
		return 0;
	case NO_KICK:
		return ring | VHOST_USER_VRING_NOFD;
	default:
		return ring;
	}
}

/*
 * Rings have their user addresses as I/O addresses, buffers those of the guest. The ring's
 * number selects the entry and, for single pages, the permission.
 */
static struct vhost_user_iotlb entry_of(enum right what, uint32_t ring)
{
	struct vhost_user_iotlb e = {
		.iova = ring & 1 ? 0 : UADDR, .size = MEMORY_SIZE,
		.user_addr = UADDR, .perm = 3, .type = VHOST_USER_IOTLB_UPDATE,
	};

	if (what == ENTRY_ALL)
		return e;
	e.iova += right_at(ring, 3) & 0xfff000;
	e.user_addr += right_at(ring, 3) & 0xfff000;
	e.size = 0x1000;
	e.perm = (uint8_t)(1 + ring % 3);
	if (what == NO_ENTRY)
		e.type = VHOST_USER_IOTLB_INVALIDATE;
	return e;
}

void right_message(struct right_message *m, enum right what, uint32_t ring,
		   uint64_t offered)
{
	const struct vhost_user_iotlb entry = entry_of(what, ring);
	const uint64_t addr[5] = { ring, UADDR + right_at(ring, 0),
				   UADDR + right_at(ring, 2),
				   UADDR + right_at(ring, 1) };
	const uint64_t table[5] = { what == TABLE, 0, MEMORY_SIZE, UADDR, 0 };
	const uint64_t log[5] = { LOG_SIZE, LOG_AT };
	const struct vhost_user_inflight inflight = { INFLIGHT_SIZE, INFLIGHT_AT,
						      RINGS, SIZE, 0 };
	const struct vhost_user_vring_state state = { ring, what == NUM ? SIZE :
						      what == ENABLE };
	const struct vhost_user_config config = { 0, 20, 0 };
	const uint32_t transfer[2] = { ring & 1, 0 };
	const uint64_t word = word_of(what, ring, offered);
	const void *payload = &word;

	*m = (struct right_message){ .request = rights[what].request,
				     .size = rights[what].size,
				     .fd = rights[what].fd };
	if (what == ADDR)
		payload = addr;
	else if (what == TABLE || what == SLOT)
		payload = table;
	else if (what == GET_INFLIGHT || what == SET_INFLIGHT)
		payload = &inflight;
	else if (what == LOG)
		payload = log;
	else if (what == CONFIG)
		payload = &config;
	else if (what == STATE)
		payload = transfer;
	else if (what >= ENTRY_ALL && what <= NO_ENTRY)
		payload = &entry;
	else if (what == PARK || what == RING_KICK || (what >= NUM && what <= STOP && what != KICK &&
				  what != CALL))
		payload = &state;
	else if (what == OBJECT)
		m->payload[0] = ring;
	if (what != OBJECT)
		memcpy(m->payload, payload, m->size);
}

void right_offer(unsigned char *memory, uint32_t ring)
{
	unsigned char *desc = memory + right_at(ring, 0);
	unsigned char *avail = memory + right_at(ring, 1);
	struct vsu_le64 buffer = vsu_le64_make(right_at(ring, 3));
	struct vsu_le32 len = vsu_le32_make(64);
	struct vsu_le16 flags = vsu_le16_make(2), idx, le_head;
	uint16_t n, head;

	memcpy(&idx, avail + 2, 2);
	n = vsu_le16_load(idx);
	head = n % SIZE;
	le_head = vsu_le16_make(head);
	memcpy(desc + 16 * head, &buffer, 8);
	memcpy(desc + 16 * head + 8, &len, 4);
	memcpy(desc + 16 * head + 12, &flags, 2);
	memcpy(avail + 4 + 2 * head, &le_head, 2);
	idx = vsu_le16_make((uint16_t)(n + 1));
	memcpy(avail + 2, &idx, 2);
}
