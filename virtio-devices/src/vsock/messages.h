/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Message boundaries of a SEQPACKET connection (VIRTIO 1.3, section 5.10.6.6).
 *
 *   messages  from the guest: ends of the messages in the backlog
 *   rest      to the guest: the part of a message that did not fit its buffer
 */
#ifndef VIRTIO_DEVICES_VSOCK_MESSAGES_H
#define VIRTIO_DEVICES_VSOCK_MESSAGES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "vsock/backlog.h"

struct vsock_messages {
	uint32_t *ends;		/* ring: lengths, with the record flag */
	uint32_t room, first;
	uint32_t count;		/* complete messages */
	uint32_t open;		/* bytes of the incomplete message after them */
};

struct vsock_rest {
	unsigned char *bytes;	/* NULL: empty */
	uint32_t at, len;
	bool record;		/* a record ends with it */
};

/*
 * Configures a socket for messages of up to *most bytes, with credentials, which
 * distinguish an empty message from the end. Lowers *most to the socket's limit.
 * Returns a negative errno on failure.
 */
int virtdev_priv_vsock_messages_begin(int fd, uint32_t *most) VSU_NODISCARD;

/* Sends one message directly; returns its length, or a negative errno. */
ssize_t virtdev_priv_vsock_message_send(int fd, struct iovec *iov, int n,
					bool record) VSU_NODISCARD;

/*
 * Completes the open message, which may be empty. -EMSGSIZE: max messages are
 * complete; -ENOMEM.
 */
int virtdev_priv_vsock_messages_end(struct vsock_messages *m, uint32_t max,
				    bool record) VSU_NODISCARD;

/* Sends the first complete message; as virtdev_priv_vsock_message_send(). */
ssize_t virtdev_priv_vsock_messages_send(struct vsock_messages *m,
					 struct vsock_backlog *b, int fd)
	VSU_NODISCARD;

void virtdev_priv_vsock_messages_drop(struct vsock_messages *m);

/*
 * Receives a message into the pieces. 1: *len is its length, larger than the pieces
 * if it was truncated; 0: end of the connection; else a negative errno.
 */
int virtdev_priv_vsock_message_receive(int fd, struct iovec *iov, int n,
				       size_t *len, bool *record)
	VSU_NODISCARD;

/* Stores a copy; -ENOMEM. */
int virtdev_priv_vsock_rest_keep(struct vsock_rest *r, const void *bytes,
				 uint32_t len, bool record) VSU_NODISCARD;
void virtdev_priv_vsock_rest_drop(struct vsock_rest *r);

#endif
