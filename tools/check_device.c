/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Cases of "check": configuration, state, the back-end channel, requests of particular
 * devices, and every request with a wrong payload.
 */
#include <config.h>

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "check_case.h"

#define V1 VHOST_USER_HDR_VERSION
#define PF(name) VHOST_USER_PROTOCOL_BIT(name)
#define LAST_REQUEST ((unsigned int)VHOST_USER_GET_VRING_BASE_SKIP_DRAIN)

/* ------------------------------------------------------------ configuration */

/* A request with a payload of len bytes whose head has other numbers. */
struct config_request {
	uint32_t number, len;
	struct vhost_user_config config;
};

static void bad_config(struct check *c)
{
	const struct config_request *r = c->row->with;
	unsigned char request[sizeof(struct vhost_user_config) + 512] = { 0 };

	memcpy(request, &r->config, sizeof(r->config));
	check_survives_request(c, r->number, request, r->len, NULL, 0);
}

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

static void state_without_fd(struct check *c)
{
	const struct vhost_user_transfer transfer = { VHOST_USER_TRANSFER_LOAD, 0 };

	check_survives_request(c, VHOST_USER_SET_DEVICE_STATE_FD, &transfer,
			       sizeof(transfer), NULL, 0);
}

static void state_unasked(struct check *c)
{
	check_survives_request(c, VHOST_USER_CHECK_DEVICE_STATE, NULL, 0, NULL, 0);
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

struct word_request {
	uint32_t number;
	uint64_t word;
};

static void word_and_survive(struct check *c)
{
	const struct word_request *r = c->row->with;

	check_survives_request(c, r->number, &r->word, sizeof(r->word), NULL, 0);
}

static void listen_unadvised(struct check *c)
{
	check_survives_request(c, VHOST_USER_POSTCOPY_LISTEN, NULL, 0, NULL, 0);
}

static void postcopy_ends_unbegun(struct check *c)
{
	check_survives_request(c, VHOST_USER_POSTCOPY_END, NULL, 0, NULL, 0);
}

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
		if (!check_send(c, i, V1, payload, e->size != UINT32_MAX ? e->size :
				vhost_user_payload(m->kind)->size, fds, e->nfds) ||
		    !check_survives(c))
			break;
	}
	vsu_fd_close(&fd);
}

/* --------------------------------------------------------------------- rows */

#define TYPES "Front-end message types"
#define CHANNEL "Back-end communication"
#define STATE "Migrating back-end state"
#define MESSAGES "Communication"
#define CONFIG_REQUEST(number, offset, size, len) \
	bad_config, &(const struct config_request){ VHOST_USER_##number, len, { offset, size, 0 } }
#define TRANSFER(...) bad_transfer, &(const struct vhost_user_transfer){ __VA_ARGS__ }
#define WORD(number, word) \
	word_and_survive, &(const struct word_request){ VHOST_USER_##number, word }
#define EVERY(...) every_request, &(const struct every){ __VA_ARGS__ }

const struct check_case check_device[] = {
	{ "config.256", "GET_CONFIG of 256 bytes does not end the back-end", TYPES, PF(CONFIG),
	  CONFIG_REQUEST(GET_CONFIG, 0, 256, 12 + 256) },
	{ "config.nothing", "GET_CONFIG of 0 bytes does not end the back-end", TYPES, PF(CONFIG),
	  CONFIG_REQUEST(GET_CONFIG, 0, 0, 12) },
	{ "config.short", "GET_CONFIG without its head does not end the back-end", TYPES, PF(CONFIG),
	  CONFIG_REQUEST(GET_CONFIG, 0, 8, 4) },
	{ "config.size", "GET_CONFIG of more than its payload does not end the back-end", TYPES,
	  PF(CONFIG), CONFIG_REQUEST(GET_CONFIG, 0, 400, 20) },
	{ "config.wraps", "GET_CONFIG that wraps does not end the back-end", TYPES, PF(CONFIG),
	  CONFIG_REQUEST(GET_CONFIG, 8, UINT32_MAX, 20) },
	{ "config.set-beyond", "SET_CONFIG beyond the space does not end the back-end", TYPES,
	  PF(CONFIG), CONFIG_REQUEST(SET_CONFIG, 0xfffffff0, 8, 20) },
	{ "config.set-short", "SET_CONFIG without its bytes does not end the back-end", TYPES,
	  PF(CONFIG), CONFIG_REQUEST(SET_CONFIG, 0, UINT32_MAX, 12) },
	{ "state.nobody", "a state that nobody reads does not end the back-end", STATE,
	  PF(DEVICE_STATE), TRANSFER(VHOST_USER_TRANSFER_SAVE, VHOST_USER_TRANSFER_STOPPED) },
	{ "state.direction", "an unknown direction does not end the back-end", STATE,
	  PF(DEVICE_STATE), TRANSFER(9, VHOST_USER_TRANSFER_STOPPED) },
	{ "state.phase", "an unknown phase does not end the back-end", STATE, PF(DEVICE_STATE),
	  TRANSFER(VHOST_USER_TRANSFER_SAVE, 9) },
	{ "state.no-descriptor", "a state without a descriptor does not end the back-end", STATE,
	  PF(DEVICE_STATE), state_without_fd, NULL },
	{ "state.unasked", "CHECK_DEVICE_STATE without a transfer does not end the back-end", STATE,
	  PF(DEVICE_STATE), state_unasked, NULL },
	{ "channel.twice", "SET_BACKEND_REQ_FD can be repeated", CHANNEL,
	  PF(BACKEND_REQ) | PF(REPLY_ACK), channel_twice, NULL },
	{ "channel.closed", "a channel that the front-end closes does not end the back-end", CHANNEL,
	  PF(BACKEND_REQ) | PF(REPLY_ACK), channel_closed, NULL },
	{ "channel.noise", "bytes that are no reply do not end the back-end", CHANNEL,
	  PF(BACKEND_REQ) | PF(REPLY_ACK), channel_of_noise, NULL },
	{ "status.ones", "a status of all bits does not end the back-end", TYPES, PF(STATUS),
	  WORD(SET_STATUS, UINT64_MAX) },
	{ "features.ones", "features that were not offered do not end the back-end", TYPES, 0,
	  WORD(SET_FEATURES, UINT64_MAX) },
	{ "protocol.ones", "protocol features that were not offered do not end the back-end", TYPES,
	  0, WORD(SET_PROTOCOL_FEATURES, UINT64_MAX) },
	{ "mtu.ones", "an MTU of 2^64 does not end the back-end",
	  TYPES, PF(NET_MTU), WORD(NET_SET_MTU, UINT64_MAX) },
	{ "postcopy.unadvised", "POSTCOPY_LISTEN without POSTCOPY_ADVISE does not end the back-end",
	  TYPES, PF(PAGEFAULT), listen_unadvised, NULL },
	{ "postcopy.unbegun", "POSTCOPY_END without POSTCOPY_LISTEN does not end the back-end", TYPES,
	  PF(PAGEFAULT), postcopy_ends_unbegun, NULL },
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
