/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about little-endian values, on a machine of either kind. */
#include <config.h>

#include <vmm-sys-util/endian.h>

#include "util.h"

START_TEST(bytes_are_least_significant_first)
{
	struct vsu_le16 a = vsu_le16_make(0x0102);
	struct vsu_le32 b = vsu_le32_make(0x01020304);
	struct vsu_le64 c = vsu_le64_make(UINT64_C(0x0102030405060708));

	ck_assert_mem_eq(&a, "\x02\x01", sizeof(a));
	ck_assert_mem_eq(&b, "\x04\x03\x02\x01", sizeof(b));
	ck_assert_mem_eq(&c, "\x08\x07\x06\x05\x04\x03\x02\x01", sizeof(c));
}
END_TEST

START_TEST(load_returns_the_stored_value)
{
	ck_assert_uint_eq(vsu_le16_load(vsu_le16_make(0xfedc)), 0xfedc);
	ck_assert_uint_eq(vsu_le32_load(vsu_le32_make(0xfedcba98)), 0xfedcba98);
	ck_assert_uint_eq(vsu_le64_load(vsu_le64_make(UINT64_MAX - 1)),
			  UINT64_MAX - 1);
}
END_TEST

START_TEST(values_add_no_padding)
{
	ck_assert_uint_eq(sizeof(struct vsu_le16), 2);
	ck_assert_uint_eq(sizeof(struct vsu_le32), 4);
	ck_assert_uint_eq(sizeof(struct vsu_le64), 8);
}
END_TEST

START_TEST(numbers_of_any_length_and_address)
{
	unsigned char bytes[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9 };

	ck_assert_uint_eq(vsu_le_load(bytes, 0), 0);
	ck_assert_uint_eq(vsu_le_load(bytes + 1, 3), 0x040302);
	ck_assert_uint_eq(vsu_le_load(bytes + 1, 8), UINT64_C(0x0908070605040302));
	vsu_le_store(bytes + 3, UINT64_C(0xaabbccddee), 3);
	ck_assert_mem_eq(bytes, "\x01\x02\x03\xee\xdd\xcc\x07\x08\x09", sizeof(bytes));
}
END_TEST

int main(void)
{
	TCase *tc;
	Suite *s = util_suite("endian", &tc);

	tcase_add_test(tc, bytes_are_least_significant_first);
	tcase_add_test(tc, load_returns_the_stored_value);
	tcase_add_test(tc, values_add_no_padding);
	tcase_add_test(tc, numbers_of_any_length_and_address);
	return run_suite(s);
}
