/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The messages of one connection: matches replies with their requests, and
 * judges each message by the table of <vhost/message.h> and by what was negotiated.
 *
 * Threads: confined to one.
 */
#ifndef TOOLS_EXCHANGE_H
#define TOOLS_EXCHANGE_H

#include "relay.h"

/* Requests without a reply that are remembered per channel. */
#define EXCHANGE_MAX_PENDING 64u
#define EXCHANGE_MAX_PROBLEMS 4u

struct exchange_pending {
	uint64_t time_ns;
	uint8_t number;
	bool must;		/* a missing reply is a problem */
};

struct exchange_queue {
	struct exchange_pending list[EXCHANGE_MAX_PENDING];
	unsigned int n;
};

struct exchange_bits {
	bool known;		/* the message was seen */
	uint64_t offered, acked;
};

/* Zeroed at the beginning of a connection. */
struct exchange {
	struct exchange_queue pending[VHOST_USER_SIDES];	/* by channel */
	struct exchange_bits features, protocol;
	bool postcopy;		/* replies to memory messages contain addresses */
};

struct verdict {
	const struct vhost_user_message *row;	/* NULL: unknown number */
	bool reply;
	bool matched;			/* a reply to a request that was seen */
	uint64_t after_ns;		/* time since that request */
	unsigned int nproblems;
	struct vsu_error problems[EXCHANGE_MAX_PROBLEMS];
};

void exchange_judge(struct exchange *x, const struct relay_message *m,
		    struct verdict *v);

/*
 * At the end of a connection: the next channel and request that should have had a
 * reply, which is removed; false: there are no more.
 */
bool exchange_unanswered(struct exchange *x, enum vhost_user_side *channel,
			 const char **name);

/*
 * Guesses the device type, "blk" or "net", from feature bits; NULL: undecided. vhost-user does
 * not transmit the type of a back-end.
 */
const char *exchange_guess_device(uint64_t features);

#endif
