/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Steps of making the machine; the memory is there. */
#ifndef VMM_MACHINE_DEVICES_H
#define VMM_MACHINE_DEVICES_H

#include "machine/machine.h"
#include "virtio/remote.h"

/* The PCI bus, where the user wants one. */
int vmm_machine_make_bus(struct vmm_machine *m, struct vsu_error *err);

/* In the order of the options, first those that this process serves, then the
   kernel's. */
int vmm_machine_make_local_devices(struct vmm_machine *m,
				   struct vsu_error *err);
int vmm_machine_make_kernel_devices(struct vmm_machine *m,
				    struct vsu_error *err);
int vmm_machine_make_remote_devices(struct vmm_machine *m,
				    struct vsu_error *err);

/* Before it is made: whether what it stands on goes with the guest's memory. */
int vmm_machine_check_device(const struct vmm_machine *m,
			     const struct vmm_device_spec *spec,
			     struct vsu_error *err);

/*
 * Makes devices[i] of its spec, and puts it in its place. In a machine that
 * runs, after a failure too, it is for vmm_machine_free_device().
 */
int vmm_machine_make_device(struct vmm_machine *m, unsigned int i,
			    struct vsu_error *err);
/*
 * The first step of one that comes while the guest runs, from behind a socket;
 * when it has arrived, vmm_machine_make_device() makes it.
 */
int vmm_machine_begin_device(struct vmm_machine *m, unsigned int i,
			     const struct vmm_remote_arrival *arrival,
			     struct vsu_error *err);
void vmm_machine_free_device(struct vmm_device *d);

#endif
