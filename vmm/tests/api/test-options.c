/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about options that a program collects. */
#include <config.h>

#include <errno.h>
#include <string.h>

#include "cvmm/options.h"
#include "../util.h"

static struct cvmm_options *options;
static struct vsu_error err;
static struct cvmm_option option;

static void setup(void)
{
	ck_assert_int_eq(cvmm_options_new(&options, &err), 0);
}

static void after(void)
{
	cvmm_options_free(options);
}

static int add_folder(const char *path)
{
	const struct cvmm_property properties[] = {
		{ "path", path }, { "tag", "home" }, { "readonly", NULL }, { "hide", "a,b:c=d" },
	};

	return cvmm_options_add_properties(options, "fs", properties, COUNT(properties), &err);
}

START_TEST(values_of_properties_are_literal)
{
	ck_assert_int_eq(add_folder("/srv/a,readonly=off,b"), 0);
	ck_assert_int_eq(cvmm_options_get(options, 0, &option, &err), 0);
	ck_assert_str_eq(option.name, "fs");
	ck_assert_str_eq(option.value.text, "path=/srv/a,,readonly=off,,b,tag=home,readonly,hide=a,,b:c=d");
}
END_TEST

START_TEST(options_are_read_in_their_order)
{
	static const char *const given[] = { "./-kernel", "disk,a.img", "--cpus=2", "--clone", "--disk=b.img,readonly" };
	static const char *const names[] = { "kernel", "disk", "cpus", "clone", "disk" };
	unsigned int i;

	ck_assert_int_eq(cvmm_options_add_words(options, COUNT(given), given, &err), 0);
	for (i = 0; i < COUNT(names); i++) {
		ck_assert_int_eq(cvmm_options_get(options, i, &option, &err), 0);
		ck_assert_str_eq(option.name, names[i]);
		ck_assert_int_eq(option.own, -1);
	}
	ck_assert_str_eq(option.value.text, "b.img,readonly");
	ck_assert_int_eq(cvmm_options_get(options, i, &option, &err), -ENOENT);
}
END_TEST

START_TEST(list_of_properties_has_a_maximum)
{
	char path[CVMM_OPTION_MAX_LIST + 1];

	memset(path, 'a', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	ck_assert_int_eq(add_folder(path), -E2BIG);
	ck_assert_uint_eq(err.limit, CVMM_OPTION_MAX_LIST);
	ck_assert_uint_eq(err.got, strlen(path) + strlen("path=,tag=home,readonly,hide=a,,b:c=d"));
	ck_assert_int_eq(cvmm_options_get(options, 0, &option, &err), -ENOENT);
}
END_TEST

static const struct {
	const char *name;
	struct cvmm_property property;
	int code;
} refused[] = {
	{ "fs", { "color", "red" }, -ENOENT }, { "fs", { NULL, "red" }, -EINVAL }, { "fs", { "", NULL }, -EINVAL },
	{ "fs", { "path=/srv,readonly", NULL }, -EINVAL }, { "folder", { "path", "/srv" }, -ENOENT },
};

START_TEST(refused_property_adds_nothing)
{
	ck_assert_int_eq(cvmm_options_add_properties(options, refused[_i].name, &refused[_i].property, 1, &err), refused[_i].code);
	ck_assert_int_eq(cvmm_options_get(options, 0, &option, &err), -ENOENT);
}
END_TEST

START_TEST(processor_may_be_a_file)
{
	ck_assert_int_eq(cvmm_options_add(options, "cpu", "first.cpu", &err), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("options");
	TCase *tc = tcase_create("options");

	tcase_add_checked_fixture(tc, setup, after);
	tcase_add_test(tc, values_of_properties_are_literal);
	tcase_add_test(tc, options_are_read_in_their_order);
	tcase_add_test(tc, list_of_properties_has_a_maximum);
	tcase_add_test(tc, processor_may_be_a_file);
	tcase_add_loop_test(tc, refused_property_adds_nothing, 0, (int)COUNT(refused));
	suite_add_tcase(s, tc);
	return run_suite(s);
}
