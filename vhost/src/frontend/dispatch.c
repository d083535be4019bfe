/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The dispatch of a session. It alone calls the owner's operations, and reports
 * a failed session.
 */
#include <config.h>

#include <errno.h>
#include <limits.h>
#include <poll.h>

#include "frontend/priv.h"
#include <vmm-sys-util/event.h>

/* Maximum number of replies per dispatch. */
#define BUDGET			64u
/* Dispatches of one busy socket between two polls of the other. */
#define TURNS			8u
#define NS_PER_MS		UINT64_C(1000000)

/* Disconnect first: otherwise the failed session would keep memory mapped. */
static int report_failure(struct vhost_user_frontend *f)
{
	vhost_user_priv_fe_disconnect(f);
	vhost_user_priv_fe_free_memory(f);
	f->state = VHOST_USER_FRONTEND_DEAD;
	f->reconnect.away = false;
	f->progress.seq = NULL;
	f->progress.next = NULL;
	vsu_timer_disarm(f->wait.timer_fd);
	vhost_user_priv_fe_reset_wake(f);
	if (f->ops.failed)
		f->ops.failed(f->opaque, &f->failure.reason);
	return f->failure.reason.code;
}

/*
 * Some back-ends acknowledge a request that they cannot perform and disconnect
 * at the next message. So name the last acknowledged request, too.
 */
static void explain_hang_up(struct vhost_user_frontend *f, struct vsu_error *err)
{
	char waiting[64], last[64];

	if (err->code != -ECONNRESET)
		return;
	if (!f->replies.n) {
		vsu_error_set(err, err->code, "the back-end hung up");
		return;
	}
	vhost_user_priv_fe_name(&f->replies.pending[f->replies.first], waiting,
				sizeof(waiting));
	vhost_user_priv_fe_name(&f->replies.answered, last, sizeof(last));
	if (f->replies.answered.request)
		vsu_error_set(err, err->code,
			      "the back-end hung up instead of replying to %s; the last request it accepted was %s",
			      waiting, last);
	else
		vsu_error_set(err, err->code,
			      "the back-end hung up instead of replying to %s",
			      waiting);
}

/*
 * Returns the number of replies; if BUDGET, more may be available. Reads the
 * clock once for all of them to restart the time-out of the next reply.
 */
static unsigned int receive_answers(struct vhost_user_frontend *f)
{
	struct vsu_error err;
	struct vhost_user_priv_msg *msg;
	unsigned int n;
	int rc;

	vhost_user_priv_no_error(&err);
	for (n = 0; n < BUDGET && !f->failure.failed; n++) {
		rc = vhost_user_priv_channel_recv(&f->main, &msg, &err);
		if (rc == 0)
			break;
		if (rc < 0) {
			explain_hang_up(f, &err);
			vhost_user_priv_fe_fail(f, &err);
			break;
		}
		vhost_user_priv_fe_answer(f, msg);
		vhost_user_priv_fe_run(f);
	}
	if (n && f->replies.n)
		f->replies.waiting_since = vsu_now_ns();
	return n;
}

/*
 * Handles replies and a deferred socket error. True: some replies were
 * received.
 */
static bool serve_main(struct vhost_user_frontend *f)
{
	const unsigned int n = receive_answers(f);

	f->wait.main_more = n == BUDGET;
	if (!f->failure.failed && f->failure.send_failed)
		vhost_user_priv_fe_fail(f, &f->failure.send_error);
	return n;
}

static bool serve_channel(struct vhost_user_frontend *f)
{
	unsigned int n = 0;

	if (!f->failure.failed)
		f->wait.channel_more = vhost_user_priv_fe_backend_channel_serve(f, &n);
	return n;
}

/*
 * While no reply is due, dispatch is mostly called for the back-end channel.
 * Usually only one socket has messages, so the other one is polled only every
 * few dispatches. Unread input keeps the session's descriptor readable.
 */
static void serve_sockets(struct vhost_user_frontend *f)
{
	const bool channel_first = !f->replies.n && !f->failure.send_failed;

	if (channel_first && serve_channel(f) && !f->wait.main_more &&
	    ++f->turns % TURNS)
		return;
	if (serve_main(f) && !f->wait.channel_more && ++f->turns % TURNS)
		return;
	if (!channel_first)
		serve_channel(f);
}

/*
 * Only reported when the owner can react: get_config is refused while the queue
 * is full.
 */
static void report_config_changed(struct vhost_user_frontend *f)
{
	vhost_user_priv_fe_flush(f);
	if (f->replies.n >= FE_PENDING ||
	    vhost_user_priv_channel_wants_write(&f->main))
		return;
	f->config_changed = false;
	if (f->ops.config_changed)
		f->ops.config_changed(f->opaque);
}

