/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about guest memory from one string, about an absent map, and about the exported
 * symbols of inline functions.
 */
#include <config.h>

#include <vm-memory/access.h>
#include <vm-memory/dirty.h>
#include <vm-memory/space.h>

#include "util.h"

#define GPA 0x100000u

static struct vsu_error err;

static struct vmem_map *map_of(const char *list)
{
	struct vmem_map *map = NULL;

	ck_assert_int_eq(vmem_map_from_properties(list, GPA, NULL, &map, &err),
			 0);
	return map;
}

START_TEST(one_string_is_a_map_of_one_region)
{
	struct vmem_map *map = map_of("size=64k,backend=memfd");
	struct vmem_region *region = vmem_map_region(map, 0);

	ck_assert_uint_eq(vmem_map_count(map), 1);
	ck_assert_uint_eq(vmem_region_gpa(region), GPA);
	ck_assert_uint_eq(vmem_region_len(region), 64 * KIB);
	ck_assert_int_ge(vmem_block_fd(vmem_region_block(region)), 0);
	vmem_map_unref(map);
}
END_TEST

static const struct {
	const char *list;
	uint64_t gpa;
	int rc;
	const char *says;
} refusals[] = {
	{ "sise=64k", 0, -ENOENT, "memory: unknown key 'sise'; did you mean 'size'?" },
	{ "backend=memfd", 0, -EINVAL, "size is missing" },
	{ "size=64k", UINT64_MAX, -EINVAL, "wraps" },
};

static const char *const accepted[] = {
	"size=64k", "64k", "size=2m,share=on", "backend=memfd,size=64k,prealloc=on",
	"size=4m,thp=always,merge=on", "backend=memfd,size=64k,dump=off",
};

START_TEST(accepted_string_leaves_the_error_alone)
{
	struct vsu_error none = VSU_ERROR_INIT;
	struct vmem_map *accepted_map;

	if (vmem_map_from_properties(accepted[_i], 0, NULL, &accepted_map, &none) < 0)
		return;		/* this host lacks a property */
	ck_assert_int_eq(none.code, 0);
	ck_assert_str_eq(none.msg, "");
	vmem_map_unref(accepted_map);
}
END_TEST

START_TEST(a_string_that_is_refused_leaves_no_map)
{
	struct vmem_map *map = NULL;

	ck_assert_int_eq(vmem_map_from_properties(refusals[_i].list,
						  refusals[_i].gpa, NULL, &map,
						  &err), refusals[_i].rc);
	ck_assert_msg(strstr(err.msg, refusals[_i].says), "%s", err.msg);
	ck_assert_ptr_null(map);
}
END_TEST

START_TEST(no_map_is_a_map_without_regions)
{
	const struct vmem_view *view = vmem_map_view(NULL);
	struct vmem_region *region;
	struct vmem_map *map;
	uint32_t value = 0, hint = 7;
	uint16_t index;

	ck_assert_uint_eq(vmem_map_count(NULL), 0);
	ck_assert_ptr_null(vmem_map_ref(NULL));
	ck_assert_ptr_null(vmem_map_region(NULL, 0));
	ck_assert_ptr_null(vmem_map_find(NULL, 0));
	ck_assert_ptr_null(vmem_map_find_hva(NULL, &value));
	ck_assert(!vmem_map_failed(NULL));
	ck_assert_uint_eq(view->n, 0);
	ck_assert_uint_eq(vmem_view_find(view, 0), 0);
	ck_assert_uint_eq(vmem_view_find(view, UINT64_MAX), 0);
	ck_assert_ptr_null(vmem_view_translate(view, &hint, 0, 1, VMEM_READ));
	ck_assert_ptr_null(vmem_view_translate(view, &hint, 0, 0, 0));
	ck_assert_int_eq(vmem_load_u16(view, 0, &index, __ATOMIC_RELAXED),
			 -EFAULT);
	ck_assert_int_eq(vmem_get_u32(view, &hint, 0, &value), -EFAULT);
	map = map_of("size=4k");
	region = vmem_map_region(map, 0);
	ck_assert_int_eq(vmem_map_remove(NULL, region, &map, &err), -ENOENT);
	vmem_map_unref(map);
}
END_TEST

START_TEST(reader_without_a_map_has_a_view)
{
	struct vmem_reader reader = { 0 };
	struct vmem_space *space;
	uint16_t value;

	ck_assert_int_eq(vmem_space_new(&space), 0);
	vmem_space_add_reader(space, &reader);
	ck_assert_int_eq(vmem_load_u16(vmem_map_view(vmem_reader_enter(&reader)),
				       0x1000, &value, __ATOMIC_RELAXED),
			 -EFAULT);
	vmem_reader_leave(&reader);
	vmem_space_remove_reader(&reader);
	vmem_space_free(space);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("properties");
	TCase *tc = tcase_create("properties");

	tcase_add_test(tc, one_string_is_a_map_of_one_region);
	tcase_add_loop_test(tc, a_string_that_is_refused_leaves_no_map, 0,
			    (int)(sizeof(refusals) / sizeof(refusals[0])));
	tcase_add_loop_test(tc, accepted_string_leaves_the_error_alone, 0,
			    (int)(sizeof(accepted) / sizeof(accepted[0])));
	tcase_add_test(tc, no_map_is_a_map_without_regions);
	tcase_add_test(tc, reader_without_a_map_has_a_view);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
