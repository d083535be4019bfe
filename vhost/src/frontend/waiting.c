/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Waiting of a session: watched sockets and time-outs. */
#include <config.h>

#include <errno.h>
#include <sys/epoll.h>

#include "frontend/priv.h"
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>

/*
 * Without events the socket is removed from epoll, which would report a hang-up
 * otherwise.
 */
static void socket_rewatch(struct vhost_user_frontend *f,
			   const struct vhost_user_priv_channel *ch, uint32_t what,
			   uint32_t events, uint32_t *now)
{
	struct epoll_event event = { .events = events, .data.u32 = what };
	int op = !events ? EPOLL_CTL_DEL : *now ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;

	if (*now != events && !epoll_ctl(f->wait.epoll_fd, op, ch->fd, &event))
		*now = events;
}

static void watch_main(struct vhost_user_frontend *f)
{
	bool out = !f->failure.send_failed &&
		   vhost_user_priv_channel_wants_write(&f->main);

	socket_rewatch(f, &f->main, FE_WATCH_MAIN, EPOLLIN | (out ? EPOLLOUT : 0u),
		       &f->wait.main_events);
}

/*
 * Reads no request while replies are queued, or while an unmapped block is
 * still in use.
 */
void vhost_user_priv_fe_watch_backend_channel(struct vhost_user_frontend *f)
{
	uint32_t events = EPOLLIN;

	if (f->shm.parked)
		events = 0;
	else if (vhost_user_priv_channel_wants_write(&f->backend_channel))
		events = EPOLLOUT;
	socket_rewatch(f, &f->backend_channel, FE_WATCH_BACKEND_CHANNEL,
		       events, &f->wait.channel_events);
}

/*
 * The earliest deadline of the oldest request, of a blocked socket and of a
 * stop.
 */
static uint64_t next_deadline(struct vhost_user_frontend *f)
{
	uint64_t due = f->replies.waiting_since + f->timeout_ns;

	return f->stop_due && f->stop_due < due ? f->stop_due : due;
}

/*
 * The timer is armed for the earliest deadline and re-evaluated when it fires.
 * Most replies arrive long before, so they need no system call.
 */
void vhost_user_priv_fe_arm(struct vhost_user_frontend *f, uint64_t due)
{
	uint64_t now = vsu_now_ns();

	if (vsu_timer_arm(f->wait.timer_fd, due > now ? due - now : 1) == 0)
		f->wait.timer_due = due;	/* on failure the next call retries */
}

void vhost_user_priv_fe_disarm(struct vhost_user_frontend *f)
{
	vsu_timer_drain(f->wait.timer_fd, NULL);
	f->wait.timer_due = 0;
}

/* Created on first use: most sessions never need it. */
static bool new_event(struct vhost_user_frontend *f)
{
	struct epoll_event event = {
		.events = EPOLLIN, .data.u32 = FE_WATCH_EVENT,
	};
	int fd;

	if (f->wait.event_fd >= 0)
		return true;
	fd = vsu_event_new();
	if (fd >= 0 && !epoll_ctl(f->wait.epoll_fd, EPOLL_CTL_ADD, fd, &event))
		f->wait.event_fd = fd;
	else
		vsu_fd_close(&fd);
	return f->wait.event_fd >= 0;
}

/* Requests another dispatch. Without an eventfd the timer does it later. */
static void session_wake(struct vhost_user_frontend *f)
{
	if (f->wait.signalled)
		return;
	f->wait.signalled = new_event(f);
	if (f->wait.signalled)
		vsu_event_signal_own(f->wait.event_fd);
	else
		vhost_user_priv_fe_arm(f, 1);
}

void vhost_user_priv_fe_reset_wake(struct vhost_user_frontend *f)
{
	if (f->wait.signalled)
		vsu_event_drain(f->wait.event_fd, NULL);
	f->wait.signalled = false;
}

static void forget_waiting(struct vhost_user_frontend *f)
{
	if (!f->replies.n && !vhost_user_priv_channel_wants_write(&f->main))
		f->replies.waiting_since = 0;
}

/* The owner is notified immediately, even if the next back-end takes long. */
static bool must_report_stop(const struct vhost_user_frontend *f)
{
	return f->reconnect.away && f->reconnect.stop_unreported &&
	       f->state != VHOST_USER_FRONTEND_STARTING;
}

void vhost_user_priv_fe_flush(struct vhost_user_frontend *f)
{
	struct vsu_error err;

	vhost_user_priv_no_error(&err);
	if (!f->failure.send_failed &&
	    vhost_user_priv_channel_flush(&f->main, &err) < 0) {
		f->failure.send_failed = true;
		f->failure.send_error = err;
	}
	if (!f->replies.waiting_since &&
	    vhost_user_priv_channel_wants_write(&f->main))
		f->replies.waiting_since = vsu_now_ns();
	if (f->failure.failed || f->failure.send_failed || f->wait.more || must_report_stop(f))
		session_wake(f);
	else if (!f->wait.timer_due && f->replies.waiting_since)
		vhost_user_priv_fe_arm(f, next_deadline(f));
	watch_main(f);
	forget_waiting(f);
}

void vhost_user_priv_fe_push(struct vhost_user_frontend *f)
{
	if (f->dispatching || f->state == VHOST_USER_FRONTEND_DEAD)
		return;
	if (f->connected)
		vhost_user_priv_fe_flush(f);
	else
		session_wake(f);
}

int vhost_user_priv_fe_request_now(struct vhost_user_frontend *f, const struct fe_request *r,
				   struct vsu_error *err)
{
	int rc = vhost_user_priv_fe_request(f, r, err);

	if (!rc)
		vhost_user_priv_fe_push(f);
	return rc;
}

static void fail_late(struct vhost_user_frontend *f)
{
	struct vsu_error err = VSU_ERROR_INIT;
	char name[64];

	if (!f->replies.n) {
		vsu_error_set(&err, -ETIMEDOUT,
			      "the back-end has read nothing for %.3g s",
			      (double)f->timeout_ns / 1e9);
	} else {
		vhost_user_priv_fe_name(&f->replies.pending[f->replies.first], name,
					sizeof(name));
		vsu_error_set(&err, -ETIMEDOUT,
			      "the back-end did not %s %s within %.3g s",
			      f->stop_due ? "stop its rings up to" : "answer",
			      name, (double)f->timeout_ns / 1e9);
	}
	vhost_user_priv_fe_fail(f, &err);
}

void vhost_user_priv_fe_check_timeouts(struct vhost_user_frontend *f)
{
	uint64_t now;

	if (!f->wait.timer_due)
		return;
	now = vsu_now_ns();
	if (now < f->wait.timer_due)
		return;
	vhost_user_priv_fe_disarm(f);
	if (f->replies.waiting_since && now >= next_deadline(f) && !f->failure.failed)
		fail_late(f);
}
