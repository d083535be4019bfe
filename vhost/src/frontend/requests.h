/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Requests of the front-end and their order.
 *
 *   sequence  a table of steps (the handshake, a start, a stop, a change of
 *             memory). Messages are sent as far as the window and the socket
 *             permit, without waiting for replies in between, unless a step
 *             requires them
 *   pending   a request without a reply so far. Replies arrive in order, so
 *             each belongs to the oldest one
 */
#ifndef VHOST_USER_PRIV_REQUESTS_H
#define VHOST_USER_PRIV_REQUESTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/messages.h"
#include <vhost/frontend.h>

/*
 * Maximum number of unanswered requests of a sequence. Large enough to hide
 * every round trip; small enough that the replies fit into a socket buffer and
 * the descriptors in flight stay far below the process's limit.
 */
#define FE_WINDOW	64u
/* Additional requests of the owner's single calls included. */
#define FE_PENDING	128u

/* In place of a ring's index, for messages without a ring. */
#define FE_NO_ITEM	0xffffu

struct fe_pending {
	uint8_t request;
	bool in_sequence;	/* false: one of the owner's single calls */
	bool placing;		/* a memory table during postcopy, which always has a reply */
	uint16_t ring;		/* for error messages; or FE_NO_ITEM */
	uint32_t item;		/* of the step */
	uint32_t off, len;	/* GET_CONFIG: the requested range */
};

struct fe_step {
	/* The number of messages of the step; NULL: one. */
	unsigned int (*count)(struct vhost_user_frontend *f);
	/* Sends message number item; sends nothing if it does not apply. */
	int (*send)(struct vhost_user_frontend *f, unsigned int item,
		    struct vsu_error *err);
	bool wait;		/* requires all previous replies */
};

struct fe_sequence {
	const struct fe_step *steps;
	unsigned int n;
	/* All replies have arrived. May begin the next sequence. */
	void (*done)(struct vhost_user_frontend *f);
	/* A request was refused. NULL: a refusal ends the session. */
	void (*refused)(struct vhost_user_frontend *f,
			const struct fe_pending *p,
			const struct vsu_error *err);
};

struct fe_request {
	uint32_t number;
	const void *head, *tail;
	size_t head_len, tail_len;
	const int *fds;
	unsigned int nfds;
	bool unanswered;	/* has no reply, although other requests of its number have */
	bool lasting;		/* fds stay open until the channel is released */
	struct fe_pending note;	/* request is filled in */
};

#endif
