/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Progress of a copy or a measurement on standard error. */
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
	p->unit = "MiB";
	p->unit_size = MIB;
	p->started_ns = vsu_now_ns();
	p->next_ns = p->started_ns + PERIOD_NS;
}

static void show_line(struct progress *p, uint64_t done, uint64_t now)
{
	const double seconds = (double)(now - p->started_ns) / 1e9;
	const double rate = seconds > 0 ? (double)done / (double)p->unit_size / seconds : 0;

	fputc('\r', stderr);
	if (p->total)
		fprintf(stderr, "%3u%%  %" PRIu64 " of %" PRIu64, (unsigned int)(100.0 * (double)done / (double)p->total),
			done / p->unit_size, p->total / p->unit_size);
	else
		fprintf(stderr, "%" PRIu64, done / p->unit_size);
	fprintf(stderr, " %s  %.1f %s/s  ", p->unit, rate, p->unit);
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
	show_line(p, done, now);
}

void progress_end(struct progress *p, uint64_t done, bool ok)
{
	if (p->on && ok)
		show_line(p, done, vsu_now_ns());
	if (p->shown)
		fputc('\n', stderr);
}
