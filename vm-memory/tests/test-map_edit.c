/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about lists of changes that become one map. */
#include <config.h>

#include <vm-memory/map_edit.h>

#include "util.h"

static struct vmem_block *block;
static struct vmem_map_edit edit;
static struct vmem_map *map;

static struct vmem_region *new_region(uint64_t gpa, uint64_t offset, uint64_t len)
{
	const struct vmem_region_desc desc = { .block = block, .offset = offset, .gpa = gpa, .len = len };
	struct vmem_region *region;

	ck_assert_int_eq(vmem_region_new(&desc, &region, NULL), 0);
	return region;
}

static int add(uint64_t gpa, uint64_t offset, uint64_t len)
{
	struct vmem_region *region = new_region(gpa, offset, len);
	int rc = vmem_map_edit_add(&edit, region);

	vmem_region_unref(region);
	return rc;
}

static void setup(void)
{
	const int fd = memfd_create("edit", MFD_CLOEXEC);
	const struct vmem_fd_desc desc = { .fd = fd, .flags = RW_SHARED, .len = 16 * PAGE };

	ck_assert_int_eq(ftruncate(fd, (off_t)(16 * PAGE)), 0);
	ck_assert_int_eq(vmem_block_new_fd(&desc, &block, NULL), 0);
	close(fd);
	map = NULL;
	ck_assert_int_eq(vmem_map_edit_init(&edit, NULL), 0);
}

static void teardown(void)
{
	vmem_map_edit_fini(&edit);
	vmem_map_unref(map);
	vmem_block_unref(block);
}

START_TEST(many_changes_become_one_map)
{
	unsigned int i;

	for (i = 0; i < 40; i++)
		ck_assert_int_eq(add((39 - i) * 2 * PAGE, 0, PAGE), 0);
	for (i = 0; i < 40; i += 2)
		ck_assert_int_eq(vmem_map_edit_remove(&edit, i * 2 * PAGE + 1), 0);
	ck_assert_int_eq(vmem_map_edit_finish(&edit, &map), 0);
	ck_assert_uint_eq(vmem_map_count(map), 20);
	for (i = 0; i < 20; i++)
		ck_assert_uint_eq(vmem_region_gpa(vmem_map_region(map, i)), (2 * i + 1) * 2 * PAGE);
}
END_TEST

START_TEST(map_that_is_edited_keeps_its_regions)
{
	struct vmem_map_edit more;
	struct vmem_map *next;

	ck_assert_int_eq(add(0, 0, PAGE), 0);
	ck_assert_int_eq(vmem_map_edit_finish(&edit, &map), 0);
	ck_assert_int_eq(vmem_map_edit_init(&more, map), 0);
	ck_assert_int_eq(vmem_map_edit_remove(&more, 0), 0);
	ck_assert_int_eq(vmem_map_edit_finish(&more, &next), 0);
	vmem_map_edit_fini(&more);
	ck_assert_uint_eq(vmem_map_count(next), 0);
	ck_assert_uint_eq(vmem_map_count(map), 1);
	vmem_map_unref(next);
}
END_TEST

START_TEST(overlapping_region_is_refused)
{
	ck_assert_int_eq(add(PAGE, 0, 2 * PAGE), 0);
	ck_assert_int_eq(add(2 * PAGE, 0, PAGE), -EEXIST);
	ck_assert_int_eq(add(0, 0, 2 * PAGE), -EEXIST);
	ck_assert_int_eq(add(3 * PAGE, 0, PAGE), 0);
}
END_TEST

START_TEST(address_without_a_region_is_refused)
{
	ck_assert_int_eq(add(PAGE, 0, PAGE), 0);
	ck_assert_int_eq(vmem_map_edit_remove(&edit, 0), -ENOENT);
	ck_assert_int_eq(vmem_map_edit_remove(&edit, 2 * PAGE), -ENOENT);
	ck_assert_int_eq(vmem_map_edit_remove(&edit, 2 * PAGE - 1), 0);
}
END_TEST

START_TEST(carved_range_is_empty_and_its_neighbours_keep_their_offsets)
{
	ck_assert_int_eq(add(0, 4 * PAGE, 8 * PAGE), 0);
	ck_assert_int_eq(vmem_map_edit_carve(&edit, 3 * PAGE, 2 * PAGE), 1);
	ck_assert_int_eq(vmem_map_edit_finish(&edit, &map), 0);
	ck_assert_uint_eq(vmem_map_count(map), 2);
	ck_assert_ptr_null(vmem_map_find(map, 3 * PAGE));
	ck_assert_ptr_null(vmem_map_find(map, 5 * PAGE - 1));
	ck_assert_uint_eq(vmem_region_offset(vmem_map_find(map, 2 * PAGE)), 4 * PAGE);
	ck_assert_uint_eq(vmem_region_offset(vmem_map_find(map, 5 * PAGE)), 9 * PAGE);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("map_edit");
	TCase *tc = tcase_create("map_edit");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, many_changes_become_one_map);
	tcase_add_test(tc, map_that_is_edited_keeps_its_regions);
	tcase_add_test(tc, overlapping_region_is_refused);
	tcase_add_test(tc, address_without_a_region_is_refused);
	tcase_add_test(tc, carved_range_is_empty_and_its_neighbours_keep_their_offsets);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
