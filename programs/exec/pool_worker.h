/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * One machine of "cvmm pool", in a process of its own: it waits for a client, whose socket the pool
 * sends, and executes its command.
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
	int timer_fd;		/* ends a client without a complete command */
	enum vmm_pool_worker_state {
		VMM_WORKER_MAKES,
		VMM_WORKER_WAITS,	/* for a client */
		VMM_WORKER_GREETED,	/* the client sends COMMAND */
		VMM_WORKER_RECEIVES,	/* its records */
		VMM_WORKER_STARTS,
		VMM_WORKER_RUNS,
		VMM_WORKER_ENDED,	/* the client has the status, or is gone */
		VMM_WORKER_DISMISSED,	/* by the pool, before a client came */
	} state;
	struct vmm_pool_command command;
	char *records;
	uint32_t have;
	int streams[VMM_POOL_FDS];
	bool is_terminated;		/* the pool has sent SIGTERM */
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
