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

#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "check_case.h"

#define V1 VHOST_USER_HDR_VERSION
#define PF(name) VHOST_USER_PROTOCOL_BIT(name)
#define LAST_REQUEST ((unsigned int)VHOST_USER_GET_VRING_BASE_SKIP_DRAIN)

/* -------------------------------------------------------------------- state */

static void bad_transfer(struct check *c)
{
	const struct vhost_user_transfer *transfer = c->row->with;
	int fds[2];

	if (!check_that(c, pipe(fds) == 0, "no pipe"))
		return;
	check_survives_request(c, VHOST_USER_SET_DEVICE_STATE_FD, transfer,
			       sizeof(*transfer),
			       &fds[transfer->direction == VHOST_USER_TRANSFER_SAVE], 1);
	vsu_fd_close(&fds[0]);
	vsu_fd_close(&fds[1]);
}

/* A transfer with a pipe; *ours is the other end. */
static bool begin_transfer(struct check *c, uint32_t direction, int *ours)
{
	const struct vhost_user_transfer transfer = { direction, VHOST_USER_TRANSFER_STOPPED };
	const bool save = direction == VHOST_USER_TRANSFER_SAVE;
	struct check_reply reply;
	uint64_t word = 0;
	int fds[2];
	bool begun;

	if (!check_that(c, pipe2(fds, O_CLOEXEC) == 0, "no pipe"))
		return false;
	*ours = fds[!save];
	begun = check_send(c, VHOST_USER_SET_DEVICE_STATE_FD, V1, &transfer, sizeof(transfer),
			   &fds[save], 1) &&
		check_reply(c, VHOST_USER_SET_DEVICE_STATE_FD, &reply);
	vsu_fd_close(&fds[save]);
	if (begun)
		memcpy(&word, reply.payload, sizeof(word));
	return begun && check_that(c, !(word & 0xff), "the transfer was refused");
}

static bool end_transfer(struct check *c)
{
	uint64_t result;

	return check_get(c, VHOST_USER_CHECK_DEVICE_STATE, &result) &&
	       check_that(c, result == 0, "the transfer has failed");
}

/* A saved state, as long as it fits into a pipe, is loaded into another session. */
static void state_moves(struct check *c)
{
	char state[65536];
	struct pollfd p = { .fd = -1, .events = POLLIN };
	size_t len = 0;
	ssize_t n = 1;

	if (begin_transfer(c, VHOST_USER_TRANSFER_SAVE, &p.fd))
		while (n > 0 && len < sizeof(state) && poll(&p, 1, (int)c->timeout_ms) > 0) {
			n = read(p.fd, state + len, sizeof(state) - len);
			len += n > 0 ? (size_t)n : 0;
		}
	vsu_fd_close(&p.fd);
	if (c->verdict || !check_that(c, n == 0, "the state has no end") || !end_transfer(c) ||
	    !check_connect(c) || !check_negotiate(c, c->row->needs))
		return;
	if (begin_transfer(c, VHOST_USER_TRANSFER_LOAD, &p.fd))
		(void)check_that(c, write(p.fd, state, len) == (ssize_t)len, "it is not read");
	vsu_fd_close(&p.fd);
	if (!c->verdict)
		(void)end_transfer(c);
}

/* ------------------------------------------------------------ shared memory */

static void shmem_counted(struct check *c)
{
	struct vhost_user_shmem_config config;
	struct check_reply reply;
	unsigned int i, n = 0;

	if (!check_send(c, VHOST_USER_GET_SHMEM_CONFIG, V1, NULL, 0, NULL, 0) ||
	    !check_reply(c, VHOST_USER_GET_SHMEM_CONFIG, &reply) ||
	    !check_that(c, reply.hdr.size == sizeof(config), "%u bytes", reply.hdr.size))
		return;
	memcpy(&config, reply.payload, sizeof(config));
	for (i = 0; i < VHOST_USER_MAX_SHMEM; i++) {
		n += config.sizes[i] > 0;
		(void)check_that(c, config.sizes[i] % 4096 == 0, "region %u has %" PRIu64 " bytes", i,
				 config.sizes[i]);
	}
	(void)check_that(c, n == config.nregions, "%u of %u regions have a size", n,
			 config.nregions);
}

/* ------------------------------------------------------------------ channel */

static bool set_channel(struct check *c, int *ours)
{
	int pair[2];
	bool acked;

	if (!check_that(c, vsu_sock_pair(pair) == 0, "no socket pair"))
		return false;
	acked = check_acked(c, VHOST_USER_SET_BACKEND_REQ_FD, NULL, 0, &pair[1], 1);
	vsu_fd_close(&pair[1]);
	*ours = pair[0];
	return acked;
}

static void channel_accepted(struct check *c)
{
	int ours = -1;

	(void)set_channel(c, &ours);
	vsu_fd_close(&ours);
}

static void channel_twice(struct check *c)
{
	int first = -1, second = -1;

	if (set_channel(c, &first) && set_channel(c, &second))
		(void)check_alive(c);
	vsu_fd_close(&first);
	vsu_fd_close(&second);
}

