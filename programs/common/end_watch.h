/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A limit for the end of a machine. Threads are joined then, and one of them may be in a
 * system call that no signal and no descriptor interrupts, such as a write to a file whose
 * server does not respond.
 *
 * Threads: the owner; stuck is called in a thread of its own.
 */
#ifndef VMM_COMMON_END_WATCH_H
#define VMM_COMMON_END_WATCH_H

#include <pthread.h>
#include <stdbool.h>

struct vmm_end_watch {
	/* set before vmm_end_watch_start() */
	void (*stuck)(void *opaque);	/* ends the process */
	void *opaque;
	int patience_ms;		/* before stuck */

	pthread_t thread;
	bool started;
	int done;			/* eventfd */
};

/* Without a thread, the end has no limit. */
void vmm_end_watch_start(struct vmm_end_watch *w);
/* The machine has ended. Waits for stuck if that was called. */
void vmm_end_watch_stop(struct vmm_end_watch *w);

#endif
