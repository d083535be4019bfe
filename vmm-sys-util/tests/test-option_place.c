/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
#include <config.h>

#include <check.h>
#include <stdlib.h>

#include <vmm-sys-util/option_place.h>

#include "util.h"

enum row { TEXT, FLAG, NUMBER, CHOICE, SIZE, LEVEL, TALKATIVE, OTHER };

struct options {
	const char *text;
	bool flag;
	char behind;
	int number;
	enum row choice;
	uint64_t size;
};

static const struct vsu_place places[] = {
	[TEXT] = VSU_PLACE(struct options, text),
	[FLAG] = VSU_PLACE(struct options, flag),
	[NUMBER] = VSU_PLACE(struct options, number),
	[CHOICE] = VSU_PLACE(struct options, choice),
	[SIZE] = VSU_PLACE(struct options, size),
	[LEVEL] = VSU_PLACE_LEVEL,
	[TALKATIVE] = VSU_PLACE_VERBOSE,
	[OTHER] = { VSU_PLACE_NONE, 0 },
};

static struct options o;

static bool store(enum row row, const char *text, uint64_t number)
{
	const struct vsu_option_value value = { text, number };

	return vsu_place_store(&places[row], &o, &value);
}

START_TEST(each_value_is_in_its_member_and_no_other)
{
	ck_assert(store(TEXT, "a", 0) && store(FLAG, "b", 1));
	ck_assert(store(NUMBER, "c", 2) && store(CHOICE, "d", LEVEL));
	ck_assert(store(SIZE, "e", UINT64_MAX));
	ck_assert_str_eq(o.text, "a");
	ck_assert(o.flag);
	ck_assert_int_eq(o.behind, 0);
	ck_assert_int_eq(o.number, 2);
	ck_assert_int_eq(o.choice, LEVEL);
	ck_assert_uint_eq(o.size, UINT64_MAX);
}
END_TEST

START_TEST(flag_that_is_switched_off_is_off)
{
	o.flag = true;
	ck_assert(store(FLAG, "off", 0));
	ck_assert(!o.flag);
}
END_TEST

START_TEST(row_without_a_member_is_left_to_the_program)
{
	ck_assert(!store(OTHER, "x", 1));
	ck_assert(!store(LEVEL, "error", 0));
	ck_assert(!store(TALKATIVE, NULL, 1));
	ck_assert_ptr_null(o.text);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("places");
	TCase *tc = tcase_create("places");

	tcase_add_test(tc, each_value_is_in_its_member_and_no_other);
	tcase_add_test(tc, flag_that_is_switched_off_is_off);
	tcase_add_test(tc, row_without_a_member_is_left_to_the_program);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
