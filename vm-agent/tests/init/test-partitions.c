/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the tables of a disk's partitions. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "../suite.h"
#include "vm-agent/init.h"

#define ENTRIES_AT 2		/* sector */

/* "4f68bce3-e8cd-4db1-96e7-fbcaf984b709" and others as they are on a disk */
static const uint8_t root_type[] = { 0xe3, 0xbc, 0x68, 0x4f, 0xcd, 0xe8, 0xb1, 0x4d, 0x96, 0xe7, 0xfb, 0xca, 0xf9, 0x84, 0xb7, 0x09 };
static const uint8_t boot_type[] = { 0xff, 0xc2, 0x13, 0xbc, 0xe6, 0x59, 0x62, 0x42, 0xa3, 0x52, 0xb2, 0x75, 0xfd, 0x6f, 0x71, 0x72 };
static const uint8_t esp_type[] = { 0x28, 0x73, 0x2a, 0xc1, 0x1f, 0xf8, 0xd2, 0x11, 0xba, 0x4b, 0x00, 0xa0, 0xc9, 0x3e, 0xc9, 0x3b };
static const uint8_t linux_type[] = { 0xaf, 0x3d, 0xc6, 0x0f, 0x83, 0x84, 0x72, 0x47, 0x8e, 0x79, 0x3d, 0x69, 0xd8, 0x47, 0x7d, 0xe4 };

static uint8_t disk[65536], *header, *entries;
static uint32_t sector;
static struct vagent_partition parts[VAGENT_MAX_PARTITIONS];

static void put(uint8_t *to, uint64_t value, int bytes)
{
	while (bytes--) {
		*to++ = (uint8_t)value;
		value >>= 8;
	}
}

