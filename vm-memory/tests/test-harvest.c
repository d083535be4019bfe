/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the dirty pages of a whole map, and about finding the next. */
#include <config.h>

#include <vm-memory/dirty.h>

#include "util.h"

#define SHIFT 12

static char heard[1024];	/* "gpa+len " for each run */

static void hear(void *opaque, uint64_t gpa, uint64_t len)
{
	size_t used = strlen(heard);

	ck_assert_ptr_eq(opaque, heard);
	snprintf(heard + used, sizeof(heard) - used, "%#" PRIx64 "+%#" PRIx64
		 " ", gpa, len);
}

static struct vmem_map *with_region(struct vmem_map *map, uint64_t gpa,
				    uint64_t len, uint32_t shift)
{
	struct vmem_block *block = make_block(len);
	const struct vmem_region_desc d = { .block = block, .gpa = gpa,
					    .dirty_page_shift = shift };
	struct vmem_region *region = NULL;
	struct vmem_map *next = NULL;

	ck_assert_int_eq(vmem_region_new(&d, &region, NULL), 0);
	ck_assert_int_eq(vmem_map_add(map, region, &next, NULL), 0);
	if (shift)
		vmem_dirty_enable(vmem_region_dirty(region));
	vmem_region_unref(region);
	vmem_block_unref(block);
	vmem_map_unref(map);
	return next;
}

/* Three regions of 2 MiB, 64 KiB without a bitmap, and 10 KiB. */
static struct vmem_map *memory_map(void)
{
	struct vmem_map *map = with_region(NULL, 0, 2048 * KIB, SHIFT);

	map = with_region(map, 16384 * KIB, 64 * KIB, 0);
	return with_region(map, 32768 * KIB, 10 * KIB, SHIFT);
}

static void store(struct vmem_map *map, uint64_t gpa, uint64_t len)
{
	uint32_t hint = 0;
	const struct vmem_range *range = vmem_view_range(vmem_map_view(map),
							 &hint, gpa, len,
							 VMEM_WRITE);

	vmem_dirty_mark(range->dirty, range->hva + (gpa - range->first), len);
}

START_TEST(dirty_ranges_are_reported_once_as_guest_addresses)
{
	struct vmem_map *map = memory_map();

	store(map, 0x3fff, 2);		/* pages 3 and 4 */
	store(map, 0x3f000, 0x3000);	/* across two words */
	store(map, 0x1ff000, 1);	/* the last */
	store(map, 16384 * KIB, 1);	/* outside of all bitmaps */
	heard[0] = '\0';
	ck_assert_uint_eq(vmem_map_harvest(map, hear, heard), 6);
	ck_assert_str_eq(heard, "0x3000+0x2000 0x3f000+0x3000 0x1ff000+0x1000 ");
	heard[0] = '\0';
	ck_assert_uint_eq(vmem_map_harvest(map, hear, heard), 0);
	ck_assert_str_eq(heard, "");
	vmem_map_unref(map);
}
END_TEST

START_TEST(the_last_page_ends_where_its_region_does)
{
	struct vmem_map *map = memory_map();

	store(map, 32768 * KIB + 4096, 6 * KIB);
	heard[0] = '\0';
	ck_assert_uint_eq(vmem_map_harvest(map, hear, heard), 2);
	ck_assert_str_eq(heard, "0x2001000+0x1800 ");
	vmem_map_unref(map);
}
END_TEST

START_TEST(a_run_goes_on_from_one_window_to_the_next)
{
	struct vmem_map *map = with_region(NULL, 0, 131072 * KIB, SHIFT);

	store(map, 65536 * KIB - 4096, 8192);
	heard[0] = '\0';
	ck_assert_uint_eq(vmem_map_harvest(map, hear, heard), 2);
	ck_assert_str_eq(heard, "0x3fff000+0x2000 ");
	vmem_map_unref(map);
}
END_TEST

START_TEST(last_window_ends_with_its_bitmap)
{
	struct vmem_map *map = with_region(NULL, 0, 98304 * KIB, SHIFT);

	store(map, 73728 * KIB, 4096);
	store(map, 98304 * KIB - 1, 1);
	heard[0] = '\0';
	ck_assert_uint_eq(vmem_map_harvest(map, hear, heard), 2);
	ck_assert_str_eq(heard, "0x4800000+0x1000 0x5fff000+0x1000 ");
	vmem_map_unref(map);
}
END_TEST

START_TEST(no_map_has_no_dirty_pages)
{
	ck_assert_uint_eq(vmem_map_harvest(NULL, hear, heard), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("harvest");
	TCase *tc = tcase_create("harvest");

	tcase_add_test(tc, dirty_ranges_are_reported_once_as_guest_addresses);
	tcase_add_test(tc, the_last_page_ends_where_its_region_does);
	tcase_add_test(tc, a_run_goes_on_from_one_window_to_the_next);
	tcase_add_test(tc, last_window_ends_with_its_bitmap);
	tcase_add_test(tc, no_map_has_no_dirty_pages);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
