/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Arithmetic on values that a guest, a peer or a file chose.
 *
 * Each returns true when the result does not fit and leaves *res alone then.
 * Range tests are spelled with these, never as "a + b > c".
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

/* True when [off, off + len) does not lie within [0, size); never wraps. */
VSU_NODISCARD
static inline bool vsu_range_exceeds(uint64_t off, uint64_t len, uint64_t size)
{
	return len > size || off > size - len;
}

/* True when two ranges share a byte. Ranges must not wrap; empty ones never do. */
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

/* Rounds up to a power of two boundary; true when the result wraps. */
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