static uint32_t get(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint32_t crc(const uint8_t *p, size_t len)
{
	uint32_t value = ~0u;
	int i;

	for (; len--; p++)
		for (value ^= *p, i = 0; i < 8; i++)
			value = value >> 1 ^ (value & 1 ? 0xedb88320 : 0);
	return ~value;
}

static void seal(void)
{
	const uint64_t bytes = (uint64_t)get(header + 80) * get(header + 84);

	put(header + 88, bytes <= 16384 ? crc(entries, bytes) : 0, 4);
	put(header + 16, 0, 4);
	put(header + 16, crc(header, 92), 4);
}

static void make_mbr(uint8_t type)
{
	disk[446 + 4] = type;
	put(disk + 510, 0xaa55, 2);
}

static void make_gpt(uint32_t size)
{
	memset(disk, 0, sizeof(disk));
	sector = size;
	make_mbr(0xee);
	header = disk + size;
	entries = disk + ENTRIES_AT * size;
	memcpy(header, "EFI PART", 8);
	put(header + 12, 92, 4);
	put(header + 72, ENTRIES_AT, 8);
	put(header + 80, 128, 4);
	put(header + 84, 128, 4);
	memcpy(entries, esp_type, 16);
	memcpy(entries + 2 * 128, root_type, 16);
	put(entries + 2 * 128 + 16, 0x11223344, 4);
	seal();
}

static void setup(void)
{
	make_gpt(512);
}

static int read_disk(void)
{
	const int fd = memfd_create("disk", MFD_CLOEXEC);
	int n;

	ck_assert_int_eq(write(fd, disk, sizeof(disk)), sizeof(disk));
	n = vagent_init_read_partitions(fd, sector, parts);
	close(fd);
	return n;
}

static const struct { uint16_t units[4]; const char *label; } labels[] = {
	{ { 'r', 'o', 't', 0 }, "rot" }, { { 'a', 0xe9, 0x20ac, 'b' }, "a\xc3\xa9\xe2\x82\xac" "bx" },
	{ { 'a', 0xd83d, 0xde00, 0 }, "a" }, { { 0, 'x', 0, 0 }, "" },
};

START_TEST(label_of_a_gpt_is_utf_8)
{
	unsigned int i;

	for (i = 0; i < 4; i++)
		put(entries + 56 + 2 * i, labels[_i].units[i], 2);
	put(entries + 56 + 8, 'x', 2);
	seal();
	ck_assert_int_eq(read_disk(), 2);
	ck_assert_str_eq(parts[0].label, labels[_i].label);
}
END_TEST

START_TEST(label_ends_with_its_field)
{
	memset(entries + 56, 0x7f, 72);
	seal();
	ck_assert_int_eq(read_disk(), 2);
	ck_assert_uint_eq(strlen(parts[0].label), VAGENT_PARTITION_LABEL - 1);
}
END_TEST

START_TEST(roles_are_those_of_types)
{
	memcpy(entries + 3 * 128, boot_type, 16);
	memcpy(entries + 4 * 128, linux_type, 16);
	memset(entries + 5 * 128, 1, 16);
	seal();
	ck_assert_int_eq(read_disk(), 5);
	ck_assert_uint_eq(parts[0].number, 1);
	ck_assert_int_eq(parts[0].role, VAGENT_PARTITION_ESP);
	ck_assert_uint_eq(parts[1].number, 3);
	ck_assert_int_eq(parts[1].role, VAGENT_PARTITION_ROOT);
	ck_assert_int_eq(parts[2].role, VAGENT_PARTITION_BOOT);
	ck_assert_int_eq(parts[3].role, VAGENT_PARTITION_LINUX);
	ck_assert_int_eq(parts[4].role, VAGENT_PARTITION_OTHER);
	ck_assert_uint_eq(parts[4].number, 6);
}
END_TEST

START_TEST(uuid_is_printed_as_linux_does)
{
	ck_assert_int_eq(read_disk(), 2);
	ck_assert_str_eq(parts[1].uuid, "11223344-0000-0000-0000-000000000000");
}
END_TEST

START_TEST(sectors_may_have_4096_bytes)
{
	make_gpt(4096);
	ck_assert_int_eq(read_disk(), 2);
	ck_assert_int_eq(parts[1].role, VAGENT_PARTITION_ROOT);
}
END_TEST

static const struct {
	uint8_t type;
	int n;
	enum vagent_partition_role role;
} types[] = {
	{ 0x83, 1, VAGENT_PARTITION_LINUX }, { 0xef, 1, VAGENT_PARTITION_ESP },
	{ 0xea, 1, VAGENT_PARTITION_BOOT }, { 0x82, 1, VAGENT_PARTITION_OTHER },
	{ 0x05, 0, VAGENT_PARTITION_BOOT }, { 0x0f, 0, VAGENT_PARTITION_BOOT }, { 0, 0, VAGENT_PARTITION_BOOT },
};

START_TEST(table_of_an_mbr_is_read)
{
	memset(disk, 0, sizeof(disk));
	make_mbr(types[_i].type);
	put(disk + 440, 0xabcd1234, 4);
	ck_assert_int_eq(read_disk(), types[_i].n);
	ck_assert_int_eq(parts[0].role, types[_i].role);
	if (types[_i].n)
		ck_assert_str_eq(parts[0].uuid, "abcd1234-01");
}
END_TEST

/* An entry of a table in a sector of the disk. */
static void put_entry(unsigned int at, unsigned int i, uint8_t type, uint32_t first)
{
	uint8_t *entry = disk + at * sector + 446 + 16 * i;

	put(disk + at * sector + 510, 0xaa55, 2);
	entry[4] = type;
	put(entry + 8, first, 4);
	put(entry + 12, type ? 1 : 0, 4);
}

/* The tables are in sectors 4, 8 (without a partition) and 6. */
static void make_logical(uint32_t size)
{
	memset(disk, 0, sizeof(disk));
	sector = size;
	put(disk + 440, 0xabcd1234, 4);
	put_entry(0, 0, 0x82, 1);
	put_entry(0, 2, 0x0f, 4);
	put_entry(4, 0, 0x83, 1);
	put_entry(4, 1, 0x05, 4);
	put_entry(8, 1, 0x05, 2);
	put_entry(6, 0, 0xef, 1);
}

START_TEST(logical_partitions_are_those_of_the_list)
{
	make_logical(_i ? 4096 : 512);
	ck_assert_int_eq(read_disk(), 3);
	ck_assert_uint_eq(parts[0].number, 1);
	ck_assert_uint_eq(parts[1].number, 5);
	ck_assert_int_eq(parts[1].role, VAGENT_PARTITION_LINUX);
	ck_assert_uint_eq(parts[2].number, 6);
	ck_assert_int_eq(parts[2].role, VAGENT_PARTITION_ESP);
	ck_assert_str_eq(parts[2].uuid, "abcd1234-06");
}
END_TEST

START_TEST(a9_21_damaged_list_of_logical_partitions_ends)
{
	make_logical(512);
	disk[8 * 512 + 510] = 0;
	ck_assert_int_eq(read_disk(), 2);
	make_logical(512);
	put_entry(4, 1, 0x05, UINT32_MAX);
	ck_assert_int_eq(read_disk(), 2);
	make_logical(512);
	put_entry(6, 1, 0x05, 0);
	ck_assert_int_eq(read_disk(), 1 + 11);
	ck_assert_uint_eq(parts[11].number, 15);
	make_logical(512);
	put_entry(8, 1, 0x05, 4);
	ck_assert_int_eq(read_disk(), 2);
}
END_TEST

START_TEST(disk_without_a_table_has_no_partitions)
{
	memset(disk, 0, sizeof(disk));
	ck_assert_int_eq(read_disk(), 0);
	/* a file system of FAT */
	put(disk + 510, 0xaa55, 2);
	memset(disk + 446, 'x', 64);
	ck_assert_int_eq(read_disk(), 0);
}
END_TEST

static const struct {
	uint32_t at;		/* in the header */
	uint64_t value;
	int bytes;
} damages[] = {
	{ 0, 0, 1 }, { 12, 93, 4 }, { 12, 0xffffffff, 4 }, { 80, 0, 4 }, { 80, 129, 4 }, { 80, 0xffffffff, 4 },
	{ 84, 127, 4 }, { 84, 4097, 4 }, { 84, 0, 4 }, { 72, UINT64_MAX, 8 }, { 72, INT64_MAX / 512 + 1, 8 }, { 72, 200, 8 },
};

START_TEST(a9_11_rejects_a_gpt_beyond_its_limits)
{
	put(header + damages[_i].at, damages[_i].value, damages[_i].bytes);
	seal();
	ck_assert_int_eq(read_disk(), -EBADMSG);
}
END_TEST

START_TEST(a9_12_rejects_wrong_checksums)
{
	header[56] ^= 1;
	ck_assert_int_eq(read_disk(), -EBADMSG);
	setup();
	entries[127 * 128 + 127] ^= 1;
	ck_assert_int_eq(read_disk(), -EBADMSG);
}
END_TEST

START_TEST(a9_13_rejects_a_truncated_disk)
{
	static const off_t sizes[] = { 0, 511, 512, 603, 1024, 17407 };
	const int fd = memfd_create("disk", MFD_CLOEXEC);

	ck_assert_int_eq(write(fd, disk, (size_t)sizes[_i]), sizes[_i]);
	ck_assert_int_eq(vagent_init_read_partitions(fd, 512, parts), -EBADMSG);
	close(fd);
}
END_TEST

START_TEST(a9_14_accepts_all_128_partitions)
{
	int i;

	for (i = 0; i < 128; i++)
		memcpy(entries + i * 128, linux_type, 16);
	seal();
	ck_assert_int_eq(read_disk(), 128);
	ck_assert_uint_eq(parts[127].number, 128);
}
END_TEST

#define N(array) (int)(sizeof(array) / sizeof((array)[0]))

int main(void)
{
	Suite *s = suite_create("partitions");
	TCase *tc = tcase_create("partitions");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_loop_test(tc, label_of_a_gpt_is_utf_8, 0, sizeof(labels) / sizeof(labels[0]));
	tcase_add_test(tc, label_ends_with_its_field);
	tcase_add_test(tc, roles_are_those_of_types);
	tcase_add_test(tc, uuid_is_printed_as_linux_does);
	tcase_add_test(tc, sectors_may_have_4096_bytes);
	tcase_add_loop_test(tc, table_of_an_mbr_is_read, 0, N(types));
	tcase_add_loop_test(tc, logical_partitions_are_those_of_the_list, 0, 2);
	tcase_add_test(tc, a9_21_damaged_list_of_logical_partitions_ends);
	tcase_add_test(tc, disk_without_a_table_has_no_partitions);
	tcase_add_loop_test(tc, a9_11_rejects_a_gpt_beyond_its_limits, 0, N(damages));
	tcase_add_test(tc, a9_12_rejects_wrong_checksums);
	tcase_add_loop_test(tc, a9_13_rejects_a_truncated_disk, 0, 6);
	tcase_add_test(tc, a9_14_accepts_all_128_partitions);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
