/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The state that a back-end keeps of its device, through a pipe of this process
 * (SET_DEVICE_STATE_FD), in dispatches of the session.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <vhost/frontend_device.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>

#include "vhost_user/remote_priv.h"

/* Bytes that are read in one dispatch. */
#define TURN 65536u

/* Time limit without progress. */
#define SILENCE_NS UINT64_C(10000000000)

static bool is_moving(const struct remote_stream *s)
{
	return s->phase == REMOTE_STREAM_MOVES || s->phase == REMOTE_STREAM_CHECKED;
}

/* ----------------------------------------------------------------- the end */

/* The session's descriptor is readable if one of these is. */
static int watch_fd(const struct virtdev_vhost_user *r, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u32 = UINT32_MAX };

	return epoll_ctl(vhost_user_frontend_fd(r->frontend), EPOLL_CTL_ADD, fd, &event) < 0 ?
	       -errno : 0;
}

static void close_watched(const struct virtdev_vhost_user *r, int *fd)
{
	if (*fd >= 0)
		(void)epoll_ctl(vhost_user_frontend_fd(r->frontend), EPOLL_CTL_DEL, *fd, NULL);
	vsu_fd_close(fd);
}

/* Closes the pipe; the result of the transfer is known. */
static void stream_finish(struct virtdev_vhost_user *r, int result)
{
	close_watched(r, &r->stream.fd);
	close_watched(r, &r->stream.timer_fd);
	r->stream.phase = REMOTE_STREAM_DONE;
	r->stream.result = result;
}

static void stream_fail(struct virtdev_vhost_user *r, int code, const char *why)
{
	vsu_error_set(&r->stream.why, code, "%s did not %s the state of its device: %s",
		      r->who, r->stream.way == REMOTE_STREAM_LOADS ? "load" : "save", why);
	stream_finish(r, code);
}

void virtdev_priv_remote_stream_drop(struct virtdev_vhost_user *r)
{
	struct remote_stream *s = &r->stream;

	if (s->phase != REMOTE_STREAM_IDLE)
		stream_finish(r, 0);
	free(s->bytes);
	*s = (struct remote_stream){
		.fd = -1, .timer_fd = -1, .unanswered_moves = s->unanswered_moves,
		.unanswered_checks = s->unanswered_checks,
	};
}

void virtdev_priv_remote_stream_lost(struct virtdev_vhost_user *r)
{
	r->stream.unanswered_moves = r->stream.unanswered_checks = 0;
}

/* ----------------------------------------------------- answers of the session */

/*
 * Answers arrive in the order of the requests, so all but the last belong to dropped
 * transfers.
 */
static bool is_last(unsigned int *unanswered)
{
	return *unanswered && !--*unanswered;
}

void virtdev_priv_remote_on_state_moves(void *opaque, int result, int fd)
{
	struct virtdev_vhost_user *r = opaque;

	if (!is_last(&r->stream.unanswered_moves) || !is_moving(&r->stream))
		return;
	if (result < 0)
		stream_fail(r, result, "it refused the request");
	else if (fd >= 0)
		stream_fail(r, -EOPNOTSUPP, "it returned its own descriptor, which is not supported");
}

void virtdev_priv_remote_on_state_moved(void *opaque, int result)
{
	struct virtdev_vhost_user *r = opaque;

	if (!is_last(&r->stream.unanswered_checks) || r->stream.phase != REMOTE_STREAM_CHECKED)
		return;
	if (result < 0)
		stream_fail(r, result, "it reported a failure");
	else
		stream_finish(r, result);
}

/* The stream has ended; the back-end reports whether it is complete. */
static void check_stream(struct virtdev_vhost_user *r)
{
	struct vsu_error err = VSU_ERROR_INIT;
	int rc = vhost_user_frontend_check_state(r->frontend, &err);

	close_watched(r, &r->stream.fd);
	r->stream.phase = REMOTE_STREAM_CHECKED;
	if (rc < 0)
		stream_fail(r, rc, err.msg);
	else
		r->stream.unanswered_checks++;
}

/* ------------------------------------------------------------------------ save */

