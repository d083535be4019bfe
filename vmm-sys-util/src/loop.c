/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* An epoll descriptor, with a timerfd in it. */
#include <config.h>

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <vmm-sys-util/checked.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/loop.h>

#define BATCH 32
#define NS_PER_S UINT64_C(1000000000)
/* Interval between checks of descriptors that epoll does not accept. */
#define LOOK_NS UINT64_C(10000000)

struct vsu_loop {
	int epoll_fd, timer_fd;
	uint64_t armed_ns;	/* time for which timer_fd is armed; 0: not armed */
	uint64_t turn;
	bool ended;
	enum place {
		OUTSIDE,	/* not in vsu_loop_dispatch() */
		IN_EVENTS,
		IN_TURNS,	/* after the events: the watchers of the turn's end are called */
	} place;
	bool due;		/* another turn must follow immediately */
	struct epoll_event batch[BATCH];	/* of this turn; ptr is NULL for the timer,
						   and for a watcher that was stopped */
	int nbatch;
	struct vsu_io *polled, *polled_next;
	struct vsu_alarm *first, *last;		/* in the order of their times */
	struct vsu_turn *turns, *turns_next;
};

_Static_assert((int)VSU_IO_READ == (int)EPOLLIN && (int)VSU_IO_WRITE == (int)EPOLLOUT,
	       "watchers have the events of epoll");

int vsu_loop_new(struct vsu_loop **out, struct vsu_error *err)
{
	struct epoll_event timer = { .events = EPOLLIN };
	struct vsu_loop *l = calloc(1, sizeof(*l));
	int rc = 0;

	if (!l)
		return vsu_error_sys(err, -ENOMEM, "an event loop");
	l->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (l->timer_fd < 0 || l->epoll_fd < 0 ||
	    epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, l->timer_fd, &timer) < 0)
		rc = vsu_error_sys(err, -errno, "an event loop");
	if (!rc)
		*out = l;
	else
		vsu_loop_free(l);
	return rc;
}

void vsu_loop_free(struct vsu_loop *l)
{
	if (!l)
		return;
	vsu_fd_close(&l->epoll_fd);
	vsu_fd_close(&l->timer_fd);
	free(l);
}

int vsu_loop_fd(const struct vsu_loop *l)
{
	return l->epoll_fd;
}

void vsu_loop_end(struct vsu_loop *l)
{
	l->ended = true;
}

/* ------------------------------------------------------------- descriptors */

void vsu_io_init(struct vsu_io *w, void (*fn)(void *opaque), void *opaque, int fd,
		 enum vsu_io_events events)
{
	*w = (struct vsu_io){
		.fn = fn, .opaque = opaque, .fd = fd, .events = events,
	};
}

/* -EPERM: a regular file, which epoll does not accept. */
static int io_watch(struct vsu_io *w)
{
	struct epoll_event event = { .events = w->events, .data.ptr = w };

	return epoll_ctl(w->loop->epoll_fd, EPOLL_CTL_ADD, w->fd, &event) < 0 ? -errno : 0;
}

static void timer_arm(struct vsu_loop *l);

void vsu_io_start(struct vsu_loop *l, struct vsu_io *w)
{
	if (w->state != VSU_IO_IDLE || w->fd < 0)
		return;
	w->loop = l;
	if (!io_watch(w)) {
		w->state = VSU_IO_WATCHED;
		return;
	}
	w->state = VSU_IO_POLLED;
	w->next = l->polled;
	l->polled = w;
	timer_arm(l);
}

static void polled_remove(struct vsu_io *w)
{
	struct vsu_io **at = &w->loop->polled;

	while (*at != w)
		at = &(*at)->next;
	*at = w->next;
	if (w->loop->polled_next == w)
		w->loop->polled_next = w->next;
}

static void batch_remove(struct vsu_loop *l, const struct vsu_io *w)
{
	int i;

	for (i = 0; i < l->nbatch; i++)
		if (l->batch[i].data.ptr == w)
			l->batch[i].data.ptr = NULL;
}

void vsu_io_stop(struct vsu_io *w)
{
	if (w->state == VSU_IO_POLLED)
		polled_remove(w);
	if (w->state == VSU_IO_WATCHED) {
		epoll_ctl(w->loop->epoll_fd, EPOLL_CTL_DEL, w->fd, NULL);
		batch_remove(w->loop, w);
	}
	w->state = VSU_IO_IDLE;
}

static void call_ready(struct vsu_loop *l)
{
	const struct vsu_io *w;
	int i;

	l->nbatch = epoll_wait(l->epoll_fd, l->batch, BATCH, 0);
	for (i = 0; i < l->nbatch; i++) {
		w = l->batch[i].data.ptr;
		if (w)
			w->fn(w->opaque);
	}
	l->nbatch = 0;
}

