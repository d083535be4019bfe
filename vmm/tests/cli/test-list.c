/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about cutting keys out of lists. */
#include <config.h>

#include "cli/list.h"
#include "../util.h"

static char rest[64], value[64];

static int cut(const char *list)
{
	return vmm_list_cut(list, "at", rest, value, sizeof(rest));
}

static const struct sample {
	const char *list, *rest, *value;
	int found;
} samples[] = {
	{ "size=1M", "size=1M", "", 0 },
	{ "at=4G,size=1M", "size=1M", "4G", 1 },
	{ "size=1M,at=4G", "size=1M", "4G", 1 },
	{ "size=1M,at=4G,share=on", "size=1M,share=on", "4G", 1 },
	{ "at=1,at=2,size=3", "size=3", "2", 1 },	/* the last counts */
	{ "at=4G", "", "4G", 1 },
	{ "at", "", "", 1 },
	{ "at=", "", "", 1 },
	{ "", "", "", 0 },
	{ "atx=1,xat=2", "atx=1,xat=2", "", 0 },
	{ "mem-path=a,,at=1,at=2", "mem-path=a,,at=1", "2", 1 },
	{ "at=a,,b", "", "a,,b", 1 },
};

START_TEST(key_is_cut_out_and_the_rest_kept)
{
	const struct sample *s = &samples[_i];

	ck_assert_int_eq(cut(s->list), s->found);
	ck_assert_str_eq(rest, s->rest);
	ck_assert_str_eq(value, s->value);
	ck_assert_int_eq(vmm_list_has(s->list, "at"), s->found);
}
END_TEST

START_TEST(text_that_does_not_fit_is_refused)
{
	char list[80];

	memset(list, 'x', sizeof(list) - 1);
	list[sizeof(list) - 1] = 0;
	ck_assert_int_eq(cut(list), -ENAMETOOLONG);
	memcpy(list, "at=", 3);
	ck_assert_int_eq(cut(list), -ENAMETOOLONG);
}
END_TEST

START_TEST(every_length_around_the_limit_stays_within_it)
{
	char list[80] = "", small[16], out[16];
	size_t n;

	for (n = 1; n < 30; n++) {
		memset(list, 'x', n);
		memset(small, 0x7f, sizeof(small));
		if (!vmm_list_cut(list, "at", small, out, 8))
			ck_assert_uint_lt(strlen(small), 8);
		ck_assert_int_eq(small[8], 0x7f);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("list");
	TCase *tc = tcase_create("cut");

	tcase_add_loop_test(tc, key_is_cut_out_and_the_rest_kept, 0,
			    COUNT(samples));
	tcase_add_test(tc, text_that_does_not_fit_is_refused);
	tcase_add_test(tc, every_length_around_the_limit_stays_within_it);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
