/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The session of "cvmm exec" beside its machine, and the status after the machine's end.
 *
 * Threads: the main thread.
 */
#ifndef VMM_EXEC_BESIDE_H
#define VMM_EXEC_BESIDE_H

#include "common/machine_loop.h"
#include "exec/exec_machine.h"

/* The session, for the loop of the machine: vmm_run_machine() with the options of the plan. */
struct vmm_beside vmm_exec_machine_beside(struct vmm_exec_machine *m);

/*
 * The status of "cvmm exec" after the machine has ended with a status and perhaps a sentence. An ended
 * session replaces both.
 */
int vmm_exec_machine_status(const struct vmm_exec_machine *m, int status, struct vsu_error *err);

/*
 * Whether the sentence of such a status is not printed, as shells do: the reader of the command's
 * output is gone, or its user has typed the signal.
 */
bool vmm_exec_end_is_expected(int status, const struct vsu_error *err);

#endif
