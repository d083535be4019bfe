/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Requests of a thread to the main thread, one at a time: the thread waits, the main
 * thread sees a descriptor become readable and answers, perhaps later.
 *
 * Threads: ask and end are for the thread, all others for the main thread.
 */
#ifndef VMM_MIGRATION_WISH_H
#define VMM_MIGRATION_WISH_H

#include <pthread.h>
#include <stdbool.h>

#include <vmm-sys-util/error.h>

struct vmm_wish {
	int fd;			/* readable: check the wish */
	pthread_mutex_t lock;	/* guards the members below */
	pthread_cond_t changed;
	int what;
	bool pending, ended, abandoned;
	int rc;
	struct vsu_error *err;	/* error of the waiting thread */
};

/* Initialised in each case; -EMFILE and the like. */
int vmm_wish_init(struct vmm_wish *w);
void vmm_wish_fini(struct vmm_wish *w);

/* Waits for the answer; -ECANCELED: the main thread abandoned the wish. */
int vmm_wish_ask(struct vmm_wish *w, int what, struct vsu_error *err);
/* The thread makes no further request. */
void vmm_wish_end(struct vmm_wish *w);

enum vmm_wish_news { VMM_WISH_NONE, VMM_WISH_ASKED, VMM_WISH_ENDED };

/* If asked: w->what, and w->err for a sentence until the answer. */
enum vmm_wish_news vmm_wish_check(struct vmm_wish *w);
void vmm_wish_answer(struct vmm_wish *w, int rc);

/* There will be no more answers. */
void vmm_wish_abandon(struct vmm_wish *w);

#endif
