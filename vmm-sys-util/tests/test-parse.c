/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about numbers, sizes and names that a person typed. */
#include <config.h>

#include <errno.h>

#include <vmm-sys-util/parse.h>

#include "util.h"

#define UNTOUCHED 4711

struct number {
	const char *text;
	int rc;
	uint64_t value;
};

static const struct number numbers[] = {
	{ "0", 0, 0 },
	{ "7", 0, 7 },
	{ "010", 0, 10 },
	{ "0x10", 0, 16 },
	{ "0XfF", 0, 255 },
	{ "18446744073709551615", 0, UINT64_MAX },
	{ "0xffffffffffffffff", 0, UINT64_MAX },
	{ "18446744073709551616", -ERANGE, 0 },
	{ "99999999999999999999999", -ERANGE, 0 },
	{ "0x10000000000000000", -ERANGE, 0 },
	{ "", -EINVAL, 0 },
	{ "x", -EINVAL, 0 },
	{ "0x", -EINVAL, 0 },
	{ "0xg", -EINVAL, 0 },
	{ "-1", -EINVAL, 0 },
	{ "+1", -EINVAL, 0 },
	{ " 1", -EINVAL, 0 },
	{ "1 ", -EINVAL, 0 },
	{ "1.5", -EINVAL, 0 },
	{ "1k", -EINVAL, 0 },
	{ "1e3", -EINVAL, 0 },
	{ "1\n", -EINVAL, 0 },
	{ "99999999999999999999999z", -EINVAL, 0 },
	{ "\xd9\xa1", -EINVAL, 0 },		/* ARABIC-INDIC DIGIT ONE */
};

START_TEST(number_is_the_whole_text)
{
	const struct number *n = &numbers[_i];
	uint64_t value = UNTOUCHED;

	ck_assert_msg(vsu_parse_u64(n->text, &value) == n->rc, "'%s'", n->text);
	ck_assert_uint_eq(value, n->rc ? UNTOUCHED : n->value);
}
END_TEST

static const struct number sizes[] = {
	{ "0", 0, 0 },
	{ "4096", 0, 4096 },
	{ "4k", 0, 4096 },
	{ "4K", 0, 4096 },
	{ "256M", 0, 256 << 20 },
	{ "256m", 0, 256 << 20 },
	{ "3G", 0, UINT64_C(3) << 30 },
	{ "1T", 0, UINT64_C(1) << 40 },
	{ "1P", 0, UINT64_C(1) << 50 },
	{ "15E", 0, UINT64_C(15) << 60 },
	{ "0x10M", 0, 16 << 20 },
	{ "0x1E", 0, 0x1e },			/* a digit, not a suffix */
	{ "16E", -ERANGE, 0 },
	{ "17179869184G", -ERANGE, 0 },
	{ "18446744073709551616k", -ERANGE, 0 },
	{ "1.5G", 0, UINT64_C(3) << 29 },
	{ "0.5M", 0, 512 << 10 },
	{ ".5k", 0, 512 },
	{ "1.k", 0, 1024 },
	{ "0.1k", 0, 102 },			/* 102.4 */
	{ "0.0006k", 0, 1 },			/* 0.6 */
	{ "0.0004k", 0, 0 },
	{ "0.99999999999999999999k", 0, 1024 },
	{ "0.000000000000000001E", 0, 1 },
	{ "15.5E", 0, UINT64_C(31) << 59 },
	{ "15.999999999999999999E", 0, UINT64_MAX },
	{ "1.0", 0, 1 },
	{ "1.5", -EINVAL, 0 },			/* half a byte */
	{ "1.5B", -EINVAL, 0 },
	{ ".", -EINVAL, 0 },
	{ ".k", -EINVAL, 0 },
	{ "1..5k", -EINVAL, 0 },
	{ "0x1.8k", -EINVAL, 0 },
	{ "1,5k", -EINVAL, 0 },
	{ "99999999999999999999.5k", -ERANGE, 0 },
	{ "1KB", 0, 1024 },
	{ "1gb", 0, 1 << 30 },
	{ "1GiB", 0, 1 << 30 },
	{ "1.5mib", 0, 3 << 19 },
	{ "1Gi", -EINVAL, 0 },
	{ "1GBi", -EINVAL, 0 },
	{ "1BB", -EINVAL, 0 },
	{ "1iB", -EINVAL, 0 },
	{ "1GiBx", -EINVAL, 0 },
	{ "1 G", -EINVAL, 0 },
	{ "1B", 0, 1 },
	{ "77b", 0, 77 },
	{ "1Z", -EINVAL, 0 },
	{ "G", -EINVAL, 0 },
	{ "-1G", -EINVAL, 0 },
	{ "", -EINVAL, 0 },
};

