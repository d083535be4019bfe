/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The thread that takes the signals which end a machine. A signal that the
 * main thread took itself would wait as long as that thread stands in the
 * kernel, in a read of a disk that does not answer. This thread hands it to
 * the loop and, where the loop does not serve it in time, says so.
 *
 * Threads: the main thread, but for stuck.
 */
#ifndef VMM_SIGNALS_H
#define VMM_SIGNALS_H

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

struct vmm_signals {
	/* before vmm_signals_start() */
	void (*stuck)(void *opaque);	/* the loop serves nothing; on the thread */
	void *opaque;
	uint64_t patience_ns;		/* for the loop to serve; 0: 3 s */

	sigset_t set, before;
	pthread_t thread;
	bool started;
	pthread_mutex_t lock;		/* guards what follows */
	pthread_cond_t changed;
	bool waiting, ended;
};

/*
 * Takes the signals that the main thread's ev_signal watchers are for, which
 * have to be started before. 0 or a negative errno.
 */
int vmm_signals_start(struct vmm_signals *s);

/* The loop serves a signal. */
void vmm_signals_served(struct vmm_signals *s);

/* The loop has ended and serves nothing any more: signals are dropped. */
void vmm_signals_end(struct vmm_signals *s);

/* Ends the thread. Its signals are the main thread's again. */
void vmm_signals_stop(struct vmm_signals *s);

#endif
