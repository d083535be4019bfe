/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The destination after the switch to post-copy: a thread receives the pages that are
 * missing, and requests those for which threads wait. It owns the stream and is the only
 * one that uses it.
 *
 *   begin   discards the missing pages, and starts the thread
 *   say     sends "loaded" and, when the guest may run, "running"
 *   go      waits for the source's permission
 *   ended   all pages have arrived, or the guest is lost
 *   free    in any state; the guest does not run any more, or all pages have arrived
 *
 * Before "running" a failure releases all threads that wait, with zeros, because the
 * guest does not run here. Afterwards they wait until the process ends.
 *
 * Threads: vmm_page_fetch_left() and vmm_page_fetch_requests() any, the others the owner.
 */
#ifndef VMM_MIGRATION_PAGE_FETCH_H
#define VMM_MIGRATION_PAGE_FETCH_H

#include "migration/page_place.h"

struct vmm_page_fetch;

struct vmm_page_fetch_config {
	struct vmm_stream *stream; /* borrowed; closed when all pages have arrived */
	struct vmm_page_set *missing; /* moved, emptied */
	struct vmem_map *map;	/* with the memory of the set; referenced */
	int *fd;		/* a userfaultfd; moved, -1 */
	/*
	 * The stream has failed while the guest runs here. Called in the thread; does not
	 * return before the process ends.
	 */
	void (*lost)(void *opaque, const struct vsu_error *why);
	void *opaque;
};

/* On failure *out is NULL, and nothing has moved. */
int vmm_page_fetch_new(const struct vmm_page_fetch_config *config,
		       struct vmm_page_fetch **out, struct vsu_error *err);
int vmm_page_fetch_begin(struct vmm_page_fetch *f, struct vsu_error *err);
void vmm_page_fetch_free(struct vmm_page_fetch *f);

/* "loaded", "running". -ECONNRESET and others: the stream has failed. */
int vmm_page_fetch_say(struct vmm_page_fetch *f, const char *name, struct vsu_error *err);
/* Waits for "go". */
int vmm_page_fetch_go(struct vmm_page_fetch *f, uint32_t *paused, struct vsu_error *err);

/* Readable when all pages have arrived. */
int vmm_page_fetch_fd(const struct vmm_page_fetch *f);
/* Bytes that are still missing, and pages that were requested. */
uint64_t vmm_page_fetch_left(const struct vmm_page_fetch *f);
uint64_t vmm_page_fetch_requests(const struct vmm_page_fetch *f);

/*
 * Another process with the memory: fd and ranges are owned on success. Its number is for
 * vmm_page_fetch_set_ranges().
 */
int vmm_page_fetch_add(struct vmm_page_fetch *f, int fd, unsigned int *number);
int vmm_page_fetch_set_ranges(struct vmm_page_fetch *f, unsigned int number,
			      const struct vmm_fault_range *ranges, unsigned int n);

#endif
