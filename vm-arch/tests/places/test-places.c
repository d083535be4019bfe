/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the addresses of memory. */
#include <config.h>

#include <vm-arch/places.h>
#include "../util.h"

#define BITS 46

static struct varch_places layout;
static struct vsu_error err;

static int lay(const struct varch_place_item *r, unsigned int n)
{
	return varch_place_memory(r, n, BITS, &layout, &err);
}

static void assert_piece(unsigned int i, uint64_t gpa, uint64_t len,
			 uint64_t offset, unsigned int item)
{
	ck_assert_uint_lt(i, layout.n);
	ck_assert_uint_eq(layout.pieces[i].gpa, gpa);
	ck_assert_uint_eq(layout.pieces[i].len, len);
	ck_assert_uint_eq(layout.pieces[i].offset, offset);
	ck_assert_uint_eq(layout.pieces[i].item, item);
}

START_TEST(one_region_starts_at_0)
{
	const struct varch_place_item r[] = { { 256 * MIB, 0, false, "" } };

	ck_assert_int_eq(lay(r, 1), 0);
	ck_assert_uint_eq(layout.n, 1);
	assert_piece(0, 0, 256 * MIB, 0, 0);
	ck_assert_uint_eq(layout.end, 4 * GIB);
}
END_TEST

START_TEST(regions_follow_each_other_in_the_order_of_the_options)
{
	const struct varch_place_item r[] = {
		{ 64 * MIB, 0, false, "" }, { 4 * KIB, 0, false, "" },
		{ 32 * MIB, 0, false, "" },
	};

	ck_assert_int_eq(lay(r, 3), 0);
	assert_piece(0, 0, 64 * MIB, 0, 0);
	assert_piece(1, 64 * MIB, 4 * KIB, 0, 1);
	assert_piece(2, 66 * MIB, 32 * MIB, 0, 2);
}
END_TEST

START_TEST(region_that_reaches_3_gib_continues_at_4_gib)
{
	const struct varch_place_item r[] = { { 5 * GIB, 0, false, "" } };

	ck_assert_int_eq(lay(r, 1), 0);
	ck_assert_uint_eq(layout.n, 2);
	assert_piece(0, 0, 3 * GIB, 0, 0);
	assert_piece(1, 4 * GIB, 2 * GIB, 3 * GIB, 0);
	ck_assert_uint_eq(layout.end, 6 * GIB);
}
END_TEST

START_TEST(region_that_ends_at_3_gib_is_one_piece)
{
	const struct varch_place_item r[] = {
		{ 3 * GIB, 0, false, "" }, { 4 * KIB, 0, false, "" },
	};

	ck_assert_int_eq(lay(r, 2), 0);
	ck_assert_uint_eq(layout.n, 2);
	assert_piece(0, 0, 3 * GIB, 0, 0);
	assert_piece(1, 4 * GIB, 4 * KIB, 0, 1);
}
END_TEST

START_TEST(addressed_regions_are_placed_before_the_others)
{
	const struct varch_place_item r[] = {
		{ 512 * MIB, 0, false, "" }, { MIB, 0, true, "" },
	};

	ck_assert_int_eq(lay(r, 2), 0);
	assert_piece(0, 0, MIB, 0, 1);
	assert_piece(1, 2 * MIB, 512 * MIB, 0, 0);
}
END_TEST

START_TEST(region_is_not_split_at_another)
{
	const struct varch_place_item r[] = {
		{ 2 * GIB, 0, false, "" }, { GIB, GIB, true, "" },
	};

	/* 1 GiB below the other one is free, but too small. */
	ck_assert_int_eq(lay(r, 2), 0);
	ck_assert_uint_eq(layout.n, 3);
	assert_piece(0, GIB, GIB, 0, 1);
	assert_piece(1, 2 * GIB, GIB, 0, 0);
	assert_piece(2, 4 * GIB, GIB, GIB, 0);
}
END_TEST

START_TEST(second_piece_goes_around_what_lies_at_4_gib)
{
	const struct varch_place_item r[] = {
		{ 4 * GIB, 0, false, "" }, { 2 * GIB, 4 * GIB, true, "" },
	};

	ck_assert_int_eq(lay(r, 2), 0);
	assert_piece(0, 0, 3 * GIB, 0, 0);
	assert_piece(1, 4 * GIB, 2 * GIB, 0, 1);
	assert_piece(2, 6 * GIB, GIB, 3 * GIB, 0);
}
END_TEST

