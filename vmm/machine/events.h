/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Events of the machine, for its owner and for clients of the control socket that have
 * subscribed.
 *
 * Threads: the main thread.
 */
#ifndef VMM_MACHINE_EVENTS_H
#define VMM_MACHINE_EVENTS_H

#include <vmm-sys-util/json.h>

#include "cvmm/status.h"
#include "machine/machine.h"

/* final: no other back-end can serve the device. */
void vmm_event_device_lost(const struct vmm_device *d, bool final,
			   const struct vsu_error *why);
void vmm_event_device_back(const struct vmm_device *d, enum virtdev_vhost_user_settings settings);

/* Its number may be another device's from now on. */
void vmm_event_device_removed(const struct vmm_machine *m, unsigned int number);

/* The present time, of the host's clock. */
void vmm_event_set_time(struct cvmm_event *event);

/* The line of JSON of docs/control.md, allocated; NULL: no memory. */
char *vmm_event_line(const struct cvmm_event *event);

/* The size, the time and the line are added. Subscribers that miss it for lack of memory are disconnected. */
void vmm_event_publish(const struct vmm_machine *m, const struct cvmm_event *event);

/* Members of events and of the status: "saving", and "migration", if there is one. */
void vmm_progress_write_save(const struct cvmm_progress *p, struct vsu_json *to);
void vmm_progress_write_migration(const struct cvmm_progress *p, struct vsu_json *to);

/* The machine ends with this exit status. */
void vmm_event_end(const struct vmm_machine *m, int status,
		   const struct vsu_error *why);

#endif
