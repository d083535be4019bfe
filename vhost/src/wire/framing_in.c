/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Framed messages: assembling received bytes, and assigning descriptors. */
#include <config.h>

#include <errno.h>
#include <string.h>

#include "wire/framing.h"
#include <vmm-sys-util/sock.h>

#define HEADER sizeof(struct vhost_user_header)

/* The header of the message at pos; false: incomplete. */
static bool header_at(const struct vhost_user_priv_channel *ch, size_t pos,
		      struct vhost_user_header *hdr)
{
	if (ch->in_end - pos < HEADER)
		return false;
	memcpy(hdr, ch->in_bytes + pos, HEADER);
	return true;
}

/* The end of the message at pos; 0: its header is incomplete. */
static size_t end_of(const struct vhost_user_priv_channel *ch, size_t pos)
{
	struct vhost_user_header hdr;

	if (!header_at(ch, pos, &hdr) ||
	    hdr.size > VHOST_USER_PRIV_MAX_PAYLOAD ||
	    ch->in_end - pos - HEADER < hdr.size)
		return 0;
	return pos + HEADER + hdr.size;
}

static const char *name_of(const struct vhost_user_priv_channel *ch,
			   const struct vhost_user_header *hdr)
{
	return vhost_user_message_name(ch->side, hdr->request);
}

static const char *in_what(const struct vhost_user_priv_channel *ch)
{
	return ch->replies ? "reply" : "request";
}

/* Sets the error for a rejected header. */
static VSU_COLD int bad_header(const struct vhost_user_priv_channel *ch,
			       const struct vhost_user_header *hdr,
			       struct vsu_error *err)
{
	uint32_t known = VHOST_USER_HDR_VERSION_MASK | VHOST_USER_HDR_REPLY |
			 VHOST_USER_HDR_NEED_REPLY;
	uint32_t version = hdr->flags & VHOST_USER_HDR_VERSION_MASK;
	const char *name = name_of(ch, hdr);

	if (version != VHOST_USER_HDR_VERSION)
		return vsu_error_set(err, -EBADMSG,
				     "%s %u (%s) has protocol version %u, expected 1",
				     in_what(ch), hdr->request, name, version);
	if (hdr->flags & ~known)
		return vsu_error_set(err, -EBADMSG,
				     "%s %u (%s) has unknown header flags %#x",
				     in_what(ch), hdr->request, name,
				     hdr->flags & ~known);
	if (ch->replies != !!(hdr->flags & VHOST_USER_HDR_REPLY))
		return vsu_error_set(err, -EBADMSG,
				     "message %u (%s) is a %s, expected a %s",
				     hdr->request, name,
				     ch->replies ? "request" : "reply",
				     in_what(ch));
	return vsu_error_set(err, -EMSGSIZE,
			     "%s %u (%s) announces %u bytes of payload, the limit is %u",
			     in_what(ch), hdr->request, name, hdr->size,
			     VHOST_USER_PRIV_MAX_PAYLOAD);
}

/* Checks the header before its payload has arrived. */
static int check_header(const struct vhost_user_priv_channel *ch,
			const struct vhost_user_header *hdr,
			struct vsu_error *err)
{
	uint32_t due = VHOST_USER_HDR_VERSION |
		       (ch->replies ? VHOST_USER_HDR_REPLY : 0);

	if (VSU_LIKELY((hdr->flags & ~VHOST_USER_HDR_NEED_REPLY) == due &&
		       hdr->size <= VHOST_USER_PRIV_MAX_PAYLOAD))
		return 0;
	return bad_header(ch, hdr, err);
}

static int hung_up(const struct vhost_user_priv_channel *ch,
		   struct vsu_error *err)
{
	size_t got = ch->in_end - ch->in_pos;
	struct vhost_user_header hdr;

	if (got == 0)
		return vsu_error_set(err, -ECONNRESET, "the peer hung up");
	if (!header_at(ch, ch->in_pos, &hdr))
		return vsu_error_set(err, -EBADMSG,
				     "the peer hung up inside a header, after %zu of %zu bytes",
				     got, HEADER);
	return vsu_error_set(err, -EBADMSG,
			     "the peer hung up inside %s %s, after %zu of %u bytes of payload",
			     in_what(ch), name_of(ch, &hdr), got - HEADER,
			     hdr.size);
}

