/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the sentences and operands of a failure. */
#include <config.h>

#include <errno.h>
#include <limits.h>

#include <vmm-sys-util/error.h>

#include "util.h"

#define ROOM (sizeof(((struct vsu_error *)0)->msg) - 1)

/* A string of n times a character, for the caller to free. */
static char *repeat(const char *what, size_t n)
{
	size_t len = strlen(what), i;
	char *s = malloc(n * len + 1);

	ck_assert_ptr_nonnull(s);
	for (i = 0; i < n; i++)
		memcpy(s + i * len, what, len);
	s[n * len] = '\0';
	return s;
}

static bool ends_with(const char *s, const char *end)
{
	return strlen(s) >= strlen(end) &&
	       !strcmp(s + strlen(s) - strlen(end), end);
}

START_TEST(set_fills_the_sentence_and_returns_the_code)
{
	struct vsu_error err = VSU_ERROR_INIT;

	ck_assert_int_eq(vsu_error_set(&err, -EINVAL, "size %d", 7), -EINVAL);
	ck_assert_int_eq(err.code, -EINVAL);
	ck_assert_str_eq(err.msg, "size 7");
}
END_TEST

START_TEST(every_function_accepts_null_and_returns_the_code)
{
	ck_assert_int_eq(vsu_error_set(NULL, -EINVAL, "%d", 7), -EINVAL);
	ck_assert_int_eq(vsu_error_sys(NULL, -EIO, "%d", 7), -EIO);
	ck_assert_int_eq(vsu_error_prefix(NULL, -EPERM, "%d", 7), -EPERM);
	ck_assert_int_eq(vsu_error_operands(NULL, 2, 3, 4), 0);
	vsu_error_clear(NULL);
}
END_TEST

START_TEST(set_forgets_the_operands_of_an_earlier_failure)
{
	struct vsu_error err = VSU_ERROR_INIT;

	vsu_error_set(&err, -EINVAL, "first");
	ck_assert_int_eq(vsu_error_operands(&err, 2, 3, 4), -EINVAL);
	vsu_error_set(&err, -EIO, "second");
	ck_assert_uint_eq(err.arg + err.got + err.limit, 0);
}
END_TEST

START_TEST(long_value_is_shortened_and_the_remedy_survives)
{
	static const size_t lengths[] = { 489, 2047, 2048, 2049, 1000000 };
	struct vsu_error err = VSU_ERROR_INIT;
	char *value = repeat("x", lengths[_i]);

	vsu_error_set(&err, -EINVAL, "option --path: '%s' is too long; use a shorter one",
		      value);
	free(value);
	ck_assert_uint_eq(strlen(err.msg), ROOM);
	ck_assert(!strncmp(err.msg, "option --path: 'xxx", 19));
	ck_assert_ptr_nonnull(strstr(err.msg, "x...x"));
	ck_assert(ends_with(err.msg, "x' is too long; use a shorter one"));
}
END_TEST

START_TEST(sentence_that_just_fits_is_kept)
{
	struct vsu_error err = VSU_ERROR_INIT;
	char *value = repeat("x", ROOM);

	vsu_error_set(&err, -EINVAL, "%s", value);
	ck_assert_str_eq(err.msg, value);
	free(value);
}
END_TEST

START_TEST(shortening_keeps_characters_whole)
{
	struct vsu_error err = VSU_ERROR_INIT;
	char *value = repeat("\xe2\x82\xac", 400);	/* the euro sign */

	vsu_error_set(&err, -EINVAL, "%.*s%s", _i, "abcdef", value);
	free(value);
	ck_assert_ptr_null(strchr(err.msg, '?'));
	ck_assert(ends_with(err.msg, "\xe2\x82\xac"));
	ck_assert_uint_ge(strlen(err.msg), ROOM - 4);
}
END_TEST

static const struct {
	const char *text, *shown;
} characters[] = {
	{ "a\nb\tc\x1b[31m\x7f", "a?b?c?[31m?" },
	{ "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80",
	  "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80" },
	{ "\xc2\x9b" "31m", "??31m" },			/* C1 control */
	{ "\xff\xfe\x80", "???" },
	{ "a\xe2\x80\xae" "b\xe2\x81\xa6\xd8\x9c", "a???b?????" },	/* bidirectional text */
	{ "\xe2\x80\xa8\xe2\x80\x8f", "??????" },	/* a line's end, a mark */
	{ "\xd9\x85\xe2\x80\x8c\xd8\xa7 \xd7\x90", "\xd9\x85\xe2\x80\x8c\xd8\xa7 \xd7\x90" },	/* ordinary words */
	{ "\xc3", "?" },				/* cut off */
	{ "\xe2\x82", "??" },
	{ "\xc0\xaf \xe0\x80\xaf \xf0\x80\x80\xaf",	/* overlong */
	  "?? ??? ????" },
	{ "\xed\xa0\x80 \xf4\x90\x80\x80", "??? ????" },
};

START_TEST(control_characters_become_question_marks)
{
	struct vsu_error err = VSU_ERROR_INIT;

	vsu_error_set(&err, -EBADMSG, "%s", characters[_i].text);
	ck_assert_str_eq(err.msg, characters[_i].shown);
}
END_TEST

START_TEST(unencodable_text_falls_back_to_the_format)
{
	struct vsu_error err = VSU_ERROR_INIT;

	ck_assert_int_eq(vsu_error_set(&err, -EINVAL, "name %ls", L"\x20ac"),
			 -EINVAL);	/* the C locale is plain ASCII */
	ck_assert_str_eq(err.msg, "name %ls");
}
END_TEST

