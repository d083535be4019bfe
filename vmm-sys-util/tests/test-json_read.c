/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about strings, and lists of them, in JSON objects. */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vmm-sys-util/json.h>
#include <vmm-sys-util/json_read.h>

#include "util.h"

#define MAX_WORDS 4

static char text[1024], *words[MAX_WORDS];
static struct vsu_error err;

static int parse(const char *json)
{
	ck_assert_uint_lt(strlen(json), sizeof(text));
	strcpy(text, json);
	return vsu_json_read_strings(text, "a", words, MAX_WORDS, &err);
}

static const struct { const char *json; int n; const char *first; } lists[] = {
	{ "{\"a\":[]}", 0, NULL },
	{ " { \"a\" : [ \"x\" , \"y\" ] } \n", 2, "x" },
	{ "{\"b\":{\"c\":[1,-2.5e3,true,null,\"]\"]},\"a\":[\"x\"],\"d\":{}}", 1, "x" },
	{ "{\"b\":[],\"a\":[\"\"]}", 1, "" },
	{ "{\"a\":[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"]}", 1, "\"\\/\b\f\n\r\t" },
	{ "{\"a\":[\"\\u0041\\u00e9\\u20AC\\ud83d\\ude00\"]}", 1,
	  "A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80" },
	{ "{\"a\":[\"1\",\"2\",\"3\",\"4\"]}", 4, "1" },
};

START_TEST(strings_of_the_member_are_read)
{
	ck_assert_msg(parse(lists[_i].json) == lists[_i].n, "%s", err.msg);
	if (lists[_i].first)
		ck_assert_str_eq(words[0], lists[_i].first);
}
END_TEST

static const struct { const char *json; int rc; const char *says; } faults[] = {
	{ "", -EBADMSG, "byte 0: not a JSON object" },
	{ "[]", -EBADMSG, "byte 0" },
	{ "{}", -EBADMSG, "byte 1" },
	{ "{\"b\":1}", -EBADMSG, "no member 'a'" },
	{ "{\"a\":\"x\"}", -EBADMSG, "byte 5" },
	{ "{\"a\":[1]}", -EBADMSG, "byte 6" },
	{ "{\"a\":[\"x\"}", -EBADMSG, "not a JSON object" },
	{ "{\"a\":[\"x]}", -EBADMSG, "not a JSON object" },
	{ "{\"a\":[\"x\"]", -EBADMSG, "not a JSON object" },
	{ "{\"a\":[\"x\"]}{", -EBADMSG, "not a JSON object" },
	{ "{\"a\":[\"x\"],}", -EBADMSG, "not a JSON object" },
	{ "{\"a\":[\"\\x\"]}", -EBADMSG, "not a JSON object" },
	{ "{\"a\":[\"\\", -EBADMSG, "byte 8: not a JSON object" },
	{ "{\"a\":[\"\\u0000\"]}", -EBADMSG, "not a JSON object" },
	{ "{\"a\":[\"\\u12\"]}", -EBADMSG, "not a JSON object" },
	{ "{\"a\":[\"\\ud83d\"]}", -EBADMSG, "not a JSON object" },
	{ "{\"a\":[\"\\ude00\"]}", -EBADMSG, "not a JSON object" },
	{ "{\"a\":[\"\\", -EBADMSG, "not a JSON object" },
	{ "{\"a\":[\"a\nb\"]}", -EBADMSG, "not a JSON object" },
	{ "{\"b\":,\"a\":[]}", -EBADMSG, "byte 5" },
	{ "{\"a\":[\"1\",\"2\",\"3\",\"4\",\"5\"]}", -E2BIG, "more than 4 strings" },
};

START_TEST(anything_else_is_refused)
{
	ck_assert_int_eq(parse(faults[_i].json), faults[_i].rc);
	ck_assert_msg(strstr(err.msg, faults[_i].says), "%s", err.msg);
}
END_TEST

static const struct { const char *json, *word, *fault; } single[] = {
	{ "{\"ok\":false,\"a\":\"x \\\"y\\\"\"}", "x \"y\"", NULL },
	{ " { \"a\" : \"\" , \"b\" : [ 1 ] } ", "", NULL },
	{ "{\"a\":[\"x\"]}", NULL, "byte 5: not a JSON object with a string 'a'" },
	{ "{\"a\":1}", NULL, "a string 'a'" },
	{ "{\"a\":\"x", NULL, "a string 'a'" },
	{ "{\"a\":\"x\"", NULL, "a string 'a'" },
	{ "{\"b\":\"x\"}", NULL, "no member 'a'" },
};

START_TEST(one_string_is_read)
{
	char *word = NULL;
	int rc;

	strcpy(text, single[_i].json);
	rc = vsu_json_read_string(text, "a", &word, &err);
	ck_assert_int_eq(rc, single[_i].word ? 0 : -EBADMSG);
	if (single[_i].word)
		ck_assert_str_eq(word, single[_i].word);
	else
		ck_assert_msg(strstr(err.msg, single[_i].fault), "%s", err.msg);
}
END_TEST

START_TEST(deep_documents_are_refused)
{
	char deep[512] = "{\"b\":";

	memset(deep + 5, '[', 100);
	ck_assert_int_eq(parse(deep), -EBADMSG);
}
END_TEST

static char walked[512];

