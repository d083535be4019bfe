/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Transfer of the device's state through a descriptor of the front-end, which
 * can be slow or fail.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vhost/protocol.h>
#include <virtio-devices/state.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/foreign.h>

#include "vhost_user/served.h"

/* Maximum bytes moved in one turn. */
#define TURN 65536u

/* Time limit without progress; afterwards the transfer fails. */
#define SILENCE_NS UINT64_C(10000000000)

static void stream_answer(struct virtdev_vhost_user_server *s)
{
	struct server_stream *t = &s->stream;
	const uint64_t token = t->token;

	if (!token || t->fd >= 0 || t->loads)
		return;
	t->token = 0;
	vhost_user_backend_state_done(s->session, token, t->result);
}

static void unwatch_stream(const struct virtdev_vhost_user_server *s)
{
	if (s->stream.fd >= 0)
		epoll_ctl(s->epfd, EPOLL_CTL_DEL, s->stream.fd, NULL);
}

static void close_stream(struct virtdev_vhost_user_server *s)
{
	struct server_stream *t = &s->stream;

	unwatch_stream(s);
	vsu_foreign_close(s->config.closer, &t->fd);
	vsu_fd_close(&t->timer);
}

static void let_go(struct virtdev_vhost_user_server *s)
{
	struct server_stream *t = &s->stream;

	close_stream(s);
	if (t->loads)
		virtdev_state_load_stop(s->config.dev);
	t->loads = false;
	free(t->bytes);
	t->bytes = NULL;
}

/*
 * The reply to the front-end can contain only a number, so the message goes to the owner's
 * log.
 */
static void say_refused(const struct virtdev_vhost_user_server *s,
			const struct vsu_error *err)
{
	if (s->config.refused)
		s->config.refused(s->config.opaque,
				  VHOST_USER_SET_DEVICE_STATE_FD, 0, err);
}

static void stream_finish(struct virtdev_vhost_user_server *s, int result)
{
	s->stream.result = result;
	let_go(s);
	stream_answer(s);
}

/* Handles the result of a part of the load; 1: more bytes remain. */
static void load_went(struct virtdev_vhost_user_server *s, int rc,
		      const struct vsu_error *err)
{
	s->stream.loads = rc > 0;
	if (rc < 0)
		say_refused(s, err);
	if (rc <= 0)
		stream_finish(s, rc);
}

static bool is_stopped(const struct virtdev_vhost_user_server *s)
{
	uint32_t i;

	for (i = 0; i < s->nqueues; i++)
		if (!virtdev_priv_socket_queue_is_off(&s->queues[i]))
			return false;
	return true;
}

/*
 * The rings were stopped when the request arrived, but the front-end may have started
 * one since. Models do not expect a state while their queues run.
 */
static void load_begin(struct virtdev_vhost_user_server *s)
{
	struct vsu_error err = VSU_ERROR_INIT;
	uint32_t i;

	close_stream(s);
	if (!is_stopped(s)) {
		load_went(s, vsu_error_set(&err, -EBUSY,
					   "%s: its queues run; stop them until the state is loaded",
					   virtdev_name(s->config.dev)), &err);
		return;
	}
	for (i = 0; i < s->nqueues; i++)
		virtdev_priv_socket_queue_forget(&s->queues[i]);
	load_went(s, virtdev_state_load_begin(s->config.dev, s->stream.bytes,
					      s->stream.at, &err), &err);
}

void virtdev_priv_socket_load_turn(struct virtdev_vhost_user_server *s)
{
	struct vsu_error err = VSU_ERROR_INIT;

	if (s->stream.loads)
		load_went(s, virtdev_state_load_turn(s->config.dev, &err), &err);
}

void virtdev_priv_socket_state_end(struct virtdev_vhost_user_server *s)
{
	let_go(s);
	s->stream.token = 0;
}

