/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the last bytes of a chain, in which a device stores its status. */
#include <config.h>

#include "util.h"

#define HOLE	(RIG_MEMORY * 4u)
#define STATUS	(RIG_DATA + 0x800u)

static struct rig r;
static const unsigned char five = 5;

static void setup(void)
{
	rig_init(&r, VQ_F_INDIRECT_DESC);
}

static void teardown(void)
{
	rig_fini(&r);
}

/* Pops header, bad or good data, and a status byte at that address. */
static void pop_request(uint64_t data, uint32_t len, uint16_t kind,
			uint64_t status)
{
	put_desc(&r, RIG_DESC, 0, RIG_DATA, 16, F_NEXT, 1);
	put_desc(&r, RIG_DESC, 1, data, len, F_NEXT | kind, 2);
	put_desc(&r, RIG_DESC, 2, status, 1, F_WRITE, 0);
	offer(&r, 0);
	ck_assert_int_eq(rig_pop(&r), 1);
}

static bool write_five(void)
{
	return vq_chain_write_last(r.q, &r.chain, &five, 1);
}

START_TEST(last_byte_of_a_good_chain_is_written)
{
	pop_request(RIG_DATA + 512, 512, F_WRITE, STATUS);
	ck_assert(write_five());
	ck_assert_uint_eq(r.mem[STATUS], 5);
	ck_assert(!vq_chain_write_last(r.q, &r.chain, r.mem, 514));
	vq_push(r.q, &r.chain, 0);
}
END_TEST

static const struct {
	uint64_t gpa;
	uint32_t len;
	uint16_t kind;
} bad_data[] = {
	{ HOLE, 512, F_WRITE }, { RIG_MEMORY - 8, 512, F_WRITE },
	{ UINT64_MAX - 7, 512, F_WRITE }, { HOLE, 512, 0 },
};

START_TEST(a4_21_last_byte_behind_a_bad_buffer_is_written)
{
	pop_request(bad_data[_i].gpa, bad_data[_i].len, bad_data[_i].kind,
		    STATUS);
	ck_assert_uint_ne(r.chain.fault.why, VQ_FAULT_NONE);
	ck_assert(write_five());
	ck_assert_uint_eq(r.mem[STATUS], 5);
	ck_assert_uint_eq(r.mem[STATUS + 1], 0);
	vq_push(r.q, &r.chain, 0);
}
END_TEST

static const uint64_t bad_status[] = { HOLE, UINT64_MAX };

START_TEST(a4_21_last_byte_that_is_bad_itself_is_not_written)
{
	pop_request(_i & 1 ? HOLE : RIG_DATA + 512, 512, F_WRITE,
		    bad_status[_i / 2]);
	ck_assert_uint_eq(r.chain.fault.bad, VMEM_WRITE);
	ck_assert(!write_five());
	vq_push(r.q, &r.chain, 0);
}
END_TEST

START_TEST(a4_21_empty_buffer_at_the_end_is_not_the_last_byte)
{
	put_desc(&r, RIG_DESC, 0, HOLE, 16, F_WRITE | F_NEXT, 1);
	put_desc(&r, RIG_DESC, 1, STATUS, 4, F_WRITE | F_NEXT, 2);
	put_desc(&r, RIG_DESC, 2, HOLE, 0, F_WRITE, 0);
	offer(&r, 0);
	ck_assert_int_eq(rig_pop(&r), 1);
	ck_assert(write_five());
	ck_assert_uint_eq(r.mem[STATUS + 3], 5);
	ck_assert(vq_chain_write_last(r.q, &r.chain, "abcd", 4));
	ck_assert_mem_eq(r.mem + STATUS, "abcd", 4);
	ck_assert(!vq_chain_write_last(r.q, &r.chain, "abcde", 5));
	vq_push(r.q, &r.chain, 0);
}
END_TEST

