/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the IOTLB and maps of its entries. */
#include <config.h>

#include <vm-memory/access.h>
#include <vm-memory/iotlb.h>

#include "util.h"

#define R VMEM_READ
#define W VMEM_WRITE
#define RW (VMEM_READ | VMEM_WRITE)

static struct vmem_iotlb *tlb;

static void setup(void)
{
	ck_assert_int_eq(vmem_iotlb_new(8, &tlb), 0);
}

static void teardown(void)
{
	vmem_iotlb_free(tlb);
}

static int set(uint64_t iova, uint64_t len, uint64_t gpa, uint32_t perm)
{
	struct vmem_iotlb_entry e = { iova, len, gpa, perm, 0 };

	return vmem_iotlb_set(tlb, &e, NULL);
}

static void check_entry(unsigned int i, uint64_t iova, uint64_t len,
			uint64_t gpa, uint32_t perm)
{
	struct vmem_iotlb_entry e;

	ck_assert(vmem_iotlb_entry_at(tlb, i, &e));
	ck_assert_uint_eq(e.iova, iova);
	ck_assert_uint_eq(e.len, len);
	ck_assert_uint_eq(e.gpa, gpa);
	ck_assert_uint_eq(e.perm, perm);
}

START_TEST(later_entry_overrides_the_middle_of_an_earlier)
{
	ck_assert_int_eq(set(0x1000, 0x3000, 0x10000, RW), 0);
	ck_assert_int_eq(set(0x2000, 0x1000, 0x90000, R), 0);
	ck_assert_uint_eq(vmem_iotlb_count(tlb), 3);
	check_entry(0, 0x1000, 0x1000, 0x10000, RW);
	check_entry(1, 0x2000, 0x1000, 0x90000, R);
	check_entry(2, 0x3000, 0x1000, 0x12000, RW);
}
END_TEST

START_TEST(entry_that_covers_others_replaces_them)
{
	ck_assert_int_eq(set(0x1000, 0x1000, 0x10000, R), 0);
	ck_assert_int_eq(set(0x3000, 0x1000, 0x20000, R), 0);
	ck_assert_int_eq(set(0x0, 0x10000, 0x50000, W), 0);
	ck_assert_uint_eq(vmem_iotlb_count(tlb), 1);
	check_entry(0, 0, 0x10000, 0x50000, W);
}
END_TEST

START_TEST(neighbours_merge_only_when_they_continue_each_other)
{
	ck_assert_int_eq(set(0x1000, 0x1000, 0x10000, RW), 0);
	ck_assert_int_eq(set(0x2000, 0x1000, 0x11000, RW), 0);
	ck_assert_uint_eq(vmem_iotlb_count(tlb), 1);
	check_entry(0, 0x1000, 0x2000, 0x10000, RW);
	ck_assert_int_eq(set(0x3000, 0x1000, 0x12000, R), 0);
	ck_assert_int_eq(set(0x4000, 0x1000, 0x20000, R), 0);
	ck_assert_uint_eq(vmem_iotlb_count(tlb), 3);
	ck_assert_int_eq(set(0x0, 0x1000, 0xf000, RW), 0);
	ck_assert_uint_eq(vmem_iotlb_count(tlb), 3);
	check_entry(0, 0x0, 0x3000, 0xf000, RW);
}
END_TEST

/* Guest addresses do not go on at 0 behind the last one. */
START_TEST(neighbours_around_the_last_guest_address_stay_two)
{
	struct vmem_map *memory, *map;
	const struct vmem_view *view;
	uint32_t hint = 0;

	ck_assert_int_eq(vmem_map_new(&memory), 0);
	put_region(&memory, make_region(0, PAGE, 0));
	put_region(&memory, make_region(-PAGE, PAGE, 0));
	ck_assert_int_eq(set(0x10000, PAGE, -PAGE, RW), 0);
	ck_assert_int_eq(set(0x10000 + PAGE, PAGE, 0, RW), 0);
	ck_assert_uint_eq(vmem_iotlb_count(tlb), 2);
	ck_assert_int_eq(vmem_iotlb_map(tlb, memory, &map, NULL), 0);
	view = vmem_map_view(map);
	ck_assert_ptr_nonnull(vmem_view_translate(view, &hint, 0x10000, PAGE,
						  RW));
	ck_assert_ptr_nonnull(vmem_view_translate(view, &hint, 0x10000 + PAGE,
						  PAGE, RW));
	vmem_map_unref(map);
	vmem_map_unref(memory);
}
END_TEST

START_TEST(entries_of_all_addresses_stay_two_that_have_a_length)
{
	const uint64_t half = UINT64_C(1) << 63;

	ck_assert_int_eq(set(0, half, 0, RW), 0);
	ck_assert_int_eq(set(half, half, half, RW), 0);
	ck_assert_uint_eq(vmem_iotlb_count(tlb), 2);
	check_entry(0, 0, half, 0, RW);
	check_entry(1, half, half, half, RW);
	ck_assert_int_eq(vmem_iotlb_invalidate(tlb, 0, 0x1000), 0);
	ck_assert_uint_eq(vmem_iotlb_count(tlb), 1);
	check_entry(0, 0x1000, -UINT64_C(0x1000), 0x1000, RW);
}
END_TEST