static int recv_failed(ssize_t rc, struct vsu_error *err)
{
	if (rc == -ECONNRESET || rc == -EPIPE)
		return vsu_error_set(err, -ECONNRESET, "the peer hung up");
	if (rc == -EMFILE)
		return vsu_error_set(err, -EMFILE,
				     "descriptors of the peer were lost: this process has too many open files");
	return vsu_error_sys(err, (int)rc, "cannot receive");
}

/* Adds descriptors to the next message. */
static int keep_fds(struct vhost_user_priv_channel *ch, int *fds,
		    unsigned int n, struct vsu_error *err)
{
	if (n > VHOST_USER_PRIV_MAX_FDS - ch->in.nfds) {
		vhost_user_priv_close_foreign(ch->in.closer, fds, n);
		return vsu_error_set(err, -EMSGSIZE,
				     "a %s carries more than %u descriptors",
				     in_what(ch), VHOST_USER_PRIV_MAX_FDS);
	}
	memcpy(ch->in.fds + ch->in.nfds, fds, n * sizeof(*fds));
	ch->in.nfds += n;
	return 0;
}

static bool needs_fds_at(const struct vhost_user_priv_channel *ch, size_t pos)
{
	const struct vhost_user_message *row;
	struct vhost_user_header hdr;
	size_t len = ch->in_end - pos - HEADER;

	if (!header_at(ch, pos, &hdr))
		return false;
	row = vhost_user_message(ch->side, hdr.request);
	return row && vhost_user_priv_needs_fds(row, ch->replies,
						ch->in_bytes + pos + HEADER,
						len < hdr.size ? len : hdr.size);
}

/*
 * The message to which descriptors belong that arrived with the bytes after
 * from. The kernel ends a read with the data that carries the descriptors, and
 * a peer attaches them to the first byte of a message. Messages behind it in
 * the same piece require none.
 */
static size_t owner_of_fds(const struct vhost_user_priv_channel *ch,
			   size_t from)
{
	size_t pos, owner = ch->in_pos;
	bool needs = false;

	for (pos = ch->in_pos; pos < ch->in_end; pos = end_of(ch, pos)) {
		if (pos >= from && (!needs || needs_fds_at(ch, pos))) {
			owner = pos;
			needs = needs_fds_at(ch, pos);
		}
		if (!end_of(ch, pos))
			break;
	}
	return owner;
}

static int give_fds(struct vhost_user_priv_channel *ch, size_t from, int *fds,
		    unsigned int n, struct vsu_error *err)
{
	size_t owner = owner_of_fds(ch, from);

	if (n > VHOST_USER_PRIV_MAX_FDS) {
		vhost_user_priv_close_foreign(ch->in.closer, fds, n);
		return vsu_error_set(err, -EMSGSIZE,
				     "the peer sent %u descriptors at once, the limit is %u",
				     n, VHOST_USER_PRIV_MAX_FDS);
	}
	if (owner == ch->in_pos)
		return keep_fds(ch, fds, n, err);
	memcpy(ch->late, fds, n * sizeof(*fds));
	ch->nlate = n;
	ch->late_pos = owner;
	return 0;
}

/* Assigns the late descriptors when their message has become the next one. */
static void promote_late(struct vhost_user_priv_channel *ch)
{
	if (!ch->nlate || ch->late_pos != ch->in_pos)
		return;
	memcpy(ch->in.fds, ch->late, ch->nlate * sizeof(*ch->late));
	ch->in.nfds = ch->nlate;
	ch->nlate = 0;
}

static void move_in_to_front(struct vhost_user_priv_channel *ch)
{
	memmove(ch->in_bytes, ch->in_bytes + ch->in_pos,
		ch->in_end - ch->in_pos);
	ch->in_end -= ch->in_pos;
	ch->in_pos = 0;
}

