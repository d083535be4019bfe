/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Messages of the control port: bytes received so far, and those that are to be sent. */
#ifndef VMM_EXEC_CHANNEL_H
#define VMM_EXEC_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vmm-sys-util/error.h>

#include "vm-agent/protocol.h"
#include "vm-agent/request.h"


struct vagent_priv_channel {
	int fd;			/* a socket, borrowed */
	char *queued;		/* to be sent */
	size_t sent, nqueued, size;
	size_t nrecords;	/* queued bytes of records, which the limit does not count */
	size_t have;		/* of a message */
	union {
		struct vagent_header header;
		char bytes[sizeof(struct vagent_header) + VAGENT_MAX_MESSAGE];
	} in;
};

void vagent_priv_channel_free(struct vagent_priv_channel *c);

/*
 * Queues a message and sends what is possible. -ENOBUFS: the agent has not received those before,
 * and too many are queued; -ENOMEM.
 */
int vagent_priv_channel_send(struct vagent_priv_channel *c, enum vagent_message type, const void *payload,
		     size_t len);
/* Queues and sends a struct and the records behind it. */
int vagent_priv_channel_send_records(struct vagent_priv_channel *c, enum vagent_message type, const void *head,
			     size_t len, const struct vagent_request *records);
void vagent_priv_channel_flush(struct vagent_priv_channel *c);

/*
 * 1: a whole message is in c->in, until the next call; 0: none; -EBADMSG: its length is invalid;
 * -ECONNRESET: the port was closed.
 */
int vagent_priv_channel_receive(struct vagent_priv_channel *c);

#endif
