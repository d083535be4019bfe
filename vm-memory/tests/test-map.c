/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about maps and their views. */
#include <config.h>

#include <sys/mman.h>

#include <vm-memory/access.h>

#include "util.h"

START_TEST(empty_map_holds_nothing)
{
	struct vmem_map *map;
	uint32_t hint = 0;

	ck_assert_int_eq(vmem_map_new(&map), 0);
	ck_assert_uint_eq(vmem_map_count(map), 0);
	ck_assert_ptr_null(vmem_map_find(map, 0));
	ck_assert_ptr_null(vmem_map_region(map, 0));
	ck_assert_ptr_null(vmem_view_translate(vmem_map_view(map), &hint, 0, 1,
					       VMEM_READ));
	/* not even without access bits and for 0 bytes */
	ck_assert_ptr_null(vmem_view_range(vmem_map_view(map), &hint, 0, 0, 0));
	ck_assert_ptr_null(vmem_view_range(vmem_map_view(map), &hint, 0, 1, 0));
	ck_assert(!vmem_check_range(vmem_map_view(map), 0, 1, 0));
	ck_assert(!vmem_map_failed(map));
	vmem_map_unref(map);
	ck_assert_ptr_null(vmem_map_unref(NULL));
}
END_TEST

START_TEST(adding_leaves_the_map_as_it_was)
{
	struct vmem_region *r = make_region(0x1000, PAGE, 0);
	struct vmem_map *empty, *one;

	ck_assert_int_eq(vmem_map_new(&empty), 0);
	ck_assert_int_eq(vmem_map_add(empty, r, &one, NULL), 0);
	ck_assert_uint_eq(vmem_map_count(empty), 0);
	ck_assert_uint_eq(vmem_map_count(one), 1);
	vmem_map_unref(empty);
	vmem_region_unref(r);
	ck_assert_uint_eq(vmem_region_gpa(vmem_map_find(one, 0x1001)), 0x1000);
	vmem_map_unref(one);
}
END_TEST

START_TEST(regions_are_in_order_of_address)
{
	struct vmem_region *r[3] = { make_region(0x3000, 0x1000, 0),
				     make_region(0x1000, 0x1000, 0),
				     make_region(0x2000, 0x1000, 0) };
	struct vmem_map *map = NULL;
	unsigned int i;

	ck_assert_int_eq(vmem_map_from_regions(r, 3, &map, NULL), 0);
	for (i = 0; i < 3; i++) {
		ck_assert_uint_eq(vmem_region_gpa(vmem_map_region(map, i)),
				  0x1000 * (i + 1));
		ck_assert_uint_eq(vmem_map_view(map)->firsts[i],
				  0x1000 * (i + 1));
		vmem_region_unref(r[i]);
	}
	ck_assert_ptr_null(vmem_map_region(map, 3));
	vmem_map_unref(map);
}
END_TEST

static const struct overlap {
	uint64_t gpa, len;	/* against [0x10000, 0x20000) */
	int code;
} overlaps[] = {
	{ 0x10000, 0x10000, -EEXIST },	/* the same */
	{ 0x1f000, 0x2000, -EEXIST },	/* its last page */
	{ 0xf000, 0x1001, -EEXIST },	/* its first byte */
	{ 0x11000, 0x1000, -EEXIST },	/* inside */
	{ 0x0, 0x100000, -EEXIST },	/* around it */
	{ 0x1ffff, 0x1, -EEXIST },	/* its last byte */
	{ 0xf000, 0x1000, 0 },		/* before */
	{ 0x20000, 0x1000, 0 },		/* behind */
};

START_TEST(overlap_is_refused_by_both_ways_to_build)
{
	struct vmem_region *r[2] = { make_region(0x10000, 0x10000, 0),
				     make_region(overlaps[_i].gpa,
						 overlaps[_i].len, 0) };
	struct vmem_map *empty, *one, *map = NULL;
	struct vsu_error err = VSU_ERROR_INIT;

	ck_assert_int_eq(vmem_map_new(&empty), 0);
	ck_assert_int_eq(vmem_map_add(empty, r[0], &one, NULL), 0);
	ck_assert_int_eq(vmem_map_add(one, r[1], &map, &err),
			 overlaps[_i].code);
	if (overlaps[_i].code)
		ck_assert_ptr_nonnull(strstr(err.msg, "0x10000-0x1ffff"));
	vmem_map_unref(map);
	map = NULL;
	ck_assert_int_eq(vmem_map_from_regions(NULL, 2, &map, NULL), -EINVAL);
	ck_assert_int_eq(vmem_map_from_regions(r, 2, &map, NULL),
			 overlaps[_i].code);
	vmem_map_unref(map);
	vmem_map_unref(one);
	vmem_map_unref(empty);
	vmem_region_unref(r[0]);
	vmem_region_unref(r[1]);
}
END_TEST

