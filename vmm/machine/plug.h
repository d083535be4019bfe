/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Devices that come and go while the guest runs: functions of the PCI bus, of
 * which the guest is told by ACPI (acpi/plug.h).
 *
 * Threads: the main thread.
 */
#ifndef VMM_MACHINE_PLUG_H
#define VMM_MACHINE_PLUG_H

#include "machine/machine.h"

/* A step of making the machine; nothing where there is no bus. */
int vmm_machine_make_plug(struct vmm_machine *m, struct vsu_error *err);

/*
 * Adds what "--device LIST" would have; *number is its place in devices. A
 * back-end has a second for its handshake.
 */
int vmm_machine_add_device(struct vmm_machine *m, const char *list,
			   unsigned int *number, struct vsu_error *err);

/*
 * Asks the guest to give the device away, which it does when it likes; or, with
 * force, takes it as it is. The place is free when its virtio is NULL again.
 */
int vmm_machine_remove_device(struct vmm_machine *m, struct vmm_device *d,
			      bool force, struct vsu_error *err);

/* Whether the device is asked for, or on its way out. */
bool vmm_machine_is_leaving(const struct vmm_machine *m,
			    const struct vmm_device *d);

/* From time to time: a guest that did not listen yet is told again. */
void vmm_machine_remind(struct vmm_machine *m);

#endif
