/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A map: an immutable set of regions that do not overlap, in order of guest
 * address, and its view, which inline code reads.
 *
 *   map     opaque, reference counted; adding or removing a region creates a
 *           new map
 *   view    the map's arrays for translation; valid as long as its map
 *   range   one region in the view
 *   hint    a variable of the caller that caches the range of the last access
 *
 * Translation returns a host pointer if the guest range is inside one region that
 * permits the access, else NULL. Use access.h to learn the reason of a failure, or
 * if the range may cross regions.
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

/* Kinds of access: requested by a caller, or permitted by a range. */
#define VMEM_READ	0x1u
#define VMEM_WRITE	0x2u

/* Fixed layout. */
struct vmem_range {
	uint64_t first;		/* guest address of its first byte */
	uint64_t span;		/* length - 1 */
	unsigned char *hva;
	struct vmem_dirty *dirty; /* or NULL */
	uint32_t flags;		/* permitted: VMEM_READ, VMEM_WRITE */
	uint32_t pad;
};

/* Bits of the flags of a view. */
#define VMEM_VIEW_IOTLB	0x1u	/* indexed by I/O virtual address; iotlb.h */

/*
 * Fixed layout. Never copy a view: struct vmem_guess_ follows it in memory and
 * inline code reads it.
 */
struct vmem_view {
	uint64_t generation;	/* of its space at publication; 0: not published */
	uint32_t n;		/* number of ranges */
	uint32_t flags;		/* VMEM_VIEW_* */
	const uint64_t *firsts;	/* copies of first of each range; padded with
				   UINT64_MAX to 8 or a multiple of 64 */
	const struct vmem_range *ranges; /* padded to the same length by copies
					    of the last range */
};

struct vmem_map;

/*
 * Creates a map without regions. Functions with a const map argument accept NULL
 * as an empty map. vmem_map_view(NULL) is an empty view, never NULL.
 */
VMEM_API int vmem_map_new(struct vmem_map **out) VSU_NODISCARD;

/*
 * Creates a map with one more region; map is not changed. -EEXIST: the region
 * overlaps another one, which err names.
 */
VMEM_API int vmem_map_add(const struct vmem_map *map,
			  struct vmem_region *region, struct vmem_map **out,
			  struct vsu_error *err) VSU_NODISCARD;

/* Creates a map of n regions, given in any order. */
VMEM_API int vmem_map_from_regions(struct vmem_region *const *regions,
				   unsigned int n, struct vmem_map **out,
				   struct vsu_error *err) VSU_NODISCARD;

/* Creates a map without that region. -ENOENT: the region is not in the map. */
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

/* The region that contains this guest address, borrowed, or NULL. */
VMEM_API struct vmem_region *vmem_map_find(const struct vmem_map *map,
					   uint64_t gpa);

/* The region that contains this host address, borrowed, or NULL. */
VMEM_API struct vmem_region *vmem_map_find_hva(const struct vmem_map *map,
					       const void *hva);

/*
 * Called with each run of dirty pages, in order of guest address within a
 * region. If a region ends inside a page, so does its last run.
 */
typedef void (*vmem_dirty_fn)(void *opaque, uint64_t gpa, uint64_t len);

/*
 * Reads and clears the dirty bitmaps of all regions, as vmem_dirty_harvest()
 * does, and reports the dirty pages by guest address. Returns their number.
 * Skips regions without a bitmap.
 */
VMEM_API uint64_t vmem_map_harvest(struct vmem_map *map, vmem_dirty_fn fn,
				   void *opaque);

/*
 * Creates guest memory from one string, such as "size=1G,backend=memfd", with the
 * properties of backend.h, and a map with this memory as its only region, at gpa.
 * sigbus: the table in which the block is registered, or NULL. Fails as
 * vmem_backend_parse(), vmem_backend_alloc() and vmem_region_new() do.
 */
VMEM_API int vmem_map_from_properties(const char *list, uint64_t gpa,
				      struct vmem_sigbus *sigbus,
				      struct vmem_map **out,
				      struct vsu_error *err) VSU_NODISCARD;

/* True after a backing file of the map was truncated (see sigbus.h). */
VMEM_API bool vmem_map_failed(const struct vmem_map *map);

/* Always inlined: a call costs more than the body of these functions. */
#if defined(__GNUC__)
#define VMEM_HOT_ __attribute__((always_inline))
#else
#define VMEM_HOT_
#endif

/*
 * A lookup table, stored directly after the view. It divides the addresses from
 * the first range to the end of the last into pieces of 2^shift bytes. at[i] is
 * the index of the last range that begins in piece i or before it. If that range
 * does not contain the address (another one begins in the same piece, or the
 * index exceeds 8 bits), a binary search follows.
 */
#define VMEM_PIECES_ 1008u

struct vmem_guess_ {
	uint64_t first, shift;
	uint8_t at[VMEM_PIECES_];
};

/* One step of the binary search: advances if firsts[at + step] <= gpa. */
static inline VMEM_HOT_ size_t
vmem_view_step_(const uint64_t *firsts, size_t at, size_t step, uint64_t gpa)
{
	return at + (step & -(size_t)(firsts[at + step] <= gpa));
}

/*
 * Index of the only range that can contain gpa; the caller checks whether it does.
 * Branch-free, except for the number of steps, which depends on n.
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

/* True if the range contains [gpa, gpa + len), at *off. len may be 0. */
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
 * Index of the range that contains all of [gpa, gpa + len), or SIZE_MAX. For the
 * last address of the 64-bit space it may be the index of a padding entry.
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

/* Index of the range that contains gpa, or n if none does. */
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
 * A hint below n is the index of the range to check first. After a miss, its upper byte
 * contains a counter, so that it is not below n. That many lookups use the table and
 * decrement the counter; then the hint is checked first again. Reason: with random
 * accesses, an unpredictable hint costs more than a table lookup.
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
 * The range that contains all of [gpa, gpa + len) and permits the access, or
 * NULL. *hint caches the range for the next call. Any initial value is valid.
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
