/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The console of the machine. */
#ifndef VMM_MACHINE_CONSOLE_H
#define VMM_MACHINE_CONSOLE_H

#include "machine/machine.h"

/* Opens it as --console says and adds it to the machine. */
int vmm_machine_open_console(struct vmm_machine *m, struct vsu_error *err);

#endif
