/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about consecutive numbers and bytes. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>

#include <vmm-sys-util/fields.h>

#include "util.h"

static const unsigned char three[] = { 0x2a, 0x04, 0x03, 0x02, 0x01, 'a', 'b' };

START_TEST(fields_follow_each_other_least_significant_byte_first)
{
	struct vsu_fields_writer w = { .max = sizeof(three) };

	vsu_fields_put_le(&w, 0x12a, 1);
	vsu_fields_put_le(&w, 0x01020304, 4);
	vsu_fields_put(&w, "ab", 2);
	ck_assert_int_eq(w.error, 0);
	ck_assert_uint_eq(w.len, sizeof(three));
	ck_assert_mem_eq(w.bytes, three, sizeof(three));
	free(w.bytes);
}
END_TEST

START_TEST(writer_keeps_what_it_has_at_its_limit)
{
	struct vsu_fields_writer w = { .max = 1025 };
	int i;

	for (i = 0; i < 300; i++)
		vsu_fields_put_le(&w, 0x01020304, 4);
	ck_assert_int_eq(w.error, -EFBIG);
	ck_assert_uint_eq(w.len, 1024);
	vsu_fields_put_le(&w, 1, 1);
	ck_assert_uint_eq(w.len, 1024);
	ck_assert_mem_eq(w.bytes + 1020, "\4\3\2\1", 4);
	free(w.bytes);
}
END_TEST

START_TEST(reader_returns_what_was_written)
{
	struct vsu_fields_reader r = { .at = three, .left = sizeof(three) };
	char text[2];

	ck_assert_uint_eq(vsu_fields_get_le(&r, 1), 0x2a);
	ck_assert_uint_eq(vsu_fields_get_le(&r, 4), 0x01020304);
	ck_assert_ptr_eq(vsu_fields_view(&r, 0), three + 5);
	vsu_fields_get(&r, text, sizeof(text));
	ck_assert_mem_eq(text, "ab", 2);
	ck_assert_uint_eq(r.left, 0);
	ck_assert(!r.truncated);
}
END_TEST

/* Reads that would fit fail, too. */
START_TEST(all_reads_after_the_end_are_zero)
{
	struct vsu_fields_reader r = { .at = three, .left = sizeof(three) };
	char text[2] = "xx";

	ck_assert_uint_eq(vsu_fields_get_le(&r, 8), 0);
	ck_assert(r.truncated);
	ck_assert_uint_eq(vsu_fields_get_le(&r, 1), 0);
	ck_assert_ptr_null(vsu_fields_view(&r, 1));
	vsu_fields_get(&r, text, sizeof(text));
	ck_assert_mem_eq(text, "\0\0", 2);
}
END_TEST

int main(void)
{
	TCase *tc;
	Suite *s = util_suite("fields", &tc);

	tcase_add_test(tc, fields_follow_each_other_least_significant_byte_first);
	tcase_add_test(tc, writer_keeps_what_it_has_at_its_limit);
	tcase_add_test(tc, reader_returns_what_was_written);
	tcase_add_test(tc, all_reads_after_the_end_are_zero);
	return run_suite(s);
}