static int make_room(struct remote_stream *s)
{
	unsigned char *bytes;

	if (s->size - s->len >= TURN)
		return 0;
	if (s->size >= VIRTDEV_STATE_MAX)
		return -EFBIG;
	bytes = realloc(s->bytes, s->size ? 2 * s->size : TURN);
	if (!bytes)
		return -ENOMEM;
	s->bytes = bytes;
	s->size = s->size ? 2 * s->size : TURN;
	return 0;
}

static void silence_begin(struct remote_stream *s)
{
	s->until_ns = vsu_now_ns() + SILENCE_NS;
	(void)!vsu_timer_arm(s->timer_fd, SILENCE_NS);
}

static void read_some(struct virtdev_vhost_user *r)
{
	struct remote_stream *s = &r->stream;
	int rc = make_room(s);
	ssize_t n;

	if (rc < 0) {
		stream_fail(r, rc, "it is too large");
		return;
	}
	n = read(s->fd, s->bytes + s->len, TURN);
	if (n > 0)
		s->len += (size_t)n;
	if (n >= 0)
		silence_begin(s);
	if (!n)
		check_stream(r);
	else if (n < 0 && errno != EAGAIN && errno != EINTR)
		stream_fail(r, -errno, "the pipe cannot be read");
}

void virtdev_priv_remote_stream_turn(struct virtdev_vhost_user *r)
{
	struct remote_stream *s = &r->stream;

	if (s->way == REMOTE_STREAM_LOADS || !is_moving(s))
		return;
	if (s->phase == REMOTE_STREAM_MOVES)
		read_some(r);
	if (is_moving(s) && vsu_now_ns() >= s->until_ns)
		stream_fail(r, -ETIMEDOUT, "it sent nothing for ten seconds");
}

/* The back-end gets one end of a pipe, this process keeps the other one. */
static int stream_begin(struct virtdev_vhost_user *r, bool load, struct vsu_error *err)
{
	int ends[2], rc;

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return vsu_error_sys(err, -errno, "cannot make a pipe");
	r->stream.phase = REMOTE_STREAM_MOVES;
	r->stream.way = load ? REMOTE_STREAM_LOADS : REMOTE_STREAM_SAVES;
	r->stream.fd = ends[load];
	rc = vhost_user_frontend_move_state(r->frontend, load, ends[!load], err);
	vsu_fd_close(&ends[!load]);
	if (!rc)
		r->stream.unanswered_moves++;
	return rc;
}

static int save_begin(struct virtdev_vhost_user *r, struct vsu_error *err)
{
	struct remote_stream *s = &r->stream;
	int rc = stream_begin(r, false, err);

	if (rc < 0)
		return rc;
	s->timer_fd = vsu_timer_new();
	rc = s->timer_fd < 0 ? s->timer_fd : watch_fd(r, s->timer_fd);
	if (!rc)
		rc = watch_fd(r, s->fd);
	silence_begin(s);
	return rc ? vsu_error_sys(err, rc, "cannot wait for the state") : 0;
}

int virtdev_priv_remote_stream_save(struct virtdev_vhost_user *r, struct vsu_error *err)
{
	struct remote_stream *s = &r->stream;
	struct vsu_error why = VSU_ERROR_INIT;
	int rc = 0;

	if (s->phase == REMOTE_STREAM_IDLE)
		rc = save_begin(r, &why);
	if (rc < 0)
		stream_fail(r, rc, why.msg);
	if (s->phase != REMOTE_STREAM_DONE)
		return vsu_error_set(err, -EAGAIN, "the state of %s is still being read", r->who);
	if (s->result < 0 && err)
		*err = s->why;
	return s->result;
}

/* ------------------------------------------------------------------------ load */

int virtdev_priv_remote_stream_write(struct virtdev_vhost_user *r, const unsigned char *bytes, size_t len)
{
	struct remote_stream *s = &r->stream;
	const ssize_t n = vsu_fd_write_quietly(s->fd, bytes + s->len, len - s->len);

	if (n < 0)
		return n == -EAGAIN || n == -EINTR ? 0 : (int)n;
	s->len += (size_t)n;
	if (s->len == len)
		check_stream(r);
	return 0;
}

int virtdev_priv_remote_stream_begin_load(struct virtdev_vhost_user *r, struct vsu_error *err)
{
	int rc;

	virtdev_priv_remote_stream_drop(r);
	rc = stream_begin(r, true, err);
	if (rc < 0)
		virtdev_priv_remote_stream_drop(r);
	return rc;
}
