/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Cases of "check": configuration, state, the back-end channel, requests of particular
 * devices, and every request with a wrong payload.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "check_case.h"

#define LAST_REQUEST ((unsigned int)VHOST_USER_GET_VRING_BASE_SKIP_DRAIN)

/* -------------------------------------------------------------------- state */

/* Sends one end of a pair, and keeps the other. A former one is closed then. */
static bool send_end(struct check *c, int end, int ours, const struct vhost_user_transfer *transfer)
{
	const bool sent = transfer ?
		check_send(c, VHOST_USER_SET_DEVICE_STATE_FD, V1, transfer, sizeof(*transfer), &end, 1) :
		check_acked(c, VHOST_USER_SET_BACKEND_REQ_FD, NULL, 0, &end, 1);

	vsu_fd_close(&end);
	vsu_fd_close(&c->ours);
	c->ours = ours;
	return sent;
}

static bool send_transfer(struct check *c, const struct vhost_user_transfer *transfer)
{
	const bool save = transfer->direction == VHOST_USER_TRANSFER_SAVE;
	int fds[2];

	return check_that(c, pipe2(fds, O_CLOEXEC) == 0, "no pipe") &&
	       send_end(c, fds[save], fds[!save], transfer);
}

static bool row_transfer(struct check *c)
{
	return send_transfer(c, c->row->with);
}

static bool begin_transfer(struct check *c, uint32_t direction)
{
	const struct vhost_user_transfer transfer = { direction, VHOST_USER_TRANSFER_STOPPED };
	uint64_t word = 0;

	if (!send_transfer(c, &transfer) || !check_reply(c, VHOST_USER_SET_DEVICE_STATE_FD))
		return false;
	memcpy(&word, c->reply.payload, sizeof(word));
	return check_that(c, !(word & 0xff), "the transfer was refused");
}

static bool end_transfer(struct check *c)
{
	uint64_t result;

	return check_get(c, VHOST_USER_CHECK_DEVICE_STATE, &result) &&
	       check_that(c, result == 0, "the transfer has failed");
}

/* A saved state, as long as it fits into a pipe, is loaded into another session. */
static bool state_moves(struct check *c)
{
	char state[65536];
	size_t len = 0;
	ssize_t n = 1;

	if (!begin_transfer(c, VHOST_USER_TRANSFER_SAVE))
		return false;
	while (n > 0 && len < sizeof(state) &&
	       vsu_wait(c->ours, POLLIN, -1, vsu_now_ns() + c->timeout_ms * NS_PER_MS, NULL) == 0) {
		n = read(c->ours, state + len, sizeof(state) - len);
		len += n > 0 ? (size_t)n : 0;
	}
	if (!check_that(c, n == 0, "the state has no end") || !end_transfer(c) ||
	    !check_connect(c) || !check_negotiate(c, c->row->needs) ||
	    !begin_transfer(c, VHOST_USER_TRANSFER_LOAD) ||
	    !check_that(c, write(c->ours, state, len) == (ssize_t)len, "it is not read"))
		return false;
	vsu_fd_close(&c->ours);
	return end_transfer(c);
}

/* ------------------------------------------------------------ shared memory */

static bool shmem_is_counted(struct check *c)
{
	struct vhost_user_shmem_config config;
	unsigned int i, n = 0;

	if (!check_reply_bytes(c, &config, sizeof(config)))
		return false;
	for (i = 0; i < VHOST_USER_MAX_SHMEM; i++) {
		n += config.sizes[i] > 0;
		(void)check_that(c, config.sizes[i] % 4096 == 0, "region %u has %" PRIu64 " bytes", i,
				 config.sizes[i]);
	}
	return check_that(c, n == config.nregions, "%u of %u regions have a size", n,
			  config.nregions);
}

/* ------------------------------------------------------------------ channel */

static bool set_channel(struct check *c)
{
	int pair[2];

	return check_that(c, vsu_sock_pair(pair) == 0, "no socket pair") &&
	       send_end(c, pair[1], pair[0], NULL);
}