static void serve_connection(struct vhost_user_frontend *f)
{
	serve_sockets(f);
	f->wait.more = f->wait.main_more || f->wait.channel_more;
	vhost_user_priv_fe_run(f);
	vhost_user_priv_fe_check_timeouts(f);
	vhost_user_priv_fe_report_rom(f);
	if (f->config_changed && !f->failure.failed)
		report_config_changed(f);
	if (f->reconnect.away && !f->failure.failed)
		vhost_user_priv_fe_report_stopped(f);
}

/*
 * Continues without a connection if the owner can provide another one, else
 * fails.
 */
static int end_connection(struct vhost_user_frontend *f)
{
	if (!vhost_user_priv_fe_may_return(f))
		return report_failure(f);
	f->dispatching = true;
	vhost_user_priv_fe_lose(f);
	vhost_user_priv_fe_report_stopped(f);
	f->dispatching = false;
	return 0;
}

int vhost_user_frontend_dispatch(struct vhost_user_frontend *f)
{
	if (f->state == VHOST_USER_FRONTEND_DEAD)
		return f->failure.reason.code;
	f->dispatching = true;
	vhost_user_priv_fe_reset_wake(f);
	if (!f->connected)
		vhost_user_priv_fe_retry(f);
	if (f->connected)
		serve_connection(f);
	f->dispatching = false;
	if (f->failure.failed)
		return end_connection(f);
	if (f->connected)
		vhost_user_priv_fe_flush(f);
	return f->wait.more;
}
/* ------------------------------------------------------------------ waiting */

void vhost_user_frontend_fail(struct vhost_user_frontend *f,
			      const struct vsu_error *why)
{
	if (f->state == VHOST_USER_FRONTEND_DEAD)
		return;
	f->final = true;
	vhost_user_priv_fe_fail(f, why);
	vhost_user_priv_fe_push(f);
}

static bool is_idle(const struct vhost_user_frontend *f)
{
	return !f->reconnect.away && !f->failure.failed && !f->failure.send_failed && !f->progress.seq && !f->replies.n &&
	       !f->config_changed &&
	       !vhost_user_priv_channel_wants_write(&f->main);
}

/* Rounded up, so that the deadline has passed when poll() returns. */
static int ms_until(uint64_t due)
{
	uint64_t now = vsu_now_ns(), ms;

	if (due <= now)
		return 0;
	ms = (due - now + NS_PER_MS - 1) / NS_PER_MS;
	return ms < INT_MAX ? (int)ms : INT_MAX;
}

static int wait_readable(struct vhost_user_frontend *f, uint64_t due)
{
	struct pollfd p = { .fd = f->wait.epoll_fd, .events = POLLIN };
	int rc, timeout;

	do {
		timeout = due ? ms_until(due) : -1;
		rc = poll(&p, 1, timeout);
	} while (rc < 0 && errno == EINTR);
	return rc;
}

/* Only a reply on the main socket can continue the session, until its time-out. */
static bool needs_only_reply(const struct vhost_user_frontend *f)
{
	return f->connected && f->replies.n && !f->has_backend_channel &&
	       !f->failure.failed && !f->failure.send_failed &&
	       !f->wait.more && !f->wait.signalled && !f->stop_due &&
	       !f->config_changed &&
	       !vhost_user_priv_channel_wants_write(&f->main) &&
	       !vhost_user_priv_channel_has_message(&f->main);
}

/* Waits in the read of the next dispatch, which saves the poll(). */
static bool dispatch_in_read(struct vhost_user_frontend *f)
{
	if (!needs_only_reply(f) ||
	    !vhost_user_priv_channel_wait_once(&f->main, f->timeout_ns))
		return false;
	vhost_user_frontend_dispatch(f);
	f->main.wait = false;
	return true;
}

int vhost_user_frontend_wait(struct vhost_user_frontend *f,
			     uint64_t timeout_ns, struct vsu_error *err)
{
	uint64_t due = timeout_ns ? vsu_now_ns() + timeout_ns : 0;

	if (f->dispatching)
		return vsu_error_set(err, -EPROTO,
				     "wait: called from inside a callback of the session with '%s'",
				     f->peer);
	while (f->state != VHOST_USER_FRONTEND_DEAD && !is_idle(f)) {
		if (!due && dispatch_in_read(f))
			continue;
		if (wait_readable(f, due) == 0)
			return vsu_error_set(err, -ETIMEDOUT,
					     "'%s' has not sent all replies within %.3g s",
					     f->peer,
					     (double)timeout_ns / 1e9);
		vhost_user_frontend_dispatch(f);
	}
	if (f->state != VHOST_USER_FRONTEND_DEAD)
		return 0;
	if (err != NULL)
		*err = f->failure.reason;
	return f->failure.reason.code;
}
