/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * One machine of "cvmm pool", in a process of its own: it waits for a client, whose socket the pool
 * sends, and passes the ports of the guest's agent to it. From then on this process reads nothing of the
 * agent, and ends when the client does.
 *
 *	vmm_pool_worker_make()
 *	vmm_pool_worker_beside()   for the loop of the machine
 *	vmm_pool_worker_end()
 *
 * Threads: the main thread.
 */
#ifndef VMM_EXEC_POOL_WORKER_H
#define VMM_EXEC_POOL_WORKER_H

#include "exec/exec_machine.h"
#include "exec/pool_wire.h"

struct vmm_pool_worker {
	struct vmm_exec_machine exec;
	int pool_fd, client_fd, epfd;
	enum vmm_pool_worker_state {
		VMM_WORKER_MAKES,
		VMM_WORKER_WAITS,	/* for a client */
		VMM_WORKER_TAKEN,	/* a client runs its command */
		VMM_WORKER_LEFT,	/* the client is gone */
		VMM_WORKER_DISMISSED,	/* by the pool, before a client came */
	} state;
	struct vmm_pool_packet packet;
};

/* Takes pool_fd, also after a failure; then vmm_pool_worker_end(). */
int vmm_pool_worker_make(struct vmm_pool_worker *w, const struct vmm_exec_options *o, int pool_fd,
			 struct vsu_error *err);
struct vmm_beside vmm_pool_worker_beside(struct vmm_pool_worker *w);

/*
 * After the machine has ended with a status and perhaps a sentence, which the client receives. The
 * status of this process: 0, or without a client VAGENT_STATUS_FAILED with the sentence. Frees all.
 */
int vmm_pool_worker_end(struct vmm_pool_worker *w, int status, struct vsu_error *err);

#endif
