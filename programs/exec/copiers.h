/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Processes that copy bytes between files of this process and sockets, for a server that must not wait for files.
 *
 * Threads: the main thread, without others.
 */
#ifndef VMM_EXEC_COPIERS_H
#define VMM_EXEC_COPIERS_H

#include <stdbool.h>

#include <vm-agent/protocol.h>
#include <vmm-sys-util/error.h>

struct vmm_copiers {
	int ends[VAGENT_STREAMS]; /* sockets for the server, of the caller */
	int report;		/* ends when all output is written; an int arrives if it was not: the errno */
};

#define VMM_COPIERS_INIT { { -1, -1, -1 }, -1 }

/*
 * Starts one per stream: of fds input, output and errors. sock, to the server, is not theirs. They keep signals blocked that are blocked now, and confine
 * themselves; that of the input ends with this process, the others with the server. Freed in each case.
 */
int vmm_copiers_start(struct vmm_copiers *c, const int fds[VAGENT_STREAMS], int sock, struct vsu_error *err);
/* Closes the ends, once the server has them. */
void vmm_copiers_close_ends(struct vmm_copiers *c);
/* Waits until all output is written, after the server has closed its ends. -ENOSPC and others: it was not. */
int vmm_copiers_wait(struct vmm_copiers *c);
void vmm_copiers_free(struct vmm_copiers *c);

#endif
