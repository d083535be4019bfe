/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The commands of --control. */
#ifndef VMM_COMMANDS_COMMANDS_H
#define VMM_COMMANDS_COMMANDS_H

#include "machine/machine.h"

/* The table of commands; it ends with a row without a name. */
extern const struct vmm_control_command vmm_machine_commands[];

/* Opens the control socket, if requested, and adds it to the machine. */
int vmm_machine_open_control(struct vmm_machine *m, struct vsu_error *err);

#endif
