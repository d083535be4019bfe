/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Requests with an answer, which requests.c and device_requests.c share. */
#ifndef VMM_API_REQUESTS_PRIVATE_H
#define VMM_API_REQUESTS_PRIVATE_H

#include "api/machine_private.h"
#include "api/rules.h"
#include "cvmm/requests.h"

/* All other members are 0 before begin; why takes the reason of a request that is refused. */
struct cvmm_request {
	struct cvmm_machine *m;
	const char *name;	/* precedes the sentence of a failure; NULL: the request was refused before */
	struct vmm_answer *answer;	/* NULL: the owner wants none */
	const void *subject;	/* of the answer; NULL: the request is complete, with this result: */
	struct cvmm_answer result;
	struct vsu_error why;
};

/* -EAGAIN: the machine does not run. Also refuses what the activity of the machine forbids. */
int cvmm_priv_check_request(const struct cvmm_machine *m, enum vmm_rule rule,
			    struct vsu_error *err);

/* Checks the request, and allocates its answer. -ENOMEM, or as above. */
int cvmm_priv_request_begin(struct cvmm_request *r, enum vmm_rule rule, cvmm_answer_fn fn,
			    void *opaque);

/*
 * Gives or awaits the answer of a request that has failed with rc and r->why, or has begun (0).
 * Returns rc, or 0.
 */
int cvmm_priv_request_end(struct cvmm_request *r, int rc, struct vsu_error *err);

#endif
