/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about discard and write-zeroes. */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <vmm-sys-util/endian.h>

#include "../blk-rig.h"
#include "../suite.h"

static struct rig r;

static void setup(void)
{
	rig_init(&r, VQ_F_EVENT_IDX, 64);
}

static void teardown(void)
{
	rig_fini(&r);
}

#define UNMAP 1u

static const uint32_t both[] = { T_DISCARD, T_WRITE_ZEROES };

START_TEST(range_is_passed_to_the_disk)
{
	rig_range(&r, 0, 8, 16, 0);
	ck_assert_int_eq(rig_simple(&r, both[_i], 0, 16), S_OK);
	ck_assert_uint_eq(r.disk.nlog, 1);
	ck_assert_uint_eq(r.disk.log[0].op, _i ? VIRTDEV_DISK_ZERO :
			  VIRTDEV_DISK_DISCARD);
	ck_assert_uint_eq(r.disk.log[0].offset, 8 * 512);
	ck_assert_uint_eq(r.disk.log[0].len, 16 * 512);
	ck_assert_uint_eq(r.written, 1);
}
END_TEST

START_TEST(unmap_flag_of_write_zeroes_is_passed_to_the_disk)
{
	rig_range(&r, 0, 0, 1, UNMAP);
	ck_assert_int_eq(rig_simple(&r, T_WRITE_ZEROES, 0, 16), S_OK);
	ck_assert_uint_eq(r.disk.log[0].may_unmap, 1);
	rig_range(&r, 0, 0, 1, 0);
	ck_assert_int_eq(rig_simple(&r, T_WRITE_ZEROES, 0, 16), S_OK);
	ck_assert_uint_eq(r.disk.log[1].may_unmap, 0);
}
END_TEST

START_TEST(sixteen_ranges_are_processed_in_order)
{
	unsigned int i;

	for (i = 0; i < 16; i++)
		rig_range(&r, i, i * 10, 2, 0);
	ck_assert_int_eq(rig_simple(&r, both[_i], 0, 16 * 16), S_OK);
	ck_assert_uint_eq(r.disk.nlog, 16);
	for (i = 0; i < 16; i++)
		ck_assert_uint_eq(r.disk.log[i].offset, i * 5120);
}
END_TEST

START_TEST(a4_07_more_ranges_than_announced_fail_before_the_first)
{
	unsigned int i;

	for (i = 0; i < 17; i++)
		rig_range(&r, i, i, 1, 0);
	ck_assert_int_eq(rig_simple(&r, both[_i], 0, 17 * 16), S_IOERR);
	ck_assert_int_eq(rig_simple(&r, both[_i], 0, 0xf000), S_IOERR);
	ck_assert_uint_eq(r.disk.nlog, 0);
}
END_TEST

static const struct {
	uint64_t sector;
	uint32_t sectors;
} outside[] = {
	{ FAKE_SECTORS, 1 },
	{ FAKE_SECTORS - 1, 2 },
	{ 0, FAKE_SECTORS + 1 },
	{ 0, UINT32_MAX },
	{ UINT64_MAX, 1 },
	{ UINT64_MAX - 1, 2 },
	{ UINT64_C(1) << 55, 1 },
};

START_TEST(a4_08_range_beyond_the_disk_fails_the_whole_request)
{
	rig_range(&r, 0, 0, 1, 0);
	rig_range(&r, 1, outside[_i].sector, outside[_i].sectors, 0);
	ck_assert_int_eq(rig_simple(&r, T_DISCARD, 0, 32), S_IOERR);
	ck_assert_int_eq(rig_simple(&r, T_WRITE_ZEROES, 0, 32), S_IOERR);
	ck_assert_uint_eq(r.disk.nlog, 0);
}
END_TEST

START_TEST(range_up_to_the_end_of_the_disk_is_accepted)
{
	rig_range(&r, 0, 0, FAKE_SECTORS, 0);
	ck_assert_int_eq(rig_simple(&r, both[_i], 0, 16), S_OK);
	rig_range(&r, 0, FAKE_SECTORS, 0, 0);
	ck_assert_int_eq(rig_simple(&r, both[_i], 0, 16), S_OK);
}
END_TEST

static const struct {
	uint32_t type, flags;
} bad_flags[] = {
	{ T_DISCARD, UNMAP },
	{ T_DISCARD, 2 },
	{ T_DISCARD, 0x80000000 },
	{ T_WRITE_ZEROES, 2 },
	{ T_WRITE_ZEROES, UNMAP | 4 },
	{ T_WRITE_ZEROES, UINT32_MAX },
};

START_TEST(a4_09_undefined_flags_are_unsupported)
{
	rig_range(&r, 0, 0, 1, bad_flags[_i].flags);
	ck_assert_int_eq(rig_simple(&r, bad_flags[_i].type, 0, 16), S_UNSUPP);
	ck_assert_uint_eq(r.disk.nlog, 0);
}
END_TEST

START_TEST(a4_10_payload_that_is_not_a_list_of_ranges_fails)
{
	static const uint32_t lens[] = { 0, 1, 15, 17, 31, 33 };

	rig_range(&r, 0, 0, 1, 0);
	rig_range(&r, 1, 0, 1, 0);
	ck_assert_int_eq(rig_simple(&r, T_DISCARD, 0, lens[_i]), S_IOERR);
	ck_assert_int_eq(rig_simple(&r, T_WRITE_ZEROES, 0, lens[_i]), S_IOERR);
	ck_assert_uint_eq(r.disk.nlog, 0);
}
END_TEST

