/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The memory of a guest that runs before its pages have arrived: places pages as they
 * arrive, and wakes the threads that wait for them.
 *
 * A fault source is a process with this memory: this one, or a back-end that has sent
 * its userfaultfd (virtio/remote_session.c). Each has its own addresses. Pages are placed by this process; those of
 * shared memory exist for the others then.
 *
 * Threads: confined, or under the lock of the caller.
 */
#ifndef VMM_MIGRATION_PAGE_PLACE_H
#define VMM_MIGRATION_PAGE_PLACE_H

#include "migration/page_set.h"
#include "migration/stream.h"

/* Maximum size of a huge page: a request of a part waits for all of it. */
#define VMM_PLACE_MAX_PAGE (UINT64_C(32) << 20)
#define VMM_PLACE_MAX_SOURCES 32u

struct vmm_fault_range {
	uint64_t gpa, len;
	uint64_t address;	/* in the memory of the source's process */
};

struct vmm_fault_source {
	int fd;			/* a userfaultfd, owned */
	struct vmm_fault_range *ranges;	/* owned */
	unsigned int n;
};

struct vmm_placer {
	struct vmm_page_set missing;
	struct vmem_map *map;	/* owned */
	/* Source 0 is this process, whose ranges are those of the set. */
	struct vmm_fault_source sources[VMM_PLACE_MAX_SOURCES];
	unsigned int nsources;
	bool registered;
	/* A huge page whose parts arrive in order. */
	unsigned char *part;
	const unsigned char *zeros;
	uint64_t part_gpa, part_len;
};

/*
 * The largest page of the set's memory. -EOPNOTSUPP: memory that cannot report its
 * missing pages to fd, with its address, or whose pages are too large.
 */
int vmm_placer_check(const struct vmm_page_set *set, int fd, uint64_t *granule,
		     struct vsu_error *err);

/*
 * Memory that a back-end sees beside missing pages. -EOPNOTSUPP: a region, by its address, that
 * cannot report missing pages to a back-end.
 */
int vmm_placer_check_shared(const struct vmem_map *map, int fd, struct vsu_error *err);

/*
 * Discards the missing pages and registers the memory with source 0. Before that no
 * other thread uses the memory.
 */
int vmm_placer_begin(struct vmm_placer *p, struct vsu_error *err);
/* Threads that still wait get zeros. */
void vmm_placer_end(struct vmm_placer *p);
void vmm_placer_free(struct vmm_placer *p);

/*
 * Places a received section. Pages that are not missing are ignored: the guest may
 * have written to them. Returns 1 if it is another one. -EBADMSG: its range is not memory.
 */
int vmm_placer_receive(struct vmm_placer *p, const struct vsu_state_section *section,
		       struct vsu_error *err);

/* The guest's address for one of a source. -EFAULT: none. */
int vmm_placer_find(const struct vmm_fault_source *source, uint64_t address,
		    uint64_t *gpa);

/* A source waits for a page that is not missing: it has never been used, or is there. */
int vmm_placer_provide(struct vmm_placer *p, const struct vmm_fault_source *source,
		       uint64_t gpa);

#endif
