/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A bitmap of pages that were stored to.
 *
 * One bit for 2^page_shift bytes, from base on: bit = (hva - base) >>
 * page_shift. Marking comes after the store. A bit that is set already is
 * only read, so that marking a hot page costs a load; the barrier that this
 * would need between store and load is paid by the harvest instead, once, on
 * behalf of all threads of the process, by membarrier(2).
 *
 * Three cases cannot have that, and every mark is a full barrier in them: a
 * kernel or sandbox that refuses membarrier(2) when the bitmap is enabled; one
 * that refuses it later, which the next harvest finds out, and marks what it
 * took again, so that the one after it takes that as well; and a harvester in
 * another process, whose user sets enabled to VMEM_DIRTY_ALWAYS.
 *
 * Whoever stored before it could see that a bitmap was enabled did not mark:
 * enable, let every writer pass a point where it holds no translated address
 * (publish a new map, or have each thread answer), and then copy.
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

/* Frozen. enabled and words change at run time, by __atomic builtins only. */
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

/* True when all of [hva, hva + len) is one page that is marked already. */
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
	/* The compiler too must not put the look at the bit before the store. */
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	if (mode != VMEM_DIRTY_TEST_FIRST ||
	    !vmem_dirty_is_marked_(dirty, hva, len))
		vmem_dirty_mark_slow(dirty, hva, len);
}

/* A region's bitmap is born disabled and empty. Disabling keeps its bits. */
VMEM_API void vmem_dirty_enable(struct vmem_dirty *dirty);
VMEM_API void vmem_dirty_disable(struct vmem_dirty *dirty);

/*
 * Takes the bits out: each that was set is cleared and set in into, an array
 * of (nbits + 63) / 64 words whose other bits stay, so that what KVM logged
 * for the same pages can be there already. Returns how many were taken. What
 * was stored before a bit was taken is visible to the caller afterwards.
 */
VMEM_API uint64_t vmem_dirty_harvest(struct vmem_dirty *dirty, uint64_t *into);

VSU_END_DECLS

#endif