/* Waiting ends without bytes at its limit, or after a signal. */
static ssize_t in_read(struct vhost_user_priv_channel *ch,
		       const struct iovec *iov, int *fds, unsigned int *nfds)
{
	ssize_t n;

	if (!ch->wait)
		return vsu_sock_recv(ch->fd, iov, 1, fds, nfds);
	ch->wait = false;
	n = vsu_sock_recv_wait(ch->fd, iov, 1, fds, nfds);
	return n == -EINTR ? -EAGAIN : n;
}

/* Reads up to the free space. 1: some bytes, 0: none available. */
static int in_fill(struct vhost_user_priv_channel *ch, struct vsu_error *err)
{
	int fds[VSU_SOCK_MAX_FDS];
	unsigned int nfds = 0;
	struct iovec iov;
	size_t from;
	ssize_t n;

	move_in_to_front(ch);
	from = ch->in_end;
	iov.iov_base = ch->in_bytes + from;
	iov.iov_len = sizeof(ch->in_bytes) - from;
	n = in_read(ch, &iov, fds, &nfds);
	if (n == -EAGAIN)
		return 0;
	if (n < 0) {
		vhost_user_priv_close_foreign(ch->in.closer, fds, nfds);
		return recv_failed(n, err);
	}
	if (n == 0) {
		vhost_user_priv_close_foreign(ch->in.closer, fds, nfds);
		return hung_up(ch, err);
	}
	ch->in_end += (size_t)n;
	/* descriptors end a read, so more data may be available */
	ch->drained = !nfds && (size_t)n < iov.iov_len;
	if (!nfds)
		return 1;
	n = give_fds(ch, from, fds, nfds, err);
	return n < 0 ? (int)n : 1;
}

static void hand_out(struct vhost_user_priv_channel *ch, size_t end)
{
	struct vhost_user_priv_msg *in = &ch->in;
	const unsigned char *bytes = ch->in_bytes + ch->in_pos;
	/* the previous message, or its reply if that was built in place */
	const uint32_t used = in->used > in->hdr.size ? in->used :
							 in->hdr.size;

	memcpy(&in->hdr, bytes, HEADER);
	memcpy(in->payload.bytes, bytes + HEADER, in->hdr.size);
	if (used > in->hdr.size)
		memset(in->payload.bytes + in->hdr.size, 0,
		       used - in->hdr.size);
	in->used = in->hdr.size;
	ch->in_pos = end;
	ch->handed_out = true;
}

int vhost_user_priv_channel_recv(struct vhost_user_priv_channel *ch,
				 struct vhost_user_priv_msg **msg,
				 struct vsu_error *err)
{
	struct vhost_user_header hdr;
	size_t end;
	int rc;

	if (ch->handed_out)
		vhost_user_priv_msg_close_fds(&ch->in);
	ch->handed_out = false;
	promote_late(ch);
	while (!(end = end_of(ch, ch->in_pos))) {
		rc = header_at(ch, ch->in_pos, &hdr) ?
		     check_header(ch, &hdr, err) : 0;
		if (rc < 0 || ch->drained) {
			ch->drained = false;
			return rc;
		}
		rc = in_fill(ch, err);
		if (rc <= 0)
			return rc;
	}
	header_at(ch, ch->in_pos, &hdr);
	rc = check_header(ch, &hdr, err);
	if (rc < 0)
		return rc;
	hand_out(ch, end);
	*msg = &ch->in;
	return 1;
}

bool vhost_user_priv_channel_wait_once(struct vhost_user_priv_channel *ch,
				       uint64_t ns)
{
	if (!ch->can_wait)
		ch->can_wait = vsu_sock_set_wait(ch->fd, ns) == 0;
	ch->wait = ch->can_wait;
	return ch->wait;
}

bool vhost_user_priv_channel_has_message(const struct vhost_user_priv_channel *ch)
{
	return end_of(ch, ch->in_pos) != 0;
}

bool vhost_user_priv_channel_in_message(const struct vhost_user_priv_channel *ch)
{
	return ch->in_pos < ch->in_end && !end_of(ch, ch->in_pos);
}
