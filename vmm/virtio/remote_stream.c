/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The state that a back-end keeps of its device, through a pipe of this process
 * (SET_DEVICE_STATE_FD): saved in turns of the loop, loaded before the guest runs.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include <vhost/frontend_device.h>
#include <vmm-sys-util/fd.h>

#include "log/log.h"
#include "virtio/remote_session.h"

/* Bytes that are read in one turn of the loop. */
#define TURN 65536u

/* Time limits without progress, in seconds. A load opens the files of a guest again. */
#define SILENCE_NS UINT64_C(10000000000)
#define LOAD_SILENCE 60

/* Closes the pipe; the result of the transfer is known. */
static void stream_finish(struct remote *r, int result)
{
	struct remote_stream *s = &r->stream;

	if (s->watched) {
		vmm_io_stop(&s->readable);
		vmm_timer_stop(&s->silence);
	}
	s->watched = false;
	vsu_fd_close(&s->fd);
	s->phase = REMOTE_STREAM_DONE;
	s->result = result;
}

/* The reason is logged: the result of a pause is only a code. */
static void stream_fail(struct remote *r, int code, const char *why)
{
	vmm_log(r->log, VMM_LOG_WARNING, "state", "%s did not %s the state of its device: %s",
		 r->rings.who, r->stream.loads ? "load" : "save", why);
	stream_finish(r, code);
}

void vmm_remote_stream_drop(struct remote *r)
{
	if (r->stream.phase != REMOTE_STREAM_IDLE)
		stream_finish(r, 0);
	free(r->stream.bytes);
	r->stream = (struct remote_stream){ .fd = -1 };
}

/* ------------------------------------------------------ answers of the session */

/*
 * Answers arrive in the order of the requests, so all but the last belong to
 * dropped transfers.
 */
static bool is_last(unsigned int *unanswered)
{
	return *unanswered && !--*unanswered;
}

void vmm_remote_on_state_moves(void *opaque, int result, int fd)
{
	struct remote *r = opaque;

	if (!is_last(&r->unanswered.moves))
		return;
	if (r->stream.phase == REMOTE_STREAM_IDLE || r->stream.phase == REMOTE_STREAM_DONE)
		return;
	if (result < 0)
		stream_fail(r, result, "it refused the request");
	else if (fd >= 0)
		stream_fail(r, -EOPNOTSUPP, "it returned its own descriptor, which cvmm does not support");
}

void vmm_remote_on_state_moved(void *opaque, int result)
{
	struct remote *r = opaque;

	if (!is_last(&r->unanswered.checks) ||
	    r->stream.phase != REMOTE_STREAM_CHECKED)
		return;
	if (result < 0)
		stream_fail(r, result, "it reported a failure");
	else
		stream_finish(r, result);
}

/* The stream has ended; the back-end reports whether it is complete. */
static void check_stream(struct remote *r)
{
	struct vsu_error err = VSU_ERROR_INIT;
	int rc = vhost_user_frontend_check_state(virtdev_vhost_user_frontend(r->user),
						 &err);

	r->stream.phase = REMOTE_STREAM_CHECKED;
	if (rc < 0)
		stream_fail(r, rc, err.msg);
	else
		r->unanswered.checks++;
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

static void read_some(struct remote *r)
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
	else if (!n)
		vmm_io_stop(&s->readable);
	if (!n)
		check_stream(r);
	else if (n < 0 && errno != EAGAIN && errno != EINTR)
		stream_fail(r, -errno, "the pipe cannot be read");
}

static void silence_begin(struct remote *r)
{
	vmm_timer_stop(&r->stream.silence);
	vmm_timer_start(r->loop, &r->stream.silence, SILENCE_NS, 0);
}

static void on_readable(void *opaque)
{
	struct remote *r = opaque;

	silence_begin(r);
	vmm_virtio_lock(r->v);
	read_some(r);
	vmm_virtio_unlock(r->v);
}

static void on_silence(void *opaque)
{
	stream_fail(opaque, -ETIMEDOUT, "it sent nothing for ten seconds");
}

static void stream_watch(struct remote *r)
{
	struct remote_stream *s = &r->stream;

	vmm_io_init(&s->readable, on_readable, r, s->fd, VMM_IO_READ);
	vmm_timer_init(&s->silence, on_silence, r);
	vmm_io_start(r->loop, &s->readable);
	silence_begin(r);
	s->watched = true;
}

/* The back-end gets one end of a pipe, this process keeps the other one. */
static int stream_begin(struct remote *r, bool load, struct vsu_error *err)
{
	int ends[2], rc;

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return vsu_error_sys(err, -errno, "cannot make a pipe");
	r->stream.phase = REMOTE_STREAM_MOVES;
	r->stream.loads = load;
	r->stream.fd = ends[load];
	rc = vhost_user_frontend_move_state(virtdev_vhost_user_frontend(r->user),
					    load, ends[!load], err);
	vsu_fd_close(&ends[!load]);
	if (!rc)
		r->unanswered.moves++;
	return rc;
}

int vmm_remote_stream_save(struct remote *r)
{
	struct remote_stream *s = &r->stream;
	struct vsu_error err = VSU_ERROR_INIT;
	int rc;

	if (s->phase == REMOTE_STREAM_DONE)
		return s->result;
	if (s->phase != REMOTE_STREAM_IDLE)
		return -EAGAIN;
	rc = stream_begin(r, false, &err);
	if (rc < 0)
		stream_fail(r, rc, err.msg);
	else if (s->phase == REMOTE_STREAM_MOVES)
		stream_watch(r);
	return rc < 0 ? rc : -EAGAIN;
}

/* ------------------------------------------------------------------------ load */

/* Writes what the pipe accepts, and closes it at the end. */
static int write_some(struct remote *r, const unsigned char *bytes, size_t len)
{
	struct remote_stream *s = &r->stream;
	const ssize_t n = write(s->fd, bytes + s->len, len - s->len);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	s->len += (size_t)n;
	if (s->len < len)
		return 0;
	vsu_fd_close(&s->fd);
	check_stream(r);
	return 0;
}

/* Blocks, which is acceptable before the machine runs. */
static int load_turn(struct remote *r, const unsigned char *bytes, size_t len)
{
	struct pollfd p[] = {
		{ .fd = virtdev_vhost_user_fd(r->user), .events = POLLIN },
		{ .fd = r->stream.fd, .events = POLLOUT },
	};
	int rc = poll(p, 2, LOAD_SILENCE * 1000);

	if (!rc)
		return -ETIMEDOUT;
	rc = 0;
	if (p[1].revents)
		rc = write_some(r, bytes, len);
	if (p[0].revents)
		(void)virtdev_vhost_user_dispatch(r->user);
	return vmm_remote_is_dead(r) ? -ECONNRESET : rc;
}

int vmm_remote_stream_load(struct remote *r, const void *bytes, size_t len,
			   struct vsu_error *err)
{
	int rc;

	vmm_remote_stream_drop(r);
	rc = stream_begin(r, true, err);
	if (rc < 0) {
		vmm_remote_stream_drop(r);
		return rc;
	}
	r->locked = true;
	while (!rc && r->stream.phase != REMOTE_STREAM_DONE)
		rc = load_turn(r, bytes, len);
	r->locked = false;
	rc = rc < 0 ? rc : r->stream.result;
	vmm_remote_stream_drop(r);
	return rc < 0 ? vsu_error_sys(err, rc, "%s cannot load the saved state of its device",
				      r->rings.who) : 0;
}