static const struct number times[] = {
	{ "0", 0, 0 },
	{ "5", 0, 5000 },
	{ "0x10", 0, 16000 },
	{ "1.5", 0, 1500 },
	{ ".5s", 0, 500 },
	{ "500ms", 0, 500 },
	{ "0.4ms", 0, 0 },
	{ "0.5ms", 0, 1 },
	{ "1.0005s", 0, 1001 },
	{ "1m", 0, 60000 },
	{ "2min", 0, 120000 },
	{ "2sec", 0, 2000 },
	{ "1.5h", 0, 5400000 },
	{ "1d", 0, 86400000 },
	{ "1h30m", 0, 5400000 },
	{ "1m30.5s", 0, 90500 },
	{ "0.99999999999999999999d", 0, 86400000 },
	{ "18446744073709551615ms", 0, UINT64_MAX },
	{ "18446744073709551616ms", -ERANGE, 0 },
	{ "18446744073709551615ms1ms", -ERANGE, 0 },
	{ "18446744073709551615", -ERANGE, 0 },
	{ "213503982335d", -ERANGE, 0 },
	{ "99999999999999999999d1x", -EINVAL, 0 },
	{ "", -EINVAL, 0 },
	{ "s", -EINVAL, 0 },
	{ "1h30", -EINVAL, 0 },		/* of what? */
	{ "1 m", -EINVAL, 0 },
	{ "1m 30s", -EINVAL, 0 },
	{ "1M", -EINVAL, 0 },
	{ "1us", -EINVAL, 0 },
	{ "1msm", -EINVAL, 0 },
	{ "-1s", -EINVAL, 0 },
	{ "1e3s", -EINVAL, 0 },
	{ "1..5s", -EINVAL, 0 },
	{ "1,5s", -EINVAL, 0 },
};

START_TEST(time_has_units_or_is_a_number_of_them)
{
	const struct number *n = &times[_i];
	uint64_t value = UNTOUCHED;

	ck_assert_msg(vsu_parse_time(n->text, 1000, &value) == n->rc, "'%s'", n->text);
	ck_assert_uint_eq(value, n->rc ? UNTOUCHED : n->value);
}
END_TEST

START_TEST(time_without_a_unit_counts_the_unit_of_the_caller)
{
	uint64_t ms = 0;

	ck_assert_int_eq(vsu_parse_time("250", 1, &ms), 0);
	ck_assert_uint_eq(ms, 250);
	ck_assert_int_eq(vsu_parse_time("0.25s", 1, &ms), 0);
	ck_assert_uint_eq(ms, 250);
}
END_TEST

static const struct {
	uint64_t ms;
	const char *text;
} written_times[] = {
	{ 0, "0s" }, { 1, "1ms" }, { 1500, "1500ms" }, { 90000, "90s" }, { 120000, "2m" },
	{ 5400000, "90m" }, { 86400000, "1d" }, { UINT64_C(31536000000), "365d" },
};

START_TEST(time_is_written_in_its_largest_exact_unit)
{
	char text[24];
	uint64_t ms = UNTOUCHED;

	ck_assert_str_eq(vsu_format_time(written_times[_i].ms, text, sizeof(text)), written_times[_i].text);
	ck_assert_int_eq(vsu_parse_time(text, 1, &ms), 0);
	ck_assert_uint_eq(ms, written_times[_i].ms);
}
END_TEST

START_TEST(size_has_one_binary_suffix)
{
	const struct number *n = &sizes[_i];
	uint64_t value = UNTOUCHED;

	ck_assert_msg(vsu_parse_size(n->text, &value) == n->rc, "'%s'",
		      n->text);
	ck_assert_uint_eq(value, n->rc ? UNTOUCHED : n->value);
}
END_TEST

static const struct {
	const char *text;
	int rc;
	bool value;
} truths[] = {
	{ "on", 0, true }, { "off", 0, false },
	{ "yes", 0, true }, { "no", 0, false },
	{ "true", 0, true }, { "false", 0, false },
	{ "y", 0, true }, { "n", 0, false },
	{ "", -EINVAL, 0 }, { "1", -EINVAL, 0 }, { "ON", -EINVAL, 0 },
	{ "onn", -EINVAL, 0 }, { "o", -EINVAL, 0 },
};

START_TEST(eight_words_are_booleans)
{
	bool value = !truths[_i].value;

	ck_assert_int_eq(vsu_parse_bool(truths[_i].text, &value),
			 truths[_i].rc);
	ck_assert_int_eq(value, truths[_i].rc ? !truths[_i].value :
						truths[_i].value);
}
END_TEST

static const struct {
	uint64_t value;
	const char *text;
} formats[] = {
	{ 0, "0" },
	{ 1, "1" },
	{ 1023, "1023" },
	{ 1024, "1k" },
	{ 1536, "1536" },
	{ 2560 << 10, "2560k" },
	{ 256 << 20, "256M" },
	{ UINT64_C(1) << 30, "1G" },
	{ UINT64_C(1) << 40, "1T" },
	{ UINT64_C(1) << 50, "1P" },
	{ UINT64_C(8) << 60, "8E" },
	{ UINT64_MAX, "18446744073709551615" },
};