static void on_value(void *opaque, const char *path, const char *value, bool is_string)
{
	const size_t len = strlen(walked);

	ck_assert_ptr_eq(opaque, walked);
	snprintf(walked + len, sizeof(walked) - len, "%s%c%s;", path, is_string ? '~' : '=',
		 value);
}

static const struct { const char *json, *walked; int rc; } walks[] = {
	{ "{}", "", 0 },
	{ " {\"a\" : 1 , \"b\":\"x\\n\",\"c\":true}\n", "a=1;b~x\n;c=true;", 0 },
	{ "{\"a\":[],\"b\":{},\"c\":[1,\"x\"]}", "c.0=1;c.1~x;", 0 },
	{ "{\"a\":[{\"b\":-1.5e3},{\"b\":{\"c\":null}}]}", "a.0.b=-1.5e3;a.1.b.c=null;", 0 },
	{ "{\"a\":1,}", "a=1;", -EBADMSG },
	{ "{\"a\":1", "a=1;", -EBADMSG },
	{ "{\"a\":1}x", "a=1;", -EBADMSG },
	{ "{\"a\":\"x", "", -EBADMSG },
	{ "{\"a\"", "", -EBADMSG },
	{ "{1:2}", "", -EBADMSG },
	{ "[1]", "", -EBADMSG },
	{ "", "", -EBADMSG },
	{ "{\"a\":?}", "", -EBADMSG },
};

START_TEST(all_values_have_their_paths)
{
	walked[0] = '\0';
	strcpy(text, walks[_i].json);
	ck_assert_int_eq(vsu_json_walk(text, on_value, walked, &err), walks[_i].rc);
	ck_assert_str_eq(walked, walks[_i].walked);
}
END_TEST

START_TEST(long_and_deep_paths_are_refused)
{
	char json[VSU_JSON_PATH + 64];

	memset(json, '[', sizeof(json));
	memcpy(json, "{\"a\":", 5);
	json[200] = '\0';
	ck_assert_int_eq(vsu_json_walk(json, on_value, walked, &err), -EBADMSG);
	memset(json, 'a', sizeof(json));
	memcpy(json, "{\"", 2);
	strcpy(json + 2 + VSU_JSON_PATH, "\":1}");
	ck_assert_int_eq(vsu_json_walk(json, on_value, walked, &err), -EBADMSG);
}
END_TEST

START_TEST(strings_that_were_written_are_read_back)
{
	static const char word[] = "a\"b\\c\n\x01\xc3\xa9,,=";
	FILE *to = fmemopen(text, sizeof(text), "w");

	fputs("{\"a\":[", to);
	vsu_json_string(word, to);
	fputs("]}", to);
	fclose(to);
	ck_assert_int_eq(vsu_json_read_strings(text, "a", words, MAX_WORDS, &err), 1);
	ck_assert_str_eq(words[0], word);
}
END_TEST

static const struct { const char *path, *form, *rest; bool matches; unsigned int last; } forms[] = {
	{ "cpus", "cpus", NULL, true, 99 }, { "cpus", "cpu", NULL, false, 99 },
	{ "cpu", "cpus", NULL, false, 99 }, { "", "", NULL, true, 99 },
	{ "counters.lost", "counters.*", "lost", true, 99 },
	{ "counters.", "counters.*", NULL, false, 99 }, { "counters", "counters.*", NULL, false, 99 },
	{ "a.3", "a.#", NULL, true, 3 }, { "a.3.b", "a.#", NULL, false, 99 },
	{ "a.b", "a.#", NULL, false, 99 }, { "a.", "a.#", NULL, false, 99 },
	{ "a.12.b.345.c.d", "a.#.b.#.*", "c.d", true, 345 },
	{ "a.123456789", "a.#", NULL, true, 123456789 }, { "a.1234567890", "a.#", NULL, false, 99 },
};

START_TEST(paths_match_their_forms)
{
	const char *rest = NULL;
	unsigned int last = 99;

	ck_assert_int_eq(vsu_json_match(forms[_i].path, forms[_i].form, &last, &rest),
			 forms[_i].matches);
	ck_assert_uint_eq(last, forms[_i].last);
	ck_assert_pstr_eq(rest, forms[_i].rest);
	ck_assert_int_eq(vsu_json_match(forms[_i].path, forms[_i].form, NULL, NULL),
			 forms[_i].matches);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("json_read");
	TCase *tc = tcase_create("json_read");

	tcase_add_loop_test(tc, strings_of_the_member_are_read, 0,
			    (int)(sizeof(lists) / sizeof(lists[0])));
	tcase_add_loop_test(tc, anything_else_is_refused, 0,
			    (int)(sizeof(faults) / sizeof(faults[0])));
	tcase_add_loop_test(tc, one_string_is_read, 0,
			    (int)(sizeof(single) / sizeof(single[0])));
	tcase_add_test(tc, deep_documents_are_refused);
	tcase_add_loop_test(tc, all_values_have_their_paths, 0,
			    (int)(sizeof(walks) / sizeof(walks[0])));
	tcase_add_test(tc, long_and_deep_paths_are_refused);
	tcase_add_loop_test(tc, paths_match_their_forms, 0,
			    (int)(sizeof(forms) / sizeof(forms[0])));
	tcase_add_test(tc, strings_that_were_written_are_read_back);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
