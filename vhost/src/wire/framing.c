/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Framed messages over a socket: its life, and what is sent. */
#include <config.h>

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "wire/framing.h"
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/foreign.h>
#include <vmm-sys-util/sock.h>

/* Room for a set-up's worth of messages; grows up to the limit. */
#define OUT_FIRST 4096u

int vhost_user_priv_channel_init_take_fd(struct vhost_user_priv_channel *ch,
					 int sock,
					 enum vhost_user_priv_side side,
					 bool replies, size_t out_max,
					 struct vsu_error *err)
{
	int rc;

	if (vsu_sock_is_unix_stream(sock) != 1)
		return vsu_error_set(err, -ENOTSOCK,
				     "descriptor %d is not a UNIX stream socket",
				     sock);
	rc = vsu_fd_set_nonblock(sock);
	if (rc < 0)
		return vsu_error_sys(err, rc, "cannot make socket %d non-blocking",
				     sock);
	memset(ch, 0, offsetof(struct vhost_user_priv_channel, in_bytes));
	ch->fd = sock;
	ch->side = side;
	ch->replies = replies;
	ch->out_max = out_max;
	return 0;
}

void vhost_user_priv_channel_set_closer(struct vhost_user_priv_channel *ch,
					struct vsu_closer *closer)
{
	ch->in.closer = closer;
}

void vhost_user_priv_close_foreign(struct vsu_closer *closer, int *fds,
				   unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		vsu_foreign_close(closer, &fds[i]);
}

static void close_fds(int *fds, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		vsu_fd_close(&fds[i]);
}

static void close_attached(struct vhost_user_priv_attached *at)
{
	if (!at->lent)
		close_fds(at->fds, at->n);
}

/*
 * Messages that nobody read go with the socket, and descriptors in them may
 * linger as much as others. The peer hears of the end at once.
 */
static void close_socket(struct vhost_user_priv_channel *ch)
{
	if (ch->in.closer)
		shutdown(ch->fd, SHUT_RDWR);
	vsu_foreign_close(ch->in.closer, &ch->fd);
}

void vhost_user_priv_channel_fini(struct vhost_user_priv_channel *ch)
{
	unsigned int i;

	vhost_user_priv_msg_close_fds(&ch->in);
	vhost_user_priv_close_foreign(ch->in.closer, ch->late, ch->nlate);
	ch->nlate = 0;
	for (i = 0; i < ch->nattached; i++)
		close_attached(&ch->attached[i]);
	ch->nattached = 0;
	free(ch->out);
	ch->out = NULL;
	ch->out_pos = ch->out_len = ch->out_size = 0;
	close_socket(ch);
}

bool vhost_user_priv_channel_wants_write(const struct vhost_user_priv_channel *ch)
{
	return ch->out_pos < ch->out_len;
}

static int send_failed(ssize_t rc, struct vsu_error *err)
{
	if (rc == -EPIPE || rc == -ECONNRESET)
		return vsu_error_set(err, -ECONNRESET, "the peer hung up");
	return vsu_error_sys(err, (int)rc, "cannot send");
}

/* Bytes up to the next message with descriptors, and those of this one. */
static size_t out_span(struct vhost_user_priv_channel *ch,
		       struct vhost_user_priv_attached **with)
{
	struct vhost_user_priv_attached *at = ch->attached;
	unsigned int left = ch->nattached;

	*with = NULL;
	if (left && at->pos == ch->out_pos) {
		*with = at++;
		left--;
	}
	return (left ? at->pos : ch->out_len) - ch->out_pos;
}

static void attached_sent(struct vhost_user_priv_channel *ch)
{
	close_attached(&ch->attached[0]);
	ch->nattached--;
	memmove(ch->attached, ch->attached + 1,
		ch->nattached * sizeof(ch->attached[0]));
}

int vhost_user_priv_channel_flush(struct vhost_user_priv_channel *ch,
				  struct vsu_error *err)
{
	struct vhost_user_priv_attached *with;
	struct iovec iov;
	ssize_t n;

