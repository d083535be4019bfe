/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A link whose transfers are one frame each, without a header. On a socket one
 * system call transfers many frames: sent frames from their buffers, received frames
 * into a receive box, from which they are copied. Long frames, where the copy costs
 * more than the call, are received one by one into their buffers.
 */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <vmm-sys-util/fd.h>

#include "link/kinds.h"
#include "link/pieces.h"

#define FRAME_MAX (VIRTDEV_NET_FRAME_MAX - NET_HEADER)
/* Frames per call; longer frames are not copied. */
#define BATCH 32u
#define SHORT 2048u
/* Distance of frames in the box. Not a multiple of pages, whose beginnings share cache sets. */
#define STRIDE (65536u + 192u)

_Static_assert(STRIDE >= FRAME_MAX, "a frame of the box has room for the longest");

struct box {
	unsigned int taken, filled;	/* messages [taken, filled) are unread */
	bool dry;		/* the last call emptied the socket */
	bool is_long;		/* the last frame was long */
	struct mmsghdr msgs[BATCH];
	struct iovec pieces[BATCH];
	unsigned char frames[BATCH][STRIDE];
};

struct packets {
	int fd;
	bool is_connection;	/* connection-oriented: has an end */
	struct box *box;	/* sockets only */
};

static int packets_fd(void *self, uint32_t lane)
{
	(void)lane;
	return ((struct packets *)self)->fd;
}

/* --------------------------------------------------------------------- the box */

/* Mostly unallocated: short frames touch few pages. */
static struct box *box_new(void)
{
	struct box *box = mmap(NULL, sizeof(*box), PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
			       0);
	unsigned int i;

	if (box == MAP_FAILED)
		return NULL;
	(void)madvise(box, sizeof(*box), MADV_NOHUGEPAGE);
	for (i = 0; i < BATCH; i++) {
		box->pieces[i].iov_base = box->frames[i];
		box->pieces[i].iov_len = FRAME_MAX;
		box->msgs[i].msg_hdr.msg_iov = &box->pieces[i];
		box->msgs[i].msg_hdr.msg_iovlen = 1;
	}
	return box;
}

static void box_free(struct box *box)
{
	if (box)
		munmap(box, sizeof(*box));
}

/*
 * After a call that emptied the socket, the next call is skipped: frames that
 * arrived in the meantime make the descriptor readable.
 */
static int box_fill(struct box *box, int fd)
{
	int n;

	if (box->dry) {
		box->dry = false;
		return -EAGAIN;
	}
	n = recvmmsg(fd, box->msgs, BATCH, MSG_DONTWAIT, NULL);
	if (n < 0)
		return virtdev_priv_link_code(errno);
	box->taken = 0;
	box->filled = (unsigned int)n;
	box->dry = box->filled < BATCH;
	return 0;
}

static int store_frame(const struct box *box, unsigned int i, uint32_t len,
		       const struct iovec *iov, int n)
{
	const int rc = virtdev_priv_pieces_store(iov, n, NET_HEADER,
						 box->frames[i], len);

	return rc < 0 ? rc :
	       virtdev_priv_pieces_store(iov, n, 0, NULL, NET_HEADER);
}

/* ----------------------------------------------------------------- the receiver */

/* Result of a message without bytes; on a connection it is the end. */
static int nothing_came(const struct packets *p)
{
	if (!p->is_connection)
		return -ENOMSG;
	if (p->box)	/* every remaining message of the box is the end */
		p->box->taken = p->box->filled;
	return -EPIPE;
}

/* The next unread frame in the box. */
static ssize_t receive_kept(struct packets *p, const struct iovec *iov, int n)
{
	struct box *box = p->box;
	const unsigned int i = box->taken++;
	const uint32_t len = box->msgs[i].msg_len;
	int rc;

	box->is_long = len > SHORT;
	if (!len)
		return nothing_came(p);
	if (box->msgs[i].msg_hdr.msg_flags & MSG_TRUNC)
		return -EMSGSIZE;
	rc = store_frame(box, i, len, iov, n);
	return rc < 0 ? rc : (ssize_t)(len + NET_HEADER);
}

/* Receives one frame from the descriptor, with an empty offload header. */
static ssize_t receive_direct(struct packets *p, const struct iovec *iov, int n)
{
	struct iovec pieces[LINK_PIECES];
	struct msghdr msg = { .msg_iov = pieces };
	int m = virtdev_priv_pieces_behind(iov, n, NET_HEADER, pieces);
	ssize_t len;

	if (m < 0)
		return m;
	msg.msg_iovlen = (size_t)m;
	len = p->box ? recvmsg(p->fd, &msg, MSG_DONTWAIT)
		     : readv(p->fd, pieces, m);
	if (len < 0)
		return virtdev_priv_link_code(errno);
	if (!len)
		return nothing_came(p);
	if (p->box)
		p->box->is_long = len > (ssize_t)SHORT;
	if (msg.msg_flags & MSG_TRUNC)
		return -EMSGSIZE;
	if (virtdev_priv_pieces_store(iov, n, 0, NULL, NET_HEADER) < 0)
		return -EMSGSIZE;
	return len + NET_HEADER;
}

