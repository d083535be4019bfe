/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about templates as programs see them. */
#define _GNU_SOURCE
#include <config.h>

#include <limits.h>
#include <sys/stat.h>
#include <time.h>

#include "cvmm/template.h"
#include "template.h"
#include "util.h"

static char folder[] = "/tmp/test-template-XXXXXX";
static struct vsu_error err;
static char listed[256];

static void setup(void)
{
	ck_assert_ptr_nonnull(mkdtemp(folder));
	*listed = '\0';
}

static void teardown(void)
{
	rmdir(folder);
	strcpy(folder + strlen(folder) - 6, "XXXXXX");
}

static void make(const char *name)
{
	int fds[VMM_TEMPLATE_FILES], i;
	struct vmm_template t;

	ck_assert_msg(!vmm_template_begin(&t, folder, name, fds, &err), "%s", err.msg);
	strcpy(t.info.kernel, "/proc/self/exe");
	strcpy(t.info.root, "/");
	strcpy(t.info.memory, "1G");
	t.info.cpus = 2;
	t.info.folders = 4;
	ck_assert_int_eq(vmm_template_publish(&t, &err), 0);
	vmm_template_close(&t);
	for (i = 0; i < VMM_TEMPLATE_FILES; i++)
		close(fds[i]);
}

static void on_template(void *opaque, const char *name, const struct cvmm_template *t, const struct vsu_error *why)
{
	const size_t len = strlen(listed);

	ck_assert_ptr_eq(opaque, &err);
	ck_assert_int_eq(!t, why->code < 0);
	snprintf(listed + len, sizeof(listed) - len, "%s:%u ", name, t ? cvmm_template_get_info(t)->cpus : 0);
}

START_TEST(contents_are_those_of_the_files)
{
	const struct cvmm_template_info *info;
	struct cvmm_template *t;

	make("base");
	ck_assert_int_eq(cvmm_template_open(folder, "base", &t, &err), 0);
	info = cvmm_template_get_info(t);
	ck_assert_int_eq(strncmp(info->path, folder, strlen(folder)), 0);
	ck_assert_str_eq(info->version, PACKAGE_VERSION);
	ck_assert_str_eq(info->root, "/");
	ck_assert_str_eq(info->memory, "1G");
	ck_assert_uint_eq(info->cpus, 2);
	ck_assert_uint_eq(info->folders, 4);
	ck_assert_uint_eq(info->cards, 0);
	ck_assert(info->made > 0 && info->made <= time(NULL));
	ck_assert_int_ne(cvmm_template_check(t, &err), -EPROTO);
	ck_assert_int_eq(cvmm_template_remove(folder, "base", &err), -EBUSY);
	cvmm_template_close(t);
	ck_assert_int_eq(cvmm_template_remove(folder, "base", &err), 0);
	ck_assert_int_eq(cvmm_template_open(folder, "base", &t, &err), -ENOENT);
}
END_TEST

START_TEST(list_has_each_name_once_and_invalid_ones_with_a_reason)
{
	char path[PATH_MAX];

	make("b");
	make("a");
	snprintf(path, sizeof(path), "%s/broken", folder);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	ck_assert_int_eq(cvmm_template_list(folder, on_template, &err, &err), 0);
	ck_assert_str_eq(listed, "a:2 b:2 broken:0 ");
	rmdir(path);
	ck_assert_int_eq(cvmm_template_remove(folder, "a", &err), 0);
	ck_assert_int_eq(cvmm_template_remove(folder, "b", &err), 0);
}
END_TEST

START_TEST(folder_that_does_not_exist_is_an_error_if_it_was_named)
{
	ck_assert_int_eq(cvmm_template_list("/nonexistent", on_template, &err, &err), -ENOENT);
	ck_assert_int_eq(setenv("XDG_DATA_HOME", "/nonexistent", 1), 0);
	ck_assert_int_eq(cvmm_template_list(NULL, on_template, &err, &err), 0);
	ck_assert_str_eq(listed, "");
	cvmm_template_close(NULL);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("template");
	TCase *tc = tcase_create("template");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, contents_are_those_of_the_files);
	tcase_add_test(tc, list_has_each_name_once_and_invalid_ones_with_a_reason);
	tcase_add_test(tc, folder_that_does_not_exist_is_an_error_if_it_was_named);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
