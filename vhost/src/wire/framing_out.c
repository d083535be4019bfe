/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Framed messages over a socket: sending and queueing. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "wire/framing.h"
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

/* Enough for the messages of a set-up; grows up to the limit. */
#define OUT_FIRST 4096u

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

void vhost_user_priv_channel_drop_out(struct vhost_user_priv_channel *ch)
{
	unsigned int i;

	for (i = 0; i < ch->nattached; i++)
		close_attached(&ch->attached[i]);
	ch->nattached = 0;
	free(ch->out);
	ch->out = NULL;
	ch->out_pos = ch->out_len = ch->out_size = 0;
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

/*
 * The bytes up to the next message with descriptors, and the descriptors of
 * this one.
 */
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

static void attached_sent(struct vhost_user_priv_channel *ch, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		close_attached(&ch->attached[i]);
	ch->nattached -= n;
	memmove(ch->attached, ch->attached + n,
		ch->nattached * sizeof(ch->attached[0]));
}

/* The socket accepted n bytes with the descriptors attached to them. */
static void note_sent(struct vhost_user_priv_channel *ch, size_t n)
{
	unsigned int i = 0;

	ch->out_pos += n;
	ch->sent += n;
	while (i < ch->nattached && ch->attached[i].pos < ch->out_pos)
		i++;
	attached_sent(ch, i);
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
		note_sent(ch, (size_t)n);
	}
	ch->out_pos = ch->out_len = 0;
	return 0;
}

static int send_all(struct vhost_user_priv_channel *ch, struct vsu_error *err)
{
	if (ch->held && ch->nattached)
		note_sent(ch, vhost_user_priv_channel_send_together(ch));
	return vhost_user_priv_channel_flush(ch, err);
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

/* Makes room for len more bytes. */
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

/* Appends the bytes of iov, without the first skip bytes. */
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

/* Duplicates all of fds, or none. */
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

/* Attaches descriptors, duplicated or borrowed, to the next queued byte. */
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
 * The receiver assigns descriptors to a message that requires some, so only
 * behind such a message may others follow in the same call.
 */
static bool may_lead(const struct vhost_user_priv_channel *ch, uint32_t request,
		     const void *payload, size_t len)
{
	const struct vhost_user_message *row =
		vhost_user_message(ch->side, request);

	return row && vhost_user_priv_needs_fds(row, !ch->replies, payload, len);
}

/*
 * Sends a message with descriptors immediately. They are duplicated only if the
 * socket is full. Returns the number of bytes sent.
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

/* iov: the header and the two parts of the payload. */
static int send_with_fds(struct vhost_user_priv_channel *ch,
			 const struct iovec *iov, const int *fds,
			 unsigned int nfds, struct vsu_error *err)
{
	const struct vhost_user_header *hdr = iov[0].iov_base;
	bool lend = ch->held && may_lead(ch, hdr->request, iov[1].iov_base,
					 iov[1].iov_len);
	ssize_t sent = 0;
	int rc = 0;

	if (!lend || ch->nattached == VHOST_USER_PRIV_SEND_PENDING)
		rc = send_all(ch, err);
	if (rc < 0)
		return rc;
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
				 const struct vhost_user_priv_out *m,
				 struct vsu_error *err)
{
	const size_t len = m->head_len + m->tail_len;
	struct vhost_user_header hdr = { m->request, m->flags, (uint32_t)len };
	/* iovec has no const variant; the data is not modified. */
	struct iovec iov[3] = {
		{ &hdr, sizeof(hdr) },
		{ (void *)(uintptr_t)m->head, m->head_len },
		{ (void *)(uintptr_t)m->tail, m->tail_len },
	};
	int rc;

	if (len > VHOST_USER_PRIV_MAX_PAYLOAD ||
	    m->nfds > VHOST_USER_PRIV_SEND_FDS)
		return vsu_error_set(err, -EINVAL,
				     "a message of %zu bytes and %u descriptors cannot be sent",
				     len, m->nfds);
	rc = out_room(ch, sizeof(hdr) + hdr.size, err);
	if (rc < 0)
		return rc;
	if (m->nfds)
		return send_with_fds(ch, iov, m->fds, m->nfds, err);
	out_append(ch, iov, 3, 0);
	return 0;
}

void vhost_user_priv_channel_hold(struct vhost_user_priv_channel *ch)
{
	ch->held = true;
}

/* Duplicates the borrowed descriptors of messages that stay queued. */
static int keep_lent(struct vhost_user_priv_attached *at, struct vsu_error *err)
{
	int rc, fds[VHOST_USER_PRIV_SEND_FDS];

	if (!at->lent)
		return 0;
	memcpy(fds, at->fds, sizeof(fds));
	at->lent = false;
	rc = dup_fds(at->fds, fds, at->n, err);
	if (rc < 0)
		at->n = 0;
	return rc;
}

int vhost_user_priv_channel_release(struct vhost_user_priv_channel *ch,
				    struct vsu_error *err)
{
	int rc = send_all(ch, err), kept;
	unsigned int i;

	ch->held = false;
	for (i = 0; i < ch->nattached; i++) {
		kept = keep_lent(&ch->attached[i], rc < 0 ? NULL : err);
		rc = rc < 0 ? rc : kept;
	}
	return rc;
}
