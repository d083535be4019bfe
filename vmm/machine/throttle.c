/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Pauses and resumes the CPUs by a timer. */
#include <config.h>

#include "machine/throttle.h"

#define PERIOD_MS 40u
#define STEP 20u		/* percent */
#define MAX_PERCENT 95u

static void set_paused(struct vmm_throttle *t, bool paused)
{
	if (paused && !t->paused)
		vmm_cpus_pause(t->cpus);
	else if (!paused && t->paused)
		vmm_cpus_resume(t->cpus);
	t->paused = paused;
}

static void on_timer(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct vmm_throttle *t = w->data;
	unsigned int share;

	(void)revents;
	set_paused(t, !t->paused);
	share = t->paused ? t->percent : 100 - t->percent;
	ev_timer_stop(loop, w);
	ev_timer_set(w, PERIOD_MS * share / 100.0 / 1000.0, 0);
	ev_timer_start(loop, w);
}

void vmm_throttle_init(struct vmm_throttle *t, struct ev_loop *loop,
		       struct vmm_cpus *cpus)
{
	t->loop = loop;
	t->cpus = cpus;
	t->percent = 0;
	t->paused = false;
	ev_timer_init(&t->timer, on_timer, 0, 0);
	t->timer.data = t;
}

void vmm_throttle_more(struct vmm_throttle *t)
{
	t->percent += STEP;
	if (t->percent > MAX_PERCENT)
		t->percent = MAX_PERCENT;
	if (!ev_is_active(&t->timer))
		on_timer(t->loop, &t->timer, 0);
}

void vmm_throttle_end(struct vmm_throttle *t)
{
	ev_timer_stop(t->loop, &t->timer);
	set_paused(t, false);
}