	while (ch->out_pos < ch->out_len) {
		iov.iov_len = out_span(ch, &with);
		iov.iov_base = ch->out + ch->out_pos;
		n = vsu_sock_send(ch->fd, &iov, 1, with ? with->fds : NULL,
				  with ? with->n : 0);
		if (n == -EAGAIN)
			return 0;
		if (n < 0)
			return send_failed(n, err);
		if (with)
			attached_sent(ch);
		ch->out_pos += (size_t)n;
		ch->sent += (uint64_t)n;
	}
	ch->out_pos = ch->out_len = 0;
	return 0;
}

static void move_out_to_front(struct vhost_user_priv_channel *ch)
{
	unsigned int i;

	memmove(ch->out, ch->out + ch->out_pos, ch->out_len - ch->out_pos);
	for (i = 0; i < ch->nattached; i++)
		ch->attached[i].pos -= ch->out_pos;
	ch->out_len -= ch->out_pos;
	ch->out_pos = 0;
}

/* Makes room for len more bytes behind those that wait. */
static int out_room(struct vhost_user_priv_channel *ch, size_t len,
		    struct vsu_error *err)
{
	size_t waiting = ch->out_len - ch->out_pos, size = ch->out_size;
	unsigned char *p;

	if (len > ch->out_max || waiting > ch->out_max - len)
		return vsu_error_set(err, -ENOSPC,
				     "the peer does not read: %zu bytes wait for it, the limit is %zu",
				     waiting, ch->out_max);
	if (ch->out_pos)
		move_out_to_front(ch);
	if (waiting + len <= size)
		return 0;
	for (size = size ? size : OUT_FIRST; size < waiting + len;)
		size *= 2;
	p = realloc(ch->out, size);
	if (!p)
		return vsu_error_sys(err, -ENOMEM, "cannot queue a message");
	ch->out = p;
	ch->out_size = size;
	return 0;
}

/* The bytes of iov behind the first skip of them. */
static void out_append(struct vhost_user_priv_channel *ch, const struct iovec *iov,
		       int n, size_t skip)
{
	size_t len;
	int i;

	for (i = 0; i < n; i++) {
		len = iov[i].iov_len;
		if (skip >= len) {
			skip -= len;
			continue;
		}
		memcpy(ch->out + ch->out_len,
		       (const char *)iov[i].iov_base + skip, len - skip);
		ch->out_len += len - skip;
		skip = 0;
	}
}

/* n duplicates of fds, or none. */
static int dup_fds(int *copies, const int *fds, unsigned int n,
		   struct vsu_error *err)
{
	unsigned int i;
	int rc;

	for (i = 0; i < n; i++) {
		rc = vsu_fd_dup(fds[i]);
		if (rc < 0) {
			close_fds(copies, i);
			return vsu_error_sys(err, rc,
					     "cannot duplicate descriptor %d",
					     fds[i]);
		}
		copies[i] = rc;
	}
	return 0;
}

/* The descriptors, duplicated or lent, wait with the byte that is queued next. */
static int fds_attach(struct vhost_user_priv_channel *ch, const int *fds,
		      unsigned int nfds, bool lent, struct vsu_error *err)
{
	struct vhost_user_priv_attached *at = &ch->attached[ch->nattached];
	int rc = 0;

	if (ch->nattached == VHOST_USER_PRIV_SEND_PENDING)
		return vsu_error_set(err, -ENOSPC,
				     "the peer does not read: %u messages with descriptors wait for it",
				     ch->nattached);
	if (lent)
		memcpy(at->fds, fds, nfds * sizeof(*fds));
	else
		rc = dup_fds(at->fds, fds, nfds, err);
	if (rc < 0)
		return rc;
	at->n = nfds;
	at->lent = lent;
	at->pos = ch->out_len;
	ch->nattached++;
	return 0;
}

/*
 * The receiver takes descriptors for those of the message that needs some: only
 * behind such a one may others stand.
 */
