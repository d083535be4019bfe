/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Starting a thread with the signals that are its own. */
#include <config.h>

#include <signal.h>

#include "cpu/thread.h"

int vmm_thread_start(pthread_t *thread, void *(*fn)(void *arg), void *arg,
		     int besides)
{
	sigset_t all, old;
	int rc;

	sigfillset(&all);
	sigdelset(&all, SIGBUS);
	sigdelset(&all, SIGSEGV);
	if (besides)
		sigdelset(&all, besides);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = -pthread_create(thread, NULL, fn, arg);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return rc;
}
