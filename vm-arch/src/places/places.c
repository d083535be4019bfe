/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Placing memory and windows in the guest's address space. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <vmm-sys-util/checked.h>
#include <vmm-sys-util/parse.h>

#include <vm-arch/places.h>

static bool in_device_hole(uint64_t gpa, uint64_t len)
{
	return vsu_ranges_overlap(gpa, len, VARCH_HOLE_FIRST,
				  VARCH_HOLE_END - VARCH_HOLE_FIRST);
}

static void range_insert(struct varch_places *layout,
			 const struct varch_place *piece)
{
	unsigned int at = layout->n;

	while (at && layout->pieces[at - 1].gpa > piece->gpa)
		at--;
	memmove(&layout->pieces[at + 1], &layout->pieces[at],
		(layout->n - at) * sizeof(*piece));
	layout->pieces[at] = *piece;
	layout->n++;
	if (piece->gpa + piece->len > layout->end)
		layout->end = piece->gpa + piece->len;
}

static const struct varch_place *
range_overlapped(const struct varch_places *layout, uint64_t gpa, uint64_t len)
{
	unsigned int i;

	for (i = 0; i < layout->n; i++)
		if (vsu_ranges_overlap(layout->pieces[i].gpa,
				       layout->pieces[i].len, gpa, len))
			return &layout->pieces[i];
	return NULL;
}

static int check_size(const struct varch_place_item *r, uint64_t limit,
		      struct vsu_error *err)
{
	char size[24], most[24];

	vsu_format_size(r->size, size, sizeof(size));
	vsu_format_size(limit, most, sizeof(most));
	if (!r->size || !vsu_is_aligned(r->size, VARCH_PAGE))
		return vsu_error_set(err, -EINVAL,
				     "%s: size %s is not a multiple of the page, 4k",
				     r->name, size);
	if (r->size > limit)
		return vsu_error_set(err, -EINVAL,
				     "%s: size %s exceeds what KVM can address, %s",
				     r->name, size, most);
	return 0;
}

static int check_address(const struct varch_place_item *r, uint64_t limit,
			 struct vsu_error *err)
{
	if (!vsu_is_aligned(r->at, VARCH_PAGE))
		return vsu_error_set(err, -EINVAL,
				     "%s: at=%#" PRIx64 " is not a multiple of the page, 0x1000",
				     r->name, r->at);
	if (vsu_range_exceeds(r->at, r->size, limit))
		return vsu_error_set(err, -EINVAL,
				     "%s: at=%#" PRIx64 " and size end above what KVM can address, %#" PRIx64,
				     r->name, r->at, limit);
	if (in_device_hole(r->at, r->size))
		return vsu_error_set(err, -EINVAL,
				     "%s: at=%#" PRIx64 " lies in " VARCH_HOLE_TEXT ", which belongs to devices",
				     r->name, r->at);
	return 0;
}

static int place_at(struct varch_places *layout,
			 const struct varch_place_item *items,
		      unsigned int i, struct vsu_error *err)
{
	const struct varch_place_item *r = &items[i];
	const struct varch_place piece = { r->at, r->size, 0, i };
	const struct varch_place *other =
		range_overlapped(layout, r->at, r->size);

	if (other)
		return vsu_error_set(err, -EEXIST,
				     "%s: at=%#" PRIx64 " overlaps %s at %#" PRIx64,
				     r->name, r->at,
				     items[other->item].name, other->gpa);
	range_insert(layout, &piece);
	return 0;
}

/*
 * KVM maps a huge page only where guest and host address are congruent modulo
 * its size. The host aligns blocks of this size and larger to it.
 */
#define HUGE_PAGE (UINT64_C(2) << 20)

/*
 * The first address at or above from that suits the piece of the block at
 * offset.
 */
static uint64_t congruent_address(const struct varch_place_item *r,
				  uint64_t offset, uint64_t from)
{
	return r->size < HUGE_PAGE ? from :
	       from + ((offset - from) & (HUGE_PAGE - 1));
}

/*
 * The first free address at or above from for the rest of the item, or for
 * its part below the hole. Sets piece->len to the length that fits there.
 */
static uint64_t find_gap(const struct varch_places *layout, uint64_t from,
			 const struct varch_place_item *r,
			 struct varch_place *piece)
{
	const uint64_t len = r->size - piece->offset;
	const struct varch_place *other;
	uint64_t *fit = &piece->len;

	for (;;) {
		from = congruent_address(r, piece->offset, from);
		if (in_device_hole(from, 1))
			from = VARCH_HOLE_END;
		*fit = len;
		if (from < VARCH_HOLE_END && len > VARCH_HOLE_FIRST - from)
			*fit = VARCH_HOLE_FIRST - from;
		other = range_overlapped(layout, from, *fit);
		if (!other)
			return from;
		from = other->gpa + other->len;
	}
}

/*
 * Places an item without an address at or above *cursor, in one or two
 * pieces.
 */
static int place_next(struct varch_places *layout, uint64_t *cursor,
		      const struct varch_place_item *r, unsigned int i,
		      uint64_t limit, struct vsu_error *err)
{
	struct varch_place piece = { 0, 0, 0, i };

	while (piece.offset < r->size) {
		piece.gpa = find_gap(layout, *cursor, r, &piece);
		if (vsu_range_exceeds(piece.gpa, piece.len, limit))
			return vsu_error_set(err, -ENOSPC,
					     "%s: no room below what KVM can address, %#" PRIx64,
					     r->name, limit);
		range_insert(layout, &piece);
		*cursor = piece.gpa + piece.len;
		piece.offset += piece.len;
	}
	return 0;
}

int varch_place_memory(const struct varch_place_item *items,
		       unsigned int n, unsigned int phys_bits,
		       struct varch_places *out, struct vsu_error *err)
{
	const uint64_t limit = UINT64_C(1) << phys_bits;
	struct varch_places layout = { .n = 0, .end = VARCH_HOLE_END };
	uint64_t cursor = 0;
	unsigned int i;
	int rc = 0;

	for (i = 0; !rc && i < n; i++) {
		rc = check_size(&items[i], limit, err);
		if (!rc && items[i].has_at)
			rc = check_address(&items[i], limit, err);
		if (!rc && items[i].has_at)
			rc = place_at(&layout, items, i, err);
	}
	for (i = 0; !rc && i < n; i++)
		if (!items[i].has_at)
			rc = place_next(&layout, &cursor, &items[i], i,
					limit, err);
	if (!rc)
		*out = layout;
	return rc;
}