START_TEST(address_up_to_the_hole_and_behind_it_is_taken)
{
	const struct varch_place_item r[] = {
		{ GIB, 2 * GIB, true, "" }, { GIB, 4 * GIB, true, "" },
	};

	ck_assert_int_eq(lay(r, 2), 0);
	assert_piece(0, 2 * GIB, GIB, 0, 0);
	assert_piece(1, 4 * GIB, GIB, 0, 1);
}
END_TEST

START_TEST(last_addressable_page_is_taken)
{
	const uint64_t end = UINT64_C(1) << BITS;
	const struct varch_place_item r[] = { { 4096, end - 4096, true, "" } };

	ck_assert_int_eq(lay(r, 1), 0);
	ck_assert_uint_eq(layout.end, end);
}
END_TEST

static const struct refusal {
	struct varch_place_item r[2];
	unsigned int n;
	int code;
	const char *msg;
} refusals[] = {
	{ { { GIB, 3 * GIB, true, "" } }, 1, -EINVAL,
	  "--memory 1: at=0xc0000000 lies in 3 to 4 GiB, "
	  "which belongs to devices" },
	{ { { 8192, 3 * GIB - 4096, true, "" } }, 1, -EINVAL,
	  "--memory 1: at=0xbffff000 lies in 3 to 4 GiB, "
	  "which belongs to devices" },
	{ { { 4096, 4 * GIB - 4096, true, "" } }, 1, -EINVAL,
	  "--memory 1: at=0xfffff000 lies in 3 to 4 GiB, "
	  "which belongs to devices" },
	{ { { 4 * GIB, 2 * GIB, true, "" } }, 1, -EINVAL,
	  "--memory 1: at=0x80000000 lies in 3 to 4 GiB, "
	  "which belongs to devices" },
	{ { { MIB, 0, true, "" }, { MIB, MIB - 4096, true, "" } }, 2, -EEXIST,
	  "--memory 2: at=0xff000 overlaps --memory 1 at 0" },
	{ { { MIB, 8 * GIB, true, "" }, { MIB, 8 * GIB, true, "" } }, 2, -EEXIST,
	  "--memory 2: at=0x200000000 overlaps --memory 1 at 0x200000000" },
	{ { { 4096, 0x800, true, "" } }, 1, -EINVAL,
	  "--memory 1: at=0x800 is not a multiple of the page, 0x1000" },
	{ { { 4096, 1, true, "" } }, 1, -EINVAL,
	  "--memory 1: at=0x1 is not a multiple of the page, 0x1000" },
	{ { { 0, 0, false, "" } }, 1, -EINVAL,
	  "--memory 1: size 0 is not a multiple of the page, 4k" },
	{ { { MIB, 0, false, "" }, { 4097, 0, false, "" } }, 2, -EINVAL,
	  "--memory 2: size 4097 is not a multiple of the page, 4k" },
	{ { { 8192, (UINT64_C(1) << BITS) - 4096, true, "" } }, 1, -EINVAL,
	  "--memory 1: at=0x3ffffffff000 and size end above what KVM "
	  "can address, 0x400000000000" },
	{ { { 4096, UINT64_MAX - 4095, true, "" } }, 1, -EINVAL,
	  "--memory 1: at=0xfffffffffffff000 and size end above what "
	  "KVM can address, 0x400000000000" },
	{ { { UINT64_C(1) << 47, 0, false, "" } }, 1, -EINVAL,
	  "--memory 1: size 128T exceeds what KVM can "
	  "address, 64T" },
	{ { { UINT64_C(1) << BITS, 0, false, "" } }, 1, -ENOSPC,
	  "--memory 1: no room below what KVM can address, "
	  "0x400000000000" },
};

