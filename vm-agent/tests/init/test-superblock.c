/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the types of file systems by their superblocks. */
#define _GNU_SOURCE
#include <config.h>

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../suite.h"
#include "init/agent.h"

static const struct { const char *type; size_t at; const char *magic; } rows[] = {
	{ "ext4", 0x438, "\x53\xef" }, { "xfs", 0, "XFSB" }, { "btrfs", 0x10040, "_BHRfS_M" },
	{ "squashfs", 0, "hsqs" }, { "erofs", 1024, "\xe2\xe1\xf5\xe0" }, { "f2fs", 1024, "\x10\x20\xf5\xf2" },
	{ "iso9660", 0x8001, "CD001" }, { "vfat", 0x52, "FAT32   " }, { "vfat", 0x36, "FAT16   " },
};

static char bytes[VAGENT_SUPERBLOCK_BYTES];

START_TEST(type_is_that_of_the_magic_number)
{
	const size_t n = strlen(rows[_i].magic);

	memcpy(bytes + rows[_i].at, rows[_i].magic, n);
	ck_assert_str_eq(vagent_init_superblock_type(bytes, sizeof(bytes)), rows[_i].type);
	ck_assert_str_eq(vagent_init_superblock_type(bytes, rows[_i].at + n), rows[_i].type);
	bytes[rows[_i].at] ^= 1;
	ck_assert_ptr_null(vagent_init_superblock_type(bytes, sizeof(bytes)));
}
END_TEST

START_TEST(truncated_magic_number_is_not_read)
{
	memcpy(bytes + rows[_i].at, rows[_i].magic, strlen(rows[_i].magic));
	ck_assert_ptr_null(vagent_init_superblock_type(bytes, rows[_i].at + 1));
}
END_TEST

START_TEST(small_device_is_read)
{
	const int fd = memfd_create("device", MFD_CLOEXEC);
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ck_assert_ptr_null(vagent_priv_superblock_type_of(path));
	ck_assert_int_eq(pwrite(fd, "XFSB", 4, 0), 4);
	ck_assert_str_eq(vagent_priv_superblock_type_of(path), "xfs");
	close(fd);
	ck_assert_ptr_null(vagent_priv_superblock_type_of(path));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("agent");
	TCase *tc = tcase_create("superblock");

	tcase_add_loop_test(tc, type_is_that_of_the_magic_number, 0, sizeof(rows) / sizeof(rows[0]));
	tcase_add_loop_test(tc, truncated_magic_number_is_not_read, 0, sizeof(rows) / sizeof(rows[0]));
	tcase_add_test(tc, small_device_is_read);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