START_TEST(removing_needs_that_very_region)
{
	struct vmem_map *map = make_map(), *smaller = NULL;
	struct vmem_region *other = make_region(0x400, 0x400, 0);
	struct vmem_region *r = vmem_map_find(map, 0x400);

	ck_assert_int_eq(vmem_map_remove(map, other, &smaller, NULL), -ENOENT);
	ck_assert_int_eq(vmem_map_remove(map, r, &smaller, NULL), 0);
	ck_assert_uint_eq(vmem_map_count(smaller), 2);
	ck_assert_ptr_null(vmem_map_find(smaller, 0x400));
	ck_assert_ptr_nonnull(vmem_map_find(smaller, 0x3ff));
	ck_assert_ptr_nonnull(vmem_map_find(smaller, 0x1000));
	vmem_region_unref(other);
	vmem_map_unref(map);
	vmem_map_unref(smaller);
}
END_TEST

START_TEST(one_block_may_appear_at_two_addresses)
{
	struct vmem_block *block = make_block(PAGE);
	struct vmem_map *map;

	ck_assert_int_eq(vmem_map_new(&map), 0);
	put_region(&map, region_of(block, 0, 0, PAGE, 0));
	put_region(&map, region_of(block, 0, 0x100000, PAGE, 0));
	ck_assert_ptr_eq(vmem_region_hva(vmem_map_find(map, 0)),
			 vmem_region_hva(vmem_map_find(map, 0x100000)));
	vmem_block_unref(block);
	vmem_map_unref(map);
}
END_TEST

START_TEST(host_address_finds_its_region)
{
	struct vmem_map *map = make_map();
	struct vmem_region *r = vmem_map_find(map, 0x1000);

	ck_assert_ptr_eq(vmem_map_find_hva(map, vmem_region_hva(r)), r);
	ck_assert_ptr_eq(vmem_map_find_hva(map, vmem_region_hva(r) + 0x3ff), r);
	ck_assert_ptr_null(vmem_map_find_hva(map, vmem_region_hva(r) + 0x400));
	ck_assert_ptr_null(vmem_map_find_hva(map, &map));
	vmem_map_unref(map);
}
END_TEST

START_TEST(translation_stays_in_one_region)
{
	struct vmem_map *map = make_map();
	const struct vmem_view *v = vmem_map_view(map);
	unsigned char *hva = vmem_region_hva(vmem_map_region(map, 0));
	uint32_t hint = 77;	/* anything */

	ck_assert_ptr_eq(vmem_view_translate(v, &hint, 0, 0x400, VMEM_READ),
			 hva);
	ck_assert_ptr_eq(vmem_view_translate(v, &hint, 0x3ff, 1, VMEM_WRITE),
			 hva + 0x3ff);
	ck_assert_ptr_null(vmem_view_translate(v, &hint, 0x3ff, 2, VMEM_READ));
	ck_assert_ptr_null(vmem_view_translate(v, &hint, 0x800, 1, VMEM_READ));
	ck_assert_ptr_null(vmem_view_translate(v, &hint, 0, UINT64_MAX,
					       VMEM_READ));
	ck_assert_ptr_null(vmem_view_translate(v, &hint, UINT64_MAX, 2,
					       VMEM_READ));
	ck_assert_ptr_nonnull(vmem_view_translate(v, &hint, 0x13ff, 1,
						  VMEM_READ));
	vmem_map_unref(map);
}
END_TEST

