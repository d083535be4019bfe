/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A process that waits for a command of "cvmm exec" that another process runs: its signals are
 * read from a descriptor, and it is confined, as it reads what a guest sends.
 *
 * Threads: the main thread, without others.
 */
#ifndef VMM_EXEC_WAITING_H
#define VMM_EXEC_WAITING_H

#include <vmm-sys-util/error.h>

/* A signalfd for those of the user, of job control and of the terminal's size; ignores SIGPIPE. The caller closes it. */
int vmm_waiting_signals(int *fd, struct vsu_error *err);

/* After SIGTSTP: stops this process, unless its group is orphaned, until it is continued. */
void vmm_waiting_stop(void);

/* Everything that this process needs is open. */
int vmm_waiting_confine(struct vsu_error *err);

#endif
