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
 * Adds what "--device LIST" would have; *number is its place in devices. One
 * behind a socket is only begun, and coming: the control's clients who wait for
 * the place are told when it is there, or why it is not. Its back-end has ten
 * seconds for its handshake, while the guest runs.
 */
int vmm_machine_add_device(struct vmm_machine *m, const char *list,
			   unsigned int *number, struct vsu_error *err);

/*
 * Asks the guest to give the device away, which it does when it likes; or, with
 * force, takes it as it is, and, the second time, without what a back-end has
 * not given back. The place is free when its virtio is NULL again: the control's
 * clients who wait for it are told. One that is coming is taken back at once.
 */
int vmm_machine_remove_device(struct vmm_machine *m, struct vmm_device *d,
			      bool force, struct vsu_error *err);

/* Whether the device is asked for, or on its way out. */
bool vmm_machine_is_leaving(const struct vmm_machine *m,
			    const struct vmm_device *d);

/* From time to time: a guest that did not listen yet is told again. */
void vmm_machine_remind(struct vmm_machine *m);

#endif