START_TEST(rom_translates_for_reading_only)
{
	struct vmem_map *map;
	uint32_t hint = 0;

	ck_assert_int_eq(vmem_map_new(&map), 0);
	put_region(&map, make_region(0, PAGE, VMEM_REGION_ROM));
	ck_assert_ptr_nonnull(vmem_view_translate(vmem_map_view(map), &hint, 0,
						  8, VMEM_READ));
	ck_assert_ptr_null(vmem_view_translate(vmem_map_view(map), &hint, 0, 8,
					       VMEM_WRITE));
	ck_assert_ptr_null(vmem_view_translate(vmem_map_view(map), &hint, 0, 8,
					       VMEM_READ | VMEM_WRITE));
	vmem_map_unref(map);
}
END_TEST

/* The search takes different ways for 1, 8, 64 and more regions. */
static const unsigned int counts[] = { 0, 1, 2, 3, 7, 8, 9, 15, 16, 63, 64, 65,
				       127, 128, 129, 200, 1000 };

static struct vmem_map *make_comb(unsigned int n, uint64_t base)
{
	struct vmem_block *block = make_block(0x1000);
	struct vmem_region **r = calloc(n + 1, sizeof(*r));
	struct vmem_map *map;
	unsigned int i;

	for (i = 0; i < n; i++)
		r[i] = region_of(block, 0, base + i * 0x2000, 0x1000, 0);
	ck_assert_int_eq(vmem_map_from_regions(r, n, &map, NULL), 0);
	for (i = 0; i < n; i++)
		vmem_region_unref(r[i]);
	vmem_block_unref(block);
	free(r);
	return map;
}

START_TEST(any_number_of_regions_is_searched_rightly)
{
	unsigned int n = counts[_i], i;
	struct vmem_map *map = make_comb(n, 0x10000);
	const struct vmem_view *v = vmem_map_view(map);
	uint32_t hint = 7;

	for (i = 0; i < n; i++) {
		uint64_t gpa = 0x10000 + i * 0x2000;

		ck_assert_uint_eq(vmem_view_find(v, gpa), i);
		ck_assert_uint_eq(vmem_view_find(v, gpa + 0xfff), i);
		ck_assert_uint_eq(vmem_view_find(v, gpa + 0x1000), n);
		ck_assert_uint_eq(vmem_view_find(v, gpa - 1), n);
		ck_assert_ptr_nonnull(vmem_view_translate(v, &hint, gpa, 1,
							  VMEM_WRITE));
		ck_assert_ptr_null(vmem_view_translate(v, &hint, gpa - 1, 1, 0));
	}
	ck_assert_uint_eq(vmem_view_find(v, 0), n);
	ck_assert_uint_eq(vmem_view_find(v, UINT64_MAX), n);
	ck_assert_ptr_null(vmem_view_translate(v, &hint, UINT64_MAX, 1, 0));
	ck_assert_ptr_null(vmem_view_translate(v, &hint, 0, 0, 0));
	vmem_map_unref(map);
}
END_TEST

/* The result does not depend on the hint and the order of accesses. */
START_TEST(hint_never_changes_the_answer)
{
	unsigned int n = counts[_i], i, at = 0;
	struct vmem_map *map = make_comb(n, 0x10000);
	const struct vmem_view *v = vmem_map_view(map);
	uint64_t seed = 0x9e3779b97f4a7c15, gpa;
	uint32_t hint = 0;

	for (i = 0; i < 2000; i++) {
		if (i % 8 == 0)
			hint = (uint32_t)xorshift(&seed);
		if (i / 200 % 2 || !i)
			at = (unsigned int)(xorshift(&seed) % (n + 1));
		gpa = 0x10000 + at * 0x2000 + xorshift(&seed) % 0x2000;
		ck_assert_ptr_eq(vmem_view_range(v, &hint, gpa, 1, VMEM_READ),
				 at < n && gpa % 0x2000 < 0x1000 ?
				 &v->ranges[at] : NULL);
	}
	vmem_map_unref(map);
}
END_TEST

/* Far apart and in heaps, at no round address, up to the last one. */
static uint64_t heap_gpa(unsigned int i)
{
	static const uint64_t heaps[] = { 0x7003, 0xa0001, 0xffff0005,
					  1ull << 40, UINT64_MAX - 0xfffff };

	return heaps[i % 5] + i / 5 * 0x105;
}

