/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Fills events, and passes them to the owner. */
#include <config.h>

#include <time.h>

#include <vmm-sys-util/exit.h>

#include "machine/events.h"

const char *cvmm_event_name(enum cvmm_event_kind kind)
{
	static const char *const names[] = {
		[CVMM_EVENT_PAUSED] = "paused", [CVMM_EVENT_RESUMED] = "resumed",
		[CVMM_EVENT_PANICKED] = "guest-panicked", [CVMM_EVENT_RESET] = "reset",
		[CVMM_EVENT_ENDED] = "shutdown", [CVMM_EVENT_DEVICE_LOST] = "device-lost",
		[CVMM_EVENT_DEVICE_BACK] = "device-back", [CVMM_EVENT_BALLOON] = "balloon",
		[CVMM_EVENT_SAVING] = "saving", [CVMM_EVENT_MIGRATING] = "migration",
		[CVMM_EVENT_MIGRATION_FAILED] = "migration-failed",
		[CVMM_EVENT_MEMORY_ARRIVED] = "memory-arrived",
		[CVMM_EVENT_DEVICE_REMOVED] = "device-removed",
	};

	return (size_t)kind < sizeof(names) / sizeof(names[0]) ? names[kind] : NULL;
}

void vmm_event_publish(const struct vmm_machine *m, const struct cvmm_event *event)
{
	struct cvmm_event copy = *event;
	struct timespec now = { .tv_sec = 0 };

	if (!(m->events & CVMM_EVENT_BIT(event->kind)))
		return;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	copy.time_us = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
	copy.size = sizeof(copy);
	if (!copy.cause)
		copy.cause = "";
	m->owner.event(m->owner.opaque, &copy);
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

void vmm_machine_abandon(const struct vmm_machine *m, int status, const struct vsu_error *why)
{
	if (m->console)
		vmm_console_restore(m->console);
	devkind_stdio_restore(m->stdio);
	if (m->owner.stuck)
		m->owner.stuck(m->owner.opaque, status, why);
}

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
