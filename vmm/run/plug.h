/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Hot plug and removal of devices: functions of the PCI bus, reported to the guest
 * by ACPI (<vm-arch/plug.h>).
 *
 * Threads: the main thread.
 */
#ifndef VMM_RUN_PLUG_H
#define VMM_RUN_PLUG_H

#include "machine/machine.h"

/* A step of creating the machine: the registers for hot plug, of devices if there is a bus. */
int vmm_machine_make_plug(struct vmm_machine *m, struct vsu_error *err);

/*
 * Adds the device that "--device LIST" describes; *number is its index in devices. own: the
 * device of "own:NAME", or NULL if it is one of the owner's. fds: those that LIST names.
 * For a vhost-user device this only starts the handshake, limited to ten seconds,
 * while the guest runs. Requests that await vmm_machine_arrival() are answered then.
 */
int vmm_machine_add_device(struct vmm_machine *m, const char *list,
			   const struct vmm_device_fds *fds, struct virtdev *own,
			   unsigned int *number, struct vsu_error *err);

/*
 * Requests removal of the device; the guest ejects it at a time of its choice. With
 * force, removes it immediately; a second forced call also abandons resources that
 * its back-end has not released. The entry is free when its virtio is NULL; requests
 * that await the device are answered then. A device in its handshake is removed at once.
 */
int vmm_machine_remove_device(struct vmm_machine *m, struct vmm_device *d,
			      bool force, struct vsu_error *err);

/* The subject of the answer to an addition; that of a removal is the device. */
static inline const void *vmm_machine_arrival(const struct vmm_device *d)
{
	return &d->coming;
}

/* Whether removal was requested or is in progress. */
bool vmm_machine_is_leaving(const struct vmm_machine *m,
			    const struct vmm_device *d);

#endif
