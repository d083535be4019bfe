/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about command lines, lists, and the sentences that refuse them. */
#include <config.h>

#include <errno.h>

#include <vmm-sys-util/option.h>

#include "util.h"

static const char *const engines[] = { "auto", "io_uring", "sync", NULL };

/* rows that tests name */
#define QUEUES 2
#define SIZE 3

static const struct vsu_option table[] = {
	{ .name = "blk-file", .kind = VSU_OPTION_STRING, .arg = "FILE",
	  .help = "image to serve" },
	{ .name = "read-only", .kind = VSU_OPTION_FLAG, .letter = 'r',
	  .help = "refuse writes" },
	{ .name = "num-queues", .kind = VSU_OPTION_U64,
	  .help = "request queues", .min = 1, .max = 16, .preset = "1" },
	{ .name = "size", .kind = VSU_OPTION_SIZE, .help = "size of the disk",
	  .min = 4096, .max = UINT64_C(1) << 40, .example = "1.5G" },
	{ .name = "engine", .kind = VSU_OPTION_CHOICE,
	  .help = "how requests are done", .choices = engines },
	{ .name = "tag", .kind = VSU_OPTION_STRING, .help = "a label",
	  .repeat = true },
	{ .name = "cookie", .kind = VSU_OPTION_U64, .help = "any number",
	  .repeat = true, .preset = "none" },
	{ .name = NULL },
};

static struct vsu_error err;
static char heard[512];	/* "index=text/number;" for each option */
static int answer;	/* what the callback returns */

static int hear(void *opaque, unsigned int index,
		const struct vsu_option_value *value, struct vsu_error *e)
{
	size_t used = strlen(heard);

	ck_assert_ptr_eq(opaque, heard);
	ck_assert_ptr_eq(e, &err);
	snprintf(heard + used, sizeof(heard) - used, "%u=%s/%llu;", index,
		 value->text, (unsigned long long)value->number);
	return answer;
}

/* Parses "program" and the given words, up to NULL; gives the operands. */
static int parse(char *const *words, int *operands)
{
	char name[] = "program";
	char *argv[16] = { name };
	int argc = 1;

	while (words[argc - 1]) {
		argv[argc] = words[argc - 1];
		argc++;
	}
	heard[0] = '\0';
	return vsu_option_parse_argv(table, argc, argv, hear, heard, operands,
				     &err);
}

#define WORDS(...) ((char *[]){ __VA_ARGS__, NULL })

static char scratch[256];

static int parse_list(const char *list)
{
	heard[0] = '\0';
	return vsu_option_parse_list(table, "--disk", list, scratch,
				     strlen(list) + 1, hear, heard, &err);
}

START_TEST(both_forms_of_a_value_are_the_same)
{
	char a[] = "--blk-file=x=y", b[] = "--num-queues", c[] = "0x10",
	     d[] = "--read-only", e[] = "--size", f[] = "1M",
	     g[] = "--engine=sync", h[] = "--cookie=18446744073709551615";
	int operands = 99;

	ck_assert_int_eq(parse(WORDS(a, b, c, d, e, f, g, h), &operands), 0);
	ck_assert_str_eq(heard, "0=x=y/0;2=0x10/16;1=on/1;3=1M/1048576;4=sync/2;6=18446744073709551615/18446744073709551615;");
	ck_assert_int_eq(operands, 9);
}
END_TEST

START_TEST(operands_begin_at_the_first_other_word)
{
	char a[] = "--read-only", b[] = "file", c[] = "--read-only", d[] = "-";
	int operands = 99;

	ck_assert_int_eq(parse(WORDS(a, b, c), &operands), 0);
	ck_assert_int_eq(operands, 2);
	ck_assert_str_eq(heard, "1=on/1;");
	ck_assert_int_eq(parse(WORDS(d, a), &operands), 0);
	ck_assert_int_eq(operands, 1);
}
END_TEST

