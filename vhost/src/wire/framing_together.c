/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Framed messages: sending several with descriptors by one system call. */
#include <config.h>

#include <string.h>
#include <sys/socket.h>

#include "wire/framing.h"

/*
 * A message up to this length is sent completely or not at all: it is shorter
 * than half of the smallest socket buffer.
 */
#define WHOLE 2048u
/*
 * Maximum number of pieces of one call: each message with descriptors and the
 * bytes behind it.
 */
#define PIECES (VHOST_USER_PRIV_SEND_PENDING + 1)

struct piece {
	struct iovec iov;
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(VHOST_USER_PRIV_SEND_FDS * sizeof(int))];
	} control;
};

static void piece_attach(struct piece *p, struct msghdr *msg,
			 const struct vhost_user_priv_attached *at)
{
	const size_t len = at->n * sizeof(int);
	struct cmsghdr *c;

	msg->msg_control = p->control.buf;
	msg->msg_controllen = CMSG_SPACE(len);
	memset(p->control.buf, 0, msg->msg_controllen);
	c = CMSG_FIRSTHDR(msg);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(c), at->fds, len);
}

/*
 * Divides the queue where descriptors are attached. A piece that the socket
 * might truncate is the last one, because the next must not follow it then.
 */
static unsigned int divide_out(struct vhost_user_priv_channel *ch,
			       struct piece *pieces, struct mmsghdr *msgs)
{
	const struct vhost_user_priv_attached *at = ch->attached;
	const struct vhost_user_priv_attached *last = at + ch->nattached;
	size_t pos = ch->out_pos, len = 0;
	unsigned int n;

	for (n = 0; n < PIECES && pos < ch->out_len && len <= WHOLE; n++) {
		struct msghdr *msg = &msgs[n].msg_hdr;

		memset(msg, 0, sizeof(*msg));
		if (at < last && at->pos == pos)
			piece_attach(&pieces[n], msg, at++);
		len = (at < last ? at->pos : ch->out_len) - pos;
		pieces[n].iov.iov_base = ch->out + pos;
		pieces[n].iov.iov_len = len;
		msg->msg_iov = &pieces[n].iov;
		msg->msg_iovlen = 1;
		pos += len;
	}
	return n;
}

size_t vhost_user_priv_channel_send_together(struct vhost_user_priv_channel *ch)
{
	struct piece pieces[PIECES];
	struct mmsghdr msgs[PIECES];
	unsigned int n = divide_out(ch, pieces, msgs);
	size_t sent = 0;
	int i, done;

	done = n > 1 ? sendmmsg(ch->fd, msgs, n, MSG_DONTWAIT | MSG_NOSIGNAL) :
		       0;
	for (i = 0; i < done; i++)
		sent += msgs[i].msg_len;
	return sent;
}
