/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Writes events and progress. */
#include <config.h>

#include <stdio.h>

#include <vmm-sys-util/text.h>

#include "control/event_line.h"

static void write_end(const struct cvmm_event *e, struct vsu_json *to)
{
	vsu_json_i64(to, "status", e->status);
	vsu_json_text(to, "reason", e->cause);
}

static void write_lost(const struct cvmm_event *e, struct vsu_json *to)
{
	vsu_json_u64(to, "device", e->device);
	vsu_json_bool(to, "final", e->final);
	vsu_json_text(to, "reason", e->cause);
}

static void write_back(const struct cvmm_event *e, struct vsu_json *to)
{
	static const char *const words[] = {
		[CVMM_SETTINGS_REPEATED] = "repeated", [CVMM_SETTINGS_KEPT] = "kept",
		[CVMM_SETTINGS_UNKNOWN] = "unknown", [CVMM_SETTINGS_RESET] = "reset",
	};

	vsu_json_u64(to, "device", e->device);
	vsu_json_text(to, "settings", words[e->settings]);
}

static void write_number(const struct cvmm_event *e, struct vsu_json *to)
{
	vsu_json_u64(to, "device", e->device);
}

static void write_balloon(const struct cvmm_event *e, struct vsu_json *to)
{
	vsu_json_u64(to, "device", e->device);
	vsu_json_u64(to, "actual", e->actual);
	vsu_json_u64(to, "target", e->target);
}

void vmm_progress_write_save(const struct cvmm_progress *p, struct vsu_json *to)
{
	vsu_json_open(to, "saving", '{');
	vsu_json_u64(to, "done", p->save_done);
	vsu_json_u64(to, "total", p->save_total);
	vsu_json_close(to, '}');
}

void vmm_progress_write_migration(const struct cvmm_progress *p, struct vsu_json *to)
{
	static const char *const phases[] = {
		[CVMM_PHASE_CONNECTING] = "connecting", [CVMM_PHASE_COPYING] = "copying",
		[CVMM_PHASE_STOPPED] = "stopped", [CVMM_PHASE_UNKNOWN] = "unknown",
		[CVMM_PHASE_POSTCOPY] = "post-copy",
	};

	if (p->phase == CVMM_PHASE_NONE)
		return;
	vsu_json_open(to, "migration", '{');
	vsu_json_text(to, "phase", phases[p->phase]);
	vsu_json_u64(to, "round", p->round);
	vsu_json_u64(to, "sent", p->sent);
	vsu_json_u64(to, "left", p->left);
	vsu_json_u64(to, "throttle", p->throttle);
	vsu_json_u64(to, "rate", p->rate);
	if (p->rate)
		vsu_json_u64(to, "left_ms", (uint64_t)((double)p->left / (double)p->rate * 1e3));
	vsu_json_close(to, '}');
}

static void write_saving(const struct cvmm_event *e, struct vsu_json *to)
{
	vmm_progress_write_save(&e->progress, to);
}

static void write_migration(const struct cvmm_event *e, struct vsu_json *to)
{
	vmm_progress_write_migration(&e->progress, to);
}

static void write_cause(const struct cvmm_event *e, struct vsu_json *to)
{
	vsu_json_text(to, "reason", e->cause);
}

/* NULL: a kind without members. */
static void (*const writers[])(const struct cvmm_event *e, struct vsu_json *to) = {
	[CVMM_EVENT_ENDED] = write_end, [CVMM_EVENT_DEVICE_LOST] = write_lost,
	[CVMM_EVENT_DEVICE_BACK] = write_back, [CVMM_EVENT_BALLOON] = write_balloon,
	[CVMM_EVENT_SAVING] = write_saving, [CVMM_EVENT_MIGRATING] = write_migration,
	[CVMM_EVENT_MIGRATION_FAILED] = write_cause, [CVMM_EVENT_DEVICE_REMOVED] = write_number,
};

char *vmm_event_line(const struct cvmm_event *event)
{
	struct vsu_text line;
	struct vsu_json json;

	if (vsu_text_open(&line) < 0)
		return NULL;
	json = (struct vsu_json){ .to = line.to };
	vsu_json_open(&json, NULL, '{');
	vsu_json_text(&json, "event", cvmm_event_name(event->kind));
	if (writers[event->kind])
		writers[event->kind](event, &json);
	vsu_json_u64(&json, "time_us", event->time_us);
	vsu_json_close(&json, '}');
	return vsu_text_close(&line) < 0 ? NULL : line.bytes;
}
