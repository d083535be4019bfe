/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the version that libvirtio-queue reports. */
#include <config.h>

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include <virtio-queue/version.h>

#include "util.h"

START_TEST(version_is_the_one_configured)
{
	ck_assert_str_eq(vq_version(), PACKAGE_VERSION);
}
END_TEST

START_TEST(version_is_three_numbers)
{
	unsigned int major, minor, patch;
	char rest;

	ck_assert_int_eq(sscanf(vq_version(), "%u.%u.%u%c", &major, &minor,
				&patch, &rest), 3);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("version");

	tcase_add_test(tc, version_is_the_one_configured);
	tcase_add_test(tc, version_is_three_numbers);
	return run_tcase(tc, "version");
}
