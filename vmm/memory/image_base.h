/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Incremental saves: the file "memory" has only the pages that the guest has changed since it
 * continued from another saved machine, its base, whose file has the others. A base is whole: a
 * machine that continues from an incremental save keeps the base of that one.
 *
 * Section "base" of the state tells which saved machine it is, and which parts of the memory
 * are there; section "changed" has a bit for each page of the file "memory".
 *
 * Threads: any; pages of different slices of the image may be examined at once.
 */
#ifndef VMM_MEMORY_IMAGE_BASE_H
#define VMM_MEMORY_IMAGE_BASE_H

#include <stdbool.h>
#include <stdint.h>

#include <vm-memory/region.h>
#include <vmm-sys-util/error.h>
#include <vmm-sys-util/state.h>

#include "memory/memory_specs.h"
#include "memory/page_map.h"

#define VMM_BASE_NAME_MAX 4095u	/* bytes */

/* Identifies a saved machine by its file "state": length and CRC-32C. */
struct vmm_base_id {
	uint64_t len;
	uint32_t sum;
};

/* Guest memory, and its position in the file "memory" of the base. */
struct vmm_base_part {
	uint64_t gpa, len, at;
};

struct vmm_image_base {
	char *folder;		/* its name, for messages, at most VMM_BASE_NAME_MAX; owned; NULL: none */
	struct vmm_base_id id;
	unsigned int n;
	struct vmm_base_part parts[VMM_MAX_PIECES];
};

struct vmm_base_id vmm_base_id_of(const struct vsu_state *state);
bool vmm_base_id_is(const struct vmm_base_id *a, const struct vmm_base_id *b);

/* The part that is exactly this memory, or NULL. */
const struct vmm_base_part *vmm_image_base_find(const struct vmm_image_base *base, uint64_t gpa,
						uint64_t len);

/* Reads the base from a checked state. -ENOENT: the saved machine is whole; -EBADMSG. */
int vmm_image_base_get(struct vmm_image_base *base, const struct vsu_state *state,
		       struct vsu_error *err);
void vmm_image_base_free(struct vmm_image_base *base);

/* ------------------------------------------------------------------- writing */

/* The pages of an image that are written. */
struct vmm_image_changes {
	const struct vmm_image_base *base;
	uint64_t page, total;	/* bytes of a page, and of the image */
	unsigned char *bits;	/* owned */
};

/* -ENOMEM. */
int vmm_image_changes_new(struct vmm_image_changes *c, const struct vmm_image_base *base,
			  uint64_t total);
void vmm_image_changes_free(struct vmm_image_changes *c);

/*
 * Bytes of the region from at on, at most to end, that are all changed or all as in the base.
 * If a region does not map the base, all its bytes are changed. Changed bytes are marked, at
 * file_at + at in the image.
 */
int vmm_image_changes_next(struct vmm_image_changes *c, struct vmm_page_map *pages,
			   const struct vmem_region *r, uint64_t at, uint64_t end, uint64_t file_at,
			   uint64_t *len, bool *changed);

/* Appends both sections. */
void vmm_image_changes_put(const struct vmm_image_changes *c, struct vsu_state_writer *w);

/* ------------------------------------------------------------------- reading */

/* The changed pages of a checked state, whose bytes it borrows. */
struct vmm_image_changed {
	uint64_t page, total;
	const unsigned char *bits;
};

/* -EBADMSG. */
int vmm_image_changed_get(struct vmm_image_changed *c, const struct vsu_state *state,
			  struct vsu_error *err);

/* Bytes of the image from at on, below total and at most to end, that are all changed or all not. */
uint64_t vmm_image_changed_run(const struct vmm_image_changed *c, uint64_t at, uint64_t end,
			       bool *changed);

/* Bytes of all changed pages. */
uint64_t vmm_image_changed_bytes(const struct vmm_image_changed *c);

#endif