static bool close_channel(struct check *c)
{
	vsu_fd_close(&c->ours);
	return true;
}

/* Replies to nothing, and bytes that are no message. */
static bool send_noise(struct check *c)
{
	unsigned char noise[256];
	struct iovec iov = { noise, sizeof(noise) };

	memset(noise, 0xa5, sizeof(noise));
	return check_that(c, vsu_sock_send(c->ours, &iov, 1, NULL, 0) > 0, "it is closed");
}

/* ------------------------------------------------------------ every request */

/*
 * Sends each known request on a connection of its own, until one ends the back-end: it is
 * the last in the log. size UINT32_MAX: the right one.
 */
struct every {
	unsigned char byte;
	uint32_t size;
	unsigned int nfds;
};

static bool every_request(struct check *c)
{
	const struct every *e = c->row->with;
	unsigned char payload[RELAY_MAX_PAYLOAD];
	const struct vhost_user_message *m;
	int fd = eventfd(0, EFD_CLOEXEC);
	const int fds[3] = { fd, fd, fd };
	unsigned int i;

	memset(payload, e->byte, sizeof(payload));
	for (i = 1; i <= LAST_REQUEST && check_connect(c); i++) {
		m = vhost_user_message(VHOST_USER_SIDE_FRONTEND, i);
		if (!check_send(c, i, V1, payload, e->size != UINT32_MAX ? e->size :
				vhost_user_payload(m->kind)->size, fds, e->nfds) ||
		    !check_processed(c) || !check_survives(c))
			break;
	}
	vsu_fd_close(&fd);
	return true;
}

/* --------------------------------------------------------------------- rows */

#define CHANNEL "Back-end communication"
#define STATE "Migrating back-end state"
#define BAD(name, rule, section, needs, ...) \
	{ name, rule CHECK_SURVIVED, section, needs, __VA_ARGS__ }
#define CHANNEL_ROW(name, rule, ...) \
	{ name, rule, CHANNEL, PF(BACKEND_REQ) | PF(REPLY_ACK), NULL, { __VA_ARGS__ } }
#define CONFIG_BAD(name, rule, number, len, ...) \
	BAD(name, rule, TYPES, PF(CONFIG), \
	    CHECK_MESSAGE(number, 0, len, struct vhost_user_config, __VA_ARGS__, 0), CHECK_BAD)
#define TRANSFER(...) \
	&(const struct vhost_user_transfer){ __VA_ARGS__ }, { row_transfer, check_processed, check_survives }
#define WORD(number, word) CHECK_MESSAGE(number, 0, 8, uint64_t, word), CHECK_BAD
#define EMPTY(number) CHECK_EMPTY(number), CHECK_BAD
#define EVERY(name, which, ...) \
	{ "every." name, "no request " which " ends the back-end", COMMUNICATION, 0, \
	  &(const struct every){ __VA_ARGS__ }, { every_request } }

