/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about words that a file has in place of --config. */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/config_words.h"
#include "common/program_options.h"
#include "util.h"

static struct vsu_option table[VMM_RUN_ROWS];
static struct vsu_error err;
static struct vmm_config_words w;
static char file[64];

static void setup(void)
{
	const int fd = mkstemp(strcpy(file, "/tmp/config_words.XXXXXX"));

	ck_assert_int_ge(fd, 0);
	close(fd);
	vmm_run_table(table);
	vsu_error_clear(&err);
}

static void teardown(void)
{
	vmm_config_words_free(&w);
	unlink(file);
}

/* "run --config FILE" of a file with these options, and words around it. */
static int read_config(const char *options, const char *before, const char *first, const char *second)
{
	static char run[] = "run", config[] = "--config";
	const char *argv[] = { run, before, config, file, first, second };
	FILE *f = fopen(file, "w");

	ck_assert_ptr_nonnull(f);
	fprintf(f, "{\"arguments\":[\"builtin:selftest\",%s]}", options);
	fclose(f);
	return vmm_config_words_make(&w, table, second ? 6 : 5, (char *const *)(uintptr_t)argv, &err);
}

static const struct {
	const char *options, *first, *second;
} repeated[] = {
	{ "\"--control=a\"", "--control=b", NULL },
	{ "\"--control\",\"a\"", "--control", "b" },
	{ "\"--cpus=1\",\"--control\",\"a\"", "--verbose", "--control=a" },
};

START_TEST(option_of_file_and_command_line_is_refused_with_both_places)
{
	ck_assert_int_eq(read_config(repeated[_i].options, "--rng=", repeated[_i].first, repeated[_i].second), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "--config '/tmp/config_words."));
	ck_assert_ptr_nonnull(strstr(err.msg, "--control is in the file and on the command line; leave it out of one of them"));
}
END_TEST

START_TEST(words_of_the_file_are_in_the_place_of_its_name)
{
	static const char *const all[] = {
		"run", "--disk=a", "builtin:selftest", "--disk=--cpus=1", "--cmdline", "--memory", "--disk=b", "--memory=1G",
	};
	size_t i;

	ck_assert_msg(!read_config("\"--disk=--cpus=1\",\"--cmdline\",\"--memory\"", "--disk=a", "--disk=b", "--memory=1G"),
		      "%s", err.msg);
	ck_assert_int_eq(w.n, COUNT(all));
	for (i = 0; i < COUNT(all); i++)
		ck_assert_str_eq(w.words[i], all[i]);
	ck_assert_ptr_null(w.words[w.n]);
}
END_TEST

START_TEST(file_stays_a_word_beside_a_source)
{
	ck_assert_int_eq(read_config("\"--cpus=1\"", "--rng=", "--incoming=fd:0", NULL), 0);
	ck_assert_int_eq(w.n, 5);
	ck_assert_str_eq(w.words[3], file);
}
END_TEST

static const struct { const char *options, *second; } configs[] = {
	{ "\"--config=b\"", NULL }, { "\"--cpus=1\"", "--config=b" },
};

START_TEST(second_file_is_refused)
{
	assert_refused(read_config(configs[_i].options, "--rng=", "--verbose", configs[_i].second), -EINVAL,
		       "a second --config 'b'; only one is allowed", err);
}
END_TEST

START_TEST(end_of_options_is_refused_in_a_file)
{
	ck_assert_int_eq(read_config("\"--\",\"-d\"", "--rng=", "--verbose", NULL), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "'--' cannot be in a configuration"));
}
END_TEST

static const struct { const char *before, *first, *second; } cpus[] = {
	{ "--rng=", "--cpu", "file" }, { "--rng=", "--verbose", "--cpu=file" },
};

START_TEST(value_of_an_option_is_replaced)
{
	ck_assert_int_eq(read_config("\"--cpus=1\"", cpus[_i].before, cpus[_i].first, cpus[_i].second), 0);
	ck_assert_int_eq(vmm_config_words_set(&w, table, "cpu", "list:sse3", &err), 0);
	ck_assert_str_eq(w.words[w.n - 1], "--cpu=list:sse3");
	ck_assert_ptr_null(w.words[w.n]);
	ck_assert_int_eq(vmm_config_words_set(&w, table, "name", "a", &err), 0);	/* it was not given */
}
END_TEST

int main(void)
{
	Suite *s = suite_create("config_words");
	TCase *tc = tcase_create("config_words");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, option_of_file_and_command_line_is_refused_with_both_places, 0, COUNT(repeated));
	tcase_add_test(tc, words_of_the_file_are_in_the_place_of_its_name);
	tcase_add_test(tc, file_stays_a_word_beside_a_source);
	tcase_add_loop_test(tc, second_file_is_refused, 0, COUNT(configs));
	tcase_add_test(tc, end_of_options_is_refused_in_a_file);
	tcase_add_loop_test(tc, value_of_an_option_is_replaced, 0, COUNT(cpus));
	suite_add_tcase(s, tc);
	return run_suite(s);
}
