/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Writes events and progress. */
#include <config.h>

#include <stdio.h>

#include <vmm-sys-util/text.h>

#include "control/event_line.h"
#include "report.h"

void vmm_progress_write_save(const struct cvmm_progress *p, struct vsu_json *to)
{
	const struct vmm_fact facts[] = {
		{ "done", VMM_NUMBER(p->save_done) },
		{ "total", VMM_NUMBER(p->save_total) },
		{ .name = NULL },
	};

	vmm_report_object("saving", facts, to);
}

void vmm_progress_write_migration(const struct cvmm_progress *p, struct vsu_json *to)
{
	static const char *const phases[] = {
		[CVMM_PHASE_CONNECTING] = "connecting", [CVMM_PHASE_COPYING] = "copying",
		[CVMM_PHASE_STOPPED] = "stopped", [CVMM_PHASE_UNKNOWN] = "unknown",
		[CVMM_PHASE_POSTCOPY] = "post-copy",
	};
	const double left_ms = p->rate ? (double)p->left / (double)p->rate * 1e3 : 0;
	const struct vmm_fact facts[] = {
		{ "phase", VMM_TEXT(phases[p->phase]) },
		{ "round", VMM_NUMBER(p->round) },
		{ "sent", VMM_NUMBER(p->sent) },
		{ "left", VMM_NUMBER(p->left) },
		{ "throttle", VMM_NUMBER(p->throttle) },
		{ "rate", VMM_NUMBER(p->rate) },
		{ "left_ms", VMM_NUMBER((uint64_t)left_ms), .is_absent = !p->rate },
		{ .name = NULL },
	};

	if (p->phase != CVMM_PHASE_NONE)
		vmm_report_object("migration", facts, to);
}

static void write_event(const struct cvmm_event *e, struct vsu_json *to)
{
	static const char *const settings[] = {
		[CVMM_SETTINGS_REPEATED] = "repeated", [CVMM_SETTINGS_KEPT] = "kept",
		[CVMM_SETTINGS_UNKNOWN] = "unknown", [CVMM_SETTINGS_RESET] = "reset",
	};
	const bool ended = e->kind == CVMM_EVENT_ENDED, lost = e->kind == CVMM_EVENT_DEVICE_LOST,
		   back = e->kind == CVMM_EVENT_DEVICE_BACK, balloon = e->kind == CVMM_EVENT_BALLOON,
		   failed = e->kind == CVMM_EVENT_MIGRATION_FAILED, removed = e->kind == CVMM_EVENT_DEVICE_REMOVED;
	const struct vmm_fact facts[] = {
		{ "event", VMM_TEXT(cvmm_event_name(e->kind)) },
		{ "status", VMM_SIGNED(e->status), .is_absent = !ended },
		{ "device", VMM_NUMBER(e->device), .is_absent = !lost && !back && !balloon && !removed },
		{ "final", VMM_BOOL(e->final), .is_absent = !lost },
		{ "settings", VMM_TEXT(settings[e->settings]), .is_absent = !back },
		{ "actual", VMM_NUMBER(e->actual), .is_absent = !balloon },
		{ "target", VMM_NUMBER(e->target), .is_absent = !balloon },
		{ "reason", VMM_TEXT(e->cause), .is_absent = !ended && !lost && !failed },
		{ .name = NULL },
	};

	vmm_report_members(facts, to);
	if (e->kind == CVMM_EVENT_SAVING)
		vmm_progress_write_save(&e->progress, to);
	if (e->kind == CVMM_EVENT_MIGRATING)
		vmm_progress_write_migration(&e->progress, to);
}

char *vmm_event_line(const struct cvmm_event *event)
{
	struct vsu_text line;
	struct vsu_json json;

	if (vsu_text_open(&line) < 0)
		return NULL;
	json = (struct vsu_json){ .to = line.to };
	vsu_json_open(&json, NULL, '{');
	write_event(event, &json);
	vsu_json_u64(&json, "time_us", event->time_us);
	vsu_json_close(&json, '}');
	return vsu_text_close(&line) < 0 ? NULL : line.bytes;
}
