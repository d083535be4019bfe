/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A thread that wakes the others if they wait for pages that cannot arrive. */
#include <config.h>

#include <poll.h>
#include <signal.h>
#include <stdbool.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>

#include "postcopy_watch.h"
#include "process.h"

#define TICK_MS 1000
/* A connected front-end may place pages for this many ticks after a signal. */
#define GRACE 3

/*
 * The handler sets stops if the main thread waits in user space. If that thread waits
 * inside a system call, the signal remains pending.
 */
static bool is_asked_to_stop(const struct postcopy_watch *w)
{
	sigset_t pending;

	if (__atomic_load_n(w->stops, __ATOMIC_RELAXED))
		return true;
	sigemptyset(&pending);
	sigpending(&pending);
	return sigismember(&pending, SIGTERM) == 1 ||
	       sigismember(&pending, SIGINT) == 1 ||
	       sigismember(&pending, SIGHUP) == 1;
}

static void *watch_session(void *arg)
{
	const struct postcopy_watch *w = arg;
	struct pollfd p[] = {
		{ .fd = w->over, .events = POLLIN },
		{ .fd = vhost_user_postcopy_guard_fd(w->guard), .events = POLLIN },
	};
	int ticks = 0;

	while (poll(p, 2, TICK_MS) >= 0 && !p[0].revents) {
		ticks = is_asked_to_stop(w) ? ticks + !p[1].revents : 0;
		if (p[1].revents || ticks >= GRACE)
			vhost_user_postcopy_guard_release(w->guard);
	}
	return NULL;
}

int postcopy_watch_start(struct postcopy_watch *w, const int *stops,
			 struct vsu_error *err)
{
	int rc = vhost_user_postcopy_guard_new(&w->guard, err);

	if (rc < 0)
		return rc;
	w->stops = stops;
	w->over = rc = vsu_event_new();
	if (rc >= 0)
		rc = prog_thread_start(prog_threads(), &w->id, watch_session, w);
	if (rc >= 0)
		return 0;
	vsu_fd_close(&w->over);
	vhost_user_postcopy_guard_free(w->guard);
	w->guard = NULL;
	return vsu_error_sys(err, rc, "cannot start a thread for --allow-postcopy");
}

void postcopy_watch_end(struct postcopy_watch *w)
{
	if (!w->guard)
		return;
	vsu_event_signal_own(w->over);
	pthread_join(w->id, NULL);
	vsu_fd_close(&w->over);
	vhost_user_postcopy_guard_free(w->guard);
}
