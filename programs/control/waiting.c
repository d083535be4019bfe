/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Replies that clients await, and the answers of the machine that become them. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>

#include <vmm-sys-util/parse.h>

#include "control/waiting.h"

void vmm_waiting_init(struct vmm_waiting *w, void (*expired)(void *opaque), void *opaque)
{
	w->deferred = NULL;
	w->opaque = opaque;
	vsu_alarm_init(&w->limit, expired, opaque);
}

void vmm_waiting_begin(struct vmm_waiting *w, const struct vmm_line_terms *terms)
{
	w->command = terms->command;
	w->timeout_ms = terms->timeout_ms;
	if (w->timeout_ms)
		vsu_alarm_start(w->loop, &w->limit, w->timeout_ms * UINT64_C(1000000), 0);
}

void vmm_waiting_end(struct vmm_waiting *w)
{
	struct vmm_deferred *d = w->deferred;

	w->deferred = NULL;
	vsu_alarm_stop(&w->limit);
	if (!d)
		return;
	/* that of one whose answer is being sent is freed by vmm_deferred_answer() */
	d->waiting = NULL;
	if (w->forget(w->commands, d))
		free(d);
}

void vmm_waiting_expire(struct vmm_waiting *w, struct vsu_error *why)
{
	char time[24];

	vmm_waiting_end(w);
	vsu_error_set(why, -ETIMEDOUT, "%s: not complete after %s; it continues, and 'status' shows the machine",
		      w->command, vsu_format_time(w->timeout_ms, time, sizeof(time)));
}

void vmm_deferred_answer(void *opaque, const struct vsu_error *why, const struct cvmm_answer *answer)
{
	struct vmm_deferred *d = opaque;
	struct vmm_waiting *w = d->waiting;

	d->answer = *answer;
	if (d->state == VMM_DEFERRED_CALLED) {
		d->state = VMM_DEFERRED_ANSWERED;
		return;
	}
	if (w) {
		w->deferred = NULL;
		vsu_alarm_stop(&w->limit);
		d->send(w->opaque, d->write, answer, why);
	}
	free(d);
}

int vmm_deferred_begin(struct vmm_deferred *d, int rc, FILE *answer)
{
	struct vsu_json to = { .to = answer, .more = true };

	if (rc >= 0 && d->state == VMM_DEFERRED_CALLED) {
		d->state = VMM_DEFERRED_AWAITED;
		d->waiting->deferred = d;
		return 1;
	}
	if (rc >= 0 && d->write)
		d->write(&d->answer, &to);
	free(d);
	return rc;
}
