/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Loads a saved device: its transport, and the state that its back-end keeps. */
#include <config.h>

#include <errno.h>
#include <poll.h>

#include <vmm-sys-util/event.h>

#include "vhost_user/remote_priv.h"

/* Time limit without progress: a back-end opens the files of a guest again. */
#define SILENCE_NS UINT64_C(60000000000)

/* Waits for an event or the time limit; the caller checks the time again. */
static void load_wait(const struct remote_stream *s, struct pollfd p[2])
{
	const uint64_t now = vsu_now_ns();
	const uint64_t ms = now < s->until_ns ? (s->until_ns - now) / 1000000 + 1 : 0;

	if (poll(p, 2, (int)ms) <= 0)
		p[0].revents = p[1].revents = 0;
}

/*
 * One turn of the load. Messages of the session are not progress: a back-end could send
 * them without end.
 */
static int load_turn(struct virtdev_vhost_user *r, const unsigned char *bytes, size_t len)
{
	struct remote_stream *s = &r->stream;
	const size_t before = s->len;
	const int phase = s->phase;
	struct pollfd p[] = {
		{ .fd = virtdev_vhost_user_fd(r), .events = POLLIN },
		{ .fd = s->fd, .events = POLLOUT },
	};
	int rc = 0;

	load_wait(s, p);
	if (p[1].revents)
		rc = virtdev_priv_remote_stream_write(r, bytes, len);
	if (p[0].revents)
		(void)virtdev_vhost_user_dispatch(r);
	if (r->phase == REMOTE_FAILED)
		return -ECONNRESET;
	if (s->len != before || (int)s->phase != phase)
		s->until_ns = vsu_now_ns() + SILENCE_NS;
	return rc < 0 || vsu_now_ns() < s->until_ns ? rc : -ETIMEDOUT;
}

int virtdev_priv_remote_stream_load(struct virtdev_vhost_user *r, const void *bytes, size_t len,
				    struct vsu_error *err)
{
	int rc = virtdev_priv_remote_stream_begin_load(r, err);

	if (rc < 0)
		return rc;
	r->stream.until_ns = vsu_now_ns() + SILENCE_NS;
	while (!rc && r->stream.phase != REMOTE_STREAM_DONE)
		rc = load_turn(r, bytes, len);
	rc = rc < 0 ? rc : r->stream.result;
	virtdev_priv_remote_stream_drop(r);
	return rc < 0 ? vsu_error_sys(err, rc, "%s cannot load the saved state of its device",
				      r->who) : 0;
}

/*
 * Loads the back-end's own state. If this fails, the transport is reset, so that a driver
 * can start, or another state can be loaded.
 */
static int load_own(struct virtdev_vhost_user *r, const void *state, size_t len,
		    struct vsu_error *err)
{
	const int rc = virtdev_priv_remote_stream_load(r, state, len, err);

	if (rc < 0)
		virtdev_transport_reset_done(r->t);
	return rc;
}

int virtdev_priv_remote_load(void *self, const void *bytes, size_t len, struct vsu_error *err)
{
	struct virtdev_vhost_user *r = self;
	const void *state;
	size_t state_len;
	int rc;

	if (r->phase != REMOTE_SERVED)
		return vsu_error_set(err, -EBUSY, "the device of %s is in use, or has no back-end",
				     r->who);
	rc = virtdev_priv_served_load(r->t, bytes, len, r->positions, &state, &state_len, err);
	if (!rc && state_len)
		rc = load_own(r, state, state_len, err);
	if (rc < 0)
		virtdev_priv_remote_clear_positions(r);
	else if (virtdev_priv_remote_enter(&r->phase, REMOTE_ON_LOAD))
		r->place = REMOTE_MOVED;
	return rc;
}
