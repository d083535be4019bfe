/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A signal thread, and a deadline for the loop. */
#include <config.h>

#include <errno.h>
#include <time.h>

#include <ev.h>

#include <vmm-sys-util/event.h>

#include "common/signals.h"
#include "process.h"

#define NS_PER_S UINT64_C(1000000000)
#define PATIENCE_NS (3 * NS_PER_S)

/* Sent only to this thread, to end it. */
#define END_SIGNAL SIGUSR1

static const int taken[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };

static void hand_to_loop(struct vmm_signals *s, int signo)
{
	pthread_mutex_lock(&s->lock);
	s->waiting = !s->ended;
	pthread_mutex_unlock(&s->lock);
	ev_feed_signal(signo);
}

static bool served_in_time(struct vmm_signals *s)
{
	uint64_t end = vsu_now_ns() +
		       (s->patience_ns ? s->patience_ns : PATIENCE_NS);
	const struct timespec until = {
		.tv_sec = (time_t)(end / NS_PER_S),
		.tv_nsec = (long)(end % NS_PER_S),
	};
	bool served;
	int rc = 0;

	pthread_mutex_lock(&s->lock);
	while (s->waiting && rc != ETIMEDOUT)
		rc = pthread_cond_timedwait(&s->changed, &s->lock, &until);
	served = !s->waiting;
	pthread_mutex_unlock(&s->lock);
	return served;
}

static bool has_ended(struct vmm_signals *s)
{
	bool ended;

	pthread_mutex_lock(&s->lock);
	ended = s->ended;
	pthread_mutex_unlock(&s->lock);
	return ended;
}

static void *signals_main(void *arg)
{
	struct vmm_signals *s = arg;
	int signo = 0;

	if (s->begin)
		s->begin(s->opaque);
	for (;;) {
		if (sigwait(&s->set, &signo))
			continue;
		if (signo != END_SIGNAL) {
			hand_to_loop(s, signo);
			if (!served_in_time(s))
				s->stuck(s->opaque);
		} else if (has_ended(s)) {
			return NULL;
		}
	}
}

static void make_lock(struct vmm_signals *s)
{
	pthread_condattr_t clock;

	pthread_mutex_init(&s->lock, NULL);
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&s->changed, &clock);
	pthread_condattr_destroy(&clock);
}

static void give_back(struct vmm_signals *s)
{
	pthread_sigmask(SIG_SETMASK, &s->before, NULL);
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->lock);
}

int vmm_signals_start(struct vmm_signals *s)
{
	size_t i;
	int rc;

	sigemptyset(&s->set);
	for (i = 0; i < sizeof(taken) / sizeof(*taken); i++)
		sigaddset(&s->set, taken[i]);
	pthread_sigmask(SIG_BLOCK, &s->set, &s->before);
	sigaddset(&s->set, END_SIGNAL);
	make_lock(s);
	s->waiting = s->ended = false;
	rc = vsu_thread_start(process_threads(), &s->thread, signals_main, s);
	s->started = !rc;
	if (rc < 0)
		give_back(s);
	return rc;
}

static void set_idle(struct vmm_signals *s, bool ended)
{
	pthread_mutex_lock(&s->lock);
	s->waiting = false;
	s->ended |= ended;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

void vmm_signals_served(struct vmm_signals *s)
{
	if (s->started)
		set_idle(s, false);
}

void vmm_signals_end(struct vmm_signals *s)
{
	if (s->started)
		set_idle(s, true);
}

void vmm_signals_stop(struct vmm_signals *s)
{
	if (!s->started)
		return;
	set_idle(s, true);
	pthread_kill(s->thread, END_SIGNAL);
	pthread_join(s->thread, NULL);
	s->started = false;
	give_back(s);
}
