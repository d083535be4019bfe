/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the command line of "cvmm run", and the file that is a part of it. */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/run_line.h"
#include "util.h"

static struct vsu_error err;
static struct vmm_run_line l;
static char file[64], joined[512];

static void setup(void)
{
	const int fd = mkstemp(strcpy(file, "/tmp/run_line.XXXXXX"));

	ck_assert_int_ge(fd, 0);
	close(fd);
	vsu_error_clear(&err);
}

static void teardown(void)
{
	vmm_run_line_free(&l);
	unlink(file);
}

/* The items as words, until the next call. */
static const char *words(void)
{
	unsigned int i;

	joined[0] = '\0';
	for (i = 0; i < l.n; i++)
		snprintf(joined + strlen(joined), sizeof(joined) - strlen(joined), "%s%s", i ? " " : "", l.items[i].word);
	return joined;
}

static int parse(const char *first, const char *second, const char *third)
{
	const char *argv[] = { "run", first, second, third };

	return vmm_run_line_parse(&l, 4, (char *const *)(uintptr_t)argv, &err);
}

/* "run --config FILE" of a file with these options, and words around it. */
static int read_config(const char *options, const char *before, const char *first, const char *second)
{
	const char *argv[] = { "run", before, "--config", file, first, second };
	FILE *f = fopen(file, "w");

	ck_assert_ptr_nonnull(f);
	fprintf(f, "{\"arguments\":[\"builtin:selftest\",%s]}", options);
	fclose(f);
	ck_assert_int_eq(vmm_run_line_parse(&l, second ? 6 : 5, (char *const *)(uintptr_t)argv, &err), 0);
	return vmm_run_line_read_file(&l, &err);
}

START_TEST(items_are_found_by_their_names)
{
	ck_assert_int_eq(parse("--disk=--from=a", "--from=b", "k"), 0);
	ck_assert_uint_eq(vmm_run_line_find(&l, "from"), 1);
	ck_assert_str_eq(l.items[1].text, "b");
	ck_assert_uint_eq(vmm_run_line_find(&l, "cpu"), 3);
}
END_TEST

START_TEST(name_of_a_file_is_no_option)
{
	ck_assert_int_eq(parse("k", "--", "--jail"), 0);
	ck_assert_str_eq(words(), "k ./--jail");
}
END_TEST

START_TEST(first_operand_is_the_kernel_and_others_are_disks)
{
	static const char *const names[] = { "kernel", "disk", "disk" };
	struct cvmm_options *o;
	struct cvmm_option option;
	unsigned int i;

	ck_assert_int_eq(parse("k", "a,readonly", "--disk=b"), 0);
	ck_assert_int_eq(cvmm_options_new(&o, &err), 0);
	ck_assert_msg(!vmm_run_line_add_to(&l, o, &err), "%s", err.msg);
	for (i = 0; i < COUNT(names); i++) {
		ck_assert_int_eq(cvmm_options_get(o, i, &option, &err), 0);
		ck_assert_str_eq(option.name, names[i]);
		ck_assert_str_eq(option.value.text, i == 0 ? "k" : i == 1 ? "path=a,,readonly" : "b");
	}
	cvmm_options_free(o);
}
END_TEST

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
	ck_assert_int_eq(l.step, CVMM_STEP_CONFIGURATION);
	ck_assert_ptr_nonnull(strstr(err.msg, "--config '/tmp/run_line."));
	ck_assert_ptr_nonnull(strstr(err.msg, "--control is in the file and on the command line; leave it out of one of them"));
}
END_TEST

START_TEST(options_of_the_file_are_in_the_place_of_its_name)
{
	ck_assert_msg(!read_config("\"--disk=--cpus=1\",\"--cmdline\",\"a\"", "--disk=a", "--disk=b", "--memory=1G"),
		      "%s", err.msg);
	ck_assert_str_eq(words(), "--disk=a builtin:selftest --disk=--cpus=1 --cmdline=a --disk=b --memory=1G");
}
END_TEST

START_TEST(file_stays_an_option_beside_a_source)
{
	ck_assert_int_eq(read_config("\"--cpus=1\"", "--rng=", "--incoming=fd:0", NULL), 0);
	ck_assert_uint_eq(l.n, 3);
	ck_assert_str_eq(l.items[1].text, file);
}
END_TEST

START_TEST(second_file_is_refused)
{
	ck_assert_int_eq(read_config("\"--config=b\"", "--rng=", "--verbose", NULL), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "a second --config 'b'; only one is allowed"));
}
END_TEST

static const struct {
	const char *option, *why;
} of_line[] = {
	{ "\"--incoming=unix:a\"", "--incoming 'unix:a' is allowed only once, on the command line" },
	{ "\"--help\"", "--help is allowed only on the command line" },
	{ "\"-h\"", "--help is allowed only on the command line" },
};

START_TEST(option_that_is_read_before_the_file_is_refused_in_it)
{
	ck_assert_int_eq(read_config(of_line[_i].option, "--rng=", "--verbose", NULL), -EINVAL);
	ck_assert_str_eq(err.msg, of_line[_i].why);
	ck_assert_int_eq(l.step, CVMM_STEP_OPTIONS);
}
END_TEST

START_TEST(end_of_options_is_refused_in_a_file)
{
	ck_assert_int_eq(read_config("\"--\",\"-d\"", "--rng=", "--verbose", NULL), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "'--' cannot be in a configuration"));
}
END_TEST

START_TEST(unknown_option_of_a_file_is_one_of_the_command_line)
{
	ck_assert_int_eq(read_config("\"--no-such\"", "--rng=", "--verbose", NULL), -ENOENT);
	ck_assert_int_eq(l.step, CVMM_STEP_OPTIONS);
}
END_TEST

START_TEST(item_is_replaced)
{
	ck_assert_int_eq(parse("k", "--cpu", "file"), 0);
	ck_assert_int_eq(vmm_run_line_set(&l, 1, "cpu", "list:sse3", &err), 0);
	ck_assert_str_eq(words(), "k --cpu=list:sse3");
	ck_assert_str_eq(l.items[1].text, "list:sse3");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("run_line");
	TCase *tc = tcase_create("run_line");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, items_are_found_by_their_names);
	tcase_add_test(tc, name_of_a_file_is_no_option);
	tcase_add_test(tc, first_operand_is_the_kernel_and_others_are_disks);
	tcase_add_loop_test(tc, option_of_file_and_command_line_is_refused_with_both_places, 0, COUNT(repeated));
	tcase_add_test(tc, options_of_the_file_are_in_the_place_of_its_name);
	tcase_add_test(tc, file_stays_an_option_beside_a_source);
	tcase_add_test(tc, second_file_is_refused);
	tcase_add_loop_test(tc, option_that_is_read_before_the_file_is_refused_in_it, 0, (int)COUNT(of_line));
	tcase_add_test(tc, end_of_options_is_refused_in_a_file);
	tcase_add_test(tc, unknown_option_of_a_file_is_one_of_the_command_line);
	tcase_add_test(tc, item_is_replaced);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
