/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Requests of the front-end and their order.
 *
 *   sequence  a table of steps (the handshake, a start, a stop, a change of
 *             memory) whose messages are sent as far as the window and the
 *             socket allow, without waiting for answers in between, except
 *             where a step needs one
 *   pending   a request whose answer has not come; answers come in order, so
 *             the oldest one is the one that is answered
 */
#ifndef VHOST_USER_PRIV_SEQUENCE_H
#define VHOST_USER_PRIV_SEQUENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/messages.h"
#include <vhost/frontend.h>

/*
 * Requests of a sequence that may be unanswered at once. Enough to hide every
 * round trip; small enough that answers fit a socket buffer while descriptors
 * in flight stay far below the process's limit.
 */
#define FE_WINDOW	64u
/* ... and of the owner's single calls beyond that. */
#define FE_PENDING	128u

/* In place of a ring, in sentences. */
#define FE_NO_ITEM	0xffffu

struct fe_pending {
	uint8_t request;
	bool in_sequence;	/* else: one of the owner's single calls */
	bool placing;		/* a memory table in postcopy, always answered */
	uint16_t ring;		/* for sentences; FE_NO_ITEM */
	uint32_t item;		/* of the step */
	uint32_t off, len;	/* GET_CONFIG: what was asked for */
};

struct fe_step {
	/* How often the step sends; NULL: once. */
	unsigned int (*count)(struct vhost_user_frontend *f);
	/* Sends message number item, or nothing where it does not apply. */
	int (*send)(struct vhost_user_frontend *f, unsigned int item,
		    struct vsu_error *err);
	bool wait;		/* needs every answer so far */
};

struct fe_sequence {
	const struct fe_step *steps;
	unsigned int n;
	/* All is answered. May begin the next sequence. */
	void (*done)(struct vhost_user_frontend *f);
	/* A request was refused; NULL: that ends the session. */
	void (*refused)(struct vhost_user_frontend *f,
			const struct fe_pending *p,
			const struct vsu_error *err);
};

/* request.c */

/* The session cannot go on; err gets the peer's name in front. */
void vhost_user_priv_fe_fail(struct vhost_user_frontend *f,
			     const struct vsu_error *err);
/* The owner hears of a refusal; err gets the peer's name in front. */
void vhost_user_priv_fe_report(struct vhost_user_frontend *f,
			       struct vsu_error *err);

struct fe_request {
	uint32_t number;
	const void *head, *tail;
	size_t head_len, tail_len;
	const int *fds;
	unsigned int nfds;
	bool unanswered;	/* though others of its number are */
	bool lasting;		/* fds stay open until the sequence's turn ends */
	struct fe_pending note;	/* request is filled in */
};

/*
 * Queues a request and notes the answer it will have. -EAGAIN when too many
 * wait already, -ENOSPC when the socket takes no more.
 */
int vhost_user_priv_fe_request(struct vhost_user_frontend *f,
			       const struct fe_request *r,
			       struct vsu_error *err);
/* Requests without payload or with a u64 payload, of a sequence. */
int vhost_user_priv_fe_ask(struct vhost_user_frontend *f, uint32_t number,
			   struct vsu_error *err);
int vhost_user_priv_fe_tell(struct vhost_user_frontend *f, uint32_t number,
			    uint64_t value, struct vsu_error *err);
/* GET_FEATURES, which is also a barrier: all before it was done. */
int vhost_user_priv_fe_barrier(struct vhost_user_frontend *f,
			       unsigned int item, struct vsu_error *err);
/* fd: goes with the answer, borrowed; or -1. */
int vhost_user_priv_fe_backend_channel_reply(struct vhost_user_frontend *f,
					     uint32_t request, int result,
					     int fd, struct vsu_error *err);
/* "SET_VRING_KICK of ring 1" */
const char *vhost_user_priv_fe_name(const struct fe_pending *p, char *buf,
				    size_t size);

/* answer.c */

/* Handles one reply; a bad one ends the session. */
void vhost_user_priv_fe_answer(struct vhost_user_frontend *f,
			       struct vhost_user_priv_msg *msg);

/* sequence.c */
void vhost_user_priv_fe_begin(struct vhost_user_frontend *f,
			      const struct fe_sequence *seq);
/* Sends what can be sent now; ends the sequence when all is answered. */
void vhost_user_priv_fe_run(struct vhost_user_frontend *f);

#endif
