/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A stream socket with frames behind their lengths, four bytes, most
 * significant first. Both ways go through a buffer, so that one system call
 * carries many frames.
 */
#include <config.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "link/kinds.h"
#include "link/pieces.h"

#define LENGTH 4u
#define FRAME_MAX (VIRTDEV_NET_FRAME_MAX - NET_HEADER)
/* An Ethernet header: whatever is shorter is no frame. */
#define FRAME_MIN 14u
/* Room for the longest frame beside others. */
#define BUFFER (2u * (LENGTH + FRAME_MAX))

struct stream {
	int fd;
	bool gone;		/* atomic; the stream is at its end or senseless */
	/* of the receiving side: bytes [taken, filled) are to be looked at */
	uint32_t taken, filled;
	/* of the sending side: bytes [sent, kept) are to be sent */
	uint32_t sent, kept;
	unsigned char in[BUFFER], out[BUFFER];
};

static int stream_fd(void *self, uint32_t lane)
{
	(void)lane;
	return ((struct stream *)self)->fd;
}

static bool is_gone(const struct stream *s)
{
	return __atomic_load_n(&s->gone, __ATOMIC_RELAXED);
}

static int set_gone(struct stream *s)
{
	__atomic_store_n(&s->gone, true, __ATOMIC_RELAXED);
	shutdown(s->fd, SHUT_RDWR);
	return -EPIPE;
}

static uint32_t bytes_waiting(const struct stream *s)
{
	return s->filled - s->taken;
}

/* Moves what is left to the beginning where the rest of it would not fit. */
static int stream_fill(struct stream *s)
{
	ssize_t n;

	if (s->taken) {
		memmove(s->in, s->in + s->taken, bytes_waiting(s));
		s->filled -= s->taken;
		s->taken = 0;
	}
	n = recv(s->fd, s->in + s->filled, BUFFER - s->filled, MSG_DONTWAIT);
	if (n < 0 && virtdev_priv_link_code(errno) != -EPIPE)
		return virtdev_priv_link_code(errno);
	if (n <= 0)
		return set_gone(s);
	s->filled += (uint32_t)n;
	return 0;
}

/*
 * The length of the frame whose bytes are all there, behind its own four; or as
 * stream_fill() when they are not, and cannot be had.
 */
static int frame_wait(struct stream *s, uint32_t *len)
{
	uint32_t be;
	int rc;

	for (;;) {
		if (bytes_waiting(s) >= LENGTH) {
			memcpy(&be, s->in + s->taken, LENGTH);
			*len = ntohl(be);
			/* whatever follows a wrong length means nothing */
			if (*len > FRAME_MAX)
				return set_gone(s);
			if (bytes_waiting(s) - LENGTH >= *len)
				return 0;
		}
		rc = stream_fill(s);
		if (rc < 0)
			return rc;
	}
}

static ssize_t stream_receive(void *self, uint32_t lane,
			      const struct iovec *iov, int n)
{
	struct stream *s = self;
	const unsigned char *frame;
	uint32_t len;
	int rc;

	(void)lane;
	if (is_gone(s) && bytes_waiting(s) < LENGTH)
		return -EPIPE;
	rc = frame_wait(s, &len);
	if (rc < 0)
		return rc;
	frame = s->in + s->taken + LENGTH;
	s->taken += LENGTH + len;
	if (len < FRAME_MIN)
		return -ENOMSG;
	if (virtdev_priv_pieces_store(iov, n, NET_HEADER, frame, len) < 0)
		return -EMSGSIZE;
	rc = virtdev_priv_pieces_store(iov, n, 0, NULL, NET_HEADER);
	return rc < 0 ? rc : (ssize_t)(len + NET_HEADER);
}

static int stream_flush(void *self, uint32_t lane)
{
	struct stream *s = self;
	ssize_t n;
	int rc;

	(void)lane;
	while (s->sent < s->kept) {
		n = send(s->fd, s->out + s->sent, s->kept - s->sent,
			 MSG_DONTWAIT | MSG_NOSIGNAL);
		rc = n < 0 ? virtdev_priv_link_code(errno) : 0;
		if (rc == -EAGAIN)
			return rc;
		if (rc < 0) {
			set_gone(s);
			break;
		}
		s->sent += (uint32_t)n;
	}
	s->sent = s->kept = 0;
	return 0;
}

static int make_room(struct stream *s, uint32_t len)
{
	if (BUFFER - s->kept >= len)
		return 0;
	if (s->sent) {
		memmove(s->out, s->out + s->sent, s->kept - s->sent);
		s->kept -= s->sent;
		s->sent = 0;
	}
	if (BUFFER - s->kept >= len)
		return 0;
	return stream_flush(s, 0);
}

static int stream_send(void *self, uint32_t lane, const struct iovec *iov,
		       int n)
{
	struct stream *s = self;
	const uint64_t len = virtdev_priv_pieces_len(iov + 1, n - 1);
	uint32_t be;
	int rc;

	(void)lane;
	if (is_gone(s))
		return -EPIPE;
	if (len > FRAME_MAX)
		return -EMSGSIZE;
	rc = make_room(s, LENGTH + (uint32_t)len);
	if (rc < 0)
		return rc;
	be = htonl((uint32_t)len);
	memcpy(s->out + s->kept, &be, LENGTH);
	virtdev_priv_pieces_load(iov + 1, n - 1, 0, s->out + s->kept + LENGTH,
				 (uint32_t)len);
	s->kept += LENGTH + (uint32_t)len;
	return 0;
}

static void stream_free(void *self)
{
	struct stream *s = self;

	vsu_fd_close(&s->fd);
	free(s);
}

int virtdev_priv_stream_take_fd(int fd, struct virtdev_net_link **out)
{
	static const struct virtdev_net_link_ops ops = {
		.size = sizeof(ops), .name = "stream", .fd = stream_fd,
		.receive = stream_receive, .send = stream_send,
		.flush = stream_flush, .free = stream_free,
	};
	const struct virtdev_net_link_info info = { .lanes = 1 };
	struct stream *s = calloc(1, sizeof(*s));
	int rc;

	if (!s)
		return -ENOMEM;
	s->fd = fd;
	rc = virtdev_net_link_new(&ops, &info, s, out);
	if (rc < 0)
		free(s);
	return rc;
}

int virtdev_net_stream_connect(const char *path, struct virtdev_net_link **out,
			       struct vsu_error *err)
{
	int fd = vsu_sock_connect(path, err), rc;

	if (fd < 0)
		return fd;
	rc = virtdev_priv_stream_take_fd(fd, out);
	if (rc < 0) {
		vsu_fd_close(&fd);
		return vsu_error_sys(err, rc, "stream of frames at '%s'", path);
	}
	return 0;
}