START_TEST(size_is_written_short_and_exact)
{
	char buf[24];
	uint64_t back;

	ck_assert_str_eq(vsu_format_size(formats[_i].value, buf, sizeof(buf)),
			 formats[_i].text);
	ck_assert_int_eq(vsu_parse_size(buf, &back), 0);
	ck_assert_uint_eq(back, formats[_i].value);
}
END_TEST

START_TEST(format_stays_within_its_buffer)
{
	char buf[8] = "1234567";

	ck_assert_str_eq(vsu_format_size(10239, buf, 4), "102");
	ck_assert_str_eq(buf + 4, "567");
}
END_TEST

static const char *const names[] = {
	"socket-path", "blk-file", "read-only", "num-queues", "help", "version",
	NULL,
};

static const struct {
	const char *word, *nearest;
} guesses[] = {
	{ "socket-path", "socket-path" },
	{ "sokcet-path", "socket-path" },	/* swapped */
	{ "socketpath", "socket-path" },	/* left out */
	{ "socket-paths", "socket-path" },	/* inserted */
	{ "socket_path", "socket-path" },
	{ "SOCKET-PATH", "socket-path" },
	{ "blkfile", "blk-file" },
	{ "readonly", "read-only" },
	{ "num-queue", "num-queues" },
	{ "nun-quebes", "num-queues" },
	{ "he", "help" },			/* the beginning of one */
	{ "h", NULL },				/* of too many */
	{ "num", "num-queues" },
	{ "hlep", "help" },
	{ "x", NULL },
	{ "", NULL },
	{ "path", NULL },
	{ "completely-different", NULL },
	{ "a-word-of-more-than-48-characters-is-no-typing-mistake", NULL },
};

START_TEST(nearest_name_is_suggested)
{
	const char *nearest = vsu_nearest(guesses[_i].word, names);

	ck_assert_msg(nearest == guesses[_i].nearest ||
		      (nearest && guesses[_i].nearest &&
		       !strcmp(nearest, guesses[_i].nearest)),
		      "'%s' gives %s", guesses[_i].word,
		      nearest ? nearest : "nothing");
}
END_TEST

START_TEST(nearest_of_several_wins)
{
	static const char *const both[] = { "reads", "read", "bread", NULL };
	static const char *const none[] = { NULL };

	ck_assert_str_eq(vsu_nearest("raed", both), "read");
	ck_assert_str_eq(vsu_nearest("breads", both), "reads");
	ck_assert_ptr_null(vsu_nearest("read", none));
}
END_TEST

static const struct {
	const char *text;
	bool is_address, is_prefixed;
} addresses[] = {
	{ "192.0.2.2", true, false }, { "0.0.0.0", true, false }, { "192.0.2", false, false }, { "192.0.2.256", false, false },
	{ "", false, false }, { "::1", false, false }, { "192.0.2.2 ", false, false },
	{ "192.0.2.2/24", false, true }, { "192.0.2.2/1", false, true }, { "192.0.2.2/32", false, true },
	{ "192.0.2.2/0", false, false }, { "192.0.2.2/33", false, false }, { "192.0.2.2/", false, false },
	{ "192.0.2/24", false, false }, { "/24", false, false }, { "192.0.2.2/24/8", false, false },
	{ "1192.1192.1192.1192.1192/24", false, false },
};

START_TEST(address_is_the_whole_text)
{
	ck_assert_int_eq(vsu_is_ipv4(addresses[_i].text), addresses[_i].is_address);
	ck_assert_int_eq(vsu_is_ipv4_prefixed(addresses[_i].text), addresses[_i].is_prefixed);
}
END_TEST

int main(void)
{
	TCase *tc;
	Suite *s = util_suite("parse", &tc);

	util_add_rows(tc, number_is_the_whole_text, numbers);
	util_add_rows(tc, size_has_one_binary_suffix, sizes);
	util_add_rows(tc, eight_words_are_booleans, truths);
	util_add_rows(tc, size_is_written_short_and_exact, formats);
	util_add_rows(tc, time_has_units_or_is_a_number_of_them, times);
	tcase_add_test(tc, time_without_a_unit_counts_the_unit_of_the_caller);
	util_add_rows(tc, time_is_written_in_its_largest_exact_unit, written_times);
	tcase_add_test(tc, format_stays_within_its_buffer);
	util_add_rows(tc, address_is_the_whole_text, addresses);
	util_add_rows(tc, nearest_name_is_suggested, guesses);
	tcase_add_test(tc, nearest_of_several_wins);
	return run_suite(s);
}