static void call_polled(struct vsu_loop *l)
{
	struct vsu_io *w;
	struct pollfd look;

	for (w = l->polled; w; w = l->polled_next) {
		l->polled_next = w->next;
		look = (struct pollfd){
			.fd = w->fd, .events = w->events == VSU_IO_READ ? POLLIN : POLLOUT,
		};
		if (poll(&look, 1, 0) != 1)
			continue;
		l->due = true;
		w->fn(w->opaque);
	}
}

/* -------------------------------------------------------------------- times */

static void timer_insert(struct vsu_loop *l, struct vsu_alarm *w)
{
	struct vsu_alarm *before = l->last;

	while (before && before->at_ns > w->at_ns)
		before = before->prev;
	w->prev = before;
	w->next = before ? before->next : l->first;
	*(w->prev ? &w->prev->next : &l->first) = w;
	*(w->next ? &w->next->prev : &l->last) = w;
}

static void timer_remove(struct vsu_loop *l, struct vsu_alarm *w)
{
	*(w->prev ? &w->prev->next : &l->first) = w->next;
	*(w->next ? &w->next->prev : &l->last) = w->prev;
}

static uint64_t earliest_ns(const struct vsu_loop *l)
{
	const uint64_t look = l->polled ? vsu_now_ns() + LOOK_NS : 0;
	const uint64_t timer = l->first ? l->first->at_ns : 0;

	if (l->due)
		return 1;
	return look && (!timer || look < timer) ? look : timer;
}

/* A time in the past makes the descriptor readable at once. */
static void timer_arm(struct vsu_loop *l)
{
	const uint64_t at = earliest_ns(l);
	const struct itimerspec spec = {
		.it_value = { .tv_sec = (time_t)(at / NS_PER_S), .tv_nsec = (long)(at % NS_PER_S) },
	};

	if (l->place != OUTSIDE || at == l->armed_ns)
		return;
	l->armed_ns = at;
	timerfd_settime(l->timer_fd, TFD_TIMER_ABSTIME, &spec, NULL);
}

void vsu_alarm_init(struct vsu_alarm *w, void (*fn)(void *opaque), void *opaque)
{
	*w = (struct vsu_alarm){ .fn = fn, .opaque = opaque };
}

void vsu_alarm_start(struct vsu_loop *l, struct vsu_alarm *w, uint64_t after_ns,
		     uint64_t repeat_ns)
{
	if (w->active)
		return;
	w->active = true;
	if (vsu_u64_add_overflow(vsu_now_ns(), after_ns, &w->at_ns))
		w->at_ns = UINT64_MAX;
	w->repeat_ns = repeat_ns;
	w->turn = l->turn;
	w->loop = l;
	timer_insert(l, w);
	if (l->first == w)
		timer_arm(l);
}

void vsu_alarm_stop(struct vsu_alarm *w)
{
	if (w->active)
		timer_remove(w->loop, w);
	w->active = false;
}

/* Timers that a callback starts wait for the next turn. */
static void call_timers(struct vsu_loop *l)
{
	const uint64_t now = l->first ? vsu_now_ns() : 0;
	struct vsu_alarm *w;

	while ((w = l->first) && w->at_ns <= now && w->turn != l->turn) {
		vsu_alarm_stop(w);
		if (w->repeat_ns)
			vsu_alarm_start(l, w, w->repeat_ns, w->repeat_ns);
		w->fn(w->opaque);
	}
}

/* ------------------------------------------------------------ end of a turn */

void vsu_turn_init(struct vsu_turn *w, void (*fn)(void *opaque), void *opaque)
{
	*w = (struct vsu_turn){ .fn = fn, .opaque = opaque };
}

void vsu_turn_start(struct vsu_loop *l, struct vsu_turn *w)
{
	if (w->active)
		return;
	w->active = true;
	w->loop = l;
	w->next = l->turns;
	l->turns = w;
	l->due |= l->place != IN_EVENTS;
	timer_arm(l);
}

void vsu_turn_stop(struct vsu_turn *w)
{
	struct vsu_turn **at;

	if (!w->active)
		return;
	w->active = false;
	for (at = &w->loop->turns; *at != w; at = &(*at)->next)
		;
	*at = w->next;
	if (w->loop->turns_next == w)
		w->loop->turns_next = w->next;
}

static void call_turns(struct vsu_loop *l)
{
	const struct vsu_turn *w;

	for (w = l->turns; w; w = l->turns_next) {
		l->turns_next = w->next;
		w->fn(w->opaque);
	}
}

bool vsu_loop_dispatch(struct vsu_loop *l)
{
	if (l->place != OUTSIDE)
		return true;
	l->turn++;
	l->due = false;
	l->place = IN_EVENTS;
	call_ready(l);
	if (l->polled)
		call_polled(l);
	call_timers(l);
	l->place = IN_TURNS;
	call_turns(l);
	l->place = OUTSIDE;
	timer_arm(l);
	return !l->ended;
}