START_TEST(two_dashes_end_the_options)
{
	char a[] = "--read-only", b[] = "--", c[] = "--size";
	int operands = 99;

	ck_assert_int_eq(parse(WORDS(a, b, c), &operands), 0);
	ck_assert_int_eq(operands, 3);
	ck_assert_int_eq(parse(WORDS(a, b), &operands), 0);
	ck_assert_int_eq(operands, 3);
}
END_TEST

START_TEST(no_words_are_no_options)
{
	char *argv[] = { NULL };
	int operands = 99;

	ck_assert_int_eq(vsu_option_parse_argv(table, 0, argv, hear, heard,
					       &operands, &err), 0);
	ck_assert_int_eq(operands, 0);
}
END_TEST

START_TEST(values_may_be_empty_or_begin_with_dashes)
{
	char a[] = "--tag=", b[] = "--tag", c[] = "", d[] = "--tag=--size",
	     e[] = "--tag", f[] = "--other", g[] = "--tag", h[] = "-";
	int operands;

	ck_assert_int_eq(parse(WORDS(a, b, c, d, e, f, g, h), &operands), 0);
	ck_assert_str_eq(heard, "5=/0;5=/0;5=--size/0;5=--other/0;5=-/0;");
}
END_TEST

static const struct {
	const char *words[3];
	int rc;
	const char *msg;
} refused[] = {
	{ { "--blk-flie=x" }, -ENOENT,
	  "unknown option '--blk-flie'; did you mean '--blk-file'?" },
	{ { "--nonsense" }, -ENOENT,
	  "unknown option '--nonsense'" },
	{ { "-s" }, -ENOENT, "unknown option '-s'" },
	{ { "-size=1" }, -ENOENT,
	  "unknown option '-size'; did you mean '--size'?" },
	{ { "---size" }, -ENOENT,
	  "unknown option '---size'; did you mean '--size'?" },
	{ { "--siz" }, -ENOENT, "unknown option '--siz'; did you mean '--size'?" },
	{ { "--=x" }, -ENOENT,
	  "unknown option '--'" },
	{ { "--blk-file" }, -EINVAL,
	  "option --blk-file needs a value; write --blk-file=FILE" },
	{ { "--blk-file", "--size=4k" }, -EINVAL,
	  "option --blk-file needs a value, and '--size=4k' is an option; write --blk-file=FILE" },
	{ { "--size", "--" }, -EINVAL,
	  "option --size needs a value, and '--' is an option; write --size=SIZE, as in --size=1.5G" },
	{ { "--read-only=on" }, -EINVAL,
	  "option --read-only takes no value, but has 'on'; write --read-only alone, or leave it out" },
	{ { "--read-only=" }, -EINVAL,
	  "option --read-only takes no value, but has ''; write --read-only alone, or leave it out" },
	{ { "--read-only", "--read-only" }, -EINVAL,
	  "option --read-only is specified more than once" },
	{ { "--num-queues=two" }, -EINVAL,
	  "option --num-queues: 'two' is not a number; give a decimal or 0x hexadecimal number, 1 to 16" },
	{ { "--num-queues=17" }, -EINVAL,
	  "option --num-queues: 17 is out of range; allowed is 1 to 16" },
	{ { "--num-queues=0" }, -EINVAL,
	  "option --num-queues: 0 is out of range; allowed is 1 to 16" },
	{ { "--num-queues=99999999999999999999" }, -EINVAL,
	  "option --num-queues: '99999999999999999999' exceeds 64 bits; allowed is 1 to 16" },
	{ { "--cookie=99999999999999999999" }, -EINVAL,
	  "option --cookie: '99999999999999999999' exceeds 64 bits" },
	{ { "--cookie=" }, -EINVAL,
	  "option --cookie: '' is not a number; give a decimal or 0x hexadecimal number" },
	{ { "--size=12Q" }, -EINVAL,
	  "option --size: '12Q' is not a size; give bytes, or a number with k, M, G, T, P or E, as in 1.5G, 4k to 1T" },
	{ { "--num-queues=0.5" }, -EINVAL,
	  "option --num-queues: '0.5' is not a whole number; give a decimal or 0x hexadecimal number, 1 to 16" },
	{ { "--size=2T" }, -EINVAL,
	  "option --size: 2T is out of range; allowed is 4k to 1T" },
	{ { "--engine=iouring" }, -EINVAL,
	  "option --engine: 'iouring' is not one of auto, io_uring or sync; did you mean 'io_uring'?" },
	{ { "--engine=magic" }, -EINVAL,
	  "option --engine: 'magic' is not one of auto, io_uring or sync" },
};

