/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about structs of callers that know other headers. */
#include <config.h>

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <vmm-sys-util/sized.h>

#include "util.h"

struct known {
	size_t size;
	unsigned int first, second;
};

struct newer {
	struct known known;
	unsigned int third[8];
};

#define NAME "struct known"

static int copy(struct known *to, const void *from, struct vsu_error *err)
{
	return vsu_copy_sized(to, sizeof(*to), from, NAME, err);
}

START_TEST(a_struct_of_our_own_size_is_copied_whole)
{
	const struct known from = { sizeof(from), 1, 2 };
	struct known to = { 0, 7, 7 };

	ck_assert_int_eq(copy(&to, &from, NULL), 0);
	ck_assert_mem_eq(&to, &from, sizeof(to));
}
END_TEST

START_TEST(missing_members_of_a_shorter_struct_are_zero)
{
	const struct known from = { offsetof(struct known, second), 1, 2 };
	struct known to = { 0, 7, 7 };

	ck_assert_int_eq(copy(&to, &from, NULL), 0);
	ck_assert_uint_eq(to.size, from.size);
	ck_assert_uint_eq(to.first, 1);
	ck_assert_uint_eq(to.second, 0);
}
END_TEST

START_TEST(additional_members_of_a_longer_struct_must_be_zero)
{
	struct newer from = { .known = { sizeof(from), 1, 2 } };
	struct known to[2] = { { 0, 7, 7 }, { 0, 7, 7 } };
	struct vsu_error err = VSU_ERROR_INIT;
	unsigned int i;

	for (i = 0; i < 8; i++) {
		from.third[i] = 1u << 4 * i;
		ck_assert_int_eq(copy(to, &from, &err), -E2BIG);
		ck_assert_ptr_nonnull(strstr(err.msg, "a newer library"));
		ck_assert_uint_eq(to[0].first, 7);
		from.third[i] = 0;
	}
	ck_assert_int_eq(copy(to, &from, NULL), 0);
	ck_assert_uint_eq(to[0].size, sizeof(to[0]));
	ck_assert_uint_eq(to[0].second, 2);
	ck_assert_uint_eq(to[1].first, 7);
}
END_TEST

START_TEST(a_forgotten_size_is_refused_by_name)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct known from = { 0, 1, 2 }, to = { 0, 7, 7 };

	for (; from.size < sizeof(from.size); from.size++) {
		ck_assert_int_eq(copy(&to, &from, &err), -EINVAL);
		ck_assert_ptr_nonnull(strstr(err.msg, "sizeof(" NAME ")"));
	}
	ck_assert_uint_eq(to.first, 7);
	from.size = sizeof(from.size);
	ck_assert_int_eq(copy(&to, &from, &err), 0);
	ck_assert_uint_eq(to.first, 0);
}
END_TEST

/* Bytes behind the struct are not read: valgrind and AddressSanitizer would report it. */
START_TEST(a_size_of_no_struct_is_refused)
{
	static const size_t sizes[] = { VSU_MAX_STRUCT + sizeof(size_t), SIZE_MAX - 7, SIZE_MAX };
	struct known *from = calloc(1, sizeof(*from)), to = { 0, 7, 7 };
	struct vsu_error err = VSU_ERROR_INIT;
	unsigned int i;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		from->size = sizes[i];
		ck_assert_int_eq(copy(&to, from, &err), -E2BIG);
		ck_assert_ptr_nonnull(strstr(err.msg, "sizeof(" NAME ")"));
	}
	ck_assert_uint_eq(to.first, 7);
	free(from);
}
END_TEST

START_TEST(array_is_null_only_without_elements)
{
	struct vsu_error err = VSU_ERROR_INIT;

	ck_assert_int_eq(vsu_check_array(NULL, 0, "regions", &err), 0);
	ck_assert_int_eq(vsu_check_array(&err, 2, "regions", &err), 0);
	ck_assert_int_eq(vsu_check_array(NULL, 2, "regions", &err), -EINVAL);
	ck_assert_str_eq(err.msg, "regions is NULL, but its number is 2; pass an array, or 0");
}
END_TEST

START_TEST(null_struct_is_refused_by_name)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct known to = { 0, 7, 7 };

	ck_assert_int_eq(copy(&to, NULL, &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, NAME));
	ck_assert_int_eq(copy(&to, NULL, NULL), -EINVAL);
	ck_assert_uint_eq(to.first, 7);
}
END_TEST

int main(void)
{
	TCase *tc;
	Suite *s = util_suite("sized", &tc);

	tcase_add_test(tc, a_struct_of_our_own_size_is_copied_whole);
	tcase_add_test(tc, missing_members_of_a_shorter_struct_are_zero);
	tcase_add_test(tc, additional_members_of_a_longer_struct_must_be_zero);
	tcase_add_test(tc, a_forgotten_size_is_refused_by_name);
	tcase_add_test(tc, a_size_of_no_struct_is_refused);
	tcase_add_test(tc, array_is_null_only_without_elements);
	tcase_add_test(tc, null_struct_is_refused_by_name);
	return run_suite(s);
}
