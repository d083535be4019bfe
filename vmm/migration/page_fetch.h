/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The destination after the switch to post-copy: a thread receives the pages that are
 * missing, and requests those for which threads wait. It owns the stream and is the only
 * one that uses it.
 *
 *   begin   discards the missing pages, and starts the thread
 *   send    sends "loaded" and, when the guest may run, "running"
 *   go      waits for the source's permission
 *   free    ends the thread; the guest must have stopped, or all pages have arrived
 *
 * If the stream fails before "running" is sent, the guest continues at the source: the
 * missing pages become zeros, and the threads that wait for them continue. If it fails
 * later, they wait until the process ends.
 *
 * Threads: vmm_page_fetch_left(), vmm_page_fetch_requests() and vmm_page_fetch_foreign() any,
 * the others the owner.
 */
#ifndef VMM_MIGRATION_PAGE_FETCH_H
#define VMM_MIGRATION_PAGE_FETCH_H

#include "migration/page_place.h"

struct vmm_page_fetch;

struct vmm_page_fetch_config {
	const struct vsu_threads *threads; /* or NULL */
	struct vmm_stream *stream; /* borrowed; closed when all pages have arrived */
	struct vmm_page_set *missing; /* moved; empty afterwards */
	struct vmem_map *map;	/* with the memory of the set; referenced */
	int *fd;		/* a userfaultfd; moved; -1 afterwards */
	/*
	 * The stream has failed while the guest runs here. The thread calls it; it must
	 * not return before the process ends.
	 */
	void (*lost)(void *opaque, const struct vsu_error *why);
	void *opaque;
};

/* On failure *out is NULL, and nothing has moved. */
int vmm_page_fetch_new(const struct vmm_page_fetch_config *config,
		       struct vmm_page_fetch **out, struct vsu_error *err);
int vmm_page_fetch_begin(struct vmm_page_fetch *f, struct vsu_error *err);
void vmm_page_fetch_free(struct vmm_page_fetch *f);

/* Sends "loaded" or "running". -ECONNRESET and others: the stream has failed. */
int vmm_page_fetch_send(struct vmm_page_fetch *f, const char *name, struct vsu_error *err);
/* Waits for "go". */
int vmm_page_fetch_go(struct vmm_page_fetch *f, uint32_t *paused, struct vsu_error *err);

/* Readable when all pages have arrived. */
int vmm_page_fetch_fd(const struct vmm_page_fetch *f);
/* Bytes that are still missing, pages that were requested, and those of other processes. */
uint64_t vmm_page_fetch_left(const struct vmm_page_fetch *f);
uint64_t vmm_page_fetch_requests(const struct vmm_page_fetch *f);
uint64_t vmm_page_fetch_foreign(const struct vmm_page_fetch *f);

/*
 * Adds the userfaultfd of another process that maps the memory, and owns it on success.
 * *number names that process in vmm_page_fetch_set_ranges(), which copies its ranges.
 */
int vmm_page_fetch_add(struct vmm_page_fetch *f, int fd, unsigned int *number);
int vmm_page_fetch_set_ranges(struct vmm_page_fetch *f, unsigned int number,
			      const struct vmm_fault_range *ranges, unsigned int n);

#endif