START_TEST(command_line_is_refused_with_a_remedy)
{
	char a[64], b[64];
	char *words[] = { a, refused[_i].words[1] ? b : NULL, NULL };
	int operands = 99;

	strcpy(a, refused[_i].words[0]);
	strcpy(b, refused[_i].words[1] ? refused[_i].words[1] : "");
	ck_assert_int_eq(parse(words, &operands), refused[_i].rc);
	ck_assert_str_eq(err.msg, refused[_i].msg);
	ck_assert_int_eq(err.code, refused[_i].rc);
	ck_assert_int_eq(operands, 99);
}
END_TEST

static const struct {
	const char *key, *value;
	int rc;
	const char *result;	/* what arrives, or the sentence */
} timed[] = {
	{ "wait", "1.5", 0, "0=1.5/1500;" },
	{ "wait", "2m", 0, "0=2m/120000;" },
	{ "delay", "250", 0, "1=250/250;" },
	{ "delay", "1s", 0, "1=1s/1000;" },
	{ "wait", "2x", -EINVAL, "--disk: key 'wait': '2x' is not a time; give seconds, or numbers with ms, s, m, h or d, as in 1m30s, 1ms to 1h" },
	{ "wait", "2h", -EINVAL, "--disk: key 'wait': 2h is out of range; allowed is 1ms to 1h" },
	{ "delay", "2k", -EINVAL, "--disk: key 'delay': '2k' is not a time; give milliseconds, or numbers with ms, s, m, h or d, as in 1.5s" },
};

START_TEST(times_are_milliseconds_and_refused_with_a_remedy)
{
	static const struct vsu_option rows[] = {
		{ .name = "wait", .kind = VSU_OPTION_TIME, .min = 1, .max = 3600000 },
		{ .name = "delay", .kind = VSU_OPTION_TIME_MS },
		{ .name = NULL },
	};

	heard[0] = '\0';
	ck_assert_int_eq(vsu_option_parse_pair(rows, "--disk", timed[_i].key, timed[_i].value, hear, heard, &err), timed[_i].rc);
	ck_assert_str_eq(timed[_i].rc ? err.msg : heard, timed[_i].result);
}
END_TEST

START_TEST(help_of_a_time_has_its_limits)
{
	static const struct vsu_option rows[] = {
		{ .name = "wait", .kind = VSU_OPTION_TIME, .help = "patience", .min = 1, .max = 3600000 },
		{ .name = NULL },
	};
	char text[128];

	vsu_option_help(rows, text, sizeof(text));
	ck_assert_str_eq(text, "  --wait=TIME               patience (1ms to 1h)\n");
}
END_TEST

START_TEST(range_refusal_carries_its_operands)
{
	char a[] = "--num-queues=17", b[] = "--size=5";
	int operands;

	ck_assert_int_eq(parse(WORDS(a), &operands), -EINVAL);
	ck_assert_uint_eq(err.arg, QUEUES);
	ck_assert_uint_eq(err.got, 17);
	ck_assert_uint_eq(err.limit, 16);
	ck_assert_int_eq(parse(WORDS(b), &operands), -EINVAL);
	ck_assert_uint_eq(err.arg, SIZE);
	ck_assert_uint_eq(err.got, 5);
	ck_assert_uint_eq(err.limit, 4096);
}
END_TEST

START_TEST(caller_may_refuse_and_stop)
{
	char a[] = "--tag=x", b[] = "--size=4k";
	int operands = 99;

	answer = -EEXIST;
	ck_assert_int_eq(parse(WORDS(a, b), &operands), -EEXIST);
	answer = 0;
	ck_assert_str_eq(err.msg, "option --tag: 'x' is refused: File exists");
	ck_assert_str_eq(heard, "5=x/0;");
	ck_assert_int_eq(operands, 99);
}
END_TEST

