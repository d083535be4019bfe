/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The rights of "cvmm cp", which reads what a guest sends: its system calls are filtered, and of the host's files it
 * reaches those of the copy alone.
 *
 * Threads: the main thread, without others.
 */
#ifndef VMM_EXEC_CP_CONFINEMENT_H
#define VMM_EXEC_CP_CONFINEMENT_H

#include <stdbool.h>

#include <vmm-sys-util/error.h>

/*
 * Call it when all sockets are open, and before a byte of the guest is read. host: the path to or from which
 * files are copied. Errors of confine_execute().
 */
int vmm_cp_confine(const char *host, bool to_guest, struct vsu_error *err);

#endif
