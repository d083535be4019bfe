/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Answers to requests that take time. A request awaits the answer of its subject, an address that
 * names the job: a save, a migration, a device. The job sends the answer when it is complete.
 *
 * Threads: the main thread.
 */
#ifndef VMM_MACHINE_ANSWERS_H
#define VMM_MACHINE_ANSWERS_H

#include <stdbool.h>

#include <vmm-sys-util/error.h>

#include "cvmm/requests.h"

struct vmm_answer;

/* All answers that requests await. All zero: none. */
struct vmm_answers {
	struct vmm_answer *first;
};

/* Allocated before its request begins, and owned by the caller. NULL: no memory. */
struct vmm_answer *vmm_answer_new(cvmm_answer_fn fn, void *opaque);

/* answer may be NULL. */
void vmm_answer_free(struct vmm_answer *answer);

/* The request takes time: the answer belongs to the list. */
void vmm_answer_await(struct vmm_answers *list, struct vmm_answer *answer, const void *subject);

/*
 * Removes and frees the answer with this function and argument, which nobody awaits any more. False:
 * it has been sent, or is being sent.
 */
bool vmm_answers_forget(struct vmm_answers *list, cvmm_answer_fn fn, const void *opaque);

/* The request is complete. Calls the function, and frees the answer. */
void vmm_answer_give(struct vmm_answer *answer, const struct cvmm_answer *result,
		     const struct vsu_error *why);

/*
 * Answers all requests that await the subject: with the result, which may be NULL, or with the error
 * if why is not NULL. Returns how many there were. A function that is called may begin another
 * request for the subject, which awaits the next answer.
 */
unsigned int vmm_answers_send(struct vmm_answers *list, const void *subject,
			      const struct cvmm_answer *result, const struct vsu_error *why);

/* Answers all requests with -ECANCELED. */
void vmm_answers_end(struct vmm_answers *list);

#endif
