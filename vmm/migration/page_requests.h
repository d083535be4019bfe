/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Faults of fault sources, as requests to the source of the migration.
 *
 * The number of requests without an answer is limited, so that sending one never waits
 * for a source that itself waits until its pages are received.
 *
 * Threads: confined.
 */
#ifndef VMM_MIGRATION_PAGE_REQUESTS_H
#define VMM_MIGRATION_PAGE_REQUESTS_H

#include "migration/page_place.h"

#define VMM_REQUESTS_MAX 64u

struct vmm_page_requests {
	uint64_t gpa[VMM_REQUESTS_MAX];
	unsigned int n;
	uint64_t total;
	uint64_t foreign;	/* of them, by other processes */
};

/* Forgets requests whose pages have arrived. */
void vmm_requests_prune(struct vmm_page_requests *r, const struct vmm_page_set *missing);
/* Faults stay in the kernel while it is full. */
bool vmm_requests_full(const struct vmm_page_requests *r);

/*
 * Reads a fault of a source, if one is pending: sends "want" if its page is missing, else
 * provides it. If another process than this one breaks its descriptor, only its faults
 * are lost: the descriptor is closed.
 */
int vmm_requests_read(struct vmm_page_requests *r, struct vmm_placer *p,
		      struct vmm_fault_source *source, struct vmm_stream *stream,
		      struct vsu_error *err);

#endif
