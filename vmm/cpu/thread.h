/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Threads of cvmm: signals meant for the process stay with the main one. */
#ifndef VMM_THREAD_H
#define VMM_THREAD_H

#include <pthread.h>

/*
 * Starts fn(arg) on a thread that takes no signal but faults of its own and,
 * unless it is 0, the signal besides.
 */
int vmm_thread_start(pthread_t *thread, void *(*fn)(void *arg), void *arg,
		     int besides);

#endif
