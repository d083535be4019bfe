/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Messages of a SEQPACKET connection (VIRTIO 1.3, section 5.10.6.6): what the
 * bytes alone do not say.
 *
 *   messages  from the guest: where those in the backlog end
 *   rest      to the guest: of a message that its buffer had no room for
 */
#ifndef VIRTIO_DEVICES_VSOCK_MESSAGES_H
#define VIRTIO_DEVICES_VSOCK_MESSAGES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "vsock/backlog.h"

struct vsock_messages {
	uint32_t *ends;		/* a ring: their lengths, and who has a record */
	uint32_t room, first;
	uint32_t count;		/* that are whole */
	uint32_t open;		/* bytes behind them of one that is not */
};

struct vsock_rest {
	unsigned char *bytes;	/* NULL: none */
	uint32_t at, len;
	bool record;		/* ends with it */
};

/*
 * A socket for whole messages of up to *most bytes, each with a sign that it is
 * one: that of no bytes would look like the end. Lowers *most to what the
 * socket takes; a negative errno.
 */
int virtdev_priv_vsock_messages_begin(int fd, uint32_t *most) VSU_NODISCARD;

/* One message that is not in a backlog; how long it is, or a negative errno. */
ssize_t virtdev_priv_vsock_message_send(int fd, struct iovec *iov, int n,
					bool record) VSU_NODISCARD;

/*
 * The message that is open, of no bytes perhaps, is whole. -EMSGSIZE: max of
 * them are; -ENOMEM.
 */
int virtdev_priv_vsock_messages_end(struct vsock_messages *m, uint32_t max,
				    bool record) VSU_NODISCARD;

/* The first one goes, whole; as virtdev_priv_vsock_message_send(). */
ssize_t virtdev_priv_vsock_messages_send(struct vsock_messages *m,
					 struct vsock_backlog *b, int fd)
	VSU_NODISCARD;

void virtdev_priv_vsock_messages_drop(struct vsock_messages *m);

/*
 * A message from the socket, into the pieces and what exceeds them into the
 * last one. 1: *len bytes, more than all pieces have where they were cut off;
 * 0: the end; else a negative errno.
 */
int virtdev_priv_vsock_message_receive(int fd, struct iovec *iov, int n,
				       size_t *len, bool *record)
	VSU_NODISCARD;

/* Keeps a copy; -ENOMEM. */
int virtdev_priv_vsock_rest_keep(struct vsock_rest *r, const void *bytes,
				 uint32_t len, bool record) VSU_NODISCARD;
void virtdev_priv_vsock_rest_drop(struct vsock_rest *r);

#endif