static int refuse_with_sentence(void *opaque, unsigned int index,
				const struct vsu_option_value *value,
				struct vsu_error *e)
{
	(void)opaque;
	(void)index;
	return vsu_error_set(e, -EPERM, "not '%s' today", value->text);
}

START_TEST(sentence_of_the_caller_is_kept)
{
	ck_assert_int_eq(vsu_option_parse_list(table, "--disk", "tag=x",
					       scratch, sizeof(scratch),
					       refuse_with_sentence, NULL,
					       &err), -EPERM);
	ck_assert_str_eq(err.msg, "not 'x' today");
}
END_TEST

START_TEST(long_value_keeps_option_and_remedy)
{
	char word[2048];
	int operands;

	memset(word, 'x', sizeof(word));
	memcpy(word, "--engine=", 9);
	strcpy(word + sizeof(word) - 4, "end");
	ck_assert_int_eq(parse(WORDS(word), &operands), -EINVAL);
	ck_assert(!strncmp(err.msg, "option --engine: 'xxx", 21));
	ck_assert_ptr_nonnull(strstr(err.msg, "xend' is not one of auto, io_uring or sync"));
}
END_TEST

static const struct {
	const char *list, *heard;
} lists[] = {
	{ "", "" },
	{ "blk-file=a", "0=a/0;" },
	{ "blk-file=a,read-only,size=1M", "0=a/0;1=on/1;3=1M/1048576;" },
	{ "read-only=off", "1=off/0;" },
	{ "read-only=yes,engine=auto", "1=yes/1;4=auto/0;" },
	{ "blk-file=a,,b,tag=,,", "0=a,b/0;5=,/0;" },
	{ "blk-file=,,,,,tag=x", "0=,,/0;5=x/0;" },
	{ "tag=,tag=a=b", "5=/0;5=a=b/0;" },
};

START_TEST(list_is_split_at_single_commas)
{
	ck_assert_msg(!parse_list(lists[_i].list), "%s", err.msg);
	ck_assert_str_eq(heard, lists[_i].heard);
}
END_TEST

static const struct {
	const char *list;
	int rc;
	const char *msg;
} bad_lists[] = {
	{ "fiel=x", -ENOENT,
	  "--disk: unknown key 'fiel'; the keys are blk-file, read-only, num-queues, size, engine, tag, cookie" },
	{ "blk_file=x", -ENOENT,
	  "--disk: unknown key 'blk_file'; did you mean 'blk-file'?" },
	{ "blk-file", -EINVAL,
	  "--disk: key 'blk-file' needs a value; write blk-file=FILE" },
	{ "size", -EINVAL, "--disk: key 'size' needs a value; write size=SIZE, as in size=1.5G" },
	{ "engine", -EINVAL,
	  "--disk: key 'engine': 'on' is not one of auto, io_uring or sync" },
	{ "read-only=maybe", -EINVAL,
	  "--disk: key 'read-only': 'maybe' is neither on nor off; write read-only=on or read-only=off" },
	{ "num-queues=17", -EINVAL,
	  "--disk: key 'num-queues': 17 is out of range; allowed is 1 to 16" },
	{ "size=4k,size=8k", -EINVAL,
	  "--disk: key 'size' is specified more than once" },
	{ "tag=x,", -EINVAL,
	  "--disk: a key is missing; write key=value,key=value and double a comma within a value" },
	{ ",tag=x", -EINVAL,
	  "--disk: a key is missing; write key=value,key=value and double a comma within a value" },
	{ "=x", -EINVAL,
	  "--disk: a key is missing; write key=value,key=value and double a comma within a value" },
	{ "read-only,,tag=x", -EINVAL,
	  "--disk: a key is missing; write key=value,key=value and double a comma within a value" },
};

