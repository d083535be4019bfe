/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Events of the machine, for its owner.
 *
 * Threads: the main thread.
 */
#ifndef VMM_MACHINE_EVENTS_H
#define VMM_MACHINE_EVENTS_H

#include "cvmm/events.h"
#include "machine/machine.h"

/* final: no other back-end can serve the device. */
void vmm_event_device_lost(const struct vmm_device *d, bool final,
			   const struct vsu_error *why);
void vmm_event_device_back(const struct vmm_device *d, enum virtdev_vhost_user_settings settings);

/*
 * Passes a copy, with the size and the present time, to the owner if that has chosen the kind. A
 * cause that is NULL becomes empty.
 */
void vmm_event_publish(const struct vmm_machine *m, const struct cvmm_event *event);

/*
 * A thread still uses the machine, which therefore cannot be freed: restores the terminals
 * and calls the owner's function "stuck". Any thread. May return.
 */
void vmm_machine_abandon(const struct vmm_machine *m, int status, const struct vsu_error *why);

/* The machine ends with this exit status. */
void vmm_event_end(const struct vmm_machine *m, int status,
		   const struct vsu_error *why);

#endif
