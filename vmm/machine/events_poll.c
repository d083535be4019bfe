/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Events that the loop looks for: of changes that would cause too many. */
#include <config.h>

#include <string.h>

#include "machine/events.h"
#include "machine/migrate.h"
#include "machine/save.h"
#include "machine/sharing.h"

#define MAX_STATS 64u

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
static void balloon_poll(struct vmm_device *d)
{
	struct virtdev_stat stats[MAX_STATS];
	const uint32_t all = vmm_virtio_stats(d->virtio, stats, MAX_STATS);
	const uint32_t n = all < MAX_STATS ? all : MAX_STATS;
	const uint64_t actual = stat_named(stats, n, "actual");

	if (actual == d->actual)
		return;
	d->actual = actual;
	vmm_event_publish(d->owner, &(struct cvmm_event){
		.kind = CVMM_EVENT_BALLOON, .device = (unsigned int)(d - d->owner->devices), .actual = actual,
		.target = stat_named(stats, n, "target"),
	});
}

static bool is_balloon(const struct vmm_device *d)
{
	return d->virtio && d->spec.id == VIRTDEV_ID_BALLOON && vmm_machine_local_device(d);
}

/* An idle machine without a balloon has nothing to report, and does not wake up. */
bool vmm_events_are_due(const struct vmm_machine *m)
{
	bool due = m->pause.save || m->pause.migration;
	unsigned int i;

	for (i = 0; !due && i < m->ndevices; i++)
		due = is_balloon(&m->devices[i]);
	return due && vmm_control_is_heard(m->control);
}

static void publish_progress(const struct vmm_machine *m)
{
	if (m->pause.save)
		vmm_save_publish_progress(m);
	if (m->pause.migration)
		vmm_migrate_publish_progress(m);
}

void vmm_events_poll(struct vmm_machine *m)
{
	unsigned int i;

	if (!vmm_control_is_heard(m->control))
		return;
	for (i = 0; i < m->ndevices; i++)
		if (is_balloon(&m->devices[i]))
			balloon_poll(&m->devices[i]);
	publish_progress(m);
}
