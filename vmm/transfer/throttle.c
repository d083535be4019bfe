/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Pauses and resumes the CPUs by a timer. */
#include <config.h>

#include "transfer/throttle.h"

#define PERIOD_NS UINT64_C(40000000)
#define STEP 20u		/* percent */
#define MAX_PERCENT 95u

static void set_paused(struct vmm_throttle *t, bool paused)
{
	if (paused && !t->paused)
		varch_cpus_pause(t->cpus);
	else if (!paused && t->paused)
		varch_cpus_resume(t->cpus);
	t->paused = paused;
}

static void on_timer(void *opaque)
{
	struct vmm_throttle *t = opaque;
	unsigned int share;

	set_paused(t, !t->paused);
	share = t->paused ? t->percent : 100 - t->percent;
	vsu_alarm_start(t->loop, &t->timer, PERIOD_NS * share / 100, 0);
}

void vmm_throttle_init(struct vmm_throttle *t, struct vsu_loop *loop,
		       struct varch_cpus *cpus)
{
	t->loop = loop;
	t->cpus = cpus;
	t->percent = 0;
	t->paused = false;
	vsu_alarm_init(&t->timer, on_timer, t);
}

void vmm_throttle_more(struct vmm_throttle *t)
{
	t->percent += STEP;
	if (t->percent > MAX_PERCENT)
		t->percent = MAX_PERCENT;
	if (!t->timer.active)
		on_timer(t);
}

void vmm_throttle_end(struct vmm_throttle *t)
{
	vsu_alarm_stop(&t->timer);
	set_paused(t, false);
}
