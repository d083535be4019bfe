/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Ends a process whose requests to files of the host do not end. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/exit.h>
#include <vmm-sys-util/fd.h>

#include "guard.h"
#include "log.h"
#include "process.h"

/* Time limit for requests in progress at the end. */
#define END_MS 10000

/*
 * A request to an unresponsive host file system keeps its thread and the
 * guest's memory. Only the end of the process releases them.
 */
static void *guard_main(void *arg)
{
	const struct daemon_guard *g = arg;
	struct pollfd end = { .fd = g->end, .events = POLLIN };
	struct pollfd over = { .fd = g->over, .events = POLLIN };

	while (poll(&end, 1, -1) < 0)
		;
	if (poll(&over, 1, __atomic_load_n(&g->reported, __ATOMIC_RELAXED) ?
		 0 : END_MS) == 0) {
		dprintf(STDERR_FILENO, "%s: unfinished requests are abandoned: files of the host have not responded for %d seconds\n",
			program_invocation_short_name, END_MS / 1000);
		_exit(VSU_EXIT_HOST);
	}
	return NULL;
}

int daemon_guard_start(struct daemon_guard *g, struct vsu_error *err)
{
	int rc = g->end = vsu_event_new();

	if (rc >= 0)
		rc = g->over = vsu_event_new();
	if (rc >= 0)
		rc = vsu_thread_start(process_threads(), &g->id, guard_main, g);
	g->runs = rc >= 0;
	return rc < 0 ? vsu_error_sys(err, rc, "cannot start a thread") : 0;
}

int daemon_guard_check(struct daemon_guard *g, bool is_held)
{
	const uint64_t now = is_held ? vsu_now_ns() : 0;
	int left;

	if (!is_held || !g->held_since) {
		g->held_since = now;
		__atomic_store_n(&g->reported, false, __ATOMIC_RELAXED);
	}
	if (!is_held)
		return -1;
	if (g->reported)
		return END_MS;
	left = END_MS - (int)((now - g->held_since) / 1000000);
	if (left > 0)
		return left;
	__atomic_store_n(&g->reported, true, __ATOMIC_RELAXED);
	prog_log(VSU_LOG_WARNING, "held up", "a front-end waits for requests: files of the host have not responded for %d seconds",
		 END_MS / 1000);
	return END_MS;
}

void daemon_guard_detach(struct daemon_guard *g, struct devkind_workers *workers)
{
	const uint32_t left = devkind_workers_detach(workers);

	if (left > g->left)
		prog_log(VSU_LOG_WARNING, "left behind", "%u requests of a disconnected front-end are detached, each with a thread, until files of the host respond",
			 left);
	g->left = left;
}

void daemon_guard_begin(const struct daemon_guard *g)
{
	if (g->runs)
		vsu_event_signal_own(g->end);
}

void daemon_guard_end(struct daemon_guard *g)
{
	if (g->runs) {
		vsu_event_signal_own(g->end);
		vsu_event_signal_own(g->over);
		pthread_join(g->id, NULL);
	}
	vsu_fd_close(&g->end);
	vsu_fd_close(&g->over);
}
