/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A link over a stream socket. */
#include <config.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sized.h>
#include <vmm-sys-util/sock.h>

#include "link/kinds.h"
#include "link/pieces.h"
#include "link/stream.h"

#define NS_PER_MS UINT64_C(1000000)
/* Longer frames are not copied: the copy costs more than a system call. */
#define SHORT 16384u

#define ENDED "the peer of the stream disconnected or sent an invalid frame; the network card's link is down until "

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

/* Discards a partial frame and schedules a reconnection. */
static int stream_lose(struct stream *s)
{
	s->taken = s->filled = 0;
	if (s->path)
		(void)!vsu_timer_arm(s->timer, s->wait_ns);
	return set_gone(s);
}

/* Moves unread bytes to the start if the rest of the frame would not fit. */
static int stream_fill(struct stream *s)
{
	uint32_t room;
	ssize_t n;

	if (s->taken) {
		memmove(s->in, s->in + s->taken, bytes_waiting(s));
		s->filled -= s->taken;
		s->taken = 0;
	}
	room = BUFFER - s->filled;
	n = recv(s->fd, s->in + s->filled, room, MSG_DONTWAIT);
	if (n < 0 && virtdev_priv_link_code(errno) != -EPIPE)
		return virtdev_priv_link_code(errno);
	if (n <= 0)
		return stream_lose(s);
	s->filled += (uint32_t)n;
	s->dry = (uint32_t)n < room;
	return 0;
}

/*
 * After a call that emptied the socket, the next call is skipped: bytes that arrived
 * in the meantime make the descriptor readable.
 */
static int stream_refill(struct stream *s)
{
	const bool dry = s->dry;

	s->dry = false;
	return dry ? -EAGAIN : stream_fill(s);
}

/*
 * Returns the length of the next complete frame, without its four length bytes; or
 * the result of stream_fill() if it is incomplete.
 */
