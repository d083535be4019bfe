/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Steps of creating the machine; memory exists already. */
#ifndef VMM_RUN_DEVICES_H
#define VMM_RUN_DEVICES_H

#include "machine/machine.h"
#include "virtio/remote.h"

/* For a kernel that boots: whether the guest needs a PCI bus. */
int vmm_machine_choose_bus(struct vmm_machine *m, struct vsu_error *err);

/* Creates the PCI bus, if wanted. */
int vmm_machine_make_bus(struct vmm_machine *m, struct vsu_error *err);

/* Creates devices in the order of the options: in-process ones first, then
   those served by the kernel. */
int vmm_machine_make_local_devices(struct vmm_machine *m,
				   struct vsu_error *err);
int vmm_machine_make_kernel_devices(struct vmm_machine *m,
				    struct vsu_error *err);
int vmm_machine_make_remote_devices(struct vmm_machine *m,
				    struct vsu_error *err);

/*
 * For a device of the kind "own": sets own, if it is NULL, to the owner's device of its name,
 * and the id. -ENOENT: the owner has none; -EBUSY: another device uses it.
 */
int vmm_machine_find_own(struct vmm_machine *m, struct vmm_device *d, struct vsu_error *err);

/*
 * Called before creation: checks its host resource against the guest's memory and other devices,
 * and records the identity of its file.
 */
int vmm_machine_check_device(const struct vmm_machine *m, struct vmm_device *d,
			     struct vsu_error *err);

/*
 * Creates devices[i] from its spec and attaches it. In a running machine, free it
 * by vmm_machine_free_device(), also after a failure.
 */
int vmm_machine_make_device(struct vmm_machine *m, unsigned int i,
			    struct vsu_error *err);
/*
 * First step of hot-plugging a vhost-user device: starts the handshake. When it has
 * completed, vmm_machine_make_device() creates the device.
 */
int vmm_machine_begin_device(struct vmm_machine *m, unsigned int i,
			     const struct vmm_remote_arrival *arrival,
			     struct vsu_error *err);
void vmm_machine_free_device(struct vmm_device *d);

/* The devices' map of memory was replaced: all release the previous one. */
void vmm_machine_refresh_devices(const struct vmm_machine *m);

#endif
