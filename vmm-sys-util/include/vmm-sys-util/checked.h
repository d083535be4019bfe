/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Arithmetic on untrusted values of a guest, a peer or a file.
 *
 * Functions with a result return true if it overflows; *res is then unchanged. Test
 * ranges by these functions, because the sum in "a + b > c" can overflow.
 *
 * Threads: pure functions.
 */
#ifndef VMM_SYS_UTIL_CHECKED_H
#define VMM_SYS_UTIL_CHECKED_H

#include <stdbool.h>
#include <stdint.h>

#include <vmm-sys-util/attributes.h>

VSU_NODISCARD
static inline bool vsu_u64_add_overflow(uint64_t a, uint64_t b, uint64_t *res)
{
	if (a > UINT64_MAX - b)
		return true;
	*res = a + b;
	return false;
}

VSU_NODISCARD
static inline bool vsu_u64_mul_overflow(uint64_t a, uint64_t b, uint64_t *res)
{
	if (b && a > UINT64_MAX / b)
		return true;
	*res = a * b;
	return false;
}

/* True if [off, off + len) is not inside [0, size). Any values are valid. */
VSU_NODISCARD
static inline bool vsu_range_exceeds(uint64_t off, uint64_t len, uint64_t size)
{
	return len > size || off > size - len;
}

/* True if two ranges share a byte; false if one is empty. Their ends must not overflow. */
static inline bool vsu_ranges_overlap(uint64_t a, uint64_t alen,
				      uint64_t b, uint64_t blen)
{
	return alen && blen && (a < b ? b - a < alen : a - b < blen);
}

static inline bool vsu_is_power_of_two(uint64_t v)
{
	return v && !(v & (v - 1));
}

/* align is a power of two. */
static inline bool vsu_is_aligned(uint64_t v, uint64_t align)
{
	return !(v & (align - 1));
}

/* Rounds v up to a multiple of align, a power of two; true: the result overflows. */
VSU_NODISCARD
static inline bool vsu_align_up_overflow(uint64_t v, uint64_t align,
					 uint64_t *res)
{
	uint64_t sum;

	if (vsu_u64_add_overflow(v, align - 1, &sum))
		return true;
	*res = sum & ~(align - 1);
	return false;
}

#endif
