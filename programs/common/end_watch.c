/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A thread that waits for the end of a machine. */
#include <config.h>

#include <poll.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>

#include "common/end_watch.h"
#include "process.h"

static void *watch_main(void *arg)
{
	const struct vmm_end_watch *w = arg;
	struct pollfd done = { .fd = w->done, .events = POLLIN };

	if (poll(&done, 1, w->patience_ms) == 0)
		w->stuck(w->opaque);
	return NULL;
}

void vmm_end_watch_start(struct vmm_end_watch *w)
{
	w->done = vsu_event_new();
	w->started = w->done >= 0 && !vsu_thread_start(process_threads(), &w->thread, watch_main, w);
}

void vmm_end_watch_stop(struct vmm_end_watch *w)
{
	if (w->started) {
		vsu_event_signal(w->done);
		pthread_join(w->thread, NULL);
	}
	w->started = false;
	vsu_fd_close(&w->done);
}
