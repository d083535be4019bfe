/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Threads that leave the signals of the process to others. */
#include <config.h>

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "thread.h"

/*
 * Stacks of 2 MiB and more may get a huge page, which the first call would
 * populate.
 */
#define STACK_SIZE (512u << 10)

struct thread_start {
	struct prog_threads threads;
	void *(*fn)(void *);
	void *arg;
};

static void *thread_main(void *arg)
{
	const struct thread_start start = *(struct thread_start *)arg;

	free(arg);
	start.threads.begin(start.threads.opaque);
	return start.fn(start.arg);
}

static int thread_create(const struct prog_threads *threads, pthread_t *id,
			 const pthread_attr_t *attr, void *(*fn)(void *), void *arg)
{
	struct thread_start *start;
	int rc;

	if (!threads || !threads->begin)
		return -pthread_create(id, attr, fn, arg);
	start = malloc(sizeof(*start));
	if (!start)
		return -ENOMEM;
	*start = (struct thread_start){ *threads, fn, arg };
	rc = -pthread_create(id, attr, thread_main, start);
	if (rc < 0)
		free(start);
	return rc;
}

int prog_thread_start(const struct prog_threads *threads, pthread_t *id, void *(*fn)(void *),
		      void *arg)
{
	static const int own[] = { SIGBUS, SIGSEGV, SIGILL, SIGFPE };
	sigset_t mask, before;
	pthread_attr_t attr;
	size_t i;
	int rc;

	sigfillset(&mask);
	for (i = 0; i < sizeof(own) / sizeof(*own); i++)
		sigdelset(&mask, own[i]);
	pthread_sigmask(SIG_SETMASK, &mask, &before);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	rc = thread_create(threads, id, &attr, fn, arg);
	pthread_attr_destroy(&attr);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return rc;
}