static ssize_t packets_receive(void *self, uint32_t lane,
			       const struct iovec *iov, int n)
{
	struct packets *p = self;
	struct box *box = p->box;
	int rc;

	(void)lane;
	if (!box)
		return receive_direct(p, iov, n);
	if (box->taken == box->filled) {
		if (box->is_long) {
			box->dry = false;
			return receive_direct(p, iov, n);
		}
		rc = box_fill(box, p->fd);
		if (rc < 0)
			return rc;
	}
	return receive_kept(p, iov, n);
}

/* ------------------------------------------------------------------- the sender */

/* Drops const, because sendmsg() does not modify the pieces. */
static struct iovec *iov_of(const struct iovec *iov)
{
	return (struct iovec *)(uintptr_t)iov;
}

static int packets_send(void *self, uint32_t lane, const struct iovec *iov,
			int n)
{
	const struct packets *p = self;
	const struct msghdr msg = {
		.msg_iov = iov_of(iov + 1), .msg_iovlen = (size_t)n - 1,
	};
	ssize_t len;

	(void)lane;
	len = p->box ? sendmsg(p->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL)
		     : writev(p->fd, iov + 1, n - 1);
	return len < 0 ? virtdev_priv_link_code(errno) : 0;
}

/*
 * sendmmsg() stops at the first frame that fails, and returns the error only if that
 * frame is the first one.
 */
static uint32_t send_some(int fd, struct mmsghdr *msgs,
			  struct virtdev_net_frame *frames, uint32_t n)
{
	int rc = sendmmsg(fd, msgs, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	uint32_t i;

	if (rc < 0) {
		frames[0].code = virtdev_priv_link_code(errno);
		return frames[0].code != -EAGAIN;
	}
	for (i = 0; i < (uint32_t)rc; i++)
		frames[i].code = 0;
	return i;
}

/* Sends up to BATCH frames; returns how many have a result. */
static uint32_t send_part(int fd, struct virtdev_net_frame *frames, uint32_t n)
{
	struct mmsghdr msgs[BATCH];
	uint32_t i, part, done = 0;

	memset(msgs, 0, n * sizeof(msgs[0]));
	for (i = 0; i < n; i++) {
		msgs[i].msg_hdr.msg_iov = iov_of(frames[i].iov + 1);
		msgs[i].msg_hdr.msg_iovlen = (size_t)frames[i].n - 1;
	}
	for (; done < n; done += part) {
		part = send_some(fd, msgs + done, frames + done, n - done);
		if (!part)
			break;
	}
	return done;
}

static uint32_t packets_send_batch(void *self, uint32_t lane,
				   struct virtdev_net_frame *frames, uint32_t n)
{
	const struct packets *p = self;
	uint32_t done = 0, part, sent;

	(void)lane;
	for (; done < n; done += sent) {
		part = n - done < BATCH ? n - done : BATCH;
		sent = send_part(p->fd, frames + done, part);
		if (sent < part)
			return done + sent;
	}
	return done;
}

static void packets_free(void *self)
{
	struct packets *p = self;

	vsu_fd_close(&p->fd);
	box_free(p->box);
	free(p);
}

static bool is_connection(int fd)
{
	socklen_t len = sizeof(int);
	int type = 0;

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 &&
	       type == SOCK_SEQPACKET;
}

int virtdev_priv_packets_take_fd(int fd, bool is_socket,
				 struct virtdev_net_link **out)
{
	const struct virtdev_net_link_ops ops = {
		.size = sizeof(ops), .name = "packets", .fd = packets_fd,
		.receive = packets_receive, .send = packets_send,
		.send_batch = is_socket ? packets_send_batch : NULL,
		.lost = is_socket ?
			"the peer of the socket disconnected; the network card's link is down until this program is restarted with a new socket" :
			VIRTDEV_PRIV_TAP_LOST,
		.free = packets_free,
	};
	const struct virtdev_net_link_info info = { .lanes = 1 };
	struct packets *p = calloc(1, sizeof(*p));
	int rc;

	if (!p)
		return -ENOMEM;
	p->fd = fd;
	p->is_connection = is_connection(fd);
	p->box = is_socket ? box_new() : NULL;
	rc = is_socket && !p->box ? -ENOMEM : vsu_fd_set_nonblock(fd);
	if (rc >= 0)
		rc = virtdev_net_link_new(&ops, &info, p, out);
	if (rc < 0) {
		box_free(p->box);
		free(p);
	}
	return rc;
}
