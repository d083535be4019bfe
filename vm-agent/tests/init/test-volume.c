/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the names of file systems. */
#include <config.h>

#include <string.h>

#include "../suite.h"
#include "init/volume.h"

static uint8_t bytes[VOLUME_PROBE];
static struct volume v;

#define ID "\x01\x23\x45\x67\x89\xab\xcd\xef\x10\x32\x54\x76\x98\xba\xdc\xfe"
#define UUID "01234567-89ab-cdef-1032-547698badcfe"

static const struct {
	size_t magic_at;
	const char *magic;
	size_t uuid_at, label_at;
	const char *uuid, *label, *read;
} rows[] = {
	{ 0x438, "\x53\xef", 0x468, 0x478, UUID, "root", "root" },
	{ 0x438, "\x53\xef", 0x468, 0x478, UUID, "sixteen letters.more", "sixteen letters." },
	{ 0, "XFSB", 32, 108, UUID, "data", "data" },
	{ 0x10040, "_BHRfS_M", 0x10020, 0x1012b, UUID, "a b", "a b" },
	{ 0x400, "\xe2\xe1\xf5\xe0", 0x430, 0x440, UUID, "", "" },
	{ 0x52, "FAT32   ", 0x43, 0x47, "6745-2301", "BOOT       ", "BOOT" },
	{ 0x36, "FAT16", 0x27, 0x2b, "6745-2301", "NO NAME    x", "NO NAME" },
	{ 0x8001, "CD001", 0, 0x8028, "", "cidata                          ", "cidata" },
};

START_TEST(names_are_those_of_the_superblock)
{
	memset(bytes, 0, sizeof(bytes));
	if (rows[_i].uuid_at)
		memcpy(bytes + rows[_i].uuid_at, ID, 16);
	memcpy(bytes + rows[_i].label_at, rows[_i].label, strlen(rows[_i].label));
	memcpy(bytes + rows[_i].magic_at, rows[_i].magic, strlen(rows[_i].magic));
	ck_assert(vagent_priv_volume_read(bytes, &v));
	ck_assert_str_eq(v.uuid, rows[_i].uuid);
	ck_assert_str_eq(v.label, rows[_i].read);
}
END_TEST

START_TEST(other_contents_have_no_names)
{
	memset(bytes, 0xff * _i, sizeof(bytes));
	ck_assert(!vagent_priv_volume_read(bytes, &v));
	ck_assert_str_eq(v.uuid, "");
	ck_assert_str_eq(v.label, "");
}
END_TEST

/* Without a byte that ends it. */
START_TEST(label_ends_with_its_field)
{
	memset(bytes, 'x', sizeof(bytes));
	memcpy(bytes + 0x10040, "_BHRfS_M", 8);
	ck_assert(vagent_priv_volume_read(bytes, &v));
	ck_assert_uint_eq(strlen(v.label), 256);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("volume");
	TCase *tc = tcase_create("volume");

	tcase_add_loop_test(tc, names_are_those_of_the_superblock, 0, sizeof(rows) / sizeof(rows[0]));
	tcase_add_loop_test(tc, other_contents_have_no_names, 0, 2);
	tcase_add_test(tc, label_ends_with_its_field);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