START_TEST(list_is_refused_with_a_remedy)
{
	ck_assert_int_eq(parse_list(bad_lists[_i].list), bad_lists[_i].rc);
	ck_assert_str_eq(err.msg, bad_lists[_i].msg);
	ck_assert_int_eq(err.code, bad_lists[_i].rc);
}
END_TEST

START_TEST(list_that_exceeds_scratch_is_refused)
{
	char small[6] = "12345";

	ck_assert_int_eq(vsu_option_parse_list(table, "--disk", "tag=x", small,
					       5, hear, heard, &err), -EINVAL);
	ck_assert_str_eq(err.msg, "--disk: the list has 5 characters, at most 4 fit; shorten it");
	ck_assert_str_eq(small, "12345");
	ck_assert_int_eq(vsu_option_parse_list(table, "--disk", "tag=x", small,
					       0, hear, heard, &err), -EINVAL);
	ck_assert_int_eq(vsu_option_parse_list(table, "--disk", "tag=x", small,
					       6, hear, heard, &err), 0);
}
END_TEST

START_TEST(table_may_have_256_rows)
{
	static struct vsu_option rows[258];
	static char names[257][8];
	int i;

	for (i = 0; i < 257; i++) {
		snprintf(names[i], sizeof(names[i]), "n%d", i);
		rows[i].name = names[i];
	}
	ck_assert_int_eq(vsu_option_parse_list(rows, "--x", "n1", scratch, 8,
					       hear, heard, &err), -EINVAL);
	rows[256].name = NULL;
	ck_assert_int_eq(vsu_option_parse_list(rows, "--x", "n1,n255", scratch,
					       8, hear, heard, &err), 0);
	ck_assert_int_eq(vsu_option_parse_list(rows, "--x", "n255,n255",
					       scratch, 10, hear, heard, &err),
			 -EINVAL);
}
END_TEST

START_TEST(many_keys_are_cut_off_between_two)
{
	static struct vsu_option rows[101];
	static char names[100][8];
	int i;

	for (i = 0; i < 100; i++) {
		snprintf(names[i], sizeof(names[i]), "key%02d", i);
		rows[i].name = names[i];
	}
	ck_assert_int_eq(vsu_option_parse_list(rows, "--x", "what", scratch, 8,
					       hear, heard, &err), -ENOENT);
	ck_assert(!strncmp(err.msg, "--x: unknown key 'what'; the keys are key00, key01, ",
			   49));
	ck_assert_str_eq(err.msg + strlen(err.msg) - 10, "key21, ...");
}
END_TEST

/* For each length of the last key that may fit. */
START_TEST(keys_that_are_cut_off_end_with_three_dots)
{
	static const char key[] = "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk";
	struct vsu_option rows[] = {
		{ .name = key }, { .name = key }, { .name = key + _i }, { .name = key },
		{ .name = NULL },
	};

	ck_assert_int_eq(vsu_option_parse_list(rows, "--x", "what", scratch, 8,
					       hear, heard, &err), -ENOENT);
	ck_assert_str_eq(err.msg + strlen(err.msg) - 5, ", ...");
}
END_TEST

START_TEST(help_is_aligned_and_complete)
{
	char text[1024];
	size_t len = vsu_option_help(table, text, sizeof(text));

	ck_assert_str_eq(text,
		"  --blk-file=FILE           image to serve\n"
		"  -r, --read-only           refuse writes\n"
		"  --num-queues=N            request queues (1 to 16; default 1)\n"
		"  --size=SIZE               size of the disk (4k to 1T; as in --size=1.5G)\n"
		"  --engine=auto|io_uring|sync  how requests are done\n"
		"  --tag=TEXT                a label\n"
		"  --cookie=N                any number (default none)\n");
	ck_assert_uint_eq(len, strlen(text));
}
END_TEST

