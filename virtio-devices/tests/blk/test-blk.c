/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about requests to a block device: layout, bounds, status, lengths. */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../blk-rig.h"
#include "../suite.h"

static struct rig r;

/*
 * The claims are tested with split and packed rings, with and without indirect
 * chains.
 */
static const uint64_t rings[] = {
	0,
	VQ_F_INDIRECT_DESC,
	VQ_F_RING_PACKED,
	VQ_F_RING_PACKED | VQ_F_INDIRECT_DESC,
};

static int ring;

static void setup(void)
{
	rig_init(&r, rings[ring] | VQ_F_EVENT_IDX, 64);
}

static void teardown(void)
{
	rig_fini(&r);
}

START_TEST(read_returns_the_disks_bytes)
{
	memset(r.disk.bytes + 3 * 512, 0x5a, 1024);
	ck_assert_int_eq(rig_simple(&r, T_IN, 3, 1024), S_OK);
	ck_assert_mem_eq(guest_at(&r.g, RIG_DATA), r.disk.bytes + 3 * 512,
			 1024);
	ck_assert_uint_eq(r.disk.nlog, 1);
}
END_TEST

START_TEST(write_modifies_the_disk)
{
	memset(guest_at(&r.g, RIG_DATA), 0xa5, 512);
	ck_assert_int_eq(rig_simple(&r, T_OUT, 7, 512), S_OK);
	ck_assert_mem_eq(r.disk.bytes + 7 * 512, guest_at(&r.g, RIG_DATA),
			 512);
	ck_assert_uint_eq(r.disk.bytes[8 * 512], 0xdd);
	ck_assert_uint_eq(r.disk.bytes[7 * 512 - 1], 0xdd);
}
END_TEST

START_TEST(data_may_span_memory_regions)
{
	memset(guest_at(&r.g, RIG_DATA), 1, 0x1000);
	memset(guest_at(&r.g, GUEST_HALF), 2, 0x1000);
	ck_assert_int_eq(rig_simple(&r, T_OUT, 0, 0x2000), S_OK);
	ck_assert_uint_eq(r.disk.bytes[0xfff], 1);
	ck_assert_uint_eq(r.disk.bytes[0x1000], 2);
}
END_TEST

/* Ways to split the 16 bytes of a header into buffers. */
static const unsigned char header_pieces[][16] = {
	{ 16 }, { 8, 8 }, { 1, 15 }, { 15, 1 }, { 4, 4, 8 },
	{ 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 },
};

START_TEST(a4_01_header_may_be_spread_over_buffers)
{
	struct vq_buffer buffers[20];
	unsigned int n = 0, at = 0;

	rig_header(&r, T_OUT, 5);
	for (; at < 16; at += header_pieces[_i][n++])
		buffers[n] = (struct vq_buffer) { RIG_HEADER + at,
						  header_pieces[_i][n], 0 };
	buffers[n++] = (struct vq_buffer) { RIG_DATA, 512, 0 };
	buffers[n++] = (struct vq_buffer) { RIG_STATUS, 1, 1 };
	ck_assert_int_eq(rig_chain(&r, buffers, n), S_OK);
	ck_assert_uint_eq(r.disk.log[0].offset, 5 * 512);
	ck_assert_uint_eq(r.disk.log[0].len, 512);
}
END_TEST

START_TEST(a4_01_header_and_data_may_share_a_buffer)
{
	struct vq_buffer buffers[] = {
		{ RIG_HEADER, 16 + 512, 0 }, { RIG_HEADER + 0x1000, 1, 1 },
	};

	rig_header(&r, T_OUT, 1);
	memset(guest_at(&r.g, RIG_HEADER + 16), 0x77, 512);
	rig_chain(&r, buffers, 2);
	ck_assert_uint_eq(*guest_at(&r.g, RIG_HEADER + 0x1000), S_OK);
	ck_assert_uint_eq(r.disk.bytes[512], 0x77);
	ck_assert_uint_eq(r.disk.bytes[1023], 0x77);
}
END_TEST

