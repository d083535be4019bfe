/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Steps of making the machine; the memory is there. */
#ifndef VMM_MACHINE_DEVICES_H
#define VMM_MACHINE_DEVICES_H

#include "machine/machine.h"

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

#endif
