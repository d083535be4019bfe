/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Replies that are awaited for a limited time. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>

#include <vmm-sys-util/parse.h>

#include "control/waiting.h"

void vmm_waiting_init(struct vmm_waiting *w, void (*expired)(void *opaque), void *opaque)
{
	w->subject = NULL;
	vsu_alarm_init(&w->limit, expired, opaque);
}

void vmm_waiting_begin(struct vmm_waiting *w, struct vsu_loop *loop,
		       const struct vmm_line_terms *terms)
{
	w->command = terms->command;
	w->timeout_ms = terms->timeout_ms;
	if (w->timeout_ms)
		vsu_alarm_start(loop, &w->limit, w->timeout_ms * UINT64_C(1000000), 0);
}

void vmm_waiting_end(struct vmm_waiting *w)
{
	w->subject = NULL;
	vsu_alarm_stop(&w->limit);
}

void vmm_waiting_expire(struct vmm_waiting *w, struct vsu_error *why)
{
	char time[24];

	vmm_waiting_end(w);
	vsu_error_set(why, -ETIMEDOUT, "%s: not complete after %s; it continues, and 'status' shows the machine",
		      w->command, vsu_format_time(w->timeout_ms, time, sizeof(time)));
}
