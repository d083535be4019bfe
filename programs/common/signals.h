/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The thread that receives the signals that end a machine. The main thread could
 * not handle a signal while it is blocked in the kernel, for example in a read from
 * an unresponsive disk. This thread passes signals to the loop, and calls stuck if
 * the loop does not handle one in time.
 *
 * Threads: the main thread, except stuck.
 */
#ifndef VMM_COMMON_SIGNALS_H
#define VMM_COMMON_SIGNALS_H

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

struct vmm_signals {
	/* set before vmm_signals_start() */
	void (*begin)(void *opaque);	/* on the signal thread, first */
	void (*stuck)(void *opaque);	/* on the signal thread */
	void *opaque;
	uint64_t patience_ns;		/* before stuck; 0: 3 s */

	sigset_t set, before;
	pthread_t thread;
	bool started;
	pthread_mutex_t lock;		/* guards the members below */
	pthread_cond_t changed;
	bool waiting, ended;
};

/*
 * Starts the thread, which receives the signals of the main thread's ev_signal
 * watchers. Start the watchers first. 0 or a negative errno.
 */
int vmm_signals_start(struct vmm_signals *s);

/* The loop handles a signal: stops the deadline. */
void vmm_signals_served(struct vmm_signals *s);

/* The loop has ended: further signals are dropped. */
void vmm_signals_end(struct vmm_signals *s);

/* Ends the thread; its signals are delivered to the main thread again. */
void vmm_signals_stop(struct vmm_signals *s);

#endif
