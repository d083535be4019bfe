/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Threads that leave the signals of the process to others. No state. */
#ifndef VMM_BASE_THREAD_H
#define VMM_BASE_THREAD_H

#include <pthread.h>

/* The rule of a process for threads that others start in it. */
struct prog_threads {
	void (*begin)(void *opaque);	/* on the new thread, before its function; or NULL */
	void *opaque;
};

/*
 * Starts a thread with all signals blocked except those of its own faults. The stack has
 * 512 KiB. threads may be NULL; it is used during the call only: begin has returned then. 0 or
 * a negative errno.
 */
int prog_thread_start(const struct prog_threads *threads, pthread_t *id, void *(*fn)(void *),
		      void *arg);

#endif