START_TEST(refuses_what_cannot_be_placed)
{
	struct refusal r = refusals[_i];
	unsigned int i;

	for (i = 0; i < r.n; i++)
		snprintf(r.r[i].name, sizeof(r.r[i].name), "--memory %u",
			 i + 1);
	memset(&layout, 0x5a, sizeof(layout));
	assert_refused(lay(r.r, r.n), r.code, r.msg, err);
	ck_assert_uint_eq(layout.n, 0x5a5a5a5a);	/* as it was */
}
END_TEST

/*
 * Arbitrary sizes and addresses: an accepted layout never overlaps and is
 * complete.
 */
static void assert_sound(const struct varch_place_item *r, unsigned int n)
{
	uint64_t total[VARCH_MAX_PLACE_ITEMS] = { 0 }, end = 0;
	unsigned int i;

	for (i = 0; i < layout.n; i++) {
		const struct varch_place *p = &layout.pieces[i];

		ck_assert_uint_ge(p->gpa, end);
		end = p->gpa + p->len;
		ck_assert(end <= VARCH_HOLE_FIRST || p->gpa >= VARCH_HOLE_END);
		ck_assert_uint_eq(p->offset, total[p->item]);
		total[p->item] += p->len;
		if (r[p->item].has_at)
			ck_assert_uint_eq(p->gpa, r[p->item].at);
	}
	ck_assert_uint_ge(layout.end, end);
	for (i = 0; i < n; i++)
		ck_assert_uint_eq(total[i], r[i].size);
}

static uint64_t next(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x;
}

START_TEST(d1_26_memory_is_placed_where_huge_pages_fit)
{
	const struct varch_place_item r[] = {
		{ 513 * MIB, 0, false, "" }, { 4096, 0, false, "" },
		{ 3 * GIB, 0, false, "" },
	};
	unsigned int i;

	ck_assert_int_eq(lay(r, 3), 0);
	ck_assert_uint_eq(layout.n, 4);
	assert_piece(0, 0, 513 * MIB, 0, 0);
	assert_piece(1, 513 * MIB, 4096, 0, 1);
	assert_piece(2, 514 * MIB, 3 * GIB - 514 * MIB, 0, 2);
	assert_piece(3, 4 * GIB, 514 * MIB, 3 * GIB - 514 * MIB, 2);
	for (i = 2; i < 4; i++)
		ck_assert_uint_eq((layout.pieces[i].gpa - layout.pieces[i].offset) % (2 * MIB), 0);
}
END_TEST

START_TEST(random_layouts_are_sound)
{
	struct varch_place_item r[VARCH_MAX_PLACE_ITEMS];
	uint64_t x = 0x9e3779b97f4a7c15 + (uint64_t)_i;
	unsigned int round, i, n, taken = 0;

	for (round = 0; round < 2000; round++) {
		n = 1 + (unsigned int)(next(&x) % VARCH_MAX_PLACE_ITEMS);
		for (i = 0; i < n; i++) {
			r[i].size = (1 + next(&x) % 4096) * MIB;
			r[i].at = next(&x) % 64 * (GIB / 4);
			r[i].has_at = next(&x) % 4 == 0;
			r[i].name[0] = '\0';
		}
		if (lay(r, n))
			continue;
		taken++;
		assert_sound(r, n);
	}
	ck_assert_uint_gt(taken, 100);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("layout");
	TCase *tc = tcase_create("memory");

	tcase_add_test(tc, one_region_starts_at_0);
	tcase_add_test(tc,
		       regions_follow_each_other_in_the_order_of_the_options);
	tcase_add_test(tc, region_that_reaches_3_gib_continues_at_4_gib);
	tcase_add_test(tc, region_that_ends_at_3_gib_is_one_piece);
	tcase_add_test(tc, addressed_regions_are_placed_before_the_others);
	tcase_add_test(tc, region_is_not_split_at_another);
	tcase_add_test(tc, second_piece_goes_around_what_lies_at_4_gib);
	tcase_add_test(tc, address_up_to_the_hole_and_behind_it_is_taken);
	tcase_add_test(tc, last_addressable_page_is_taken);
	tcase_add_loop_test(tc, refuses_what_cannot_be_placed, 0,
			    COUNT(refusals));
	tcase_add_test(tc, d1_26_memory_is_placed_where_huge_pages_fit);
	tcase_add_loop_test(tc, random_layouts_are_sound, 0, 4);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
