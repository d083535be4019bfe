/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The consoles of the machine: its serial port, and a device on stdio. */
#ifndef VMM_RUN_CONSOLE_H
#define VMM_RUN_CONSOLE_H

#include "machine/machine.h"

/* Called before anything is opened. -EINVAL: the owner has no standard input and output. */
int vmm_machine_check_serial(struct vmm_machine *m, struct vsu_error *err);

/* Opens the serial port as --serial specifies and adds it to the machine. */
int vmm_machine_open_console(struct vmm_machine *m, struct vsu_error *err);

/*
 * Opens standard input and output for a console device; only one may use them.
 * The open_stdio of struct devkind_common, with the machine as opaque.
 */
int vmm_machine_open_stdio(void *machine, struct virtdev_port **out,
			   struct vsu_error *err);

/* The size of the terminal has changed: tells the guest, if a device uses it. */
void vmm_machine_resize_stdio(struct vmm_machine *m);

/* Called before this process stops, and after it is continued: the modes of its terminal. */
void vmm_machine_suspend_terminal(struct vmm_machine *m);
void vmm_machine_resume_terminal(struct vmm_machine *m);

/* Watches input of the terminal while the machine runs. */
void vmm_machine_watch_stdio(struct vmm_machine *m);
void vmm_machine_unwatch_stdio(struct vmm_machine *m);

#endif
