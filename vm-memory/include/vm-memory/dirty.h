/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A bitmap of dirty pages.
 *
 * One bit represents 2^page_shift bytes: bit = (hva - base) >> page_shift. A page is
 * marked after the store. If its bit is already set, the bit is only read, so
 * that marking a hot page costs one load. This load would require a barrier after
 * the store; instead each harvest executes one barrier for all threads of the
 * process, by membarrier(2).
 *
 * In three cases every mark is a full barrier instead:
 *
 *   refused  membarrier(2) is not permitted when the bitmap is enabled
 *   lost     membarrier(2) fails in a later harvest, which then marks its pages
 *            again, so that the next harvest reports them once more
 *   remote   another process harvests; the user then sets enabled to
 *            VMEM_DIRTY_ALWAYS
 *
 * A thread that stores before it sees the enabled bitmap does not mark. So, before
 * copying memory, enable the bitmap and then wait until no thread uses an address
 * that it translated earlier, for example by publishing a new map.
 *
 * Threads: marking from any thread; the rest from one at a time.
 */
#ifndef VM_MEMORY_DIRTY_H
#define VM_MEMORY_DIRTY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vm-memory/attributes.h>

VSU_BEGIN_DECLS

enum vmem_dirty_mode {
	VMEM_DIRTY_OFF = 0,	/* nothing is marked */
	VMEM_DIRTY_TEST_FIRST = 1, /* a set bit is only read */
	VMEM_DIRTY_ALWAYS = 2,	/* each mark is a full barrier */
};

/* Fixed layout. enabled and words change at run time, by __atomic builtins only. */
struct vmem_dirty {
	uint32_t enabled;	/* enum vmem_dirty_mode */
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

/* True if [hva, hva + len) is inside one page that is already marked. */
static inline bool vmem_dirty_is_marked_(const struct vmem_dirty *dirty,
					 const unsigned char *hva, uint64_t len)
{
	uint64_t off = (uint64_t)(uintptr_t)hva - (uintptr_t)dirty->base;
	uint64_t bit = off >> dirty->page_shift;
	const uint64_t *words;

	if (bit >= dirty->nbits || bit != (off + len - 1) >> dirty->page_shift)
		return false;
	words = __atomic_load_n(&dirty->words, __ATOMIC_ACQUIRE);
	return words && (__atomic_load_n(&words[bit / 64], __ATOMIC_RELAXED) >>
			 bit % 64 & 1);
}

/* dirty may be NULL. */
static inline void vmem_dirty_mark(struct vmem_dirty *dirty,
				   const unsigned char *hva, uint64_t len)
{
	uint32_t mode;

	if (!dirty)
		return;
	mode = __atomic_load_n(&dirty->enabled, __ATOMIC_RELAXED);
	if (!mode)
		return;
	/* Prevents the compiler from reading the bit before the store. */
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	if (mode != VMEM_DIRTY_TEST_FIRST ||
	    !vmem_dirty_is_marked_(dirty, hva, len))
		vmem_dirty_mark_slow(dirty, hva, len);
}

/* A region's bitmap is initially disabled and empty. Disabling keeps its bits. */
VMEM_API void vmem_dirty_enable(struct vmem_dirty *dirty);
VMEM_API void vmem_dirty_disable(struct vmem_dirty *dirty);

/*
 * Moves the set bits to into, an array of (nbits + 63) / 64 words, and clears them
 * here. Other bits of into remain, so that it can already contain KVM's log of the
 * same pages. Returns the number of moved bits. Stores that preceded a mark are
 * visible to the caller afterwards.
 */
VMEM_API uint64_t vmem_dirty_harvest(struct vmem_dirty *dirty, uint64_t *into);

VSU_END_DECLS

#endif