START_TEST(sys_appends_the_reason)
{
	struct vsu_error err = VSU_ERROR_INIT;

	ck_assert_int_eq(vsu_error_sys(&err, -ENOENT, "cannot open '%s'", "x"),
			 -ENOENT);
	ck_assert_str_eq(err.msg, "cannot open 'x': No such file or directory");
}
END_TEST

START_TEST(sys_keeps_the_reason_of_a_long_sentence)
{
	struct vsu_error err = VSU_ERROR_INIT;
	char *value = repeat("x", 5000);

	vsu_error_sys(&err, -ENOENT, "cannot open '%s'", value);
	free(value);
	ck_assert(!strncmp(err.msg, "cannot open 'xxx", 16));
	ck_assert(ends_with(err.msg, "xxx': No such file or directory"));
}
END_TEST

START_TEST(prefix_adds_context_and_keeps_operands)
{
	struct vsu_error err = VSU_ERROR_INIT;

	vsu_error_set(&err, -EINVAL, "size 7");
	vsu_error_operands(&err, 2, 3, 4);
	ck_assert_int_eq(vsu_error_prefix(&err, -EIO, "ring %d", 5), -EIO);
	ck_assert_str_eq(err.msg, "ring 5: size 7");
	ck_assert_int_eq(err.code, -EIO);
	ck_assert_uint_eq(err.limit, 4);
}
END_TEST

START_TEST(prefix_of_no_sentence_is_the_sentence)
{
	struct vsu_error err = VSU_ERROR_INIT;

	ck_assert_int_eq(vsu_error_prefix(&err, -EIO, "ring %d", 5), -EIO);
	ck_assert_str_eq(err.msg, "ring 5");
}
END_TEST

START_TEST(prefix_keeps_both_ends_of_long_sentences)
{
	struct vsu_error err = VSU_ERROR_INIT;
	char *value = repeat("x", 3000);

	vsu_error_set(&err, -EINVAL, "%s; use less", value);
	vsu_error_prefix(&err, -EINVAL, "disk %s", value);
	free(value);
	ck_assert_uint_eq(strlen(err.msg), ROOM);
	ck_assert(!strncmp(err.msg, "disk xxx", 8));
	ck_assert(ends_with(err.msg, "xxx; use less"));
}
END_TEST

START_TEST(a_sentence_may_quote_the_one_it_replaces)
{
	struct vsu_error err = VSU_ERROR_INIT;

	vsu_error_set(&err, -EINVAL, "one");
	vsu_error_set(&err, -EINVAL, "two after %s", err.msg);
	vsu_error_prefix(&err, -EINVAL, "%s again", err.msg);
	ck_assert_str_eq(err.msg, "two after one again: two after one");
}
END_TEST

START_TEST(clear_means_no_error)
{
	const struct vsu_error none = VSU_ERROR_INIT;
	struct vsu_error err;

	memset(&err, 0xff, sizeof(err));
	vsu_error_clear(&err);
	ck_assert_mem_eq(&err, &none, sizeof(err));
}
END_TEST

static const struct {
	int code;
	const char *text;
} codes[] = {
	{ EINVAL, "Invalid argument" },
	{ -EINVAL, "Invalid argument" },
	{ 0, "no error" },
	{ -99999, "error 99999" },
	{ INT_MIN, "error -2147483648" },
	{ INT_MAX, "error 2147483647" },
};

START_TEST(strerror_accepts_either_sign)
{
	char buf[64];

	ck_assert_str_eq(vsu_strerror(codes[_i].code, buf, sizeof(buf)),
			 codes[_i].text);
}
END_TEST

START_TEST(strerror_stays_within_its_buffer)
{
	char buf[8] = "1234567";

	ck_assert_str_eq(vsu_strerror(EINVAL, buf, 4), "Inv");
	ck_assert_str_eq(buf + 4, "567");
	ck_assert_str_eq(vsu_strerror(EINVAL, buf, 0), "");
	ck_assert_str_eq(buf, "Inv");
}
END_TEST

int main(void)
{
	TCase *tc;
	Suite *s = util_suite("error", &tc);

	tcase_add_test(tc, set_fills_the_sentence_and_returns_the_code);
	tcase_add_test(tc, every_function_accepts_null_and_returns_the_code);
	tcase_add_test(tc, set_forgets_the_operands_of_an_earlier_failure);
	tcase_add_loop_test(tc, long_value_is_shortened_and_the_remedy_survives,
			    0, 5);
	tcase_add_test(tc, sentence_that_just_fits_is_kept);
	tcase_add_loop_test(tc, shortening_keeps_characters_whole, 0, 6);
	util_add_rows(tc, control_characters_become_question_marks,
		      characters);
	tcase_add_test(tc, unencodable_text_falls_back_to_the_format);
	tcase_add_test(tc, sys_appends_the_reason);
	tcase_add_test(tc, sys_keeps_the_reason_of_a_long_sentence);
	tcase_add_test(tc, prefix_adds_context_and_keeps_operands);
	tcase_add_test(tc, prefix_of_no_sentence_is_the_sentence);
	tcase_add_test(tc, prefix_keeps_both_ends_of_long_sentences);
	tcase_add_test(tc, a_sentence_may_quote_the_one_it_replaces);
	tcase_add_test(tc, clear_means_no_error);
	util_add_rows(tc, strerror_accepts_either_sign, codes);
	tcase_add_test(tc, strerror_stays_within_its_buffer);
	return run_suite(s);
}
