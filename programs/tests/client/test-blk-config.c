/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about decoding a disk's configuration. */
#include <config.h>

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "../../../tests/support/suite.h"
#include "client/blk.h"

/* Byte i is i + 1, so that every field has a value of its own. */
static void numbered(unsigned char *raw)
{
	unsigned int i;

	for (i = 0; i < VIRTDEV_BLK_SPACE_SIZE; i++)
		raw[i] = (unsigned char)(i + 1);
}

START_TEST(capacity_is_little_endian_and_always_there)
{
	unsigned char raw[VIRTDEV_BLK_SPACE_SIZE];
	struct blk_config c;

	numbered(raw);
	blk_config_decode(raw, 0, &c);
	ck_assert_uint_eq(c.capacity, UINT64_C(0x0807060504030201));
}
END_TEST

START_TEST(field_without_its_feature_has_its_default)
{
	unsigned char raw[VIRTDEV_BLK_SPACE_SIZE];
	struct blk_config c;

	numbered(raw);
	blk_config_decode(raw, 0, &c);
	ck_assert_uint_eq(c.blk_size, 512);
	ck_assert_uint_eq(c.num_queues, 1);
	ck_assert_uint_eq(c.seg_max, 0);
	ck_assert_uint_eq(c.max_discard_sectors, 0);
}
END_TEST

START_TEST(every_field_comes_from_its_place)
{
	unsigned char raw[VIRTDEV_BLK_SPACE_SIZE];
	struct blk_config c;

	numbered(raw);
	blk_config_decode(raw, UINT64_MAX, &c);
	ck_assert_uint_eq(c.size_max, 0x0c0b0a09);
	ck_assert_uint_eq(c.seg_max, 0x100f0e0d);
	ck_assert_uint_eq(c.cylinders, 0x1211);
	ck_assert_uint_eq(c.heads, 0x13);
	ck_assert_uint_eq(c.sectors, 0x14);
	ck_assert_uint_eq(c.blk_size, 0x18171615);
	ck_assert_uint_eq(c.physical_block_exp, 0x19);
	ck_assert_uint_eq(c.alignment_offset, 0x1a);
	ck_assert_uint_eq(c.min_io_size, 0x1c1b);
	ck_assert_uint_eq(c.opt_io_size, 0x201f1e1d);
	ck_assert_uint_eq(c.writeback, 0x21);
	ck_assert_uint_eq(c.num_queues, 0x2423);
	ck_assert_uint_eq(c.max_discard_sectors, 0x28272625);
	ck_assert_uint_eq(c.discard_sector_alignment, 0x302f2e2d);
	ck_assert_uint_eq(c.max_write_zeroes_seg, 0x38373635);
	ck_assert_uint_eq(c.write_zeroes_may_unmap, 0x39);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("blk-config");
	TCase *tc = tcase_create("blk-config");

	suite_add_tcase(s, tc);
	tcase_add_test(tc, capacity_is_little_endian_and_always_there);
	tcase_add_test(tc, field_without_its_feature_has_its_default);
	tcase_add_test(tc, every_field_comes_from_its_place);
	return run_suite(s);
}
