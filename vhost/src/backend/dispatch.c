/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The dispatch of a session: messages, replies, time-outs and retired memory.
 */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <sys/epoll.h>

#include "backend/priv.h"
#include "backend/inband.h"
#include <vmm-sys-util/event.h>

/* Maximum number of messages per dispatch, for fairness. */
#define BATCH 32u
/* Message dispatches between two polls of all other events. */
#define TURNS 8u

/* stalls */

/* While a message is parked, the rest of the next one is not read yet. */
static bool stops_inside_message(const struct vhost_user_backend *b)
{
	return !b->parked.row && vhost_user_priv_channel_in_message(&b->main);
}

static bool is_stallable(const struct vhost_user_backend *b)
{
	return stops_inside_message(b) ||
	       vhost_user_priv_channel_wants_write(&b->main);
}

static void note_progress(struct vhost_user_backend *b)
{
	b->stall.in = b->stall.received;
	b->stall.out = b->main.sent;
}

/* The timer runs only while an incomplete message waits for input or output. */
static void watch_stalls(struct vhost_user_backend *b)
{
	bool need = is_stallable(b);

	if (need == b->stall.armed)
		return;
	if (!need) {
		vsu_timer_disarm(b->wait.timer);
		b->stall.armed = false;
		return;
	}
	note_progress(b);
	b->stall.armed = vsu_timer_arm(b->wait.timer, b->config.stall_ns) == 0;
}

/*
 * Only complete messages count: a peer could send one byte at a time for ever.
 */
static void end_stalled(struct vhost_user_backend *b)
{
	uint64_t count = 0;
	bool in = stops_inside_message(b) && b->stall.in == b->stall.received;
	bool out = vhost_user_priv_channel_wants_write(&b->main) &&
		   b->stall.out == b->main.sent;

	if (vsu_timer_drain(b->wait.timer, &count) < 0 || count == 0)
		return;
	b->stall.armed = false;
	if (!in && !out)
		return;
	vsu_error_set(&b->why, -ETIMEDOUT,
		      in ? "the peer stopped inside a message for %" PRIu64 " ms" :
			   "the peer did not read its replies for %" PRIu64 " ms",
		      b->config.stall_ns / 1000000);
	vhost_user_priv_backend_fail(b);
}

/* dispatch */

/*
 * The front-end may have replied on the other socket before it disconnected:
 * process these replies first.
 */
static void end_by_peer(struct vhost_user_backend *b)
{
	if (b->why.code == -ECONNRESET)
		vhost_user_priv_backend_channel_ready(b);
	vhost_user_priv_backend_fail(b);
}

/* Handles up to a batch of messages; true if more may be available. */
static bool read_messages(struct vhost_user_backend *b)
{
	struct vhost_user_priv_msg *msg;
	int rc;

	b->batch = BATCH;
	while (b->batch) {
		if (vhost_user_priv_is_ending(b) || b->parked.row)
			return false;
		rc = vhost_user_priv_channel_recv(&b->main, &msg, &b->why);
		if (rc < 0)
			end_by_peer(b);
		if (rc <= 0)
			return false;
		b->stall.received++;
		b->batch--;
		vhost_user_priv_backend_message(b, msg);
	}
	return true;
}

/*
 * While a message is parked, only its answer and a hang-up are handled. Further
 * input is read afterwards, in order.
 */
static bool main_ready(struct vhost_user_backend *b, uint32_t events)
{
	if (!b->parked.row)
		return read_messages(b);
	if (events & (EPOLLHUP | EPOLLERR)) {
		vsu_error_set(&b->why, -ECONNRESET, "the peer hung up");
		end_by_peer(b);
	}
	return false;
}

/* The eventfd may be signalled shortly before the answer is complete. */
static bool event_ready(struct vhost_user_backend *b)
{
	vsu_event_drain(b->wait.event, NULL);
	b->wait.more = false;
	if (vhost_user_priv_is_answering(b))
		vsu_event_signal(b->wait.event);
	vhost_user_priv_shmem_send_posts(b);
	vhost_user_priv_inband_send(b);
	vhost_user_priv_miss_pump(b);
	if (!b->parked.row || !vhost_user_priv_accept_answer(b))
		return false;
	vhost_user_priv_backend_resume(b);
	return read_messages(b);
}

static bool space_ready(struct vhost_user_backend *b)
{
	vsu_event_drain(vmem_space_event_fd(b->mem.space), NULL);
	vmem_space_reclaim(b->mem.space);
	return false;
}

/* A reply makes room for further requests, and may unblock a ring. */
static void follow_answers(struct vhost_user_backend *b)
{
	vhost_user_priv_backend_channel_pump(b);
	vhost_user_priv_shmem_send_posts(b);
	vhost_user_priv_inband_send(b);
	vhost_user_priv_miss_pump(b);
	if (!b->parked.row)
		vhost_user_priv_start_ready_rings(b);
}

static void channel_ready(struct vhost_user_backend *b)
{
	vhost_user_priv_backend_channel_ready(b);
	follow_answers(b);
}