START_TEST(help_of_a_list_has_no_dashes)
{
	char text[1024];
	size_t len = vsu_option_help_list(table, text, sizeof(text));

	ck_assert_str_eq(text,
		"  blk-file=FILE             image to serve\n"
		"  read-only=on|off          refuse writes\n"
		"  num-queues=N              request queues (1 to 16; default 1)\n"
		"  size=SIZE                 size of the disk (4k to 1T; as in size=1.5G)\n"
		"  engine=auto|io_uring|sync how requests are done\n"
		"  tag=TEXT                  a label\n"
		"  cookie=N                  any number (default none)\n");
	ck_assert_uint_eq(len, strlen(text));
}
END_TEST

START_TEST(single_pair_is_checked_like_a_list)
{
	heard[0] = '\0';
	ck_assert_int_eq(vsu_option_parse_pair(table, "--disk", "blk-file",
					       "a,,b=c", hear, heard, &err), 0);
	ck_assert_str_eq(heard, "0=a,,b=c/0;");
	ck_assert_int_eq(vsu_option_parse_pair(table, "--disk", "size", "1,5M",
					       hear, heard, &err), -EINVAL);
	ck_assert_str_eq(err.msg, "--disk: key 'size': '1,5M' is not a size; give bytes, or a number with k, M, G, T, P or E, as in 1.5G, 4k to 1T");
	ck_assert_int_eq(vsu_option_parse_pair(table, "--disk", "sise", "1M",
					       hear, heard, &err), -ENOENT);
	ck_assert_str_eq(err.msg, "--disk: unknown key 'sise'; did you mean 'size'?");
}
END_TEST

/* A command line whose operands can be anywhere. */
static const struct vsu_option words_table[] = {
	VSU_OPTION_ROW_HELP,
	{ .name = "KERNEL", .kind = VSU_OPTION_OPERAND },
	{ .name = "cpus", .kind = VSU_OPTION_U64, .min = 1, .max = 8 },
	VSU_OPTION_ROW_VERSION,
	{ .name = "DISK", .kind = VSU_OPTION_OPERAND, .repeat = true },
	{ .name = NULL },
};

static int parse_words(const struct vsu_option *rows, char *const *argv,
		       int argc)
{
	heard[0] = '\0';
	return vsu_option_parse_argv(rows, argc, argv, hear, heard, NULL, &err);
}

#define ARGV(...) ((char *const []){ (char[]){ "program" }, __VA_ARGS__ })

START_TEST(operands_stand_anywhere_and_arrive_in_order)
{
	char a[] = "kernel", b[] = "--cpus", c[] = "2", d[] = "disk",
	     e[] = "-", f[] = "-h", g[] = "--", h[] = "--cpus=9";

	ck_assert_int_eq(parse_words(words_table, ARGV(a, b, c, d, e, f, g, h),
				     9), 0);
	ck_assert_str_eq(heard, "1=kernel/0;2=2/2;4=disk/0;4=-/0;0=on/1;4=--cpus=9/0;");
	ck_assert_int_eq(parse_words(words_table, ARGV(b, c, g), 4), 0);
	ck_assert_str_eq(heard, "2=2/2;");
}
END_TEST

START_TEST(a_letter_is_the_same_as_its_name)
{
	char a[] = "-h", b[] = "-V", c[] = "-x", d[] = "-hV", e[] = "--cpus";

	ck_assert_int_eq(parse_words(words_table, ARGV(b, a), 3), 0);
	ck_assert_str_eq(heard, "3=on/1;0=on/1;");
	ck_assert_int_eq(parse_words(words_table, ARGV(c), 2), -ENOENT);
	ck_assert_str_eq(err.msg, "unknown option '-x'; try --help for the list of options");
	ck_assert_int_eq(parse_words(words_table, ARGV(d), 2), -ENOENT);
	ck_assert_int_eq(parse_words(words_table, ARGV(e, a), 3), -EINVAL);
	ck_assert_str_eq(err.msg, "option --cpus needs a value, and '-h' is an option; write --cpus=N");
	ck_assert_int_eq(parse_words(words_table, ARGV(a, a), 3), -EINVAL);
	ck_assert_str_eq(err.msg, "option --help is specified more than once");
}
END_TEST

