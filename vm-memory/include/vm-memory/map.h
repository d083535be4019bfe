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

/* Accesses that are wanted, or that a range forbids: bits of range flags. */
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

/*
 * Frozen. Never copy a view: struct vmem_guess_ follows it in memory and
 * inline code reads it.
 */
struct vmem_view {
	uint64_t generation;	/* of the space it was published in; else 0 */
	uint32_t n;		/* number of ranges */
	uint32_t flags;		/* VMEM_VIEW_* */
	const uint64_t *firsts;	/* first of each range, then all-ones up to 8,
				   or up to a multiple of 64 */
	const struct vmem_range *ranges; /* as long, padded with the last */
};

struct vmem_map;

/*
 * A map without regions. NULL is taken for one, too, by every function that
 * takes a const map, and so is the view of a reader whose space has nothing
 * published: no view is ever NULL.
 */
VMEM_API int vmem_map_new(struct vmem_map **out) VSU_NODISCARD;

/*
 * A new map with one region more; map is not changed. -EEXIST when it
 * overlaps one, named in the sentence.
 */
VMEM_API int vmem_map_add(const struct vmem_map *map,
			  struct vmem_region *region, struct vmem_map **out,
			  struct vsu_error *err) VSU_NODISCARD;

/* A new map of n regions, in any order. */
VMEM_API int vmem_map_from_regions(struct vmem_region *const *regions,
				   unsigned int n, struct vmem_map **out,
				   struct vsu_error *err) VSU_NODISCARD;

/* A new map without that region. -ENOENT when it is not in the map. */
VMEM_API int vmem_map_remove(const struct vmem_map *map,
			     const struct vmem_region *region,
			     struct vmem_map **out, struct vsu_error *err)
	VSU_NODISCARD;

/* map may be NULL. */
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

/*
 * Called with each run of dirty pages, in order of guest address within a
 * region; the last page of a region may be cut by the region's end.
 */
typedef void (*vmem_dirty_fn)(void *opaque, uint64_t gpa, uint64_t len);

/*
 * Takes the bits of every bitmap of the map, as vmem_dirty_harvest() does,
 * and tells of them as guest addresses; returns how many pages it took.
 * Regions without a bitmap are left out.
 */
VMEM_API uint64_t vmem_map_harvest(struct vmem_map *map, vmem_dirty_fn fn,
				   void *opaque);

/*
 * Guest memory from one string in one call: "size=1G,backend=memfd", with the
 * properties of backend.h, as one region at gpa. sigbus is the table that the
 * block enters, or NULL. Fails as vmem_backend_parse(), vmem_backend_alloc()
 * and vmem_region_new() do.
 */
VMEM_API int vmem_map_from_properties(const char *list, uint64_t gpa,
				      struct vmem_sigbus *sigbus,
				      struct vmem_map **out,
				      struct vsu_error *err) VSU_NODISCARD;

/* True when a block of the map was cut short (see sigbus.h). */
VMEM_API bool vmem_map_failed(const struct vmem_map *map);

/* A call would cost more than what these do. */
#if defined(__GNUC__)
#define VMEM_HOT_ __attribute__((always_inline))
#else
#define VMEM_HOT_
#endif

/*
 * A guess at the range, which stands behind the view. The memory from the
 * first range to the end of the last is cut into pieces of 2^shift; at says
 * which range the last address of a piece may be in. Where a range begins
 * inside a piece, or beyond what at can say, it is searched for.
 */
#define VMEM_PIECES_ 1008u

struct vmem_guess_ {
	uint64_t first, shift;
	uint8_t at[VMEM_PIECES_];
};

/* A step of the search: at + step when that address is not above gpa. */
static inline VMEM_HOT_ size_t
vmem_view_step_(const uint64_t *firsts, size_t at, size_t step, uint64_t gpa)
{
	return at + (step & -(size_t)(firsts[at + step] <= gpa));
}

/*
 * Index of the only range that can hold gpa; the caller still has to check
 * that it does. Branch-free but for the number of steps, which depends on n.
 */
