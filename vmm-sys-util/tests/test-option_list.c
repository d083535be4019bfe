/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about lists that begin with a value. */
#include <config.h>

#include <check.h>
#include <stdlib.h>

#include <vmm-sys-util/option_list.h>

#include "util.h"

static const struct vsu_option table[] = {
	{ .name = "path", .kind = VSU_OPTION_STRING },
	{ .name = "readonly", .kind = VSU_OPTION_FLAG },
	{ .name = NULL },
};

static char buf[32];

START_TEST(d5_06_first_word_without_a_key_is_a_value)
{
	ck_assert(vsu_list_value_is_first(table, "disk.img"));
	ck_assert(vsu_list_value_is_first(table, "disk.img,readonly"));
	ck_assert(vsu_list_value_is_first(table, "path.img"));
	ck_assert(vsu_list_value_is_first(table, "/a/b=c.img,readonly"));
	ck_assert(vsu_list_value_is_first(table, "nbd+unix:///?socket=/s"));
}
END_TEST

START_TEST(keys_of_the_table_and_of_no_table_are_no_values)
{
	ck_assert(!vsu_list_value_is_first(table, "readonly"));
	ck_assert(!vsu_list_value_is_first(table, "readonly,path=a"));
	ck_assert(!vsu_list_value_is_first(table, "path"));
	ck_assert(!vsu_list_value_is_first(table, "pth=a"));
	ck_assert(!vsu_list_value_is_first(table, "path=/a/b=c"));
	ck_assert(!vsu_list_value_is_first(table, ""));
	ck_assert(!vsu_list_value_is_first(table, ",path=a"));
}
END_TEST

static size_t first_len(const char *list)
{
	struct vsu_list_item item;

	return vsu_list_next(&list, &item) ? item.len : 0;
}

START_TEST(item_ends_at_a_single_comma)
{
	ck_assert_uint_eq(first_len("a=b,c"), 3);
	ck_assert_uint_eq(first_len("a,,b,c"), 4);
	ck_assert_uint_eq(first_len("a,,,c"), 3);
	ck_assert_uint_eq(first_len("a,,"), 3);
	ck_assert_uint_eq(first_len(""), 0);
}
END_TEST

START_TEST(items_are_found_in_order)
{
	const char *list = "a=b,,c=d,e";
	struct vsu_list_item item;

	ck_assert(vsu_list_next(&list, &item) && vsu_list_item_is(&item, "a=b,,c=d"));
	ck_assert(vsu_list_item_begins(&item, "a=") && !vsu_list_item_is(&item, "a=b"));
	ck_assert(vsu_list_next(&list, &item) && vsu_list_item_is(&item, "e"));
	ck_assert(!vsu_list_item_begins(&item, "e="));
	ck_assert(!vsu_list_next(&list, &item) && !list);
	list = "";
	ck_assert(!vsu_list_next(&list, &item));
}
END_TEST

START_TEST(value_receives_its_key)
{
	const struct vsu_list_value value = { .key = "path" };

	ck_assert_str_eq(vsu_list_value_with_key(&value, "a", buf, sizeof(buf)),
			 "path=a");
	ck_assert_str_eq(vsu_list_value_with_key(&value, "a,readonly", buf,
					    sizeof(buf)), "path=a,readonly");
}
END_TEST

START_TEST(value_alone_implies_more)
{
	const struct vsu_list_value value = { .key = "cid", .alone = "backend=x" };

	ck_assert_str_eq(vsu_list_value_with_key(&value, "3", buf, sizeof(buf)),
			 "cid=3,backend=x");
	ck_assert_str_eq(vsu_list_value_with_key(&value, "3,path=p", buf,
					    sizeof(buf)), "cid=3,path=p");
}
END_TEST

START_TEST(list_without_room_for_the_key_is_unchanged)
{
	const struct vsu_list_value value = { .key = "path" }, none = { .key = NULL };

	ck_assert_str_eq(vsu_list_value_with_key(&value, "abc", buf, 8), "abc");
	ck_assert_str_eq(vsu_list_value_with_key(&value, "ab", buf, 8), "path=ab");
	ck_assert_str_eq(vsu_list_value_with_key(&none, "ab", buf, 8), "ab");
}
END_TEST

START_TEST(escaped_value_is_one_item)
{
	char *text = vsu_list_escape(",a,,b");
	const char *list = text;
	struct vsu_list_item item;

	ck_assert_str_eq(text, ",,a,,,,b");
	ck_assert(vsu_list_next(&list, &item));
	ck_assert_uint_eq(item.len, strlen(text));
	ck_assert_ptr_null(list);
	free(text);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("value");
	TCase *tc = tcase_create("value");

	tcase_add_test(tc, d5_06_first_word_without_a_key_is_a_value);
	tcase_add_test(tc, keys_of_the_table_and_of_no_table_are_no_values);
	tcase_add_test(tc, item_ends_at_a_single_comma);
	tcase_add_test(tc, items_are_found_in_order);
	tcase_add_test(tc, value_receives_its_key);
	tcase_add_test(tc, value_alone_implies_more);
	tcase_add_test(tc, list_without_room_for_the_key_is_unchanged);
	tcase_add_test(tc, escaped_value_is_one_item);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
