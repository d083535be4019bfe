/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the names of modules that an initrd was made for. */
#define _GNU_SOURCE
#include <config.h>

#include "../suite.h"
#include "initrd/names.h"
#include "../tree.h"

static struct vagent_priv_names names;
static char path[64];

static void setup(void)
{
	tree_make();
	snprintf(path, sizeof(path), "%s/names", tree);
}

static void teardown(void)
{
	vagent_priv_names_free(&names);
	tree_remove();
}

static void has_list(const char *const *list, const char *const *wanted)
{
	for (; *wanted; wanted++, list++)
		ck_assert_pstr_eq(*list, *wanted);
	ck_assert_ptr_null(*list);
}

START_TEST(names_are_read_as_they_were_written)
{
	static const char *const required[] = { "virtio_pci", "fuse", NULL }, *const optional[] = { "virtio_rng", NULL };
	static const char *const later[] = { "ext4", "xfs", NULL }, *const none[] = { NULL };
	const struct vagent_initrd initrd = {
		.size = sizeof(initrd),
		.names = required, .others = _i ? NULL : optional, .later = _i ? NULL : later,
	};
	FILE *f = fopen(path, "we");

	ck_assert_ptr_nonnull(f);
	vagent_priv_names_write(f, &initrd);
	fclose(f);
	ck_assert_int_eq(vagent_priv_names_read(&names, path, NULL), 0);
	has_list(names.required, required);
	has_list(names.optional, _i ? none : optional);
	has_list(names.later, _i ? none : later);
}
END_TEST

START_TEST(last_line_needs_no_end)
{
	static const char *const wanted[] = { "fuse", NULL };

	tree_text("names", "required fuse");
	ck_assert_int_eq(vagent_priv_names_read(&names, path, NULL), 0);
	has_list(names.required, wanted);
}
END_TEST

static const char *const damaged[] = { "fuse\n", "required\n", "\n", "require fuse\n", "required fuse\nlater \n" };

START_TEST(rejects_other_lines)
{
	struct vsu_error err;

	tree_text("names", damaged[_i]);
	ck_assert_int_eq(vagent_priv_names_read(&names, path, &err), -EBADMSG);
	ck_assert_ptr_nonnull(strstr(err.msg, path));
	ck_assert_ptr_null(names.text);
}
END_TEST

START_TEST(number_of_names_is_limited)
{
	char text[(VAGENT_NAMES_MAX + 1) * 8 + 1] = "";
	int i;

	for (i = 0; i < VAGENT_NAMES_MAX + _i; i++)
		strcat(text, "later a\n");
	tree_text("names", text);
	ck_assert_int_eq(vagent_priv_names_read(&names, path, NULL), _i ? -E2BIG : 0);
}
END_TEST

START_TEST(absent_file_is_an_error)
{
	ck_assert_int_eq(vagent_priv_names_read(&names, path, NULL), -ENOENT);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("names");
	TCase *tc = tcase_create("names");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, names_are_read_as_they_were_written, 0, 2);
	tcase_add_test(tc, last_line_needs_no_end);
	tcase_add_loop_test(tc, rejects_other_lines, 0, sizeof(damaged) / sizeof(damaged[0]));
	tcase_add_loop_test(tc, number_of_names_is_limited, 0, 2);
	tcase_add_test(tc, absent_file_is_an_error);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
