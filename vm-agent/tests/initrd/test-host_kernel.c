/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about kernels that are found. */
#include <config.h>

#include <sys/utsname.h>

#include "../tree.h"
#include "../suite.h"
#include "vm-agent/initrd.h"

static struct vsu_error err;
static char path[VAGENT_KERNEL_PATH], boot[64], modules[64];

static void setup(void)
{
	tree_make();
	snprintf(boot, sizeof(boot), "%s/kernel", tree);
	snprintf(modules, sizeof(modules), "%s/modules", tree);
	ck_assert_int_eq(mkdir(modules, 0755), 0);
}

START_TEST(newest_kernel_is_found_in_both_folders)
{
	tree_text("kernel/vmlinuz-6.9.0", "x");
	tree_text("kernel/vmlinuz-6.10.0", "x");
	tree_text("kernel/config-7.0.0", "x");
	ck_assert_int_eq(vagent_host_kernel(boot, modules, path, NULL), 0);
	ck_assert_str_eq(path + strlen(tree), "/kernel/vmlinuz-6.10.0");
	strcat(strcpy(path, modules), "/6.11.0");
	ck_assert_int_eq(mkdir(path, 0755), 0);
	tree_text("modules/6.11.0/vmlinuz", "x");
	ck_assert_int_eq(vagent_host_kernel(boot, modules, path, NULL), 0);
	ck_assert_str_eq(path + strlen(tree), "/modules/6.11.0/vmlinuz");
}
END_TEST

START_TEST(running_kernel_is_preferred)
{
	struct utsname u;
	char name[128];

	ck_assert_int_eq(uname(&u), 0);
	snprintf(name, sizeof(name), "kernel/vmlinuz-%s", u.release);
	tree_text("kernel/vmlinuz-99.0.0", "x");
	tree_text(name, "x");
	ck_assert_int_eq(vagent_host_kernel(boot, modules, path, NULL), 0);
	ck_assert_str_eq(path + strlen(tree) + 1, name);
}
END_TEST

START_TEST(no_kernel_is_an_error_with_a_remedy)
{
	ck_assert_int_eq(vagent_host_kernel(boot, "/nonexistent", path, &err), -ENOENT);
	ck_assert_uint_eq(err.arg, VAGENT_ADVICE_KERNEL);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("host_kernel");
	TCase *tc = tcase_create("host_kernel");

	tcase_add_checked_fixture(tc, setup, tree_remove);
	tcase_add_test(tc, newest_kernel_is_found_in_both_folders);
	tcase_add_test(tc, running_kernel_is_preferred);
	tcase_add_test(tc, no_kernel_is_an_error_with_a_remedy);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
