/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The rights of "cvmm cp", which reads what a guest sends: its system calls are filtered, and of the host's files it
 * reaches those of the copy alone.
 *
 * Threads: the main thread, without others.
 */
#ifndef VMM_EXEC_CP_CONFINEMENT_H
#define VMM_EXEC_CP_CONFINEMENT_H

#include <vmm-sys-util/error.h>

struct vmm_cp_command;

/* Call it when all sockets are open, and before a byte of the guest is read. Errors of confine_execute(). */
int vmm_cp_confine(const struct vmm_cp_command *cp, struct vsu_error *err);

#endif