static void channel_closed(struct check *c)
{
	int ours = -1;
	bool set = set_channel(c, &ours);

	vsu_fd_close(&ours);
	if (set)
		(void)check_survives(c);
}

/* Replies to nothing, and bytes that are no message. */
static void channel_of_noise(struct check *c)
{
	unsigned char noise[256];
	struct iovec iov = { noise, sizeof(noise) };
	int ours = -1;

	memset(noise, 0xa5, sizeof(noise));
	if (set_channel(c, &ours) &&
	    check_that(c, vsu_sock_send(ours, &iov, 1, NULL, 0) > 0, "it is closed"))
		(void)check_survives(c);
	vsu_fd_close(&ours);
}

/* ---------------------------------------------------------- other requests */

static void owner_twice(struct check *c)
{
	if (check_send(c, VHOST_USER_SET_OWNER, V1, NULL, 0, NULL, 0))
		check_survives_request(c, VHOST_USER_SET_OWNER, NULL, 0, NULL, 0);
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

static void every_request(struct check *c)
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
		check_survives_request(c, i, payload, e->size != UINT32_MAX ? e->size :
				       vhost_user_payload(m->kind)->size, fds, e->nfds);
		if (c->verdict)
			break;
	}
	vsu_fd_close(&fd);
}

/* --------------------------------------------------------------------- rows */

#define TYPES "Front-end message types"
#define CHANNEL "Back-end communication"
#define STATE "Migrating back-end state"
#define MESSAGES "Communication"
#define BAD(name, rule, section, needs, ...) \
	{ name, rule CHECK_SURVIVED, section, needs, __VA_ARGS__ }
#define CONFIG_BAD(name, rule, number, len, ...) \
	BAD(name, rule, TYPES, PF(CONFIG), \
	    CHECK_BAD(number, 0, false, len, struct vhost_user_config, __VA_ARGS__, 0))
#define TRANSFER(...) bad_transfer, &(const struct vhost_user_transfer){ __VA_ARGS__ }
#define WORD(number, word) CHECK_BAD(number, 0, false, 8, uint64_t, word)
#define EMPTY(number) CHECK_BAD(number, 0, false, 0, char, 0)
#define EVERY(...) every_request, &(const struct every){ __VA_ARGS__ }

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
	    CHECK_BAD(SET_DEVICE_STATE_FD, 0, false, 8, struct vhost_user_transfer, 1, 0)),
	BAD("state.unasked", "CHECK_DEVICE_STATE without a transfer", STATE, PF(DEVICE_STATE),
	    EMPTY(CHECK_DEVICE_STATE)),
	{ "state.moves", "a state can be saved, and loaded by another session", STATE,
	  PF(DEVICE_STATE), state_moves, NULL },
	{ "shmem.sizes", "the regions of GET_SHMEM_CONFIG are counted and end at a page", TYPES,
	  PF(SHMEM) | PF(BACKEND_REQ) | PF(BACKEND_SEND_FD), shmem_counted, NULL },
	{ "channel.accepted", "SET_BACKEND_REQ_FD is acknowledged", CHANNEL,
	  PF(BACKEND_REQ) | PF(REPLY_ACK), channel_accepted, NULL },
	{ "channel.twice", "SET_BACKEND_REQ_FD can be repeated", CHANNEL,
	  PF(BACKEND_REQ) | PF(REPLY_ACK), channel_twice, NULL },
	{ "channel.closed", "a channel that the front-end closes does not end the back-end", CHANNEL,
	  PF(BACKEND_REQ) | PF(REPLY_ACK), channel_closed, NULL },
	{ "channel.noise", "bytes that are no reply do not end the back-end", CHANNEL,
	  PF(BACKEND_REQ) | PF(REPLY_ACK), channel_of_noise, NULL },
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
	{ "owner.twice", "a second SET_OWNER does not end the back-end", TYPES, 0, owner_twice, NULL },
	{ "every.empty", "no request without its payload ends the back-end", MESSAGES, 0, EVERY(0, 0, 0) },
	{ "every.short", "no request of 1 byte ends the back-end", MESSAGES, 0, EVERY(0, 1, 0) },
	{ "every.long", "no request of 4096 bytes ends the back-end",
	  MESSAGES, 0, EVERY(0, RELAY_MAX_PAYLOAD, 0) },
	{ "every.zeros", "no request of zeros ends the back-end", MESSAGES, 0, EVERY(0, UINT32_MAX, 0) },
	{ "every.ones", "no request of ones ends the back-end", MESSAGES, 0, EVERY(0xff, UINT32_MAX, 0) },
	{ "every.descriptors", "no request with eventfds ends the back-end", MESSAGES, 0,
	  EVERY(0, UINT32_MAX, 3) },
	{ "every.descriptors-ones", "no request of ones with eventfds ends the back-end", MESSAGES, 0,
	  EVERY(0xff, UINT32_MAX, 3) },
	{ NULL, NULL, NULL, 0, NULL, NULL }
};