static bool event_serve(struct vhost_user_backend *b, const struct epoll_event *ev)
{
	switch ((enum vhost_user_priv_watch)ev->data.u32) {
	case VHOST_USER_PRIV_WATCH_MAIN:
		return main_ready(b, ev->events);
	case VHOST_USER_PRIV_WATCH_CHANNEL:
		channel_ready(b);
		return false;
	case VHOST_USER_PRIV_WATCH_EVENT:
		return event_ready(b);
	case VHOST_USER_PRIV_WATCH_TIMER:
		end_stalled(b);
		return false;
	case VHOST_USER_PRIV_WATCH_SPACE:
		return space_ready(b);
	default:
		return false;
	}
}

/*
 * Sends all replies of a dispatch together, and watches the events that the
 * state permits.
 */
static void flush_replies(struct vhost_user_backend *b)
{
	struct epoll_event ev = { .data.u32 = VHOST_USER_PRIV_WATCH_MAIN };

	vhost_user_priv_backend_channel_send_waiting(b);
	if (vhost_user_priv_channel_flush(&b->main, &b->why) < 0) {
		vhost_user_priv_backend_fail(b);
		return;
	}
	if (!b->parked.row)
		ev.events |= EPOLLIN;
	if (vhost_user_priv_channel_wants_write(&b->main))
		ev.events |= EPOLLOUT;
	if (ev.events != b->wait.main_events) {
		epoll_ctl(b->wait.epoll, EPOLL_CTL_MOD, b->main.fd, &ev);
		b->wait.main_events = ev.events;
	}
	watch_stalls(b);
}

static bool is_main(const struct epoll_event *ev)
{
	return ev->data.u32 == VHOST_USER_PRIV_WATCH_MAIN;
}

/*
 * Polls everything except the messages of a busy peer. If the peer has
 * disconnected, the main socket carries the reason.
 */
static bool serve_events(struct vhost_user_backend *b)
{
	struct epoll_event events[VHOST_USER_PRIV_WATCHES];
	bool more = false;
	int i, n;

	n = epoll_wait(b->wait.epoll, events, VHOST_USER_PRIV_WATCHES, 0);
	for (i = 0; i < n && !vhost_user_priv_is_ending(b); i++)
		if (is_main(&events[i]))
			more |= event_serve(b, &events[i]);
	for (i = 0; i < n && !vhost_user_priv_is_ending(b); i++)
		if (!is_main(&events[i]))
			more |= event_serve(b, &events[i]);
	return more;
}

/*
 * Polls everything every few turns to prevent starvation, and always while a
 * message is parked, because its answer arrives by epoll.
 */
static bool may_skip_events(struct vhost_user_backend *b)
{
	return ++b->turns % TURNS && !b->parked.row;
}

/*
 * Fast path: while replies are due, dispatch is nearly always called for them.
 */
static bool serve_answers(struct vhost_user_backend *b)
{
	if (!vhost_user_priv_backend_channel_answers(b))
		return serve_events(b);
	follow_answers(b);
	return !vhost_user_priv_is_ending(b) && !may_skip_events(b) && serve_events(b);
}

/*
 * Fast path: otherwise dispatch is mostly called for messages. They are read
 * first, and epoll is polled only every few turns.
 */
static bool serve_some(struct vhost_user_backend *b)
{
	uint64_t before = b->stall.received;
	bool more;

	if (b->asks.n && !vhost_user_priv_channel_has_message(&b->main))
		return serve_answers(b);
	more = read_messages(b);
	if (b->stall.received != before && may_skip_events(b))
		return more;
	return serve_events(b) || more;
}

/* The eventfd's signal may have been consumed together with another one. */
static bool has_posts(struct vhost_user_backend *b)
{
	return __atomic_load_n(&b->shmem.posts.n, __ATOMIC_RELAXED) &&
	       b->asks.n < VHOST_USER_PRIV_MAX_ASKED;
}

/*
 * Defers the rest to the next dispatch: the session's descriptor stays
 * readable.
 */
static bool defer_rest(struct vhost_user_backend *b, bool more)
{
	if ((!b->parked.row && vhost_user_priv_channel_has_message(&b->main)) ||
	    has_posts(b) ||
	    __atomic_load_n(&b->inband.due, __ATOMIC_RELAXED) ||
	    __atomic_load_n(&b->mem.missed, __ATOMIC_RELAXED))
		more = true;
	if (more && !b->wait.more)
		vsu_event_signal_own(b->wait.event);
	b->wait.more |= more;
	return more;
}

int vhost_user_backend_dispatch(struct vhost_user_backend *b)
{
	bool more = false;
	int code;

	if (vhost_user_priv_enter(b, VHOST_USER_PRIV_DISPATCHES))
		more = serve_some(b);
	if (b->life == VHOST_USER_PRIV_DISPATCHES)
		flush_replies(b);
	if (vhost_user_priv_enter(b, VHOST_USER_PRIV_IDLE))
		return defer_rest(b, more);
	code = b->why.code;
	if (vhost_user_priv_enter(b, VHOST_USER_PRIV_ENDS))
		vhost_user_priv_backend_end(b);
	return code;
}
