/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The commands of a machine's control socket. Each reads its words, and calls a function of
 * <cvmm/requests.h>.
 *
 * Threads: the main thread.
 */
#ifndef VMM_CONTROL_COMMANDS_H
#define VMM_CONTROL_COMMANDS_H

#include "control/line.h"

/* The table of commands; it ends with a row without a name. */
extern const struct vmm_control_command vmm_machine_commands[];

#endif