START_TEST(a4_21_chain_of_too_many_pieces_has_its_last_byte)
{
	uint16_t i;

	r.chain.iov_max = 2;
	for (i = 0; i < 4; i++)
		put_desc(&r, RIG_DESC, i, RIG_DATA + i * 64u, 64,
			 F_WRITE | F_NEXT, (uint16_t)(i + 1));
	put_desc(&r, RIG_DESC, 4, STATUS, 1, F_WRITE, 0);
	offer(&r, 0);
	ck_assert_int_eq(rig_pop(&r), 1);
	ck_assert_uint_eq(r.chain.fault.why, VQ_FAULT_NO_ROOM);
	ck_assert_uint_eq(r.chain.nwritable, 2);
	ck_assert(write_five());
	ck_assert_uint_eq(r.mem[STATUS], 5);
	vq_push(r.q, &r.chain, 0);
}
END_TEST

START_TEST(a4_21_last_byte_in_a_table_behind_a_bad_buffer_is_written)
{
	put_desc(&r, RIG_DESC, 0, HOLE, 512, F_WRITE | F_NEXT, 1);
	put_desc(&r, RIG_DESC, 1, RIG_TABLE, 32, F_INDIRECT, 0);
	put_desc(&r, RIG_TABLE, 0, RIG_DATA, 64, F_WRITE | F_NEXT, 1);
	put_desc(&r, RIG_TABLE, 1, STATUS, 1, F_WRITE, 0);
	offer(&r, 0);
	ck_assert_int_eq(rig_pop(&r), 1);
	ck_assert(write_five());
	ck_assert_uint_eq(r.mem[STATUS], 5);
	ck_assert_uint_eq(r.mem[RIG_DATA], 0);
	vq_push(r.q, &r.chain, 0);
}
END_TEST

START_TEST(last_byte_is_logged)
{
	unsigned char bits[64] = { 0 };
	struct vq_log log = { bits, sizeof(bits) };

	pop_request(HOLE, 512, F_WRITE, STATUS);
	vq_set_log(r.q, &log);
	ck_assert(write_five());
	ck_assert_uint_eq(bits[STATUS >> 15], 1u << (STATUS >> 12 & 7));
	vq_push(r.q, &r.chain, 0);
	vq_set_log(r.q, NULL);
}
END_TEST

/* First and last byte of a store, and the pages of 4 KiB that it touches. */
static const struct {
	uint32_t first, last;
	unsigned char bits[4];	/* pages 16 to 47 */
} stores[] = {
	{ 0x10000, 0x10000, { 0x01 } }, { 0x11fff, 0x12000, { 0x06 } },
	{ 0x10000, 0x17fff, { 0xff } }, { 0x12000, 0x18000, { 0xfc, 0x01 } },
	{ 0x13000, 0x29fff, { 0xf8, 0xff, 0xff, 0x03 } },
};

START_TEST(log_has_every_page_of_a_long_store_and_no_other)
{
	uint32_t len = stores[_i].last - stores[_i].first + 1;
	unsigned char bits[8] = { 0 };
	struct vq_log log = { bits, sizeof(bits) };

	put_desc(&r, RIG_DESC, 0, stores[_i].first, len, F_WRITE, 0);
	offer(&r, 0);
	ck_assert_int_eq(rig_pop(&r), 1);
	vq_set_log(r.q, &log);
	vq_chain_written(r.q, &r.chain, 0, len);
	ck_assert_mem_eq(bits + 2, stores[_i].bits, 4);
	ck_assert_uint_eq(bits[0] | bits[1] | bits[6] | bits[7], 0);
	vq_push(r.q, &r.chain, len);
	vq_set_log(r.q, NULL);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("last");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, last_byte_of_a_good_chain_is_written);
	tcase_add_loop_test(tc, a4_21_last_byte_behind_a_bad_buffer_is_written,
			    0, (int)ARRAY_SIZE(bad_data));
	tcase_add_loop_test(tc, a4_21_last_byte_that_is_bad_itself_is_not_written,
			    0, 2 * (int)ARRAY_SIZE(bad_status));
	tcase_add_test(tc, a4_21_empty_buffer_at_the_end_is_not_the_last_byte);
	tcase_add_test(tc, a4_21_chain_of_too_many_pieces_has_its_last_byte);
	tcase_add_test(tc, a4_21_last_byte_in_a_table_behind_a_bad_buffer_is_written);
	tcase_add_test(tc, last_byte_is_logged);
	tcase_add_loop_test(tc, log_has_every_page_of_a_long_store_and_no_other,
			    0, (int)ARRAY_SIZE(stores));
	return run_tcase(tc, "last");
}
