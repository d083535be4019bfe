/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The command of a machine whose guest QEMU emulates (cvmm exec --emulate).
 *
 * Threads: the main thread.
 */
#ifndef VMM_EXEC_EMULATED_H
#define VMM_EXEC_EMULATED_H

#include "exec/exec_machine.h"

/*
 * Runs the guest to the end of its command. Returns the exit status of "cvmm exec", with a
 * sentence unless it is the command's own. This process is confined afterwards, and only exits.
 */
int vmm_exec_emulated_run(struct vmm_exec_machine *m, const struct vmm_exec_options *o,
			  struct vsu_error *err);

#endif