static int frame_wait(struct stream *s, uint32_t *len)
{
	uint32_t be;
	int rc;

	for (;;) {
		if (bytes_waiting(s) >= LENGTH) {
			memcpy(&be, s->in + s->taken, LENGTH);
			*len = ntohl(be);
			/* after an invalid length the stream cannot be parsed */
			if (*len > FRAME_MAX)
				return stream_lose(s);
			if (bytes_waiting(s) - LENGTH >= *len)
				return 0;
		}
		rc = stream_refill(s);
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
		return stream_lose(s);
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

/* Discards unsent bytes of a previous connection. */
static bool are_stale(const struct stream *s)
{
	return s->kept_for !=
	       __atomic_load_n(&s->connection, __ATOMIC_RELAXED);
}

static int flush_locked(struct stream *s)
{
	ssize_t n;
	int rc;

	while (s->sent < s->kept && !are_stale(s)) {
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

static int stream_flush(void *self, uint32_t lane)
{
	struct stream *s = self;
	int rc;

	(void)lane;
	pthread_mutex_lock(&s->lock);
	rc = flush_locked(s);
	pthread_mutex_unlock(&s->lock);
	return rc;
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

/* Appends a frame to the buffer, which has room for it. */
static void frame_buffer(struct stream *s, const struct iovec *iov, int n,
			 uint32_t len)
{
	const uint32_t be = htonl(len);

	if (!s->kept)
		s->kept_for = __atomic_load_n(&s->connection,
					      __ATOMIC_RELAXED);
	memcpy(s->out + s->kept, &be, LENGTH);
	virtdev_priv_pieces_load(iov, n, 0, s->out + s->kept + LENGTH, len);
	s->kept += LENGTH + len;
}

/* Sends a frame from its pieces: the number of bytes sent, with those of its length. */
static ssize_t pieces_send(const struct stream *s, const struct iovec *iov,
			   int n, uint32_t len)
{
	uint32_t be = htonl(len);
	struct iovec pieces[LINK_PIECES];
	const struct msghdr msg = {
		.msg_iov = pieces, .msg_iovlen = (size_t)n + 1,
	};
	ssize_t sent;

	pieces[0] = (struct iovec){ &be, LENGTH };
	memcpy(pieces + 1, iov, (size_t)n * sizeof(*iov));
	sent = sendmsg(s->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
	return sent < 0 ? virtdev_priv_link_code(errno) : sent;
}

/*
 * Sends a long frame without a copy while the buffer is empty. The bytes for which the
 * socket has no room are buffered.
 */
static int send_direct(struct stream *s, const struct iovec *iov, int n,
		       uint32_t len)
{
	ssize_t sent;

	pthread_mutex_lock(&s->lock);
	sent = pieces_send(s, iov, n, len);
	if (sent == -EPIPE)
		set_gone(s);
	else if (sent >= 0 && (uint32_t)sent < LENGTH + len) {
		frame_buffer(s, iov, n, len);
		s->sent = (uint32_t)sent;
	}
	pthread_mutex_unlock(&s->lock);
	return sent < 0 ? (int)sent : 0;
}

static int stream_send(void *self, uint32_t lane, const struct iovec *iov,
		       int n)
{
	struct stream *s = self;
	const uint64_t len = virtdev_priv_pieces_len(iov + 1, n - 1);
	int rc;

	(void)lane;
	if (is_gone(s))
		return -EPIPE;
	if (len > FRAME_MAX)
		return -EMSGSIZE;
	if (len > SHORT && !s->kept && n <= LINK_PIECES)
		return send_direct(s, iov + 1, n - 1, (uint32_t)len);
	rc = make_room(s, LENGTH + (uint32_t)len);
	if (rc < 0)
		return rc;
	frame_buffer(s, iov + 1, n - 1, (uint32_t)len);
	return 0;
}

static void stream_release(struct stream *s)
{
	pthread_mutex_destroy(&s->lock);
	vsu_fd_close(&s->timer);
	free(s->path);
	free(s);
}

static void stream_free(void *self)
{
	struct stream *s = self;

	vsu_fd_close(&s->fd);
	stream_release(s);
}

static bool stream_is_down(void *self)
{
	return is_gone(self);
}

/* Starts in the state of a lost connection. */
static int stream_begin_gone(struct stream *s)
{
	s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (s->fd < 0)
		return -errno;
	s->gone = true;
	return vsu_timer_arm(s->timer, s->wait_ns);
}

static int stream_make(int fd, const char *path, uint32_t reconnect_ms,
		       struct stream **out)
{
	struct stream *s = calloc(1, sizeof(*s));
	int rc = 0;

	if (!s)
		return -ENOMEM;
	pthread_mutex_init(&s->lock, NULL);
	s->fd = fd;
	s->timer = -1;
	s->wait_ns = reconnect_ms * NS_PER_MS;
	if (reconnect_ms) {
		s->path = strdup(path);
		s->timer = s->path ? vsu_timer_new() : -ENOMEM;
		rc = s->timer;
	}
	if (rc >= 0 && fd < 0)
		rc = stream_begin_gone(s);
	if (rc < 0 && fd < 0)
		vsu_fd_close(&s->fd);
	if (rc < 0)
		stream_release(s);
	else
		*out = s;
	return rc;
}

int virtdev_priv_stream_take_fd(int fd, const char *path, uint32_t reconnect_ms,
				struct virtdev_net_link **out)
{
	const struct virtdev_net_link_ops ops = {
		.size = sizeof(ops), .name = "stream", .fd = stream_fd,
		.receive = stream_receive, .send = stream_send,
		.flush = stream_flush, .free = stream_free,
		.is_down = stream_is_down,
		.retry_fd = reconnect_ms ? virtdev_priv_stream_retry_fd : NULL,
		.retry = reconnect_ms ? virtdev_priv_stream_retry : NULL,
		.lost = reconnect_ms ? ENDED "this program reconnects (it retries)" :
				       ENDED "this program is restarted (the option reconnect retries instead)",
	};
	const struct virtdev_net_link_info info = { .lanes = 1 };
	struct stream *s = NULL;
	int rc = stream_make(fd, path, reconnect_ms, &s);

	if (rc < 0)
		return rc;
	rc = virtdev_net_link_new(&ops, &info, s, out);
	if (rc < 0 && fd < 0)
		stream_free(s);
	else if (rc < 0)
		stream_release(s);
	return rc;
}

/* True for errors after which a later attempt may succeed. */
static bool may_come(int code)
{
	return code == -ENOENT || code == -ECONNREFUSED || code == -EAGAIN;
}

int virtdev_net_stream_open(const struct virtdev_net_stream *stream,
			    struct virtdev_net_link **out,
			    struct vsu_error *err)
{
	struct virtdev_net_stream s;
	struct vsu_error why = VSU_ERROR_INIT;
	int fd, rc = vsu_copy_sized(&s, sizeof(s), stream,
				    "struct virtdev_net_stream", err);

	if (rc < 0)
		return rc;
	if (!s.path || !*s.path)
		return vsu_error_set(err, -EINVAL,
				     "stream of frames: no socket path");
	fd = vsu_sock_connect(s.path, &why);
	if (fd < 0 && !(s.reconnect_ms && may_come(fd))) {
		if (err)
			*err = why;
		return fd;
	}
	rc = virtdev_priv_stream_take_fd(fd < 0 ? -1 : fd, s.path,
					 s.reconnect_ms, out);
	if (rc == 0)
		return 0;
	vsu_fd_close(&fd);
	return vsu_error_sys(err, rc, "stream of frames at '%s'", s.path);
}
