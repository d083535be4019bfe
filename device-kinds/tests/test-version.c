/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the version that libdevice-kinds reports. */
#include <config.h>

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include <device-kinds/version.h>

#include "suite.h"

START_TEST(version_is_the_one_configured)
{
	ck_assert_str_eq(devkind_version(), PACKAGE_VERSION);
}
END_TEST

START_TEST(version_is_three_numbers)
{
	unsigned int major, minor, patch;
	char rest;

	ck_assert_int_eq(sscanf(devkind_version(), "%u.%u.%u%c", &major, &minor,
				&patch, &rest), 3);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("version");
	TCase *tc = tcase_create("version");

	suite_add_tcase(s, tc);
	tcase_add_test(tc, version_is_the_one_configured);
	tcase_add_test(tc, version_is_three_numbers);

	return run_suite(s);
}
