/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Requests of a thread to the main thread, one at a time: the thread waits, the main
 * thread sees a descriptor become readable and answers, perhaps later.
 *
 * Threads: wait and end are for the thread, all others for the main thread.
 */
#ifndef VMM_MIGRATION_MAIN_REQUEST_H
#define VMM_MIGRATION_MAIN_REQUEST_H

#include <pthread.h>
#include <stdbool.h>

#include <vmm-sys-util/error.h>

struct vmm_main_request {
	int fd;			/* readable: call check */
	pthread_mutex_t lock;	/* guards the members below */
	pthread_cond_t changed;
	int what;
	bool pending, ended, abandoned;
	int rc;
	struct vsu_error *err;	/* error of the waiting thread */
};

/* Initialised in each case; -EMFILE and the like. */
int vmm_main_request_init(struct vmm_main_request *r);
void vmm_main_request_fini(struct vmm_main_request *r);

/* Requests what, and waits for the reply; -ECANCELED: the main thread abandoned it. */
int vmm_main_request_wait(struct vmm_main_request *r, int what, struct vsu_error *err);
/* The thread makes no further request. */
void vmm_main_request_end(struct vmm_main_request *r);

enum vmm_main_request_event {
	VMM_MAIN_REQUEST_NONE,
	VMM_MAIN_REQUEST_PENDING,
	VMM_MAIN_REQUEST_ENDED,
};

/* PENDING: what was requested, and err for the reason of a failure, until the reply. */
enum vmm_main_request_event vmm_main_request_check(struct vmm_main_request *r);
void vmm_main_request_reply(struct vmm_main_request *r, int rc);

/* No further request is replied to. */
void vmm_main_request_abandon(struct vmm_main_request *r);

#endif
