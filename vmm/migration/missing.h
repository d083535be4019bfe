/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The pages that a guest lacks when it starts at the destination: sections "missing",
 * each with a guest address and a bit for every page from there on.
 *
 * Threads: confined.
 */
#ifndef VMM_MIGRATION_MISSING_H
#define VMM_MIGRATION_MISSING_H

#include "migration/page_set.h"
#include "migration/stream.h"

/* Bytes of bits in one section. */
#define VMM_MISSING_BITS UINT64_C(65536)

/* Adds the rest of every granule, a power of two, that has a page in the set. */
void vmm_missing_round(struct vmm_page_set *set, uint64_t granule);

/* Sends the set, at least one section. */
int vmm_missing_send(struct vmm_stream *s, const struct vmm_page_set *set,
		     struct vsu_error *err);

/*
 * Adds the pages of a received section. -EBADMSG: a damaged one, or a page that is no
 * memory.
 */
int vmm_missing_receive(struct vmm_page_set *set, const struct vsu_state_section *section,
			struct vsu_error *err);

#endif