const struct check_case check_device[] = {
	CONFIG_BAD("config.256", "GET_CONFIG of 256 bytes", GET_CONFIG, 12 + 256, 0, 256),
	CONFIG_BAD("config.nothing", "GET_CONFIG of 0 bytes", GET_CONFIG, 12, 0, 0),
	CONFIG_BAD("config.short", "GET_CONFIG without its head", GET_CONFIG, 4, 0, 8),
	CONFIG_BAD("config.size", "GET_CONFIG of more than its payload", GET_CONFIG, 20, 0, 400),
	CONFIG_BAD("config.wraps", "GET_CONFIG that wraps", GET_CONFIG, 20, 8, UINT32_MAX),
	CONFIG_BAD("config.set-beyond", "SET_CONFIG beyond the space", SET_CONFIG, 20, 0xfffffff0, 8),
	CONFIG_BAD("config.set-short", "SET_CONFIG without its bytes", SET_CONFIG, 12, 0, UINT32_MAX),
	BAD("state.nobody", "a state that nobody reads", STATE, PF(DEVICE_STATE),
	    TRANSFER(VHOST_USER_TRANSFER_SAVE, VHOST_USER_TRANSFER_STOPPED)),
	BAD("state.direction", "an unknown direction", STATE, PF(DEVICE_STATE),
	    TRANSFER(9, VHOST_USER_TRANSFER_STOPPED)),
	BAD("state.phase", "an unknown phase", STATE, PF(DEVICE_STATE),
	    TRANSFER(VHOST_USER_TRANSFER_SAVE, 9)),
	BAD("state.no-descriptor", "a state without a descriptor", STATE, PF(DEVICE_STATE),
	    CHECK_MESSAGE(SET_DEVICE_STATE_FD, 0, 8, struct vhost_user_transfer, 1, 0), CHECK_BAD),
	BAD("state.unasked", "CHECK_DEVICE_STATE without a transfer", STATE, PF(DEVICE_STATE),
	    EMPTY(CHECK_DEVICE_STATE)),
	{ "state.moves", "a state can be saved, and loaded by another session", STATE,
	  PF(DEVICE_STATE), NULL, { state_moves } },
	{ "shmem.sizes", "the regions of GET_SHMEM_CONFIG are counted and end at a page", TYPES,
	  PF(SHMEM) | PF(BACKEND_REQ) | PF(BACKEND_SEND_FD), CHECK_EMPTY(GET_SHMEM_CONFIG),
	  { check_row_replied, shmem_is_counted } },
	CHANNEL_ROW("channel.accepted", "SET_BACKEND_REQ_FD is acknowledged", set_channel),
	CHANNEL_ROW("channel.twice", "SET_BACKEND_REQ_FD can be repeated", set_channel, set_channel,
		    check_alive),
	CHANNEL_ROW("channel.closed", "a channel that the front-end closes does not end the back-end",
		    set_channel, close_channel, check_processed, check_survives),
	CHANNEL_ROW("channel.noise", "bytes that are no reply do not end the back-end", set_channel,
		    send_noise, check_processed, check_survives),
	BAD("status.ones", "a status of all bits", TYPES, PF(STATUS), WORD(SET_STATUS, UINT64_MAX)),
	{ "features.ones", "features that were not offered do not end the back-end", TYPES, 0,
	  WORD(SET_FEATURES, UINT64_MAX) },
	{ "protocol.ones", "protocol features that were not offered do not end the back-end", TYPES,
	  0, WORD(SET_PROTOCOL_FEATURES, UINT64_MAX) },
	BAD("mtu.ones", "an MTU of 2^64", TYPES, PF(NET_MTU), WORD(NET_SET_MTU, UINT64_MAX)),
	BAD("postcopy.unadvised", "POSTCOPY_LISTEN without POSTCOPY_ADVISE", TYPES, PF(PAGEFAULT),
	    EMPTY(POSTCOPY_LISTEN)),
	BAD("postcopy.unbegun", "POSTCOPY_END without POSTCOPY_LISTEN", TYPES, PF(PAGEFAULT),
	    EMPTY(POSTCOPY_END)),
	{ "owner.twice", "a second SET_OWNER does not end the back-end", TYPES, 0, CHECK_EMPTY(SET_OWNER),
	  { check_row_sent, check_row_sent, check_processed, check_survives } },
	EVERY("empty", "without its payload", 0, 0, 0),
	EVERY("short", "of 1 byte", 0, 1, 0),
	EVERY("long", "of 4096 bytes", 0, RELAY_MAX_PAYLOAD, 0),
	EVERY("zeros", "of zeros", 0, UINT32_MAX, 0),
	EVERY("ones", "of ones", 0xff, UINT32_MAX, 0),
	EVERY("descriptors", "with eventfds", 0, UINT32_MAX, 3),
	EVERY("descriptors-ones", "of ones with eventfds", 0xff, UINT32_MAX, 3),
	{ .name = NULL }
};
