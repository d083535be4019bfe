/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the libraries of one tree used together. */
#include <config.h>

#include <check.h>
#include <stdlib.h>

#include <vhost/version.h>
#include <virtio-devices/version.h>
#include <virtio-queue/version.h>
#include <vm-memory/version.h>
#include <vmm-sys-util/version.h>

START_TEST(all_libraries_have_one_version)
{
	ck_assert_str_eq(vmem_version(), vsu_version());
	ck_assert_str_eq(vq_version(), vsu_version());
	ck_assert_str_eq(vhost_user_version(), vsu_version());
	ck_assert_str_eq(virtdev_version(), vsu_version());
}
END_TEST

int main(void)
{
	Suite *s = suite_create("versions");
	TCase *tc = tcase_create("versions");
	SRunner *sr = srunner_create(s);
	int failed;

	suite_add_tcase(s, tc);
	tcase_add_test(tc, all_libraries_have_one_version);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