START_TEST(a4_01_data_and_status_may_share_a_buffer)
{
	struct vq_buffer buffers[] = {
		{ RIG_HEADER, 16, 0 }, { RIG_DATA, 513, 1 },
	};

	rig_header(&r, T_IN, 0);
	rig_chain(&r, buffers, 2);
	ck_assert_uint_eq(*guest_at(&r.g, RIG_DATA + 512), S_OK);
	ck_assert_uint_eq(*guest_at(&r.g, RIG_DATA + 511), 0xdd);
	ck_assert_uint_eq(r.written, 513);
}
END_TEST

START_TEST(a4_01_short_header_is_dropped)
{
	struct vq_buffer buffers[] = {
		{ RIG_HEADER, (uint32_t)_i, 0 }, { RIG_STATUS, 1, 1 },
	};

	rig_header(&r, T_FLUSH, 0);
	ck_assert_int_eq(rig_chain(&r, _i ? buffers : buffers + 1, _i ? 2 : 1),
			 S_UNTOUCHED);
	ck_assert_uint_eq(r.written, 0);
	ck_assert_uint_eq(r.disk.nlog, 0);
}
END_TEST

START_TEST(a4_02_request_without_status_byte_is_dropped)
{
	struct vq_buffer buffers[] = {
		{ RIG_HEADER, 16, 0 }, { RIG_DATA, 512, 0 },
		{ RIG_STATUS, 1, 0 },
	};

	rig_header(&r, T_OUT, 0);
	ck_assert_int_eq(rig_chain(&r, buffers, 3), S_UNTOUCHED);
	ck_assert_uint_eq(r.written, 0);
	ck_assert_uint_eq(r.disk.nlog, 0);
	ck_assert_int_eq(rig_simple(&r, T_FLUSH, 0, 0), S_OK);
}
END_TEST

/*
 * Only writable buffers contain no request; only readable ones have no room for
 * a status.
 */
START_TEST(a1_20_request_without_room_for_its_answer_is_dropped)
{
	struct vq_buffer buffers[] = {
		{ RIG_HEADER, 16, _i }, { RIG_DATA, 512, _i },
		{ RIG_STATUS, 1, _i },
	};

	rig_header(&r, T_OUT, 0);
	ck_assert_int_eq(rig_chain(&r, buffers, 3), S_UNTOUCHED);
	ck_assert_uint_eq(r.written, 0);
	ck_assert_uint_eq(r.disk.nlog, 0);
	ck_assert_uint_eq(r.broken, 0);
	ck_assert_int_eq(rig_simple(&r, T_FLUSH, 0, 0), S_OK);
}
END_TEST

/* The driver overwrites the header while the disk processes the request. */
START_TEST(a1_41_header_changed_after_the_fetch_has_no_effect)
{
	struct vq_buffer buffers[] = {
		{ RIG_HEADER, 16, 0 }, { RIG_DATA, 512, 1 },
		{ RIG_STATUS, 1, 1 },
	};

	r.disk.hold = true;
	r.disk.bytes[512] = 0x5a;
	rig_header(&r, T_IN, 1);
	rig_add(&r, buffers, 3);
	ck_assert_uint_eq(rig_serve(&r), 0);
	rig_header(&r, T_DISCARD, UINT64_MAX);
	fake_disk_finish(&r.disk);
	ck_assert_uint_eq(rig_serve(&r), 1);
	ck_assert_int_eq(*guest_at(&r.g, RIG_STATUS), S_OK);
	ck_assert_uint_eq(*guest_at(&r.g, RIG_DATA), 0x5a);
	ck_assert_uint_eq(r.disk.nlog, 1);
	ck_assert_uint_eq(r.disk.log[0].offset, 512);
	ck_assert_uint_eq(r.written, 513);
}
END_TEST

/* Sectors and lengths outside a disk of FAKE_SECTORS. */
static const struct {
	uint64_t sector;
	uint32_t len;
} outside[] = {
	{ FAKE_SECTORS, 512 },
	{ FAKE_SECTORS - 1, 1024 },
	{ FAKE_SECTORS + 1, 0 },
	{ UINT64_MAX, 512 },
	{ UINT64_MAX / 512, 512 },
	{ UINT64_MAX / 512 + 1, 512 },
	{ UINT64_C(1) << 55, 512 },
	{ (UINT64_C(1) << 55) - 1, 1024 },
	{ UINT64_MAX - 1, 0x2000 },
};

