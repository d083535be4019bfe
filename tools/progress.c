/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Progress of a copy on standard error. */
#include <config.h>

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include <vmm-sys-util/event.h>

#include "progress.h"

#define PERIOD_NS UINT64_C(200000000)
#define MIB (UINT64_C(1) << 20)

void progress_begin(struct progress *p, bool wanted, uint64_t total)
{
	p->on = wanted || isatty(STDERR_FILENO);
	p->shown = false;
	p->total = total;
	p->started_ns = vsu_now_ns();
	p->next_ns = p->started_ns + PERIOD_NS;
}

static void show(struct progress *p, uint64_t done, uint64_t now)
{
	double seconds = (double)(now - p->started_ns) / 1e9;
	double rate = seconds > 0 ? (double)done / (double)MIB / seconds : 0;

	if (p->total)
		fprintf(stderr, "\r%3u%%  %" PRIu64 " of %" PRIu64 " MiB  %.1f MiB/s  ",
			      (unsigned int)(100.0 * (double)done /
						       (double)p->total),
			done / MIB, p->total / MIB, rate);
	else
		fprintf(stderr, "\r%" PRIu64 " MiB  %.1f MiB/s  ", done / MIB,
			rate);
	p->shown = true;
}

void progress_at(struct progress *p, uint64_t done)
{
	uint64_t now;

	if (!p->on)
		return;
	now = vsu_now_ns();
	if (now < p->next_ns)
		return;
	p->next_ns = now + PERIOD_NS;
	show(p, done, now);
}

void progress_end(struct progress *p, uint64_t done, bool ok)
{
	if (p->on && ok)
		show(p, done, vsu_now_ns());
	if (p->shown)
		fputc('\n', stderr);
}
