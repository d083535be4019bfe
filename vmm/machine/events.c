/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Events for the owner, as records, and for subscribers of the control socket, as lines. */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <vmm-sys-util/exit.h>

#include "machine/events.h"

/* -------------------------------------------------------------------- members */

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

static const struct {
	const char *name;
	void (*write)(const struct cvmm_event *e, struct vsu_json *to);
} rows[] = {
	[CVMM_EVENT_PAUSED] = { "paused", NULL },
	[CVMM_EVENT_RESUMED] = { "resumed", NULL },
	[CVMM_EVENT_PANICKED] = { "guest-panicked", NULL },
	[CVMM_EVENT_RESET] = { "reset", NULL },
	[CVMM_EVENT_ENDED] = { "shutdown", write_end },
	[CVMM_EVENT_DEVICE_LOST] = { "device-lost", write_lost },
	[CVMM_EVENT_DEVICE_BACK] = { "device-back", write_back },
	[CVMM_EVENT_BALLOON] = { "balloon", write_balloon },
	[CVMM_EVENT_SAVING] = { "saving", write_saving },
	[CVMM_EVENT_MIGRATING] = { "migration", write_migration },
	[CVMM_EVENT_MIGRATION_FAILED] = { "migration-failed", write_cause },
	[CVMM_EVENT_MEMORY_ARRIVED] = { "memory-arrived", NULL },
	[CVMM_EVENT_DEVICE_REMOVED] = { "device-removed", write_number },
};

char *vmm_event_line(const struct cvmm_event *event)
{
	struct vsu_json json = { .to = NULL };
	char *line = NULL;
	size_t len;

	json.to = open_memstream(&line, &len);
	if (!json.to)
		return NULL;
	vsu_json_open(&json, NULL, '{');
	vsu_json_text(&json, "event", rows[event->kind].name);
	if (rows[event->kind].write)
		rows[event->kind].write(event, &json);
	vsu_json_u64(&json, "time_us", event->time_us);
	vsu_json_close(&json, '}');
	/* line stays NULL if no memory was left: fclose() does not report it */
	fclose(json.to);
	return line;
}

void vmm_event_set_time(struct cvmm_event *event)
{
	struct timespec now = { .tv_sec = 0 };

	(void)clock_gettime(CLOCK_REALTIME, &now);
	event->time_us = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

void vmm_event_publish(const struct vmm_machine *m, const struct cvmm_event *event)
{
	struct cvmm_event dated;
	char *line;

	if (!vmm_control_is_heard(m->control))
		return;
	dated = *event;
	vmm_event_set_time(&dated);
	line = vmm_event_line(&dated);
	vmm_control_publish(m->control, &dated, line);
	free(line);
}

/* ------------------------------------------------------------------- devices */

static unsigned int number_of(const struct vmm_device *d)
{
	return (unsigned int)(d - d->owner->devices);
}

void vmm_event_device_lost(const struct vmm_device *d, bool final,
			   const struct vsu_error *why)
{
	vmm_event_publish(d->owner, &(struct cvmm_event){
		.kind = CVMM_EVENT_DEVICE_LOST, .device = number_of(d), .final = final,
		.cause = why->msg,
	});
}

void vmm_event_device_back(const struct vmm_device *d, enum virtdev_vhost_user_settings settings)
{
	static const enum cvmm_settings of[] = {
		[VIRTDEV_VHOST_USER_SETTINGS_REPEATED] = CVMM_SETTINGS_REPEATED,
		[VIRTDEV_VHOST_USER_SETTINGS_KEPT] = CVMM_SETTINGS_KEPT,
		[VIRTDEV_VHOST_USER_SETTINGS_UNKNOWN] = CVMM_SETTINGS_UNKNOWN,
		[VIRTDEV_VHOST_USER_SETTINGS_RESET] = CVMM_SETTINGS_RESET,
	};

	vmm_event_publish(d->owner, &(struct cvmm_event){
		.kind = CVMM_EVENT_DEVICE_BACK, .device = number_of(d), .settings = of[settings],
	});
}

void vmm_event_device_removed(const struct vmm_machine *m, unsigned int number)
{
	vmm_event_publish(m, &(struct cvmm_event){
		.kind = CVMM_EVENT_DEVICE_REMOVED, .device = number,
	});
}

/* ----------------------------------------------------------------------- end */

void vmm_event_end(const struct vmm_machine *m, int status,
		   const struct vsu_error *why)
{
	if (status == VSU_EXIT_PANIC)
		vmm_event_publish(m, &(struct cvmm_event){ .kind = CVMM_EVENT_PANICKED });
	if (status == VSU_EXIT_REBOOT)
		vmm_event_publish(m, &(struct cvmm_event){ .kind = CVMM_EVENT_RESET });
	vmm_event_publish(m, &(struct cvmm_event){
		.kind = CVMM_EVENT_ENDED, .status = status, .cause = why->msg,
	});
}