START_TEST(a_word_too_many_is_refused)
{
	char a[] = "one", b[] = "two", c[] = "--KERNEL=x", d[] = "--KERNEL";
	const struct vsu_option one[] = {
		{ .name = "FILE", .kind = VSU_OPTION_OPERAND },
		{ .name = NULL },
	}, with_help[] = { VSU_OPTION_ROW_HELP, { .name = NULL } };

	ck_assert_int_eq(parse_words(one, ARGV(a, b), 3), -ENOENT);
	ck_assert_str_eq(err.msg, "unexpected argument 'two' after FILE");
	ck_assert_int_eq(parse_words(table, ARGV(a), 2), -ENOENT);
	ck_assert_str_eq(err.msg, "unexpected argument 'one'");
	ck_assert_int_eq(parse_words(with_help, ARGV(a), 2), -ENOENT);
	ck_assert_str_eq(err.msg, "unexpected argument 'one'; see --help");
	ck_assert_int_eq(parse_words(words_table, ARGV(c), 2), -ENOENT);
	ck_assert_int_eq(parse_words(words_table, ARGV(d), 2), -ENOENT);
	ck_assert_str_eq(err.msg, "unknown option '--KERNEL'; try --help for the list of options");
}
END_TEST

START_TEST(an_operand_that_is_refused_ends_the_parse)
{
	char a[] = "one", b[] = "two";

	answer = -EBADF;
	ck_assert_int_eq(parse_words(words_table, ARGV(a, b), 3), -EBADF);
	answer = 0;
	ck_assert_str_eq(heard, "1=one/0;");
	ck_assert_str_eq(err.msg, "KERNEL: 'one' is refused: Bad file descriptor");
}
END_TEST

START_TEST(help_counts_what_does_not_fit)
{
	char text[16] = "123456789012345", whole[1024];
	size_t len = vsu_option_help(table, whole, sizeof(whole));

	ck_assert_uint_eq(vsu_option_help(table, NULL, 0), len);
	ck_assert_uint_eq(vsu_option_help(table, text, 10), len);
	ck_assert_str_eq(text, "  --blk-f");
	ck_assert_str_eq(text + 10, "12345");
}
END_TEST

static const struct vsu_option with_long_names[] = {
	{ .name = "a", .kind = VSU_OPTION_STRING, .arg = "12345678901234567890123", .help = "fits" },
	{ .name = "b", .kind = VSU_OPTION_STRING, .arg = "123456789012345678901234", .help = "does not" },
	{ .name = NULL },
};

START_TEST(sentence_has_a_line_of_its_own_if_its_column_is_taken)
{
	char text[512];

	vsu_option_help_list(with_long_names, text, sizeof(text));
	ck_assert_str_eq(text, "  a=12345678901234567890123 fits\n"
			       "  b=123456789012345678901234\n"
			       "                            does not\n");
}
END_TEST

static const struct vsu_option with_shared_lines[] = {
	{ .name = "quick", .kind = VSU_OPTION_FLAG, .letter = 'q' },
	{ .name = "quiet", .kind = VSU_OPTION_FLAG, .help = "without a word" },
	{ .name = "last", .kind = VSU_OPTION_FLAG },
	{ .name = NULL },
};

START_TEST(flags_without_help_share_the_next_line)
{
	char text[512];

	vsu_option_help(with_shared_lines, text, sizeof(text));
	ck_assert_str_eq(text, "  -q, --quick, --quiet      without a word\n"
			       "  --last                    \n");
	vsu_option_help_list(with_shared_lines, text, sizeof(text));
	ck_assert_ptr_nonnull(strstr(text, "  quick=on|off"));
	ck_assert_ptr_nonnull(strstr(text, "\n  quiet=on|off"));
}
END_TEST

/* "file" is a row, so that the second alias is without effect. */
static const struct vsu_option with_aliases[] = {
	{ .name = "num-queues", .kind = VSU_OPTION_U64, .min = 1, .max = 16 },
	{ .name = "file", .kind = VSU_OPTION_STRING },
	{ .name = "queues", .kind = VSU_OPTION_ALIAS, .arg = "num-queues" },
	{ .name = "file", .kind = VSU_OPTION_ALIAS, .arg = "num-queues" },
	{ .name = NULL },
};