START_TEST(b4_10_bad_entries_are_refused)
{
	ck_assert_int_eq(set(0, 0, 0, R), -EINVAL);
	ck_assert_int_eq(set(UINT64_MAX, 2, 0, R), -EINVAL);
	ck_assert_int_eq(set(0, 2, UINT64_MAX, R), -EINVAL);
	ck_assert_int_eq(set(0, 1, 0, 0), -EINVAL);
	ck_assert_int_eq(set(0, 1, 0, 4), -EINVAL);
	ck_assert_uint_eq(vmem_iotlb_count(tlb), 0);
	ck_assert_int_eq(set(UINT64_MAX, 1, UINT64_MAX, R), 0);
}
END_TEST

START_TEST(b4_10_number_of_entries_is_limited)
{
	unsigned int i;

	for (i = 0; i < 8; i++)
		ck_assert_int_eq(set(i * 0x10000, 0x3000, 0, R), 0);
	ck_assert_int_eq(set(0x90000, 0x1000, 0, R), -ENOSPC);
	ck_assert_int_eq(set(0x1000, 0x1000, 0, W), -ENOSPC);	/* splits */
	ck_assert_uint_eq(vmem_iotlb_count(tlb), 8);
	check_entry(0, 0, 0x3000, 0, R);
	ck_assert_int_eq(set(0, 0x3000, 0x5000, W), 0);	/* replaces */
	check_entry(0, 0, 0x3000, 0x5000, W);
}
END_TEST

START_TEST(invalidation_takes_out_exactly_the_range)
{
	ck_assert_int_eq(set(0x1000, 0x4000, 0x10000, RW), 0);
	ck_assert_int_eq(vmem_iotlb_invalidate(tlb, 0x2000, 0x1000), 0);
	ck_assert_uint_eq(vmem_iotlb_count(tlb), 2);
	check_entry(0, 0x1000, 0x1000, 0x10000, RW);
	check_entry(1, 0x3000, 0x2000, 0x12000, RW);
	ck_assert_int_eq(vmem_iotlb_invalidate(tlb, 0x100000, 0x1000), 0);
	ck_assert_int_eq(vmem_iotlb_invalidate(tlb, 0x1000, 0), 0);
	ck_assert_int_eq(vmem_iotlb_invalidate(tlb, UINT64_MAX, 2), -EINVAL);
	ck_assert_uint_eq(vmem_iotlb_count(tlb), 2);
	ck_assert_int_eq(vmem_iotlb_invalidate(tlb, 0, UINT64_MAX), 0);
	ck_assert_uint_eq(vmem_iotlb_count(tlb), 0);
	set(0, 1, 0, R);
	vmem_iotlb_invalidate_all(tlb);
	ck_assert_uint_eq(vmem_iotlb_count(tlb), 0);
}
END_TEST

/* An address that must become unreachable is removed, even if more is removed with it. */
START_TEST(b4_10_invalidation_without_room_to_split_forgets_the_whole_entry)
{
	struct vmem_iotlb_entry e;
	unsigned int i;

	for (i = 0; i < 8; i++)
		ck_assert_int_eq(set(i * 0x10000, 0x3000, 0, R), 0);
	ck_assert_int_eq(vmem_iotlb_invalidate(tlb, 0x21000, 0x1000), -ENOSPC);
	ck_assert_uint_eq(vmem_iotlb_count(tlb), 7);
	for (i = 0; vmem_iotlb_entry_at(tlb, i, &e); i++)
		ck_assert_uint_ne(e.iova, 0x20000);
}
END_TEST

START_TEST(map_translates_by_io_virtual_address)
{
	struct vmem_map *memory = make_map(), *map;
	const struct vmem_view *v;
	unsigned char buf[16] = { 0 };
	uint32_t hint = 0;

	/* across two regions, into the hole, and read-only into the third */
	ck_assert_int_eq(set(0x100000, 0x1000, 0x200, RW), 0);
	ck_assert_int_eq(set(0x200000, 0x100, 0x1000, R), 0);
	ck_assert_int_eq(vmem_iotlb_map(tlb, memory, &map, NULL), 0);
	v = vmem_map_view(map);
	ck_assert_uint_eq(v->flags, VMEM_VIEW_IOTLB);
	ck_assert_ptr_eq(vmem_view_translate(v, &hint, 0x100010, 8, W),
			 vmem_region_hva(vmem_map_region(memory, 0)) + 0x210);
	ck_assert_int_eq(vmem_write(v, 0x1001f8, buf, 16), 16);
	ck_assert_int_eq(vmem_write(v, 0x1005f8, buf, 16), 8);
	ck_assert_int_eq(vmem_write(v, 0x100600, buf, 16), -EFAULT);
	ck_assert_int_eq(vmem_read(v, 0x200000, buf, 16), 16);
	ck_assert_int_eq(vmem_write(v, 0x200000, buf, 16), -EFAULT);
	ck_assert_ptr_null(vmem_view_translate(v, &hint, 0x200, 1, R));
	vmem_map_unref(memory);		/* the map keeps it */
	ck_assert_int_eq(vmem_read(v, 0x200000, buf, 16), 16);
	ck_assert_uint_eq(vmem_map_count(map), 0);
	ck_assert_ptr_null(vmem_map_region(map, 0));
	ck_assert_ptr_nonnull(vmem_map_find_hva(map,
		vmem_view_translate(v, &hint, 0x200000, 1, R)));
	ck_assert(!vmem_map_failed(map));
	vmem_map_unref(map);
}
END_TEST

