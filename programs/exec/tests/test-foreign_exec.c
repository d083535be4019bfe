/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the answers to options of container programs. */
#include <config.h>

#include <errno.h>
#include <string.h>

#include "exec/exec_options.h"
#include "common/tests/foreign.h"
#include "util.h"

static struct vsu_error err;

static int parse_exec(const char *line)
{
	static struct vmm_exec_options options;
	static char text[512], *words[MAX_WORDS];
	const int n = split(line, text, words);

	vsu_error_clear(&err);
	return vmm_exec_options_parse(&options, n, words, &err);
}

#define ALONE "leave it out: a machine ends with its command, and nothing of it remains"
#define SAME_PATH ", which the command finds at the same path"

static const struct row exec_rows[] = {
	{ "--rm true", "unknown option '--rm'; " ALONE },
	{ "-it bash", "unknown option '-it'; leave it out: on a terminal, the command has one, too" },
	{ "-v /src:/dst true", "unknown option '-v'; write --dir=/src,rw" SAME_PATH },
	{ "-v /src:/dst:ro true", "unknown option '-v'; write --dir=/src" SAME_PATH },
	{ "-v/src true", "unknown option '-v'; write --dir=/src,rw" SAME_PATH },
	{ "-v uname", "unknown option '-v'; write --log=FILE for the messages of the kernel" },
	{ "--volume=/a:/b true", "unknown option '--volume'; write --dir=/a,rw" SAME_PATH },
	{ "--volume", "unknown option '--volume'; write --dir=FOLDER,rw" SAME_PATH },
	{ "--mount type=bind,source=/a,target=/b,readonly true", "unknown option '--mount'; write --dir=/a" SAME_PATH },
	{ "-e A=1 true", "unknown option '-e'; write --env=A=1" },
	{ "-eA=1 true", "unknown option '-e'; write --env=A=1" },
	{ "-e uname+-a", "unknown option '-e'; the command behind two dashes: -- uname -a" },
	{ "-w /src true", "unknown option '-w'; write --chdir=/src" },
	{ "-u 1000:100 id", "unknown option '-u'; write --user=1000:100" },
	{ "-p 8080:80 true", "unknown option '-p'; write --net=passt --publish=8080:80" },
	{ "-p 80 true", "unknown option '-p'; write --net=passt --publish=80:80" },
	{ "-p 4 true", "unknown option '-p'; write --cpus=4 if these are processors, or --net=passt --publish=PORT:4" },
	{ "-m 512m true", "unknown option '-m'; write --memory=512m" },
	{ "--mem 2048 true", "unknown option '--mem'; write --memory=2048M" },
	{ "--network host true", "unknown option '--network'; write --net=passt, which connects as this user does" },
	{ "--network=none true", "unknown option '--network'; leave it out: the machine has no network without --net" },
	{ "--cap-drop=CAP_NET_RAW true", "unknown option '--cap-drop'; the capability behind two dashes: -- setpriv --bounding-set=-net_raw COMMAND" },
	{ "--rwdir /g=/h true", "unknown option '--rwdir'; write --dir=/h,rw" },
	{ "-c echo+a", "unknown option '-c'; the command behind two dashes: -- sh -c 'echo a'" },
	/* all of a line in one sentence; ours and their values are passed over */
	{ "--rm --cpus 2 -w /x -m 1g make --rm", "unknown option '--rm'; " ALONE
	  "; '-w': write --chdir=/x; '-m': write --memory=1g" },
	/* not theirs: the table's own answer */
	{ "--cpsu=2 true", "unknown option '--cpsu'; did you mean '--cpus'?" },
	{ "--cpsu 2 --rm true", "unknown option '--cpsu'; did you mean '--cpus'?" },
	{ "--nonsense -- --rm", "unknown option '--nonsense'; try --help for the list of options" },
};

START_TEST(d5_02_options_of_container_programs_are_answered_with_the_value)
{
	ck_assert_int_eq(parse_exec(exec_rows[_i].line), -ENOENT);
	ck_assert_str_eq(err.msg, exec_rows[_i].msg);
}
END_TEST

static const struct row near_rows[] = {
	{ "--row true", "unknown option '--row'; try --help for the list of options" },
	{ "--rww true", "unknown option '--rww'; try --help for the list of options" },
	{ "--shwo=/etc true", "unknown option '--shwo'; try --help for the list of options" },
	/* others are guessed */
	{ "--jial true", "unknown option '--jial'; did you mean '--jail'?" },
	{ "--hid=/a true", "unknown option '--hid'; did you mean '--hide'?" },
};

START_TEST(guess_names_no_option_that_widens_rights)
{
	ck_assert_int_eq(parse_exec(near_rows[_i].line), -ENOENT);
	ck_assert_str_eq(err.msg, near_rows[_i].msg);
}
END_TEST

START_TEST(answers_name_options_that_exist)
{
	assert_options_exist(vmm_foreign_exec, vmm_exec_option_rows);
	assert_words_are_theirs(vmm_foreign_exec, vmm_exec_option_rows);
}
END_TEST

/* A word and its value fill the sentence at most. */
START_TEST(hostile_values_do_not_exceed_the_sentence)
{
	static char line[2048], *words[] = { line, line, NULL };

	memset(line, 'x', sizeof(line) - 1);
	memcpy(line, "-v/", 3);
	vmm_foreign_explain(vmm_foreign_exec, vmm_exec_option_rows, 2, words, true, &err);
	ck_assert(!strncmp(err.msg, "unknown option '-v'; write --dir=", 30));
	memcpy(line, "--rwdir=", 8);
	vmm_foreign_explain(vmm_foreign_exec, vmm_exec_option_rows, 2, words, true, &err);
	ck_assert(!strncmp(err.msg, "unknown option '--rwdir'", 24));
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("words");
	Suite *s = suite_create("foreign_exec");

	tcase_add_loop_test(tc, d5_02_options_of_container_programs_are_answered_with_the_value, 0, COUNT(exec_rows));
	tcase_add_loop_test(tc, guess_names_no_option_that_widens_rights, 0, COUNT(near_rows));
	tcase_add_test(tc, answers_name_options_that_exist);
	tcase_add_test(tc, hostile_values_do_not_exceed_the_sentence);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
