/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
#include <config.h>

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include <vmm-sys-util/json.h>

#include "util.h"

static const struct sample {
	const char *text, *json;
} samples[] = {
	{ "", "\"\"" },
	{ "disk.img", "\"disk.img\"" },
	{ "a\"b\\c", "\"a\\\"b\\\\c\"" },
	{ "a\nb\x01", "\"a\\u000ab\\u0001\"" },
	/* of two, three and four bytes */
	{ "\xc3\xa9", "\"\xc3\xa9\"" },
	{ "\xe2\x82\xac", "\"\xe2\x82\xac\"" },
	{ "\xf0\x9f\x98\x80", "\"\xf0\x9f\x98\x80\"" },
	/* Latin-1, and an end within a character */
	{ "d\xff\xc2x", "\"d\\ufffd\\ufffdx\"" },
	{ "\xe2\x82", "\"\\ufffd\\ufffd\"" },
	/* longer than need be, a surrogate, beyond the last character */
	{ "\xc0\xaf", "\"\\ufffd\\ufffd\"" },
	{ "\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\"" },
	{ "\xf4\x90\x80\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\"" },
};

START_TEST(any_text_becomes_a_valid_string)
{
	char *got = NULL;
	size_t len;
	FILE *to = open_memstream(&got, &len);

	vsu_json_string(samples[_i].text, to);
	fclose(to);
	ck_assert_str_eq(got, samples[_i].json);
	free(got);
}
END_TEST

START_TEST(members_and_elements_are_separated_by_commas)
{
	char *got = NULL;
	size_t len;
	struct vsu_json j = { .to = open_memstream(&got, &len) };

	vsu_json_open(&j, NULL, '{');
	vsu_json_u64(&j, "n", UINT64_MAX);
	vsu_json_open(&j, "list", '[');
	vsu_json_open(&j, NULL, '{');
	vsu_json_close(&j, '}');
	vsu_json_i64(&j, NULL, -1);
	vsu_json_text(&j, NULL, "a\"");
	vsu_json_close(&j, ']');
	vsu_json_open(&j, "none", '[');
	vsu_json_close(&j, ']');
	vsu_json_bool(&j, "is", true);
	vsu_json_text(&j, "absent", NULL);
	vsu_json_close(&j, '}');
	fclose(j.to);
	ck_assert_str_eq(got, "{\"n\":18446744073709551615,\"list\":[{},-1,\"a\\\"\"],\"none\":[],\"is\":true,\"absent\":null}");
	free(got);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("json");
	TCase *tc = tcase_create("json");

	tcase_add_loop_test(tc, any_text_becomes_a_valid_string, 0,
			    sizeof(samples) / sizeof(*samples));
	tcase_add_test(tc, members_and_elements_are_separated_by_commas);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
