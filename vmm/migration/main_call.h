/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Calls of the main thread by another thread, one at a time: the thread waits, the main
 * thread sees a descriptor become readable and replies, perhaps later.
 *
 * Threads: wait and end are for the thread, all others for the main thread.
 */
#ifndef VMM_MIGRATION_MAIN_CALL_H
#define VMM_MIGRATION_MAIN_CALL_H

#include <pthread.h>

#include <vmm-sys-util/error.h>

enum vmm_main_call_state {
	VMM_MAIN_CALL_NONE,
	VMM_MAIN_CALL_PENDING,	/* the thread waits for a reply; then NONE */
	VMM_MAIN_CALL_ENDED,	/* the thread makes no further call */
	VMM_MAIN_CALL_ABANDONED, /* the main thread replies to no further call; then ENDED */
};

struct vmm_main_call {
	int fd;			/* readable: call check */
	pthread_mutex_t lock;	/* guards the members below */
	pthread_cond_t changed;
	enum vmm_main_call_state state;
	int what;
	int rc;
	struct vsu_error *err;	/* error of the waiting thread */
};

/* Initialised in each case; -EMFILE and the like. */
int vmm_main_call_init(struct vmm_main_call *c);
void vmm_main_call_fini(struct vmm_main_call *c);

/* Calls for what, and waits for the reply; -ECANCELED: the main thread has abandoned it. */
int vmm_main_call_wait(struct vmm_main_call *c, int what, struct vsu_error *err);
void vmm_main_call_end(struct vmm_main_call *c);

/* PENDING: what is to be done, and err for the reason of a failure, until the reply. */
enum vmm_main_call_state vmm_main_call_check(struct vmm_main_call *c);
void vmm_main_call_reply(struct vmm_main_call *c, int rc);

void vmm_main_call_abandon(struct vmm_main_call *c);

#endif