static bool may_lead(const struct vhost_user_priv_channel *ch, uint32_t request,
		     const void *payload, size_t len)
{
	const struct vhost_user_priv_message *row =
		vhost_user_priv_message(ch->side, request);

	return row && vhost_user_priv_needs_fds(row, !ch->replies, payload, len);
}

/*
 * Sends at once what has descriptors, so that they are duplicated only where
 * the socket is full. Gives the number of bytes that were taken.
 */
static ssize_t send_now(struct vhost_user_priv_channel *ch,
			const struct iovec *iov, int n, const int *fds,
			unsigned int nfds, struct vsu_error *err)
{
	ssize_t sent;

	if (vhost_user_priv_channel_wants_write(ch))
		return 0;
	sent = vsu_sock_send(ch->fd, iov, n, fds, nfds);
	if (sent == -EAGAIN)
		return 0;
	if (sent < 0)
		return send_failed(sent, err);
	ch->sent += (uint64_t)sent;
	return sent;
}

/* iov: header, and the payload in two parts. */
static int send_with_fds(struct vhost_user_priv_channel *ch,
			 const struct iovec *iov, const int *fds,
			 unsigned int nfds, struct vsu_error *err)
{
	const struct vhost_user_header *hdr = iov[0].iov_base;
	ssize_t sent = 0;
	bool lend;
	int rc = vhost_user_priv_channel_flush(ch, err);

	if (rc < 0)
		return rc;
	lend = ch->held && !vhost_user_priv_channel_wants_write(ch) &&
	       may_lead(ch, hdr->request, iov[1].iov_base, iov[1].iov_len);
	if (!lend)
		sent = send_now(ch, iov, 3, fds, nfds, err);
	if (sent < 0)
		return (int)sent;
	rc = sent ? 0 : fds_attach(ch, fds, nfds, lend, err);
	if (rc < 0)
		return rc;
	out_append(ch, iov, 3, (size_t)sent);
	return 0;
}

int vhost_user_priv_channel_send(struct vhost_user_priv_channel *ch,
				 uint32_t request, uint32_t flags,
				 const void *head, size_t head_len,
				 const void *tail, size_t tail_len,
				 const int *fds, unsigned int nfds,
				 struct vsu_error *err)
{
	struct vhost_user_header hdr = {
		request, flags, (uint32_t)(head_len + tail_len)
	};
	/* iovec has no const form; nothing is stored through it. */
	struct iovec iov[3] = {
		{ &hdr, sizeof(hdr) },
		{ (void *)(uintptr_t)head, head_len },
		{ (void *)(uintptr_t)tail, tail_len },
	};
	int rc;

	if (head_len + tail_len > VHOST_USER_PRIV_MAX_PAYLOAD ||
	    nfds > VHOST_USER_PRIV_SEND_FDS)
		return vsu_error_set(err, -EINVAL,
				     "a message of %zu bytes and %u descriptors cannot be sent",
				     head_len + tail_len, nfds);
	rc = out_room(ch, sizeof(hdr) + hdr.size, err);
	if (rc < 0)
		return rc;
	if (nfds)
		return send_with_fds(ch, iov, fds, nfds, err);
	out_append(ch, iov, 3, 0);
	return 0;
}

void vhost_user_priv_channel_hold(struct vhost_user_priv_channel *ch)
{
	ch->held = true;
}

/* Only the first that still waits can be one that was lent. */
int vhost_user_priv_channel_release(struct vhost_user_priv_channel *ch,
				    struct vsu_error *err)
{
	struct vhost_user_priv_attached *at = ch->attached;
	int rc, fds[VHOST_USER_PRIV_SEND_FDS];

	ch->held = false;
	rc = vhost_user_priv_channel_flush(ch, err);
	if (rc < 0 || !ch->nattached || !at->lent)
		return rc;
	memcpy(fds, at->fds, sizeof(fds));
	at->lent = false;
	rc = dup_fds(at->fds, fds, at->n, err);
	if (rc < 0)
		at->n = 0;
	return rc;
}