START_TEST(a4_03_request_beyond_the_disk_fails)
{
	ck_assert_int_eq(rig_simple(&r, T_IN, outside[_i].sector,
				    outside[_i].len), S_IOERR);
	ck_assert_int_eq(rig_simple(&r, T_OUT, outside[_i].sector,
				    outside[_i].len), S_IOERR);
	ck_assert_uint_eq(r.disk.nlog, 0);
}
END_TEST

START_TEST(last_sector_is_accessible)
{
	ck_assert_int_eq(rig_simple(&r, T_IN, FAKE_SECTORS - 1, 512), S_OK);
	ck_assert_int_eq(rig_simple(&r, T_OUT, FAKE_SECTORS - 1, 512), S_OK);
	ck_assert_int_eq(rig_simple(&r, T_IN, FAKE_SECTORS, 0), S_OK);
}
END_TEST

START_TEST(a4_04_chain_whose_sum_exceeds_the_disk_writes_nothing)
{
	struct vq_buffer data[] = {
		{ RIG_DATA, 512, 0 }, { RIG_DATA + 512, 512, 0 },
		{ RIG_DATA + 1024, 512, 0 },
	};

	ck_assert_int_eq(rig_request(&r, T_OUT, FAKE_SECTORS - 2, data, 3),
			 S_IOERR);
	ck_assert_uint_eq(r.disk.nlog, 0);
}
END_TEST

START_TEST(a4_05_length_that_is_not_a_multiple_of_a_sector_fails)
{
	static const uint32_t lens[] = { 1, 511, 513, 1023 };

	ck_assert_int_eq(rig_simple(&r, T_IN, 0, lens[_i]), S_IOERR);
	ck_assert_uint_eq(r.written, 0);
	ck_assert_int_eq(rig_simple(&r, T_OUT, 0, lens[_i]), S_IOERR);
	ck_assert_uint_eq(r.disk.nlog, 0);
}
END_TEST

START_TEST(a4_05_odd_pieces_that_add_up_to_sectors_succeed)
{
	struct vq_buffer data[] = {
		{ RIG_DATA, 1, 1 }, { RIG_DATA + 100, 510, 1 },
		{ RIG_DATA + 1000, 513, 1 },
	};

	memset(r.disk.bytes, 3, 1024);
	ck_assert_int_eq(rig_request(&r, T_IN, 0, data, 3), S_OK);
	ck_assert_uint_eq(r.written, 1025);
	ck_assert_uint_eq(*guest_at(&r.g, RIG_DATA), 3);
	ck_assert_uint_eq(*guest_at(&r.g, RIG_DATA + 609), 3);
	ck_assert_uint_eq(*guest_at(&r.g, RIG_DATA + 1512), 3);
}
END_TEST

START_TEST(a4_11_get_id_is_truncated_to_the_buffer)
{
	static const uint32_t rooms[] = { 0, 1, 19, 20, 21, 64 };
	uint32_t room = rooms[_i], n = room < 20 ? room : 20;
	char *at = (char *)guest_at(&r.g, RIG_DATA);

	memset(at, '#', 65);
	ck_assert_int_eq(rig_simple(&r, T_GET_ID, 0, room), S_OK);
	ck_assert_mem_eq(at, "a serial number that", n);
	ck_assert_int_eq(at[n], '#');
	/*
	 * the status byte counts only if it directly follows the filled bytes
	 */
	ck_assert_uint_eq(r.written, room <= 20 ? n + 1 : n);
}
END_TEST

START_TEST(a4_12_unknown_type_is_unsupported)
{
	static const uint32_t types[] = {
		2, 3, 5, 6, 7, 9, 10, 12, 14, 15, 16, 17, 18, 19, 20, 24,
		0x7fffffff, 0x80000000, 0x80000001, UINT32_MAX,
	};

	ck_assert_int_eq(rig_simple(&r, types[_i], 0, 512), S_UNSUPP);
	ck_assert_uint_eq(r.disk.nlog, 0);
}
END_TEST

