/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Creates a machine in steps, each of which may fail with a message and an exit status. The
 * machine can be freed in any state.
 *
 * Threads: the main thread.
 */
#ifndef VMM_SETUP_H
#define VMM_SETUP_H

#include "machine/machine.h"

/* Called before anything else of a zeroed machine. owner was checked, and may be NULL. */
void vmm_machine_set_owner(struct vmm_machine *m, const struct cvmm_host *owner);

/*
 * *m has nothing but its owner (vmm_machine_set_owner()), and borrows config and start. Returns 0,
 * or an exit status and its message.
 */
int vmm_machine_make(struct vmm_machine *m, const struct vmm_config *config,
		     const struct vmm_start *start, struct vsu_error *err);

/*
 * Completes or ends the jobs of a machine that does not run, and answers all requests: for an owner
 * that uses the machine's loop for its peers. vmm_machine_free() begins with it.
 */
void vmm_machine_end_jobs(struct vmm_machine *m);
void vmm_machine_free(struct vmm_machine *m);

#endif
