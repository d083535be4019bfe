/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A map: an immutable set of regions that do not overlap, in order of guest
 * address, and its view, which inline code reads.
 *
 *   map     opaque, reference counted; adding or removing gives a new one
 *   view    visible arrays for translation; lives as long as its map
 *   range   one region in the view
 *   hint    a word of the caller's that makes hitting one range again cheap
 *
 * Translation gives a host pointer for a guest range that lies in one region
 * and allows the access, or NULL. The caller that gets NULL and wants to know
 * why, or whose range may cross regions, uses access.h.
 *
 * Threads: maps and views are shareable; hints are confined.
 */
#ifndef VM_MEMORY_MAP_H
#define VM_MEMORY_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vm-memory/attributes.h>
#include <vm-memory/dirty.h>
#include <vm-memory/region.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

/* What an access wants, and what a range forbids: bits of range flags. */
#define VMEM_READ	0x1u
#define VMEM_WRITE	0x2u

/* Frozen. */
struct vmem_range {
	uint64_t first;		/* guest address of its first byte */
	uint64_t span;		/* length - 1 */
	unsigned char *hva;
	struct vmem_dirty *dirty; /* or NULL */
	uint32_t flags;		/* VMEM_READ and VMEM_WRITE that are allowed */
	uint32_t pad;
};

/* Bits of the flags of a view. */
#define VMEM_VIEW_IOTLB	0x1u	/* indexed by I/O virtual address; iotlb.h */

/* Frozen. */
struct vmem_view {
	uint64_t generation;	/* of the space it was published in; else 0 */
	uint32_t n;		/* number of ranges */
	uint32_t flags;		/* VMEM_VIEW_* */
	const uint64_t *firsts;	/* first of each range, then all-ones up to 8,
				   or up to a multiple of 64 */
	const struct vmem_range *ranges; /* as long, padded with the last */
};

struct vmem_map;

/* A map without regions. */
VMEM_API int vmem_map_new(struct vmem_map **out);

/*
 * A new map with one region more; map is not changed. -EEXIST when it
 * overlaps one, named in the sentence.
 */
VMEM_API int vmem_map_add(const struct vmem_map *map,
			  struct vmem_region *region, struct vmem_map **out,
			  struct vsu_error *err);

/* A new map of n regions, in any order. */
VMEM_API int vmem_map_from_regions(struct vmem_region *const *regions,
				   unsigned int n, struct vmem_map **out,
				   struct vsu_error *err);

/* A new map without that region. -ENOENT when it is not in the map. */
VMEM_API int vmem_map_remove(const struct vmem_map *map,
			     const struct vmem_region *region,
			     struct vmem_map **out, struct vsu_error *err);

VMEM_API struct vmem_map *vmem_map_ref(struct vmem_map *map);
VMEM_API struct vmem_map *vmem_map_unref(struct vmem_map *map);

VMEM_API const struct vmem_view *vmem_map_view(const struct vmem_map *map);
VMEM_API unsigned int vmem_map_count(const struct vmem_map *map);

/* The regions in order of guest address; index as in the view. Borrowed. */
VMEM_API struct vmem_region *vmem_map_region(const struct vmem_map *map,
					     unsigned int index);

/* The region that holds gpa, borrowed, or NULL. */
VMEM_API struct vmem_region *vmem_map_find(const struct vmem_map *map,
					   uint64_t gpa);

/* The region whose memory holds this host address, borrowed, or NULL. */
VMEM_API struct vmem_region *vmem_map_find_hva(const struct vmem_map *map,
					       const void *hva);

/* True when a block of the map was cut short (see sigbus.h). */
VMEM_API bool vmem_map_failed(const struct vmem_map *map);

/* A call would cost more than what these do. */
#if defined(__GNUC__)
#define VMEM_HOT_ __attribute__((always_inline))
#else
#define VMEM_HOT_
#endif

/*
 * Which of 8 addresses, step apart, is the last that is not above gpa; 0 when
 * all are. Without a branch: each comparison is a subtraction with borrow.
 */