/* The number of bytes, or a negative errno. */
static ssize_t move_some(const struct server_stream *t)
{
	const size_t left = t->len - t->at, len = left < TURN ? left : TURN;
	void *at = t->bytes + t->at;
	ssize_t n;

	if (!t->load && !t->is_socket)
		return vsu_fd_write_quietly(t->fd, at, len);
	if (!t->load)
		n = send(t->fd, at, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	else
		n = t->is_socket ? recv(t->fd, at, len, MSG_DONTWAIT) :
				   read(t->fd, at, len);
	return n < 0 ? -errno : n;
}

static int wait_on(const struct virtdev_vhost_user_server *s)
{
	return vsu_timer_arm(s->stream.timer, s->config.silence_ns ?
			     s->config.silence_ns : SILENCE_NS);
}

/* One turn of the transfer. True: another turn can follow immediately. */
static bool stream_turn(struct virtdev_vhost_user_server *s)
{
	struct server_stream *t = &s->stream;
	const ssize_t n = move_some(t);

	if (n < 0) {
		if (n != -EAGAIN && n != -EINTR)
			stream_finish(s, (int)n);
		return false;
	}
	t->at += (size_t)n;
	if (t->timer >= 0)
		wait_on(s);
	if (!t->load && t->at == t->len)
		stream_finish(s, 0);
	else if (t->load && !n)
		load_begin(s);
	else if (t->load && t->at == t->len)
		stream_finish(s, -EFBIG);
	return t->fd >= 0;
}

void virtdev_priv_socket_state_turn(struct virtdev_vhost_user_server *s)
{
	if (s->stream.fd >= 0)
		stream_turn(s);
}

void virtdev_priv_socket_state_late(struct virtdev_vhost_user_server *s)
{
	uint64_t fired = 0;

	if (s->stream.timer >= 0)
		vsu_timer_drain(s->stream.timer, &fired);
	if (fired)
		stream_finish(s, -ETIMEDOUT);
}

/*
 * A peer that shares the open file description of a pipe could clear
 * O_NONBLOCK, so open the pipe again. Sockets have MSG_DONTWAIT, and no duplicate:
 * vsu_foreign_close() of one of two descriptors discards what is queued for the other.
 */
static int open_own(int fd, int kind, bool load)
{
	char path[32];
	int own;

	if (kind != VSU_FOREIGN_PIPE)
		return fd;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	own = open(path, (load ? O_RDONLY : O_WRONLY) | O_NONBLOCK | O_CLOEXEC);
	if (own >= 0)
		return own;
	own = vsu_fd_set_nonblock(fd);
	return own < 0 ? own : fd;
}

/*
 * Allocates the bytes to write, or one byte more than the maximum that can be
 * read.
 */
static int make_bytes(struct virtdev_vhost_user_server *s, bool load)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct server_stream *t = &s->stream;
	void *bytes;
	int rc;

	if (load) {
		t->len = VIRTDEV_STATE_MAX + 1;
		t->bytes = malloc(t->len);
		return t->bytes ? 0 : -ENOMEM;
	}
	virtdev_pause(s->config.dev);
	rc = virtdev_state_take(s->config.dev, &bytes, &t->len, &err);
	if (!rc)
		t->bytes = bytes;
	else
		say_refused(s, &err);
	return rc;
}

static int watch_stream(struct virtdev_vhost_user_server *s)
{
	struct server_stream *t = &s->stream;
	int rc;

	t->timer = rc = vsu_timer_new();
	if (rc >= 0)
		rc = virtdev_priv_socket_watch(s->epfd, t->timer, EPOLLIN,
					       EVENT_STREAM_LATE, 0);
	if (rc >= 0)
		rc = wait_on(s);
	if (rc >= 0)
		rc = virtdev_priv_socket_watch(s->epfd, t->fd,
					       t->load ? EPOLLIN : EPOLLOUT,
					       EVENT_STREAM, 0);
	return rc;
}

/* Regular files report no readiness; libvhost refuses those that could block. */
static int stream_begin(struct virtdev_vhost_user_server *s, int kind)
{
	if (kind == VSU_FOREIGN_PIPE || kind == VSU_FOREIGN_SOCKET)
		return watch_stream(s);
	while (stream_turn(s))
		;
	return 0;
}

/* The caller closes fd. */
static void stream_fail(struct virtdev_vhost_user_server *s, int fd)
{
	unwatch_stream(s);
	if (s->stream.fd == fd)
		s->stream.fd = -1;
	let_go(s);
}

int virtdev_priv_socket_take_state_fd(void *opaque, bool load, int fd)
{
	struct virtdev_vhost_user_server *s = opaque;
	struct server_stream *t = &s->stream;
	const int kind = vsu_foreign_kind(fd);
	int rc, own;

	virtdev_priv_socket_state_end(s);
	s->fresh &= !load;
	t->load = load;
	t->at = 0;
	t->is_socket = kind == VSU_FOREIGN_SOCKET;
	rc = make_bytes(s, load);
	if (rc < 0)
		return rc;
	t->fd = rc = own = open_own(fd, kind, load);
	if (rc >= 0)
		rc = stream_begin(s, kind);
	if (rc < 0) {
		stream_fail(s, fd);
		return rc;
	}
	if (own != fd)
		vsu_foreign_close(s->config.closer, &fd);
	return 0;
}

void virtdev_priv_socket_check_state(void *opaque, uint64_t token)
{
	struct virtdev_vhost_user_server *s = opaque;

	s->stream.token = token;
	stream_answer(s);
}