static int parse_aliases(const char *list)
{
	static char room[64];

	heard[0] = '\0';
	return vsu_option_parse_list(with_aliases, "--disk", list, room,
				     sizeof(room), hear, heard, &err);
}

START_TEST(alias_is_delivered_as_the_row_that_it_names)
{
	ck_assert_int_eq(parse_aliases("queues=3,file=a"), 0);
	ck_assert_str_eq(heard, "0=3/3;1=a/0;");
	ck_assert_int_eq(parse_aliases("queues=17"), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "key 'num-queues'"));
}
END_TEST

START_TEST(alias_counts_as_the_row_that_it_names)
{
	ck_assert_int_eq(parse_aliases("queues=3,num-queues=3"), -EINVAL);
	ck_assert_str_eq(heard, "0=3/3;");
}
END_TEST

START_TEST(alias_is_neither_in_help_nor_in_suggestions)
{
	char text[512];

	vsu_option_help(with_aliases, text, sizeof(text));
	ck_assert_ptr_null(strstr(text, "--queues"));
	ck_assert_int_eq(parse_aliases("num-queue=1"), -ENOENT);
	ck_assert_ptr_nonnull(strstr(err.msg, "'num-queues'?"));
	ck_assert_int_eq(parse_aliases("nothing-near=1"), -ENOENT);
	ck_assert_ptr_null(strstr(err.msg, "..."));
	ck_assert_ptr_nonnull(strstr(err.msg, "num-queues, file"));
}
END_TEST

int main(void)
{
	TCase *tc;
	Suite *s = util_suite("option", &tc);

	tcase_add_test(tc, both_forms_of_a_value_are_the_same);
	tcase_add_test(tc, operands_begin_at_the_first_other_word);
	tcase_add_test(tc, two_dashes_end_the_options);
	tcase_add_test(tc, no_words_are_no_options);
	tcase_add_test(tc, values_may_be_empty_or_begin_with_dashes);
	util_add_rows(tc, command_line_is_refused_with_a_remedy, refused);
	util_add_rows(tc, times_are_milliseconds_and_refused_with_a_remedy, timed);
	tcase_add_test(tc, help_of_a_time_has_its_limits);
	tcase_add_test(tc, range_refusal_carries_its_operands);
	tcase_add_test(tc, caller_may_refuse_and_stop);
	tcase_add_test(tc, sentence_of_the_caller_is_kept);
	tcase_add_test(tc, long_value_keeps_option_and_remedy);
	util_add_rows(tc, list_is_split_at_single_commas, lists);
	util_add_rows(tc, list_is_refused_with_a_remedy, bad_lists);
	tcase_add_test(tc, list_that_exceeds_scratch_is_refused);
	tcase_add_test(tc, table_may_have_256_rows);
	tcase_add_test(tc, many_keys_are_cut_off_between_two);
	tcase_add_loop_test(tc, keys_that_are_cut_off_end_with_three_dots, 0, 20);
	tcase_add_test(tc, help_is_aligned_and_complete);
	tcase_add_test(tc, help_of_a_list_has_no_dashes);
	tcase_add_test(tc, help_counts_what_does_not_fit);
	tcase_add_test(tc, sentence_has_a_line_of_its_own_if_its_column_is_taken);
	tcase_add_test(tc, flags_without_help_share_the_next_line);
	tcase_add_test(tc, single_pair_is_checked_like_a_list);
	tcase_add_test(tc, operands_stand_anywhere_and_arrive_in_order);
	tcase_add_test(tc, alias_is_delivered_as_the_row_that_it_names);
	tcase_add_test(tc, alias_counts_as_the_row_that_it_names);
	tcase_add_test(tc, alias_is_neither_in_help_nor_in_suggestions);
	tcase_add_test(tc, a_letter_is_the_same_as_its_name);
	tcase_add_test(tc, a_word_too_many_is_refused);
	tcase_add_test(tc, an_operand_that_is_refused_ends_the_parse);
	return run_suite(s);
}
