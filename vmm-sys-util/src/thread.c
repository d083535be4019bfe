/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Starts threads that leave the signals of the process to others. */
#include <config.h>

#include <semaphore.h>
#include <signal.h>

#include <vmm-sys-util/thread.h>

/*
 * Stacks of 2 MiB and more may get a huge page, which the first call would
 * populate.
 */
#define STACK_SIZE (512u << 10)

/* The arguments of a new thread, on the stack of the starting thread until begin has returned. */
struct thread_start {
	const struct vsu_threads *threads;
	void *(*fn)(void *);
	void *arg;
	sem_t begun;
};

static void *thread_main(void *arg)
{
	struct thread_start *start = arg;
	void *(*const fn)(void *) = start->fn;
	void *const fn_arg = start->arg;

	start->threads->begin(start->threads->opaque);
	sem_post(&start->begun);
	return fn(fn_arg);
}

/* Waits until begin has returned, because the caller may free what it uses. */
static int thread_create(const struct vsu_threads *threads, pthread_t *id,
			 const pthread_attr_t *attr, void *(*fn)(void *), void *arg)
{
	struct thread_start start = { .threads = threads, .fn = fn, .arg = arg };
	int rc;

	if (!threads || !threads->begin)
		return -pthread_create(id, attr, fn, arg);
	sem_init(&start.begun, 0, 0);
	rc = -pthread_create(id, attr, thread_main, &start);
	while (!rc && sem_wait(&start.begun) < 0)
		;
	sem_destroy(&start.begun);
	return rc;
}

void vsu_thread_block_signals(sigset_t *before)
{
	static const int own[] = { SIGBUS, SIGSEGV, SIGILL, SIGFPE };
	sigset_t mask;
	size_t i;

	sigfillset(&mask);
	for (i = 0; i < sizeof(own) / sizeof(*own); i++)
		sigdelset(&mask, own[i]);
	pthread_sigmask(SIG_SETMASK, &mask, before);
}

int vsu_thread_start(const struct vsu_threads *threads, pthread_t *id, void *(*fn)(void *),
		     void *arg)
{
	pthread_attr_t attr;
	sigset_t before;
	int rc;

	vsu_thread_block_signals(&before);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	rc = thread_create(threads, id, &attr, fn, arg);
	pthread_attr_destroy(&attr);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return rc;
}