static inline VMEM_HOT_ uint32_t
vmem_view_find_of_8(const uint64_t *firsts, uint32_t step, uint64_t gpa)
{
	uint32_t above = 0;

	above += gpa < firsts[1 * step];
	above += gpa < firsts[2 * step];
	above += gpa < firsts[3 * step];
	above += gpa < firsts[4 * step];
	above += gpa < firsts[5 * step];
	above += gpa < firsts[6 * step];
	above += gpa < firsts[7 * step];
	return 7 - above;
}

/*
 * Index of the range that may hold gpa: no other one does. For the very last
 * guest address it may lie in the padding. Branch-free but for the number of
 * steps, which depends on n only.
 */
static inline VMEM_HOT_ uint32_t
vmem_view_candidate(const struct vmem_view *view, uint64_t gpa)
{
	const uint64_t *firsts = view->firsts;
	uint32_t n = view->n, at = 0, half;

	if (n <= 1)
		return 0;
	if (n > 8) {
		for (n = (n + 63) / 64; n > 1; n -= half) {
			half = n / 2;
			at += firsts[at + 64 * half] <= gpa ? 64 * half : 0;
		}
		at += 8 * vmem_view_find_of_8(firsts + at, 8, gpa);
	}
	return at + vmem_view_find_of_8(firsts + at, 1, gpa);
}

/* Index of the range that holds gpa, or n. */
static inline uint32_t vmem_view_find(const struct vmem_view *view,
				      uint64_t gpa)
{
	uint32_t at = vmem_view_candidate(view, gpa), n = view->n;

	if (!n || gpa - view->ranges[at].first > view->ranges[at].span)
		return n;
	return at < n ? at : n - 1;
}

/* True when [gpa, gpa + len) lies in the range. len may be 0. */
static inline VMEM_HOT_ bool
vmem_range_holds(const struct vmem_range *range, uint64_t gpa, uint64_t len)
{
	uint64_t off = gpa - range->first;

	return off <= range->span && (len == 0 || len - 1 <= range->span - off);
}

/*
 * What a hint becomes when the range at was found by a search. A hint below n
 * is tried first and was wrong just now: it is not tried again for a while,
 * whose rest is counted in its upper byte, because where accesses jump about
 * a guess that fails, or succeeds unforeseen, costs more than a search.
 */
#define VMEM_HINT_SHIFT_ 24
#define VMEM_HINT_PAUSE_ 63u

static inline VMEM_HOT_ uint32_t
vmem_hint_after_search_(uint32_t hint, uint32_t n, uint32_t at)
{
	uint32_t pause = hint >> VMEM_HINT_SHIFT_;

	pause = hint < n ? VMEM_HINT_PAUSE_ : pause - (pause != 0);
	return at | pause << VMEM_HINT_SHIFT_;
}

/*
 * The range that holds all of [gpa, gpa + len) and allows the access, or
 * NULL. *hint remembers the range for the next time; it may hold anything and
 * means nothing to the caller.
 */
static inline VMEM_HOT_ const struct vmem_range *
vmem_view_range(const struct vmem_view *view, uint32_t *hint, uint64_t gpa,
		uint64_t len, uint32_t access)
{
	uint32_t h = *hint, at = h;

	if (h >= view->n || !vmem_range_holds(&view->ranges[h], gpa, len)) {
		at = vmem_view_candidate(view, gpa);
		if (VSU_UNLIKELY(!view->n) ||
		    !vmem_range_holds(&view->ranges[at], gpa, len))
			return NULL;
		*hint = vmem_hint_after_search_(h, view->n, at);
	}
	return (view->ranges[at].flags & access) == access ?
	       &view->ranges[at] : NULL;
}

/* The host address of [gpa, gpa + len), or NULL; as vmem_view_range(). */
static inline VMEM_HOT_ unsigned char *
vmem_view_translate(const struct vmem_view *view, uint32_t *hint, uint64_t gpa,
		    uint64_t len, uint32_t access)
{
	const struct vmem_range *range =
		vmem_view_range(view, hint, gpa, len, access);

	return range ? range->hva + (gpa - range->first) : NULL;
}

VSU_END_DECLS

#endif
