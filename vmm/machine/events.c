/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Events for the owner, as records, and for subscribers of the control socket, as lines. */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>

#include <vmm-sys-util/exit.h>

#include "base/json.h"
#include "machine/events.h"
#include "machine/progress.h"

/* -------------------------------------------------------------------- members */

static void write_end(const struct cvmm_event *e, struct prog_json *to)
{
	prog_json_i64(to, "status", e->status);
	prog_json_text(to, "reason", e->cause);
}

static void write_lost(const struct cvmm_event *e, struct prog_json *to)
{
	prog_json_u64(to, "device", e->device);
	prog_json_bool(to, "final", e->final);
	prog_json_text(to, "reason", e->cause);
}

static void write_back(const struct cvmm_event *e, struct prog_json *to)
{
	static const char *const words[] = {
		[CVMM_SETTINGS_REPEATED] = "repeated", [CVMM_SETTINGS_KEPT] = "kept",
		[CVMM_SETTINGS_UNKNOWN] = "unknown", [CVMM_SETTINGS_RESET] = "reset",
	};

	prog_json_u64(to, "device", e->device);
	prog_json_text(to, "settings", words[e->settings]);
}

static void write_balloon(const struct cvmm_event *e, struct prog_json *to)
{
	prog_json_u64(to, "device", e->device);
	prog_json_u64(to, "actual", e->actual);
	prog_json_u64(to, "target", e->target);
}

static void write_saving(const struct cvmm_event *e, struct prog_json *to)
{
	vmm_progress_write_save(&e->progress, to);
}

static void write_migration(const struct cvmm_event *e, struct prog_json *to)
{
	vmm_progress_write_migration(&e->progress, to);
}

static void write_cause(const struct cvmm_event *e, struct prog_json *to)
{
	prog_json_text(to, "reason", e->cause);
}

static const struct {
	const char *name;
	void (*write)(const struct cvmm_event *e, struct prog_json *to);
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
};

/* Without memory for the members, the event is lost. */
void vmm_event_publish(const struct vmm_machine *m, const struct cvmm_event *event)
{
	struct prog_json json = { .more = true };
	char *members = NULL;
	size_t len;

	if (!vmm_control_is_heard(m->control))
		return;
	json.to = open_memstream(&members, &len);
	if (!json.to)
		return;
	if (rows[event->kind].write)
		rows[event->kind].write(event, &json);
	/* members stays NULL if no memory was left: fclose() does not report it */
	if (!fclose(json.to) && members)
		vmm_control_publish(m->control, event, rows[event->kind].name, members);
	free(members);
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
