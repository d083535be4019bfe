/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Events for subscribers of the control socket. */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vmm-sys-util/exit.h>

#include "base/json.h"
#include "machine/events.h"
#include "machine/migrate.h"
#include "machine/sharing.h"

#define MAX_STATS 64u

/* Members of an event, in memory. */
struct members {
	struct prog_json json;
	char *bytes;
	size_t len;
};

static bool members_open(struct members *e, struct vmm_control *control)
{
	e->bytes = NULL;
	e->json.more = true;
	e->json.to = vmm_control_is_heard(control) ?
		     open_memstream(&e->bytes, &e->len) : NULL;
	return e->json.to;
}

static void members_publish(struct members *e, struct vmm_control *control,
			    const char *event)
{
	/* text stays NULL if no memory was left: fclose() does not report it */
	if (!fclose(e->json.to) && e->bytes)
		vmm_control_publish(control, event, e->bytes);
	free(e->bytes);
}

static void write_number(struct members *e, const struct vmm_device *d)
{
	prog_json_u64(&e->json, "device", (uint64_t)(d - d->owner->devices));
}

/* ------------------------------------------------------------------- devices */

void vmm_event_device_lost(const struct vmm_device *d, bool final,
			   const struct vsu_error *why)
{
	const struct vmm_machine *m = d->owner;
	struct members e;

	if (!members_open(&e, m->control))
		return;
	write_number(&e, d);
	prog_json_bool(&e.json, "final", final);
	prog_json_text(&e.json, "reason", why->msg);
	members_publish(&e, m->control, "device-lost");
}

void vmm_event_device_back(const struct vmm_device *d, enum virtdev_vhost_user_settings settings)
{
	static const char *const words[] = {
		[VIRTDEV_VHOST_USER_SETTINGS_REPEATED] = "repeated", [VIRTDEV_VHOST_USER_SETTINGS_KEPT] = "kept",
		[VIRTDEV_VHOST_USER_SETTINGS_UNKNOWN] = "unknown", [VIRTDEV_VHOST_USER_SETTINGS_RESET] = "reset",
	};
	const struct vmm_machine *m = d->owner;
	struct members e;

	if (!members_open(&e, m->control))
		return;
	write_number(&e, d);
	prog_json_text(&e.json, "settings", words[settings]);
	members_publish(&e, m->control, "device-back");
}

/* -------------------------------------------------------------------- polled */

static uint64_t stat_named(const struct virtdev_stat *stats, uint32_t n,
			   const char *name)
{
	uint32_t i;

	for (i = 0; i < n; i++)
		if (!strcmp(stats[i].name, name))
			return stats[i].value;
	return 0;
}

/* The driver may store the size at any rate. */
static void balloon_poll(struct vmm_machine *m, struct vmm_device *d)
{
	struct virtdev_stat stats[MAX_STATS];
	const uint32_t all = vmm_virtio_stats(d->virtio, stats, MAX_STATS);
	const uint32_t n = all < MAX_STATS ? all : MAX_STATS;
	const uint64_t actual = stat_named(stats, n, "actual");
	struct members e;

	if (actual == d->actual || !members_open(&e, m->control))
		return;
	d->actual = actual;
	write_number(&e, d);
	prog_json_u64(&e.json, "actual", actual);
	prog_json_u64(&e.json, "target", stat_named(stats, n, "target"));
	members_publish(&e, m->control, "balloon");
}

void vmm_events_poll(struct vmm_machine *m)
{
	struct cvmm_progress progress = { .phase = CVMM_PHASE_NONE };
	struct members e;
	unsigned int i;

	if (!vmm_control_has_subscribers(m->control))
		return;
	for (i = 0; i < m->ndevices; i++)
		if (m->devices[i].virtio &&
		    m->devices[i].spec.id == VIRTDEV_ID_BALLOON &&
		    vmm_machine_local_device(&m->devices[i]))
			balloon_poll(m, &m->devices[i]);
	if (m->pause.migration && members_open(&e, m->control)) {
		vmm_migrate_progress(m, &progress);
		vmm_migrate_report(&progress, &e.json);
		members_publish(&e, m->control, "migration");
	}
}

/* ----------------------------------------------------------------------- end */

void vmm_event_end(const struct vmm_machine *m, int status,
		   const struct vsu_error *why)
{
	struct members e;

	if (status == VSU_EXIT_PANIC)
		vmm_control_publish(m->control, "guest-panicked", "");
	if (status == VSU_EXIT_REBOOT)
		vmm_control_publish(m->control, "reset", "");
	if (!members_open(&e, m->control))
		return;
	prog_json_i64(&e.json, "status", status);
	prog_json_text(&e.json, "reason", why->msg);
	members_publish(&e, m->control, "shutdown");
}