static inline size_t vmem_view_search_(const struct vmem_view *view,
				       uint64_t gpa)
{
	const uint64_t *firsts = view->firsts;
	size_t n = view->n, at = 0, half;

	if (n > 8) {
		for (n = (n + 63) / 64; n > 1; n -= half) {
			half = n / 2;
			at = vmem_view_step_(firsts, at, 64 * half, gpa);
		}
		at = vmem_view_step_(firsts, at, 32, gpa);
		at = vmem_view_step_(firsts, at, 16, gpa);
		at = vmem_view_step_(firsts, at, 8, gpa);
	}
	at = vmem_view_step_(firsts, at, 4, gpa);
	at = vmem_view_step_(firsts, at, 2, gpa);
	return vmem_view_step_(firsts, at, 1, gpa);
}

/* True when [gpa, gpa + len) lies in the range, at *off. len may be 0. */
static inline VMEM_HOT_ bool
vmem_range_holds_(const struct vmem_range *range, uint64_t gpa, uint64_t len,
		  uint64_t *off)
{
	uint64_t rest;

	*off = gpa - range->first;
	if (__builtin_sub_overflow(range->span, *off, &rest))
		return false;
	return len == 0 || !__builtin_sub_overflow(rest, len - 1, &rest);
}

/*
 * Index of the range that holds all of [gpa, gpa + len), or SIZE_MAX. For the
 * very last guest address it may lie in the padding.
 */
static inline VMEM_HOT_ size_t
vmem_view_lookup_(const struct vmem_view *view, uint64_t gpa, uint64_t len,
		  uint64_t *off)
{
	const struct vmem_guess_ *guess =
		(const struct vmem_guess_ *)(const void *)(view + 1);
	uint64_t piece = (gpa - guess->first) >> guess->shift;
	size_t at;

	if (VSU_LIKELY(piece < VMEM_PIECES_)) {
		at = guess->at[piece];
		if (VSU_LIKELY(vmem_range_holds_(&view->ranges[at], gpa, len,
						 off)))
			return at;
	}
	at = vmem_view_search_(view, gpa);
	return vmem_range_holds_(&view->ranges[at], gpa, len, off) ? at :
								     SIZE_MAX;
}

/* Index of the range that holds gpa, or n. */
static inline uint32_t vmem_view_find(const struct vmem_view *view,
				      uint64_t gpa)
{
	uint64_t off;
	size_t at = vmem_view_lookup_(view, gpa, 1, &off);
	uint32_t n = view->n;

	if (VSU_UNLIKELY(at >= n))
		return at == SIZE_MAX || !n ? n : n - 1;
	return (uint32_t)at;
}

/*
 * A hint below n is the range to try first. When that was wrong the hint
 * becomes the range that was right, with a pause in its upper byte until it
 * is tried, because where accesses jump about, a hint that fails, or succeeds
 * unforeseen, costs more than the look at the table.
 */
#define VMEM_HINT_NONE_ UINT32_MAX
#define VMEM_HINT_TICK_ (1u << 24)
#define VMEM_HINT_PAUSE_ (64 * VMEM_HINT_TICK_)

static inline VMEM_HOT_ const struct vmem_range *
vmem_view_range_(const struct vmem_view *view, uint32_t *hint, uint64_t gpa,
		 uint64_t len, uint32_t access, uint64_t *off)
{
	uint32_t h = *hint, rest;
	size_t at = h;

	if (h >= view->n ||
	    !vmem_range_holds_(&view->ranges[at], gpa, len, off)) {
		at = vmem_view_lookup_(view, gpa, len, off);
		if (at == SIZE_MAX)
			return NULL;
		*hint = __builtin_sub_overflow(h, VMEM_HINT_TICK_, &rest) ?
			(uint32_t)at | VMEM_HINT_PAUSE_ : rest;
	}
	if ((view->ranges[at].flags & access) != access ||
	    (!access && !view->n))
		return NULL;
	return &view->ranges[at];
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
	uint64_t off;

	return vmem_view_range_(view, hint, gpa, len, access, &off);
}

/* The host address of [gpa, gpa + len), or NULL; as vmem_view_range(). */
static inline VMEM_HOT_ unsigned char *
vmem_view_translate(const struct vmem_view *view, uint32_t *hint, uint64_t gpa,
		    uint64_t len, uint32_t access)
{
	uint64_t off;
	const struct vmem_range *range =
		vmem_view_range_(view, hint, gpa, len, access, &off);

	return range ? range->hva + off : NULL;
}

VSU_END_DECLS

#endif
