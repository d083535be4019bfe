/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A socket that carries framed messages, used by both sides on both sockets. It
 * blocks only in a read that wait_once() permitted.
 *
 *   in    Messages are assembled from partial reads; one system call may read
 *         several. The kernel ends a read behind data with descriptors. They
 *         belong to the last message that began in that read and requires
 *         some, else to the last one that began.
 *   out   Messages are collected and written by flush; a message with
 *         descriptors is written at once. Unwritten bytes are queued, up to a
 *         limit. While the channel is held, messages that require descriptors
 *         are queued too, and are sent with the following ones by one call.
 *
 * After a framing error only fini may be called: the stream cannot be
 * resynchronised.
 *
 * Threads: confined to one thread.
 */
#ifndef VHOST_USER_PRIV_FRAMING_H
#define VHOST_USER_PRIV_FRAMING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/messages.h"
#include <vmm-sys-util/error.h>
#include <vmm-sys-util/foreign.h>

/*
 * As VSU_ERROR_INIT, but without clearing all 512 bytes. For the common case in
 * which no error occurs.
 */
static inline void vhost_user_priv_no_error(struct vsu_error *err)
{
	err->code = 0;
	err->arg = 0;
	err->got = err->limit = 0;
	err->msg[0] = '\0';
}

/* Maximum number of descriptors of one message that we send. */
#define VHOST_USER_PRIV_SEND_FDS	8u
/* Maximum number of queued messages with descriptors. */
#define VHOST_USER_PRIV_SEND_PENDING	16u

/* Space for one complete message and part of the next. */
#define VHOST_USER_PRIV_IN_SIZE \
	(2 * (sizeof(struct vhost_user_header) + VHOST_USER_PRIV_MAX_PAYLOAD))

/*
 * Descriptors that are sent with the byte at pos: duplicates, or borrowed
 * (lent) while the channel is held.
 */
struct vhost_user_priv_attached {
	size_t pos;
	bool lent;
	unsigned int n;
	int fds[VHOST_USER_PRIV_SEND_FDS];
};

/* All members are private. */
struct vhost_user_priv_channel {
	int fd;
	bool replies;		/* receives replies, not requests */
	enum vhost_user_side side;	/* the sender of the requests */

	size_t in_pos, in_end;	/* read, but not yet returned by recv */
	bool drained;		/* the last read emptied the socket */
	bool wait;		/* the next read may block; then it is cleared */
	bool can_wait;		/* the socket is blocking, with a time limit for reads */
	bool handed_out;	/* in belongs to the caller until the next call */
	struct vhost_user_priv_msg in; /* its fds belong to the message at in_pos, unless handed_out */
	size_t late_pos;	/* position of a later message, and its descriptors */
	unsigned int nlate;
	int late[VHOST_USER_PRIV_MAX_FDS];

	unsigned char *out;	/* bytes [out_pos, out_len) are queued */
	size_t out_pos, out_len, out_size, out_max;
	uint64_t sent;		/* total bytes that the socket accepted */
	bool held;
	unsigned int nattached;
	struct vhost_user_priv_attached attached[VHOST_USER_PRIV_SEND_PENDING];
	unsigned char in_bytes[VHOST_USER_PRIV_IN_SIZE]; /* last: not cleared by init */
};

/*
 * Takes over a connected socket and makes it non-blocking. side: the sender of
 * the requests on this socket; replies: we receive replies. out_max: maximum
 * number of queued bytes.
 */
int vhost_user_priv_channel_init_take_fd(struct vhost_user_priv_channel *ch,
					 int sock,
					 enum vhost_user_side side,
					 bool replies, size_t out_max,
					 struct vsu_error *err);

/*
 * The closer that closes the socket and the peer's descriptors. NULL: close in
 * place.
 */
void vhost_user_priv_channel_set_closer(struct vhost_user_priv_channel *ch,
					struct vsu_closer *closer);

/* Closes n descriptors that a peer sent. */
void vhost_user_priv_close_foreign(struct vsu_closer *closer, int *fds,
				   unsigned int n);

/* Closes the socket and all descriptors still held. */
void vhost_user_priv_channel_fini(struct vhost_user_priv_channel *ch);

/* framing_in.c */

/*
 * Receives the next message. 1: *msg is valid until the next call, which closes
 * the descriptors that the caller did not take. 0: no complete message, wait
 * for the socket. A caller that stops before a 0 must call
 * vhost_user_priv_channel_has_message() before it waits.
 *
 *   -ECONNRESET  the peer disconnected between two messages
 *   -EBADMSG     wrong version or flags; disconnected inside a message
 *   -EMSGSIZE    payload or descriptors exceed the limit
 *   -EMFILE      descriptors were lost at a limit of this process
 *
 * or the error of the system call.
 */
int vhost_user_priv_channel_recv(struct vhost_user_priv_channel *ch,
				 struct vhost_user_priv_msg **msg,
				 struct vsu_error *err);

/*
 * Permits the next read to wait up to ns for bytes; ns is the same in each call. False:
 * the socket does not support it.
 */
bool vhost_user_priv_channel_wait_once(struct vhost_user_priv_channel *ch,
				       uint64_t ns);

/*
 * A complete message is buffered, so it can be received without a readable
 * socket.
 */
bool vhost_user_priv_channel_has_message(const struct vhost_user_priv_channel *ch);

/* A message is partially received. */
bool vhost_user_priv_channel_in_message(const struct vhost_user_priv_channel *ch);

/* framing_out.c */

/* Drops everything queued and closes its descriptors. */
void vhost_user_priv_channel_drop_out(struct vhost_user_priv_channel *ch);

/*
 * A message to send. The payload is head followed by tail; either may be empty.
 */
struct vhost_user_priv_out {
	uint32_t request, flags;
	const void *head, *tail;
	size_t head_len, tail_len;
	const int *fds;		/* borrowed */
	unsigned int nfds;
};

/*
 * Queues a message and fills in the size of its header. Bytes may stay queued
 * until flush. -ENOSPC: the queue is full because the peer does not read.
 */
int vhost_user_priv_channel_send(struct vhost_user_priv_channel *ch,
				 const struct vhost_user_priv_out *m,
				 struct vsu_error *err);

/* Writes queued bytes. 0: all are written, or the socket is full. */
int vhost_user_priv_channel_flush(struct vhost_user_priv_channel *ch,
				  struct vsu_error *err);

/*
 * hold() queues messages with descriptors, which are only borrowed: their owner
 * keeps them open until release(). release() sends and flushes the queue by
 * sendmmsg(). The peer wakes up once and finds all messages.
 */
void vhost_user_priv_channel_hold(struct vhost_user_priv_channel *ch);
int vhost_user_priv_channel_release(struct vhost_user_priv_channel *ch,
				    struct vsu_error *err);

/* Bytes are queued: call flush when the socket is writable. */
bool vhost_user_priv_channel_wants_write(const struct vhost_user_priv_channel *ch);

/* framing_together.c */

/*
 * Sends the queue by one sendmmsg(), so that the peer wakes up once. Returns
 * the number of bytes sent. The following flush sends the rest and reports
 * errors.
 */
size_t vhost_user_priv_channel_send_together(struct vhost_user_priv_channel *ch);

#endif
