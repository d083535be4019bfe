/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * "cvmm exec --from" in a machine of a pool, which is another process of this user.
 *
 * Threads: the main thread, without others.
 */
#ifndef VMM_EXEC_POOL_CLIENT_H
#define VMM_EXEC_POOL_CLIENT_H

#include "exec/exec_machine.h"

/*
 * The exit status of the command, with a sentence if it is not the command's own. -EAGAIN, without
 * an effect: no pool of the template runs, or, with a sentence, the pool has no such machine, none
 * that waits, or none for these options.
 */
int vmm_pool_client_run(struct vmm_exec_machine *m, const struct vmm_exec_options *o,
			struct vsu_error *err);

#endif
