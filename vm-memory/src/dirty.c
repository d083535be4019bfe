/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Dirty bitmaps: marking after a store, and harvesting, one word at a time. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "priv.h"

/* from linux/membarrier.h, which old build hosts lack */
#define MEMBARRIER_EXPEDITED (1 << 3)
#define MEMBARRIER_REGISTER_EXPEDITED (1 << 4)

#define WORD_BITS 64

int vmem_priv_dirty_init(struct vmem_dirty *dirty, unsigned char *base,
			 uint64_t len, uint32_t page_shift)
{
	uint64_t nbits = ((len - 1) >> page_shift) + 1;
	uint64_t *words = calloc((nbits + WORD_BITS - 1) / WORD_BITS,
				 sizeof(*words));

	if (!words)
		return -ENOMEM;
	dirty->page_shift = page_shift;
	dirty->base = base;
	dirty->nbits = nbits;
	dirty->words = words;
	return 0;
}

void vmem_priv_dirty_fini(struct vmem_dirty *dirty)
{
	free(dirty->words);
	dirty->words = NULL;
}

/* The bits of word index that represent the pages first to last. */
static uint64_t mask_of(uint64_t index, uint64_t first, uint64_t last)
{
	uint64_t mask = UINT64_MAX;

	if (index == first / WORD_BITS)
		mask &= UINT64_MAX << first % WORD_BITS;
	if (index == last / WORD_BITS)
		mask &= UINT64_MAX >> (WORD_BITS - 1 - last % WORD_BITS);
	return mask;
}

static void mark_word(uint64_t *word, uint64_t mask, uint32_t mode)
{
	if (mode == VMEM_DIRTY_TEST_FIRST &&
	    (__atomic_load_n(word, __ATOMIC_RELAXED) & mask) == mask)
		return;
	__atomic_fetch_or(word, mask, __ATOMIC_SEQ_CST);
}

/* Limits the range to the pages of the bitmap. */
static bool bits_of(const struct vmem_dirty *dirty, const unsigned char *hva,
		    uint64_t len, uint64_t *first, uint64_t *last)
{
	/* In 64 bits, so that an address before base wraps on every machine. */
	uint64_t off = (uint64_t)(uintptr_t)hva - (uintptr_t)dirty->base, end;

	if ((uintptr_t)hva < (uintptr_t)dirty->base) {
		if (len <= -off)
			return false;
		len -= -off;
		off = 0;
	}
	if (!len)
		return false;
	end = len - 1 > UINT64_MAX - off ? UINT64_MAX : off + (len - 1);
	*first = off >> dirty->page_shift;
	*last = end >> dirty->page_shift;
	if (*first >= dirty->nbits)
		return false;
	if (*last >= dirty->nbits)
		*last = dirty->nbits - 1;
	return true;
}

void vmem_dirty_mark_slow(struct vmem_dirty *dirty, const unsigned char *hva,
			  uint64_t len)
{
	uint64_t *words = __atomic_load_n(&dirty->words, __ATOMIC_ACQUIRE);
	uint32_t mode = __atomic_load_n(&dirty->enabled, __ATOMIC_RELAXED);
	uint64_t first, last, i;

	if (!words || !bits_of(dirty, hva, len, &first, &last))
		return;
	for (i = first / WORD_BITS; i <= last / WORD_BITS; i++)
		mark_word(&words[i], mask_of(i, first, last), mode);
}

static bool membarrier_call(int command)
{
#ifdef SYS_membarrier
	return !syscall(SYS_membarrier, command, 0, 0);
#else
	(void)command;
	return false;
#endif
}

void vmem_dirty_enable(struct vmem_dirty *dirty)
{
	uint32_t mode = VMEM_DIRTY_ALWAYS;

	if (membarrier_call(MEMBARRIER_REGISTER_EXPEDITED))
		mode = VMEM_DIRTY_TEST_FIRST;
	__atomic_store_n(&dirty->enabled, mode, __ATOMIC_SEQ_CST);
}

void vmem_dirty_disable(struct vmem_dirty *dirty)
{
	__atomic_store_n(&dirty->enabled, VMEM_DIRTY_OFF, __ATOMIC_SEQ_CST);
}

static uint64_t take_word(uint64_t *word, uint64_t *into)
{
	uint64_t bits;

	if (!__atomic_load_n(word, __ATOMIC_RELAXED))
		return 0;
	bits = __atomic_exchange_n(word, 0, __ATOMIC_SEQ_CST);
	*into |= bits;
	return (uint64_t)__builtin_popcountll(bits);
}

#define WORD(words, i) __atomic_load_n(&(words)[i], __ATOMIC_RELAXED)

/* Most of a bitmap is empty: a cache line is checked as a whole. */
static inline bool line_is_empty(const uint64_t *words)
{
	return !(WORD(words, 0) | WORD(words, 1) | WORD(words, 2) |
		 WORD(words, 3) | WORD(words, 4) | WORD(words, 5) |
		 WORD(words, 6) | WORD(words, 7));
}

/*
 * The process entered a sandbox that no longer permits the barrier, so the
 * caller may miss a store to these pages. Mark them again for the next harvest,
 * and use a locked access for every mark from now on.
 */
static void without_barrier(struct vmem_dirty *dirty, uint64_t *words,
			    const uint64_t *taken, uint64_t n)
{
	uint32_t mode = VMEM_DIRTY_TEST_FIRST;
	uint64_t i;

	if (!__atomic_compare_exchange_n(&dirty->enabled, &mode,
					 VMEM_DIRTY_ALWAYS, false,
					 __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
		return;
	for (i = 0; i < n; i++)
		if (taken[i])
			__atomic_fetch_or(&words[i], taken[i], __ATOMIC_SEQ_CST);
}

static uint64_t count_words(const struct vmem_dirty *dirty)
{
	return (dirty->nbits + WORD_BITS - 1) / WORD_BITS;
}

/*
 * Orders stores of other threads before the caller's reads of the pages. A thread that
 * found its bit set executed no barrier. The membarrier after the bits were cleared decides
 * for each thread: either it stored before the barrier, so that the caller sees the store,
 * or it reads the bit after the barrier and finds it clear.
 */
uint64_t vmem_priv_dirty_take(struct vmem_dirty *dirty, uint64_t first,
			      uint64_t n, uint64_t *into)
{
	uint64_t *words = __atomic_load_n(&dirty->words, __ATOMIC_ACQUIRE);
	uint64_t i = 0, bits = 0;

	words += first;
	while (i < n) {
		if (n - i >= 8 && line_is_empty(&words[i])) {
			i += 8;
			continue;
		}
		bits += take_word(&words[i], &into[i]);
		i++;
	}
	if (bits && !membarrier_call(MEMBARRIER_EXPEDITED))
		without_barrier(dirty, words, into, n);
	return bits;
}

uint64_t vmem_dirty_harvest(struct vmem_dirty *dirty, uint64_t *into)
{
	return vmem_priv_dirty_take(dirty, 0, count_words(dirty), into);
}
