/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A socket that carries framed messages, used by both sides on both sockets.
 * Nothing here blocks.
 *
 *   in    messages are put together from whatever pieces arrive, several of
 *         them by one system call where they are there. Descriptors end a
 *         read: those that came with it belong to the last message that began
 *         in it and needs some, or else to the last that began
 *   out   messages are collected and written by flush, or at once where
 *         descriptors travel; what the socket does not take is kept, up to a
 *         limit. While the channel is held, messages whose descriptors are
 *         needed wait for those behind them, and leave with them by one call
 *
 * A channel that answered with a framing error is dead: a stream cannot be
 * brought into step again. Nothing of it but fini may be called then.
 *
 * Threads: confined to one thread.
 */
#ifndef VHOST_USER_PRIV_CHANNEL_H
#define VHOST_USER_PRIV_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/messages.h"
#include <vmm-sys-util/error.h>
#include <vmm-sys-util/foreign.h>

/*
 * As VSU_ERROR_INIT, without storing to all of its 512 bytes: for those that
 * nearly every message makes and no message fills.
 */
static inline void vhost_user_priv_no_error(struct vsu_error *err)
{
	err->code = 0;
	err->arg = 0;
	err->got = err->limit = 0;
	err->msg[0] = '\0';
}

/* The most descriptors of one message that is sent. */
#define VHOST_USER_PRIV_SEND_FDS	8u
/* The most messages with descriptors that wait for the socket. */
#define VHOST_USER_PRIV_SEND_PENDING	16u

/* Room for a whole message and some more. */
#define VHOST_USER_PRIV_IN_SIZE \
	(2 * (sizeof(struct vhost_user_header) + VHOST_USER_PRIV_MAX_PAYLOAD))

/* Descriptors, ours by dup or lent while held, that travel with the byte at pos. */
struct vhost_user_priv_attached {
	size_t pos;
	bool lent;
	unsigned int n;
	int fds[VHOST_USER_PRIV_SEND_FDS];
};

/* All members are private. */
struct vhost_user_priv_channel {
	int fd;
	bool replies;		/* what arrives are replies, not requests */
	enum vhost_user_priv_side side;	/* who sends the requests */

	size_t in_pos, in_end;	/* what was read and not handed out */
	bool drained;		/* the socket was empty behind what was read */
	bool handed_out;	/* in is the caller's until the next call */
	struct vhost_user_priv_msg in; /* its fds: of the message at in_pos,
				   unless handed out */
	size_t late_pos;	/* of a later message, and its descriptors */
	unsigned int nlate;
	int late[VHOST_USER_PRIV_MAX_FDS];

	unsigned char *out;	/* bytes [out_pos, out_len) wait */
	size_t out_pos, out_len, out_size, out_max;
	uint64_t sent;		/* bytes that the socket took, ever */
	bool held;
	unsigned int nattached;
	struct vhost_user_priv_attached attached[VHOST_USER_PRIV_SEND_PENDING];
	unsigned char in_bytes[VHOST_USER_PRIV_IN_SIZE]; /* last: not cleared */
};

/*
 * Takes over a connected socket, which becomes non-blocking. side: who sends
 * the requests on this socket; replies: whether we receive replies. out_max:
 * most bytes that may wait to be written.
 */
int vhost_user_priv_channel_init_take_fd(struct vhost_user_priv_channel *ch,
					 int sock,
					 enum vhost_user_priv_side side,
					 bool replies, size_t out_max,
					 struct vsu_error *err);

/* Who closes what the peer sends, and the socket. NULL: closed by the caller. */
void vhost_user_priv_channel_set_closer(struct vhost_user_priv_channel *ch,
					struct vsu_closer *closer);

/* Closes n descriptors that a peer sent. */
void vhost_user_priv_close_foreign(struct vsu_closer *closer, int *fds,
				   unsigned int n);

/* Closes the socket and every descriptor that is still here. */
void vhost_user_priv_channel_fini(struct vhost_user_priv_channel *ch);

/* framing_in.c */

/*
 * The next message: 1, and *msg, valid until the next call; descriptors that
 * were not taken are closed then. 0: nothing whole has arrived, as far as it
 * is known without one more system call; wait for the socket. Who stops before
 * the 0 asks vhost_user_priv_channel_has_message() before waiting.
 *
 *   -ECONNRESET  the peer hung up between two messages
 *   -EBADMSG     version, flags; hang-up inside a message
 *   -EMSGSIZE    more payload or descriptors than allowed
 *   -EMFILE      descriptors were lost at a limit of this process
 *
 * or what the system call said.
 */
int vhost_user_priv_channel_recv(struct vhost_user_priv_channel *ch,
				 struct vhost_user_priv_msg **msg,
				 struct vsu_error *err);

/* A whole message is here already: the socket need not be readable for it. */
bool vhost_user_priv_channel_has_message(const struct vhost_user_priv_channel *ch);

/* A message has begun to arrive and is not whole. */
bool vhost_user_priv_channel_in_message(const struct vhost_user_priv_channel *ch);

/* framing_out.c */

/* All that waits is forgotten, its descriptors closed. */
void vhost_user_priv_channel_drop_out(struct vhost_user_priv_channel *ch);

/* A message to send: head, followed by tail, is the payload; either may be empty. */
struct vhost_user_priv_out {
	uint32_t request, flags;
	const void *head, *tail;
	size_t head_len, tail_len;
	const int *fds;		/* borrowed */
	unsigned int nfds;
};

/*
 * Queues a message; the header's size is filled in. Bytes may wait until flush.
 * -ENOSPC when too many wait already, because the peer does not read.
 */
int vhost_user_priv_channel_send(struct vhost_user_priv_channel *ch,
				 const struct vhost_user_priv_out *m,
				 struct vsu_error *err);

/* Writes what waits. 0 when all is written or the socket is full. */
int vhost_user_priv_channel_flush(struct vhost_user_priv_channel *ch,
				  struct vsu_error *err);

/*
 * Until the release, which also flushes, descriptors that are sent are only
 * borrowed: their owner keeps them for so long. Spares system calls on both
 * sides, and a peer that is woken by the first message to find it alone. The
 * release calls sendmmsg().
 */
void vhost_user_priv_channel_hold(struct vhost_user_priv_channel *ch);
int vhost_user_priv_channel_release(struct vhost_user_priv_channel *ch,
				    struct vsu_error *err);

/* Something waits: flush again when the socket is writable. */
bool vhost_user_priv_channel_wants_write(const struct vhost_user_priv_channel *ch);

/* framing_together.c */

/*
 * Sends what waits by one call, so that the peer is woken once for all of it;
 * the number of bytes. The flush behind it takes what is left, and says why it
 * was.
 */
size_t vhost_user_priv_channel_send_together(struct vhost_user_priv_channel *ch);

#endif
