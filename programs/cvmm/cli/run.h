/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Runs a machine on libev, with the signals of the process.
 *
 * Threads: the main thread.
 */
#ifndef VMM_CLI_RUN_H
#define VMM_CLI_RUN_H

#include "machine/machine.h"

/* Runs a machine that was made to its end; returns the exit status, with a message if any. */
int vmm_run(struct vmm_machine *m, struct vsu_error *err);

#endif
