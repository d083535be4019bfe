/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Events of the machine, for its owner and for clients of the control socket that have
 * subscribed.
 *
 * Threads: the main thread.
 */
#ifndef VMM_MACHINE_EVENTS_H
#define VMM_MACHINE_EVENTS_H

#include "machine/machine.h"

/* final: no other back-end can serve the device. */
void vmm_event_device_lost(const struct vmm_device *d, bool final,
			   const struct vsu_error *why);
void vmm_event_device_back(const struct vmm_device *d, enum virtdev_vhost_user_settings settings);

/* The size and the line are added. */
void vmm_event_publish(const struct vmm_machine *m, const struct cvmm_event *event);

/* Called twice a second if they are due: changes that would cause too many events. */
void vmm_events_poll(struct vmm_machine *m);
bool vmm_events_are_due(const struct vmm_machine *m);

/* The machine ends with this exit status. */
void vmm_event_end(const struct vmm_machine *m, int status,
		   const struct vsu_error *why);

#endif
