/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A bitmap of pages that were stored to.
 *
 * One bit for 2^page_shift bytes, from base on: bit = (hva - base) >>
 * page_shift. Marking comes after the store. A bit that is set already is
 * only read, so that marking a hot page costs a load.
 *
 * Threads: marking from any thread; harvest from one at a time.
 */
#ifndef VM_MEMORY_DIRTY_H
#define VM_MEMORY_DIRTY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vm-memory/attributes.h>

VSU_BEGIN_DECLS

/* Frozen. enabled and words change at run time, by __atomic builtins only. */
struct vmem_dirty {
	uint32_t enabled;	/* 0: nothing is marked */
	uint32_t page_shift;	/* 12 for pages of 4 KiB */
	unsigned char *base;	/* host address of bit 0 */
	uint64_t nbits;
	uint64_t *words;	/* (nbits + 63) / 64 of them */
};

/*
 * Marks [hva, hva + len), the part of it that the bitmap covers. Called by
 * vmem_dirty_mark() when the bitmap is enabled.
 */
VMEM_API void vmem_dirty_mark_slow(struct vmem_dirty *dirty,
				   const unsigned char *hva, uint64_t len);

/* dirty may be NULL. */
static inline void vmem_dirty_mark(struct vmem_dirty *dirty,
				   const unsigned char *hva, uint64_t len)
{
	if (dirty && __atomic_load_n(&dirty->enabled, __ATOMIC_RELAXED))
		vmem_dirty_mark_slow(dirty, hva, len);
}

VSU_END_DECLS

#endif