START_TEST(a4_13_flush_with_payload_is_a_flush)
{
	ck_assert_int_eq(rig_simple(&r, T_FLUSH, 12345, 512), S_OK);
	ck_assert_uint_eq(r.disk.nlog, 1);
	ck_assert_uint_eq(r.disk.log[0].op, VIRTDEV_DISK_FLUSH);
}
END_TEST

/* A result of the disk, and the status that the driver reads. */
static const struct {
	int result, status;
} results[] = {
	{ 0, S_OK },
	{ -EIO, S_IOERR },
	{ -ENOSPC, S_IOERR },
	{ -EFBIG, S_IOERR },
	{ -EDQUOT, S_IOERR },
	{ -EOPNOTSUPP, S_UNSUPP },
};

START_TEST(e1_01_failure_of_the_disk_is_the_status_of_its_request)
{
	r.disk.result = results[_i].result;
	ck_assert_int_eq(rig_simple(&r, T_IN, 0, 512), results[_i].status);
	ck_assert_int_eq(rig_simple(&r, T_OUT, 0, 512), results[_i].status);
	ck_assert_int_eq(rig_simple(&r, T_FLUSH, 0, 0), results[_i].status);
	r.disk.result = 0;
	ck_assert_int_eq(rig_simple(&r, T_OUT, 0, 512), S_OK);
}
END_TEST

START_TEST(a4_17_used_length_counts_contiguous_written_bytes)
{
	rig_simple(&r, T_IN, 0, 4096);
	ck_assert_uint_eq(r.written, 4097);
	rig_simple(&r, T_OUT, 0, 4096);
	ck_assert_uint_eq(r.written, 1);
	rig_simple(&r, T_FLUSH, 0, 0);
	ck_assert_uint_eq(r.written, 1);
	rig_simple(&r, 99, 0, 0);
	ck_assert_uint_eq(r.written, 1);
	r.disk.result = -EIO;
	rig_simple(&r, T_IN, 0, 4096);
	ck_assert_uint_eq(r.written, 0);
	rig_simple(&r, T_OUT, 0, 4096);
	ck_assert_uint_eq(r.written, 1);
}
END_TEST

START_TEST(a1_14_data_outside_memory_fails_the_request)
{
	struct vq_buffer data = { GUEST_HOLE, 512, _i == T_IN };

	ck_assert_int_eq(rig_request(&r, (uint32_t)_i, 0, &data, 1),
			 S_IOERR);
	ck_assert_uint_eq(r.disk.nlog, 0);
	ck_assert_int_eq(vq_broken(r.g.q), VQ_OK);
	ck_assert_int_eq(rig_simple(&r, T_FLUSH, 0, 0), S_OK);
}
END_TEST

START_TEST(a1_15_read_into_read_only_memory_fails_the_request)
{
	struct vq_buffer data = { GUEST_ROM, 512, 1 };

	rig_request(&r, T_IN, 0, &data, 1);
	ck_assert_uint_eq(r.written, 0);
	ck_assert_uint_eq(r.disk.nlog, 0);
	data.writable = 0;
	ck_assert_int_eq(rig_request(&r, T_OUT, 0, &data, 1), S_OK);
}
END_TEST

START_TEST(header_outside_memory_fails_the_request)
{
	struct vq_buffer buffers[] = {
		{ GUEST_HOLE, 16, 0 }, { RIG_STATUS, 1, 1 },
	};

	rig_header(&r, T_FLUSH, 0);
	ck_assert_int_eq(rig_chain(&r, buffers, 2), S_IOERR);
	ck_assert_uint_eq(r.written, 1);
}
END_TEST

START_TEST(status_outside_memory_drops_the_request)
{
	struct vq_buffer buffers[] = {
		{ RIG_HEADER, 16, 0 }, { RIG_DATA, 512, 1 },
		{ GUEST_HOLE, 1, 1 },
	};

	rig_header(&r, T_IN, 0);
	*guest_at(&r.g, RIG_DATA + 511) = 0x11;
	rig_chain(&r, buffers, 3);
	ck_assert_uint_eq(r.written, 0);
	ck_assert_uint_eq(*guest_at(&r.g, RIG_DATA + 511), 0x11);
	ck_assert_uint_eq(r.disk.nlog, 0);
}
END_TEST

