/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Threads that leave the signals of the process to others. No state. */
#ifndef VMM_BASE_THREAD_H
#define VMM_BASE_THREAD_H

#include <pthread.h>
#include <signal.h>

/* The rule of a process for threads that others start in it. */
struct vmm_threads {
	void (*begin)(void *opaque);	/* on the new thread, before its function; or NULL */
	void *opaque;
};

/*
 * Starts a thread with a stack of 512 KiB. It blocks all signals except those of its own
 * faults. threads may be NULL, and may be freed after the call: begin has returned by then.
 * Returns 0 or a negative errno.
 */
int vmm_thread_start(const struct vmm_threads *threads, pthread_t *id, void *(*fn)(void *),
		     void *arg);

/* Blocks the same signals on this thread. *before receives the former mask. */
void vmm_thread_block_signals(sigset_t *before);

#endif
