/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the command line of "cvmm cp". */
#include <config.h>

#include <errno.h>

#include "exec/cp_command.h"
#include "util.h"

static struct vmm_cp_command command;
static struct vsu_error err;

static int parse(const char *first, const char *second, const char *third)
{
	char *words[] = { (char *)(uintptr_t) "cp", (char *)(uintptr_t)first, (char *)(uintptr_t)second, (char *)(uintptr_t)third, NULL };
	int n = 1;

	while (words[n])
		n++;
	return vmm_cp_command_parse(&command, n, words, &err);
}

START_TEST(path_of_a_machine_has_a_name_before_a_colon)
{
	ck_assert_int_eq(parse("box:/etc/a:b", "here", NULL), 0);
	ck_assert_str_eq(command.name, "box");
	ck_assert_str_eq(command.guest, "/etc/a:b");
	ck_assert_str_eq(command.host, "here");
	ck_assert(!command.to_guest);
}
END_TEST

START_TEST(path_of_the_host_may_have_a_colon_behind_a_slash)
{
	ck_assert_int_eq(parse("./a:b", "box:/tmp", NULL), 0);
	ck_assert_str_eq(command.host, "./a:b");
	ck_assert_str_eq(command.guest, "/tmp");
	ck_assert(command.to_guest);
}
END_TEST

static const char *const odd[][3] = {
	{ NULL }, { "box:/a" }, { "a", "b" }, { "box:/a", "other:/b" }, { "box:/a", "b", "c" }, { "box:", "b" }, { ":/a", "b" },
	{ "a234567890123456789012345678901234567890123456789012345678901234x:/a", "b" },
};

START_TEST(other_paths_are_refused)
{
	ck_assert_int_eq(parse(odd[_i][0], odd[_i][1], odd[_i][2]), -EINVAL);
	ck_assert_str_ne(err.msg, "");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("cp_command");
	TCase *tc = tcase_create("cp_command");

	tcase_add_test(tc, path_of_a_machine_has_a_name_before_a_colon);
	tcase_add_test(tc, path_of_the_host_may_have_a_colon_behind_a_slash);
	tcase_add_loop_test(tc, other_paths_are_refused, 0, sizeof(odd) / sizeof(odd[0]));
	suite_add_tcase(s, tc);
	return run_suite(s);
}
