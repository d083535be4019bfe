/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The consoles of the machine: its serial port, and a device on stdio. */
#ifndef VMM_MACHINE_CONSOLE_H
#define VMM_MACHINE_CONSOLE_H

#include "machine/machine.h"

/* Opens the serial port as --serial says and adds it to the machine. */
int vmm_machine_open_console(struct vmm_machine *m, struct vsu_error *err);

/*
 * Standard input and output for the one device that may have them: the
 * open_stdio of struct vmm_device_common. machine is the machine.
 */
int vmm_machine_open_stdio(void *machine, struct virtdev_port **out,
			   struct vsu_error *err);
/* d is the device that has them. */
void vmm_machine_give_stdio(struct vmm_machine *m, struct vmm_device *d);

/* Keys and sizes of the terminal, while the machine runs. */
void vmm_machine_watch_stdio(struct vmm_machine *m);
void vmm_machine_unwatch_stdio(struct vmm_machine *m);

#endif