START_TEST(regions_in_heaps_are_searched_rightly)
{
	unsigned int n = counts[_i], i, wrong = 0;
	struct vmem_block *block = make_block(0x1000);
	struct vmem_map *map = NULL;
	struct vmem_region **r = calloc(n + 1, sizeof(*r));
	uint32_t hint = 0;

	for (i = 0; i < n; i++)
		r[i] = region_of(block, 0, heap_gpa(i), 0x101, 0);
	ck_assert_int_eq(vmem_map_from_regions(r, n, &map, NULL), 0);
	for (i = 0; i < n; i++) {
		uint64_t gpa = heap_gpa(i);

		wrong += vmem_map_find(map, gpa) != r[i];
		wrong += vmem_map_find(map, gpa + 0x100) != r[i];
		wrong += vmem_map_find(map, gpa + 0x101) != NULL;
		wrong += vmem_map_find(map, gpa - 1) != NULL;
		wrong += vmem_view_translate(vmem_map_view(map), &hint, gpa, 2,
					     VMEM_READ) != vmem_region_hva(r[i]);
	}
	ck_assert_uint_eq(wrong, 0);
	for (i = 0; i < n; i++)
		vmem_region_unref(r[i]);
	vmem_map_unref(map);
	vmem_block_unref(block);
	free(r);
}
END_TEST

START_TEST(last_guest_address_is_found_among_any_number)
{
	unsigned int n = counts[_i];
	struct vmem_map *map = make_comb(n, 0x10000), *more;
	struct vmem_region *r = make_region(UINT64_MAX - 0xfff, 0x1000, 0);

	ck_assert_int_eq(vmem_map_add(map, r, &more, NULL), 0);
	ck_assert_ptr_eq(vmem_map_find(more, UINT64_MAX), r);
	ck_assert_ptr_null(vmem_map_find(more, UINT64_MAX - 0x1000));
	vmem_region_unref(r);
	vmem_map_unref(map);
	vmem_map_unref(more);
}
END_TEST

START_TEST(firsts_are_padded_with_ones_and_ranges_with_the_last)
{
	unsigned int n = counts[_i], end = n <= 8 ? 8 : (n + 63) / 64 * 64, i;
	struct vmem_map *map = make_comb(n, 0);
	const struct vmem_view *v = vmem_map_view(map);

	ck_assert_uint_eq((uintptr_t)v->firsts % 64, 0);
	for (i = n; i < end; i++) {
		ck_assert_uint_eq(v->firsts[i], UINT64_MAX);
		ck_assert(!n || v->ranges[i].first == v->ranges[n - 1].first);
		ck_assert(n || !v->ranges[i].flags);
	}
	vmem_map_unref(map);
}
END_TEST

/*
 * Against a naive model: 64 places of 4 pages of which each may be taken from
 * any page on for any length.
 */
#define PLACES 64
#define STEP 0x4000ull

struct model {
	struct vmem_region *at[PLACES];
	uint64_t seed;
	unsigned int wrong;	/* one assertion at the end: they are slow */
};

static bool model_overlaps(const struct model *m, uint64_t gpa, uint64_t len)
{
	unsigned int i;

	for (i = 0; i < PLACES; i++)
		if (m->at[i] && vmem_region_gpa(m->at[i]) < gpa + len &&
		    gpa < vmem_region_gpa(m->at[i]) + vmem_region_len(m->at[i]))
			return true;
	return false;
}

static void model_add(struct model *m, struct vmem_map **map,
		      struct vmem_block *block, unsigned int place)
{
	uint64_t gpa = place * STEP + (xorshift(&m->seed) & 3) * 0x1000;
	uint64_t len = (1 + (xorshift(&m->seed) & 7)) * 0x1000;
	struct vmem_region *r = region_of(block, 0, gpa, len, 0);
	struct vmem_map *next;
	int rc = vmem_map_add(*map, r, &next, NULL);

	m->wrong += rc != (model_overlaps(m, gpa, len) ? -EEXIST : 0);
	if (rc < 0) {
		vmem_region_unref(r);
		return;
	}
	vmem_map_unref(*map);
	*map = next;
	m->at[place] = r;
}

static void model_remove(struct model *m, struct vmem_map **map,
			 unsigned int place)
{
	struct vmem_map *next = NULL;

	m->wrong += vmem_map_remove(*map, m->at[place], &next, NULL) != 0;
	vmem_map_unref(*map);
	*map = next;
	vmem_region_unref(m->at[place]);
	m->at[place] = NULL;
}

