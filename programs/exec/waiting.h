/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A process whose session has its guest in another process: its signals are read from a descriptor, and
 * it is confined, as it reads what a guest sends.
 *
 * Threads: the main thread, without others.
 */
#ifndef VMM_EXEC_WAITING_H
#define VMM_EXEC_WAITING_H

#include <sys/poll.h>

#include <vmm-sys-util/error.h>

#include "common/machine_loop.h"

/* A signalfd for those of the user, of job control and of the terminal's size; ignores SIGPIPE. The caller closes it. */
int vmm_waiting_signals(int *fd, struct vsu_error *err);

/* Everything that this process needs is open. */
int vmm_waiting_confine(struct vsu_error *err);

/* Rows of a poll set; the caller fills in the others, and the descriptor of VMM_WAITING_SIGNALS. */
enum { VMM_WAITING_SESSION, VMM_WAITING_SIGNALS, VMM_WAITING_OTHERS };

/*
 * Waits once, and serves the session and the signals. False: the session has ended, or a signal ends the
 * guest, with a sentence.
 */
bool vmm_waiting_turn(const struct vmm_beside *beside, struct pollfd *p, nfds_t n, struct vsu_error *err);

#endif
