/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about images that begin as those of other formats. */
#include <config.h>

#include <check.h>
#include <string.h>

#include "../../tests/support/suite.h"
#include "disk/format.h"

static char head[512];

static void setup(void)
{
	memset(head, 0, sizeof(head));
}

static const struct {
	const char *bytes;
	size_t at, len;
	const char *format;
} images[] = {
	{ "QFI\xfb\0\0\0\3", 0, 8, "qcow2" },
	{ "KDMV\1\0\0\0", 0, 8, "vmdk" },
	{ "# Disk DescriptorFile\nversion=1", 0, 31, "vmdk" },
	{ "vhdxfile", 0, 8, "vhdx" },
	{ "conectix", 0, 8, "vpc" },
	{ "QED", 0, 4, "qed" },
	{ "\x7f\x10\xda\xbe", 64, 4, "vdi" },
};

START_TEST(an_image_is_known_by_its_first_bytes)
{
	memcpy(head + images[_i].at, images[_i].bytes, images[_i].len);
	ck_assert_str_eq(prog_disk_format_of(head, sizeof(head)),
			 images[_i].format);
}
END_TEST

START_TEST(one_that_differs_in_a_byte_is_not)
{
	memcpy(head + images[_i].at, images[_i].bytes, images[_i].len);
	head[images[_i].at + 2] ^= 1;
	ck_assert_ptr_null(prog_disk_format_of(head, sizeof(head)));
}
END_TEST

START_TEST(one_that_ends_before_is_not)
{
	memcpy(head + images[_i].at, images[_i].bytes, images[_i].len);
	ck_assert_ptr_null(prog_disk_format_of(head, images[_i].at + 3));
}
END_TEST

START_TEST(disks_with_a_boot_sector_or_nothing_are_raw)
{
	ck_assert_ptr_null(prog_disk_format_of(head, sizeof(head)));
	head[510] = 0x55;
	head[511] = (char)0xaa;
	ck_assert_ptr_null(prog_disk_format_of(head, sizeof(head)));
	ck_assert_ptr_null(prog_disk_format_of(head, 0));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("format");
	TCase *tc = tcase_create("format");
	const int n = (int)(sizeof(images) / sizeof(*images));

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_loop_test(tc, an_image_is_known_by_its_first_bytes, 0, n);
	tcase_add_loop_test(tc, one_that_differs_in_a_byte_is_not, 0, n);
	tcase_add_loop_test(tc, one_that_ends_before_is_not, 0, n);
	tcase_add_test(tc, disks_with_a_boot_sector_or_nothing_are_raw);
	return run_suite(s);
}