static void model_look(struct model *m, const struct vmem_map *map,
		       uint32_t *hint)
{
	uint64_t gpa = xorshift(&m->seed) % (PLACES * STEP + 0x8000);
	struct vmem_region *want = NULL, *got = vmem_map_find(map, gpa);
	unsigned int i;

	for (i = 0; i < PLACES; i++)
		if (m->at[i] && gpa - vmem_region_gpa(m->at[i]) <
		    vmem_region_len(m->at[i]))
			want = m->at[i];
	m->wrong += got != want;
	m->wrong += vmem_view_translate(vmem_map_view(map), hint, gpa, 1,
					VMEM_READ) !=
		    (want ? vmem_region_hva(want) +
			    (gpa - vmem_region_gpa(want)) : NULL);
}

START_TEST(a_million_changes_and_lookups_agree_with_a_model)
{
	struct model m = { { NULL }, 0x9e3779b97f4a7c15, 0 };
	struct vmem_block *block = make_block(8 * 0x1000);
	unsigned int i, place, n = scaled(1000000);
	struct vmem_map *map;
	uint32_t hint = 0;

	ck_assert_int_eq(vmem_map_new(&map), 0);
	for (i = 0; i < n; i++) {
		place = xorshift(&m.seed) % PLACES;
		if (xorshift(&m.seed) % 4)
			model_look(&m, map, &hint);
		else if (m.at[place])
			model_remove(&m, &map, place);
		else
			model_add(&m, &map, block, place);
	}
	ck_assert_uint_eq(m.wrong, 0);
	for (place = 0; place < PLACES; place++)
		vmem_region_unref(m.at[place]);
	vmem_map_unref(map);
	vmem_block_unref(block);
}
END_TEST

static bool is_mapped(const void *page)
{
	unsigned char present;

	return mincore((void *)(uintptr_t)page, 1, &present) == 0;
}

/* Mapped one after the other they lie side by side, and go together. */
START_TEST(map_takes_all_its_regions_along_but_one_that_is_held)
{
	struct vmem_region *r[5];
	struct vmem_map *map = NULL;
	unsigned char *hva[5];
	unsigned int i;

	for (i = 0; i < 5; i++) {
		r[i] = make_region(i * PAGE, PAGE, 0);
		hva[i] = vmem_region_hva(r[i]);
	}
	ck_assert_int_eq(vmem_map_from_regions(r, 5, &map, NULL), 0);
	for (i = 0; i < 5; i++)
		if (i != 2)
			vmem_region_unref(r[i]);
	vmem_map_unref(map);
	for (i = 0; i < 5; i++)
		ck_assert_int_eq(is_mapped(hva[i]), i == 2);
	ck_assert_uint_eq(hva[2][7], pattern(7));
	vmem_region_unref(r[2]);
	ck_assert(!is_mapped(hva[2]));
}
END_TEST

#define LOOP(tc, test, table) \
	tcase_add_loop_test(tc, test, 0, sizeof(table) / sizeof((table)[0]))

int main(void)
{
	Suite *s = suite_create("map");
	TCase *tc = tcase_create("map"), *model = tcase_create("model");

	suite_add_tcase(s, tc);
	tcase_add_test(tc, empty_map_holds_nothing);
	tcase_add_test(tc, adding_leaves_the_map_as_it_was);
	tcase_add_test(tc, regions_are_in_order_of_address);
	LOOP(tc, overlap_is_refused_by_both_ways_to_build, overlaps);
	tcase_add_test(tc, removing_needs_that_very_region);
	tcase_add_test(tc, one_block_may_appear_at_two_addresses);
	tcase_add_test(tc, host_address_finds_its_region);
	tcase_add_test(tc, translation_stays_in_one_region);
	tcase_add_test(tc, rom_translates_for_reading_only);
	LOOP(tc, any_number_of_regions_is_searched_rightly, counts);
	LOOP(tc, hint_never_changes_the_answer, counts);
	LOOP(tc, regions_in_heaps_are_searched_rightly, counts);
	LOOP(tc, last_guest_address_is_found_among_any_number, counts);
	LOOP(tc, firsts_are_padded_with_ones_and_ranges_with_the_last, counts);
	tcase_add_test(tc, map_takes_all_its_regions_along_but_one_that_is_held);
	suite_add_tcase(s, model);
	tcase_set_timeout(model, 300);
	tcase_add_test(model, a_million_changes_and_lookups_agree_with_a_model);
	return run_suite(s);
}
