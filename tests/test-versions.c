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

#include "suite.h"

START_TEST(all_libraries_have_one_version)
{
	ck_assert_str_eq(vmem_version(), vsu_version());
	ck_assert_str_eq(vq_version(), vsu_version());
	ck_assert_str_eq(vhost_user_version(), vsu_version());
	ck_assert_str_eq(virtdev_version(), vsu_version());
}
END_TEST

/* The string that the macros of one header give. */
#define HEADER_VERSION(prefix) \
	NUMBER(prefix##_VERSION_MAJOR) "." NUMBER(prefix##_VERSION_MINOR) "." \
		NUMBER(prefix##_VERSION_PATCH)
#define NUMBER(macro) TEXT(macro)
#define TEXT(number) #number

START_TEST(headers_say_the_version_of_the_library)
{
	ck_assert_str_eq(HEADER_VERSION(VSU), vsu_version());
	ck_assert_str_eq(HEADER_VERSION(VMEM), vmem_version());
	ck_assert_str_eq(HEADER_VERSION(VQ), vq_version());
	ck_assert_str_eq(HEADER_VERSION(VHOST_USER), vhost_user_version());
	ck_assert_str_eq(HEADER_VERSION(VIRTDEV), virtdev_version());
}
END_TEST

START_TEST(versions_are_ordered_by_their_first_difference)
{
	enum { MAJOR = VSU_VERSION_MAJOR, MINOR = VSU_VERSION_MINOR, PATCH = VSU_VERSION_PATCH };

	ck_assert(VSU_VERSION_AT_LEAST(MAJOR, MINOR, PATCH));
	ck_assert(!VSU_VERSION_AT_LEAST(MAJOR, MINOR, PATCH + 1));
	ck_assert(!VSU_VERSION_AT_LEAST(MAJOR, MINOR + 1, 0));
	ck_assert(!VSU_VERSION_AT_LEAST(MAJOR + 1, 0, 0));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("versions");
	TCase *tc = tcase_create("versions");

	suite_add_tcase(s, tc);
	tcase_add_test(tc, all_libraries_have_one_version);
	tcase_add_test(tc, headers_say_the_version_of_the_library);
	tcase_add_test(tc, versions_are_ordered_by_their_first_difference);
	return run_suite(s);
}