START_TEST(range_may_be_spread_over_buffers)
{
	struct vq_buffer data[] = {
		{ RIG_DATA, 3, 0 }, { RIG_DATA + 3, 13, 0 },
	};

	rig_range(&r, 0, 4, 2, 0);
	ck_assert_int_eq(rig_request(&r, T_DISCARD, 0, data, 2), S_OK);
	ck_assert_uint_eq(r.disk.log[0].offset, 4 * 512);
}
END_TEST

START_TEST(failure_of_a_range_skips_later_ranges)
{
	unsigned int i;

	for (i = 0; i < 4; i++)
		rig_range(&r, i, i, 1, 0);
	r.disk.result = -ENOSPC;
	ck_assert_int_eq(rig_simple(&r, both[_i], 0, 64), S_IOERR);
	ck_assert_uint_eq(r.disk.nlog, 1);
}
END_TEST

START_TEST(e1_21_operation_missing_in_the_file_system_is_unsupported)
{
	rig_range(&r, 0, 0, 1, 0);
	r.disk.result = -EOPNOTSUPP;
	ck_assert_int_eq(rig_simple(&r, both[_i], 0, 16), S_UNSUPP);
}
END_TEST

START_TEST(largest_range_is_that_of_the_configuration)
{
	struct vsu_le32 le_max;
	uint32_t max;

	rig_fini(&r);
	rig_prepare(&r);
	r.disk.info.capacity = UINT64_C(1) << 40;
	rig_start(&r, UINT64_MAX & ~VQ_F_RING_PACKED, 64);
	virtdev_config_read(r.dev, both[_i] == T_DISCARD ? 36 : 48, &le_max, 4);
	max = vsu_le32_load(le_max);
	r.disk.hold = true;
	rig_range(&r, 0, 1, max + 1, 0);
	ck_assert_int_eq(rig_simple(&r, both[_i], 0, 16), S_IOERR);
	rig_range(&r, 0, 1, max, 0);
	rig_header(&r, both[_i], 0);
	rig_add(&r, (struct vq_buffer []) { { RIG_HEADER, 16, 0 },
		{ RIG_DATA, 16, 0 }, { RIG_STATUS, 1, 1 } }, 3);
	ck_assert_uint_eq(rig_serve(&r), 0);
	ck_assert_uint_eq(r.disk.log[0].len, (uint64_t)max * 512);
	r.disk.result = -EIO;
	fake_disk_finish(&r.disk);
	ck_assert_uint_eq(rig_serve(&r), 1);
}
END_TEST

START_TEST(unsupported_operations_are_not_offered)
{
	rig_fini(&r);
	rig_prepare(&r);
	r.disk.info.can_discard = r.disk.info.can_zero = 0;
	rig_start(&r, UINT64_MAX & ~VQ_F_RING_PACKED, 64);
	ck_assert_uint_eq(virtdev_get_info(r.dev)->features &
			  (F_DISCARD | F_WRITE_ZEROES), 0);
	rig_range(&r, 0, 0, 1, 0);
	ck_assert_int_eq(rig_simple(&r, both[_i], 0, 16), S_UNSUPP);
}
END_TEST

START_TEST(a4_06_read_only_disk_refuses_both_operations)
{
	rig_fini(&r);
	rig_prepare(&r);
	r.disk.info.read_only = 1;
	rig_start(&r, UINT64_MAX & ~(VQ_F_RING_PACKED | F_RO), 64);
	rig_range(&r, 0, 0, 1, 0);
	ck_assert_int_eq(rig_simple(&r, both[_i], 0, 16), S_IOERR);
	ck_assert_int_eq(rig_simple(&r, T_OUT, 0, 512), S_IOERR);
	ck_assert_int_eq(rig_simple(&r, T_IN, 0, 512), S_OK);
	ck_assert_uint_eq(r.disk.nlog, 1);
	ck_assert_uint_ne(virtdev_get_info(r.dev)->features & F_RO, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("blk ranges");
	TCase *tc = tcase_create("blk ranges");

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, range_is_passed_to_the_disk, 0, 2);
	tcase_add_test(tc, unmap_flag_of_write_zeroes_is_passed_to_the_disk);
	tcase_add_loop_test(tc, sixteen_ranges_are_processed_in_order, 0,
			    2);
	tcase_add_loop_test(tc, a4_07_more_ranges_than_announced_fail_before_the_first,
			    0, 2);
	tcase_add_loop_test(tc, a4_08_range_beyond_the_disk_fails_the_whole_request,
			    0, sizeof(outside) / sizeof(*outside));
	tcase_add_loop_test(tc, range_up_to_the_end_of_the_disk_is_accepted, 0, 2);
	tcase_add_loop_test(tc, a4_09_undefined_flags_are_unsupported,
			    0, sizeof(bad_flags) / sizeof(*bad_flags));
	tcase_add_loop_test(tc, a4_10_payload_that_is_not_a_list_of_ranges_fails,
			    0, 6);
	tcase_add_test(tc, range_may_be_spread_over_buffers);
	tcase_add_loop_test(tc, failure_of_a_range_skips_later_ranges, 0, 2);
	tcase_add_loop_test(tc, e1_21_operation_missing_in_the_file_system_is_unsupported,
			    0, 2);
	tcase_add_loop_test(tc, largest_range_is_that_of_the_configuration,
			    0, 2);
	tcase_add_loop_test(tc, unsupported_operations_are_not_offered, 0, 2);
	tcase_add_loop_test(tc, a4_06_read_only_disk_refuses_both_operations, 0, 2);

	return run_suite(s);
}