START_TEST(request_of_seg_max_segments_is_one_transfer)
{
	struct vq_buffer data[VIRTDEV_BLK_SEG_MAX];
	unsigned int i;

	for (i = 0; i < VIRTDEV_BLK_SEG_MAX; i++)
		data[i] = (struct vq_buffer) { RIG_DATA + i * 512, 512, 0 };
	ck_assert_int_eq(rig_request(&r, T_OUT, 0, data, VIRTDEV_BLK_SEG_MAX),
			 S_OK);
	ck_assert_uint_eq(r.disk.nlog, 1);
	ck_assert_uint_eq(r.disk.log[0].len, VIRTDEV_BLK_SEG_MAX * 512);
}
END_TEST

static TCase *requests(const char *name)
{
	TCase *tc = tcase_create(name);

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, read_returns_the_disks_bytes);
	tcase_add_test(tc, write_modifies_the_disk);
	tcase_add_test(tc, data_may_span_memory_regions);
	tcase_add_loop_test(tc, a4_01_header_may_be_spread_over_buffers, 0,
			    sizeof(header_pieces) / sizeof(*header_pieces));
	tcase_add_test(tc, a4_01_header_and_data_may_share_a_buffer);
	tcase_add_test(tc, a4_01_data_and_status_may_share_a_buffer);
	tcase_add_loop_test(tc, a4_01_short_header_is_dropped, 0, 16);
	tcase_add_test(tc, a4_02_request_without_status_byte_is_dropped);
	tcase_add_loop_test(tc, a1_20_request_without_room_for_its_answer_is_dropped,
			    0, 2);
	tcase_add_test(tc, a1_41_header_changed_after_the_fetch_has_no_effect);
	tcase_add_loop_test(tc, a4_03_request_beyond_the_disk_fails, 0,
			    sizeof(outside) / sizeof(*outside));
	tcase_add_test(tc, last_sector_is_accessible);
	tcase_add_test(tc, a4_04_chain_whose_sum_exceeds_the_disk_writes_nothing);
	tcase_add_loop_test(tc, a4_05_length_that_is_not_a_multiple_of_a_sector_fails,
			    0, 4);
	tcase_add_test(tc, a4_05_odd_pieces_that_add_up_to_sectors_succeed);
	tcase_add_loop_test(tc, a4_11_get_id_is_truncated_to_the_buffer, 0,
			    6);
	tcase_add_loop_test(tc, a4_12_unknown_type_is_unsupported, 0, 20);
	tcase_add_test(tc, a4_13_flush_with_payload_is_a_flush);
	tcase_add_loop_test(tc, e1_01_failure_of_the_disk_is_the_status_of_its_request,
			    0, sizeof(results) / sizeof(*results));
	tcase_add_test(tc, a4_17_used_length_counts_contiguous_written_bytes);
	tcase_add_loop_test(tc, a1_14_data_outside_memory_fails_the_request,
			    T_IN, T_OUT + 1);
	tcase_add_test(tc, a1_15_read_into_read_only_memory_fails_the_request);
	tcase_add_test(tc, header_outside_memory_fails_the_request);
	tcase_add_test(tc, status_outside_memory_drops_the_request);
	return tc;
}

static void split_ring(void)
{
	ring = 0;
}

static void split_indirect_ring(void)
{
	ring = 1;
}

static void packed_ring(void)
{
	ring = 2;
}

static void packed_indirect_ring(void)
{
	ring = 3;
}

int main(void)
{
	static const struct {
		const char *name;
		SFun choose;
		bool indirect;	/* has descriptors for all segments */
	} cases[] = {
		{ "split", split_ring, false },
		{ "split, indirect", split_indirect_ring, true },
		{ "packed", packed_ring, false },
		{ "packed, indirect", packed_indirect_ring, true },
	};
	Suite *s = suite_create("blk");
	int i;

	for (i = 0; i < 4; i++) {
		TCase *tc = requests(cases[i].name);

		tcase_add_unchecked_fixture(tc, cases[i].choose, NULL);
		if (cases[i].indirect)
			tcase_add_test(tc, request_of_seg_max_segments_is_one_transfer);
		suite_add_tcase(s, tc);
	}
	return run_suite(s);
}