START_TEST(rom_stays_rom_through_an_iotlb)
{
	struct vmem_map *memory, *map;
	uint32_t hint = 0;

	ck_assert_int_eq(vmem_map_new(&memory), 0);
	put_region(&memory, make_region(0, 4096, VMEM_REGION_ROM));
	ck_assert_int_eq(set(0, 4096, 0, RW), 0);
	ck_assert_int_eq(vmem_iotlb_map(tlb, memory, &map, NULL), 0);
	ck_assert_ptr_null(vmem_view_translate(vmem_map_view(map), &hint, 0, 1,
					       W));
	ck_assert_ptr_nonnull(vmem_view_translate(vmem_map_view(map), &hint, 0,
						  1, R));
	vmem_map_unref(memory);
	vmem_map_unref(map);
}
END_TEST

/* Against an array with one element per byte of a small address range. */
#define BYTES 256

struct model {
	int gpa[BYTES];		/* -1: none */
	uint32_t perm[BYTES];
};

static void model_set(struct model *m, uint64_t iova, uint64_t len, int gpa,
		      uint32_t perm)
{
	uint64_t i;

	for (i = iova; i < iova + len; i++) {
		m->gpa[i] = gpa < 0 ? -1 : gpa + (int)(i - iova);
		m->perm[i] = perm;
	}
}

static void compare_all(const struct model *m, const struct vmem_map *map,
			const unsigned char *base)
{
	uint32_t hint = 0;
	uint64_t i;

	for (i = 0; i < BYTES; i++) {
		const unsigned char *got = vmem_view_translate(
			vmem_map_view(map), &hint, i, 1, 0);

		ck_assert_ptr_eq(got, m->gpa[i] < 0 ? NULL :
				      base + m->gpa[i]);
	}
}

START_TEST(random_changes_agree_with_a_model)
{
	struct vmem_region *r = make_region(0, 4096, 0);
	struct vmem_map *memory = NULL, *map;
	uint64_t seed = 0x9e3779b97f4a7c15, iova, len;
	unsigned int n = scaled(20000);
	struct model m;
	uint32_t perm;
	int gpa;

	vmem_iotlb_free(tlb);
	ck_assert_int_eq(vmem_iotlb_new(BYTES, &tlb), 0);
	ck_assert_int_eq(vmem_map_from_regions(&r, 1, &memory, NULL), 0);
	model_set(&m, 0, BYTES, -1, 0);
	while (n--) {
		iova = xorshift(&seed) % BYTES;
		len = 1 + xorshift(&seed) % (BYTES - iova);
		gpa = (int)(xorshift(&seed) % 1024);
		perm = 1 + (uint32_t)(xorshift(&seed) % 3);
		if (xorshift(&seed) % 3) {
			ck_assert_int_eq(set(iova, len, (uint64_t)gpa, perm),
					 0);
			model_set(&m, iova, len, gpa, perm);
		} else {
			ck_assert_int_eq(vmem_iotlb_invalidate(tlb, iova, len),
					 0);
			model_set(&m, iova, len, -1, 0);
		}
		if (n % 16)
			continue;
		ck_assert_int_eq(vmem_iotlb_map(tlb, memory, &map, NULL), 0);
		compare_all(&m, map, vmem_region_hva(r));
		vmem_map_unref(map);
	}
	vmem_map_unref(memory);
	vmem_region_unref(r);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("iotlb");
	TCase *tc = tcase_create("iotlb");

	suite_add_tcase(s, tc);
	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, later_entry_overrides_the_middle_of_an_earlier);
	tcase_add_test(tc, entry_that_covers_others_replaces_them);
	tcase_add_test(tc,
		       neighbours_merge_only_when_they_continue_each_other);
	tcase_add_test(tc, neighbours_around_the_last_guest_address_stay_two);
	tcase_add_test(tc,
		       entries_of_all_addresses_stay_two_that_have_a_length);
	tcase_add_test(tc, b4_10_bad_entries_are_refused);
	tcase_add_test(tc, b4_10_number_of_entries_is_limited);
	tcase_add_test(tc, invalidation_takes_out_exactly_the_range);
	tcase_add_test(tc,
		b4_10_invalidation_without_room_to_split_forgets_the_whole_entry);
	tcase_add_test(tc, map_translates_by_io_virtual_address);
	tcase_add_test(tc, rom_stays_rom_through_an_iotlb);
	tcase_add_test(tc, random_changes_agree_with_a_model);
	return run_suite(s);
}
