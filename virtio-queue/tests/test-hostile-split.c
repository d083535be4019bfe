/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about split rings that a hostile or odd driver wrote (A1). */
#include <config.h>

#include <errno.h>

#include "ring.h"

START_TEST(a1_01_loop_breaks_the_ring)
{
	rig_init(&rig, 0);
	put_desc(&rig, RIG_DESC, 0, RIG_DATA, 16, F_NEXT, 0);
	offer(&rig, 0);
	ck_broken(&rig, VQ_BROKEN_LOOP);
}
END_TEST

START_TEST(a1_01_two_descriptors_that_name_each_other_break_the_ring)
{
	rig_init(&rig, 0);
	put_desc(&rig, RIG_DESC, 0, RIG_DATA, 16, F_NEXT, 1);
	put_desc(&rig, RIG_DESC, 1, RIG_DATA, 16, F_NEXT, 0);
	offer(&rig, 0);
	ck_broken(&rig, VQ_BROKEN_LOOP);
}
END_TEST

START_TEST(a1_01_loop_of_empty_descriptors_breaks_the_ring)
{
	rig_init(&rig, 0);
	put_desc(&rig, RIG_DESC, 3, RIG_DATA, 0, F_NEXT, 3);
	offer(&rig, 3);
	ck_broken(&rig, VQ_BROKEN_LOOP);
}
END_TEST

static void put_line(struct rig *r, uint64_t table, uint32_t n)
{
	uint32_t i;

	for (i = 0; i < n; i++)
		put_desc(r, table, i, RIG_DATA + 64 * i, 32,
			 i + 1 < n ? F_NEXT : 0, (uint16_t)(i + 1));
}

START_TEST(a1_02_longest_chain_is_the_queue_size)
{
	rig_init(&rig, 0);
	put_line(&rig, RIG_DESC, RIG_SIZE);
	offer(&rig, 0);
	ck_assert_int_eq(rig_pop(&rig), 1);
	ck_assert_uint_eq(rig.chain.nreadable, RIG_SIZE);
	ck_assert_uint_eq(rig.chain.readable_len, 32 * RIG_SIZE);
	vq_push(rig.q, &rig.chain, 0);

	/* one more step, into a descriptor that was walked already */
	put_desc(&rig, RIG_DESC, RIG_SIZE - 1, RIG_DATA, 32, F_NEXT, 2);
	offer(&rig, 0);
	ck_broken(&rig, VQ_BROKEN_LOOP);
}
END_TEST

START_TEST(a1_03_head_beyond_the_queue_breaks_the_ring)
{
	struct vsu_error err = VSU_ERROR_INIT;

	rig_init(&rig, 0);
	offer(&rig, RIG_SIZE);
	ck_broken(&rig, VQ_BROKEN_HEAD);
	ck_assert_int_eq(vq_broken_error(rig.q, &err), -EFAULT);
	ck_assert_uint_eq(err.got, RIG_SIZE);
	ck_assert_uint_eq(err.limit, RIG_SIZE);
	ck_assert_ptr_nonnull(strstr(err.msg, "ring 0"));
}
END_TEST

START_TEST(a1_04_next_beyond_the_queue_breaks_the_ring)
{
	rig_init(&rig, 0);
	put_desc(&rig, RIG_DESC, 0, RIG_DATA, 16, F_NEXT, RIG_SIZE);
	offer(&rig, 0);
	ck_broken(&rig, VQ_BROKEN_NEXT);
}
END_TEST

START_TEST(a1_05_index_that_jumps_breaks_the_ring)
{
	rig_init(&rig, 0);
	put_avail_idx(&rig, RIG_SIZE + 1);
	ck_broken(&rig, VQ_BROKEN_INDEX);
}
END_TEST

START_TEST(a1_05_index_that_moves_by_the_size_is_fine)
{
	uint16_t i;

	rig_init(&rig, 0);
	for (i = 0; i < RIG_SIZE; i++)
		offer(&rig, i);
	for (i = 0; i < RIG_SIZE; i++)
		ck_assert_int_eq(rig_pop(&rig), 1);
	ck_assert_int_eq(rig_pop(&rig), 0);
}
END_TEST

START_TEST(a1_06_index_runs_freely_past_the_size)
{
	uint32_t i;

	rig_init(&rig, 0);
	put_desc(&rig, RIG_DESC, 5, RIG_DATA, 16, F_WRITE, 0);
	for (i = 0; i < 70000; i++) {
		offer(&rig, 5);
		ck_assert_int_eq(rig_pop(&rig), 1);
		vq_push(rig.q, &rig.chain, i);
		vq_publish(rig.q);
	}
	ck_assert_uint_eq(used_idx(&rig), 70000 % 65536);
	ck_assert_uint_eq(get32(&rig, RIG_DEVICE + 4 + 8 * ((i - 1) % RIG_SIZE)),
			  5);
}
END_TEST

START_TEST(a1_07_index_that_moves_backwards_breaks_the_ring)
{
	rig_init(&rig, 0);
	offer(&rig, 0);
	ck_assert_int_eq(rig_pop(&rig), 1);
	put_avail_idx(&rig, 0);
	ck_broken(&rig, VQ_BROKEN_INDEX);
}
END_TEST

START_TEST(a1_08_batch_is_bounded_by_its_caller)
{
	struct vq_chain chains[4];
	struct iovec iov[4][2];
	uint16_t i;

	rig_init(&rig, 0);
	for (i = 0; i < 4; i++) {
		chains[i].iov = iov[i];
		chains[i].iov_max = 2;
	}
	for (i = 0; i < RIG_SIZE; i++)
		offer(&rig, i);
	ck_assert_int_eq(vq_pop_batch(rig.q, chains, 4), 4);
	ck_assert_uint_eq(vq_inflight(rig.q), 4);
}
END_TEST

START_TEST(a1_09_head_available_twice_breaks_the_ring)
{
	rig_init(&rig, 0);
	put_desc(&rig, RIG_DESC, 2, RIG_DATA, 16, F_WRITE, 0);
	offer(&rig, 2);
	offer(&rig, 2);
	ck_assert_int_eq(rig_pop(&rig), 1);
	ck_broken(&rig, VQ_BROKEN_TWICE);
	/* the first one's memory is still there, and it ends quietly */
	memset(rig.iov[0].iov_base, 1, rig.iov[0].iov_len);
	vq_push(rig.q, &rig.chain, 16);
	ck_assert_uint_eq(vq_inflight(rig.q), 0);
	ck_assert_uint_eq(used_idx(&rig), 0);
}
END_TEST

START_TEST(a1_09_head_may_come_again_once_it_was_used)
{
	int i;

	rig_init(&rig, 0);
	for (i = 0; i < 3; i++) {
		offer(&rig, 2);
		ck_assert_int_eq(rig_pop(&rig), 1);
		vq_push(rig.q, &rig.chain, 0);
	}
}
END_TEST

START_TEST(a1_10_chains_may_share_descriptors_and_bytes)
{
	struct vq_chain other;
	struct iovec iov[4];

	rig_init(&rig, 0);
	other.iov = iov;
	other.iov_max = 4;
	put_desc(&rig, RIG_DESC, 0, RIG_DATA, 16, F_NEXT, 2);
	put_desc(&rig, RIG_DESC, 1, RIG_DATA, 16, F_NEXT, 2);
	put_desc(&rig, RIG_DESC, 2, RIG_DATA + 8, 16, F_WRITE, 0);
	offer(&rig, 0);
	offer(&rig, 1);
	ck_assert_int_eq(rig_pop(&rig), 1);
	ck_assert_int_eq(vq_pop(rig.q, &other), 1);
	ck_assert_ptr_eq(rig.iov[1].iov_base, iov[1].iov_base);
}
END_TEST

START_TEST(a1_11_lengths_of_four_gib_break_the_ring)
{
	rig_init(&rig, 0);
	put_desc(&rig, RIG_DESC, 0, RIG_DATA, 0x80000000, F_NEXT, 1);
	put_desc(&rig, RIG_DESC, 1, RIG_DATA, 0x80000000, F_WRITE, 0);
	offer(&rig, 0);
	ck_broken(&rig, VQ_BROKEN_LENGTH);
}
END_TEST

static void ck_fault(struct rig *r, enum vq_fault_why why, uint64_t gpa,
		     uint32_t len)
{
	ck_assert_int_eq(rig_pop(r), 1);
	ck_assert_uint_eq(r->chain.fault.why, (uint32_t)why);
	ck_assert_uint_eq(r->chain.fault.gpa, gpa);
	ck_assert_uint_eq(r->chain.fault.len, len);
	ck_assert_uint_eq(vq_counter(r->q, VQ_COUNT_FAULTS), 1);
	vq_push(r->q, &r->chain, 0);
	ck_assert_int_eq(vq_broken(r->q), VQ_OK);
}

START_TEST(a1_12_buffer_that_wraps_is_a_fault)
{
	rig_init(&rig, 0);
	put_desc(&rig, RIG_DESC, 0, UINT64_MAX - 7, 9, 0, 0);
	offer(&rig, 0);
	ck_fault(&rig, VQ_FAULT_WRAPS, UINT64_MAX - 7, 9);
}
END_TEST

START_TEST(a1_12_buffer_that_ends_at_the_last_byte_does_not_wrap)
{
	rig_init(&rig, 0);
	put_desc(&rig, RIG_DESC, 0, UINT64_MAX - 7, 8, 0, 0);
	offer(&rig, 0);
	ck_fault(&rig, VQ_FAULT_UNMAPPED, UINT64_MAX - 7, 8);
}
END_TEST

START_TEST(a1_12_table_that_wraps_breaks_the_ring)
{
	rig_init(&rig, VQ_F_INDIRECT_DESC);
	put_desc(&rig, RIG_DESC, 0, UINT64_MAX - 15, 32, F_INDIRECT, 0);
	offer(&rig, 0);
	ck_broken(&rig, VQ_BROKEN_TABLE_MEMORY);
}
END_TEST

/* Two regions that touch in guest space and do not in host space. */
static void rig_init_border(struct rig *r, uint64_t features)
{
	struct vmem_region *regions[2];

	regions[0] = make_region(0, RIG_MEMORY, 0, 0);
	regions[1] = make_region(RIG_MEMORY, RIG_MEMORY, 0, 0);
	rig_init_regions(r, regions, 2, features);
	ck_assert_int_eq(vq_enable(r->q, &r->config, NULL), 0);
}

START_TEST(a1_13_buffer_over_a_border_becomes_two_pieces)
{
	rig_init_border(&rig, 0);
	put_desc(&rig, RIG_DESC, 0, RIG_MEMORY - 100, 300, F_WRITE, 0);
	offer(&rig, 0);
	ck_assert_int_eq(rig_pop(&rig), 1);
	ck_assert_uint_eq(rig.chain.nreadable, 0);
	ck_assert_uint_eq(rig.chain.nwritable, 2);
	ck_assert_uint_eq(rig.chain.writable_len, 300);
	ck_assert_uint_eq(rig.iov[0].iov_len, 100);
	ck_assert_uint_eq(rig.iov[1].iov_len, 200);
	ck_assert_ptr_eq(rig.iov[0].iov_base, rig.mem + RIG_MEMORY - 100);
}
END_TEST

START_TEST(a1_14_buffer_that_ends_in_a_hole_is_a_fault)
{
	rig_init(&rig, 0);
	put_desc(&rig, RIG_DESC, 0, RIG_DATA, 16, F_NEXT, 1);
	put_desc(&rig, RIG_DESC, 1, RIG_DATA, 32, F_NEXT | F_WRITE, 2);
	put_desc(&rig, RIG_DESC, 2, RIG_MEMORY - 8, 16, F_NEXT | F_WRITE, 3);
	put_desc(&rig, RIG_DESC, 3, RIG_DATA, 1, F_WRITE, 0);
	offer(&rig, 0);
	ck_fault(&rig, VQ_FAULT_UNMAPPED, RIG_MEMORY - 8, 16);
	/* the valid part of each kind precedes the bad buffer */
	ck_assert_uint_eq(rig.chain.nreadable, 1);
	ck_assert_uint_eq(rig.chain.nwritable, 1);
	ck_assert_uint_eq(rig.chain.readable_len, 16);
	ck_assert_uint_eq(rig.chain.writable_len, 32);
}
END_TEST

START_TEST(a1_14_bad_readable_buffer_leaves_the_writable_ones)
{
	rig_init(&rig, 0);
	put_desc(&rig, RIG_DESC, 0, RIG_DATA, 16, F_NEXT, 1);
	put_desc(&rig, RIG_DESC, 1, RIG_MEMORY, 512, F_NEXT, 2);
	put_desc(&rig, RIG_DESC, 2, RIG_DATA, 1, F_WRITE, 0);
	offer(&rig, 0);
	ck_fault(&rig, VQ_FAULT_UNMAPPED, RIG_MEMORY, 512);
	ck_assert_uint_eq(rig.chain.nreadable, 1);
	ck_assert_uint_eq(rig.chain.nwritable, 1);
	ck_assert_ptr_eq(rig.iov[1].iov_base, rig.mem + RIG_DATA);
}
END_TEST

/* The good ones behind it are no part of the list, wherever they are. */
START_TEST(a1_14_bad_buffer_in_front_of_a_table_ends_the_list)
{
	const uint16_t kind = _i ? F_WRITE : 0;

	rig_init(&rig, VQ_F_INDIRECT_DESC);
	put_desc(&rig, RIG_DESC, 0, RIG_DATA, 16, F_NEXT | kind, 1);
	put_desc(&rig, RIG_DESC, 1, RIG_MEMORY, 512, F_NEXT | kind, 2);
	put_desc(&rig, RIG_DESC, 2, RIG_TABLE, 32, F_INDIRECT, 0);
	put_desc(&rig, RIG_TABLE, 0, RIG_DATA, 64, F_NEXT | kind, 1);
	put_desc(&rig, RIG_TABLE, 1, RIG_DATA + 64, 1, F_WRITE, 0);
	offer(&rig, 0);
	ck_fault(&rig, VQ_FAULT_UNMAPPED, RIG_MEMORY, 512);
	ck_assert_uint_eq(rig.chain.nreadable, !_i);
	ck_assert_uint_eq(rig.chain.nwritable, 1);
	ck_assert_uint_eq(rig.chain.readable_len, _i ? 0 : 16);
	ck_assert_uint_eq(rig.chain.writable_len, _i ? 16 : 1);
}
END_TEST

START_TEST(a1_14_ring_that_ends_in_a_hole_is_refused)
{
	rig_init(&rig, 0);
	vq_disable(rig.q);
	rig.config.desc_gpa = RIG_MEMORY - 16;
	ck_assert_int_eq(vq_enable(rig.q, &rig.config, NULL), -EFAULT);
	ck_assert(!vq_is_enabled(rig.q));
}
END_TEST

START_TEST(a1_15_buffer_outside_memory_is_a_fault)
{
	rig_init(&rig, 0);
	put_desc(&rig, RIG_DESC, 0, 0xfee00000, 4, F_WRITE, 0);
	offer(&rig, 0);
	ck_fault(&rig, VQ_FAULT_UNMAPPED, 0xfee00000, 4);
}
END_TEST

START_TEST(a1_15_rom_may_be_read_and_not_written)
{
	struct vmem_region *regions[2];

	regions[0] = make_region(0, RIG_MEMORY, 0, 0);
	regions[1] = make_region(2 * RIG_MEMORY, 4096, VMEM_REGION_ROM, 0);
	rig_init_regions(&rig, regions, 2, 0);
	ck_assert_int_eq(vq_enable(rig.q, &rig.config, NULL), 0);
	put_desc(&rig, RIG_DESC, 0, 2 * RIG_MEMORY, 16, 0, 0);
	put_desc(&rig, RIG_DESC, 1, 2 * RIG_MEMORY, 16, F_WRITE, 0);
	offer(&rig, 0);
	offer(&rig, 1);
	ck_assert_int_eq(rig_pop(&rig), 1);
	ck_assert_uint_eq(rig.chain.fault.why, VQ_FAULT_NONE);
	ck_fault(&rig, VQ_FAULT_READ_ONLY, 2 * RIG_MEMORY, 16);
	ck_assert(!vq_chain_write_last(rig.q, &rig.chain, "x", 1));
}
END_TEST

START_TEST(a1_16_empty_descriptor_is_a_step_and_no_piece)
{
	rig_init(&rig, 0);
	put_desc(&rig, RIG_DESC, 0, RIG_DATA, 0, F_NEXT, 1);
	put_desc(&rig, RIG_DESC, 1, RIG_DATA, 8, F_NEXT, 2);
	put_desc(&rig, RIG_DESC, 2, RIG_DATA, 0, F_WRITE, 0);
	offer(&rig, 0);
	ck_assert_int_eq(rig_pop(&rig), 1);
	ck_assert_uint_eq(rig.chain.nreadable, 1);
	ck_assert_uint_eq(rig.chain.nwritable, 0);
	ck_assert_uint_eq(rig.chain.readable_len, 8);
}
END_TEST

START_TEST(a1_17_empty_descriptor_with_a_bad_address_is_skipped)
{
	rig_init(&rig, 0);
	put_desc(&rig, RIG_DESC, 0, UINT64_MAX, 0, F_NEXT, 1);
	put_desc(&rig, RIG_DESC, 1, RIG_DATA, 8, 0, 0);
	offer(&rig, 0);
	ck_assert_int_eq(rig_pop(&rig), 1);
	ck_assert_uint_eq(rig.chain.fault.why, VQ_FAULT_NONE);
	ck_assert_uint_eq(rig.chain.nreadable, 1);
}
END_TEST

START_TEST(a1_18_largest_length_is_a_fault)
{
	rig_init(&rig, 0);
	put_desc(&rig, RIG_DESC, 0, RIG_DATA, 0xffffffff, F_WRITE, 0);
	offer(&rig, 0);
	ck_fault(&rig, VQ_FAULT_UNMAPPED, RIG_DATA, 0xffffffff);
	ck_assert_uint_eq(rig.chain.writable_len, 0);
}
END_TEST

START_TEST(a1_19_readable_after_writable_breaks_the_ring)
{
	rig_init(&rig, 0);
	put_desc(&rig, RIG_DESC, 0, RIG_DATA, 8, F_WRITE | F_NEXT, 1);
	put_desc(&rig, RIG_DESC, 1, RIG_DATA, 8, 0, 0);
	offer(&rig, 0);
	ck_broken(&rig, VQ_BROKEN_ORDER);
}
END_TEST

START_TEST(a1_21_indirect_without_the_feature_breaks_the_ring)
{
	rig_init(&rig, 0);
	put_desc(&rig, RIG_DESC, 0, RIG_TABLE, 16, F_INDIRECT, 0);
	offer(&rig, 0);
	ck_broken(&rig, VQ_BROKEN_INDIRECT);
}
END_TEST

START_TEST(a1_22_indirect_with_a_link_breaks_the_ring)
{
	rig_init(&rig, VQ_F_INDIRECT_DESC);
	put_desc(&rig, RIG_DESC, 0, RIG_TABLE, 16, F_INDIRECT | F_NEXT, 1);
	offer(&rig, 0);
	ck_broken(&rig, VQ_BROKEN_INDIRECT);
}
END_TEST

START_TEST(a1_23_nested_table_breaks_the_ring)
{
	rig_init(&rig, VQ_F_INDIRECT_DESC);
	put_desc(&rig, RIG_DESC, 0, RIG_TABLE, 16, F_INDIRECT, 0);
	put_desc(&rig, RIG_TABLE, 0, RIG_TABLE + 64, 16, F_INDIRECT, 0);
	offer(&rig, 0);
	ck_broken(&rig, VQ_BROKEN_INDIRECT);
}
END_TEST

static void ck_table_len_breaks(uint32_t len)
{
	struct rig r;

	rig_init(&r, VQ_F_INDIRECT_DESC);
	put_desc(&r, RIG_DESC, 0, RIG_TABLE, len, F_INDIRECT, 0);
	offer(&r, 0);
	ck_broken(&r, VQ_BROKEN_TABLE);
	rig_fini(&r);
}

START_TEST(a1_24_empty_table_breaks_the_ring)
{
	ck_table_len_breaks(0);
}
END_TEST

START_TEST(a1_25_odd_table_length_breaks_the_ring)
{
	ck_table_len_breaks(24);
}
END_TEST

START_TEST(a1_26_table_beyond_the_longest_chain_breaks_the_ring)
{
	ck_table_len_breaks((RIG_SIZE + 1) * 16);
	ck_table_len_breaks(0xfffffff0);
}
END_TEST

START_TEST(a1_26_table_up_to_max_chain_is_fine)
{
	rig_init(&rig, VQ_F_INDIRECT_DESC);
	vq_disable(rig.q);
	rig.config.max_chain = RIG_SIZE + 8;
	ck_assert_int_eq(vq_enable(rig.q, &rig.config, NULL), 0);
	put_line(&rig, RIG_TABLE, RIG_SIZE + 8);
	put_desc(&rig, RIG_DESC, 0, RIG_TABLE, 16 * (RIG_SIZE + 8), F_INDIRECT,
		 0);
	offer(&rig, 0);
	ck_assert_int_eq(rig_pop(&rig), 1);
	ck_assert_uint_eq(rig.chain.nreadable, RIG_SIZE + 8);
}
END_TEST

START_TEST(a1_27_table_over_a_border_is_gathered)
{
	unsigned char table[32];
	struct vmem_map *map;

	rig_init_border(&rig, VQ_F_INDIRECT_DESC);
	put_desc(&rig, RIG_TABLE, 0, RIG_DATA, 8, F_NEXT, 1);
	put_desc(&rig, RIG_TABLE, 1, RIG_DATA, 24, F_WRITE, 0);
	memcpy(table, rig.mem + RIG_TABLE, 32);
	map = vmem_space_current(rig.space);
	memcpy(rig.mem + RIG_MEMORY - 24, table, 24);
	memcpy(vmem_region_hva(vmem_map_region(map, 1)), table + 24, 8);
	put_desc(&rig, RIG_DESC, 0, RIG_MEMORY - 24, 32, F_INDIRECT, 0);
	offer(&rig, 0);
	ck_assert_int_eq(rig_pop(&rig), 1);
	ck_assert_uint_eq(rig.chain.readable_len, 8);
	ck_assert_uint_eq(rig.chain.writable_len, 24);
}
END_TEST

START_TEST(a1_28_table_at_an_odd_address_is_fine)
{
	rig_init(&rig, VQ_F_INDIRECT_DESC);
	put_desc(&rig, RIG_TABLE + 3, 0, RIG_DATA, 8, F_NEXT, 1);
	put_desc(&rig, RIG_TABLE + 3, 1, RIG_DATA, 9, F_WRITE, 0);
	put_desc(&rig, RIG_DESC, 0, RIG_TABLE + 3, 32, F_INDIRECT, 0);
	offer(&rig, 0);
	ck_assert_int_eq(rig_pop(&rig), 1);
	ck_assert_uint_eq(rig.chain.writable_len, 9);
}
END_TEST

START_TEST(a1_29_next_beyond_the_table_breaks_the_ring)
{
	rig_init(&rig, VQ_F_INDIRECT_DESC);
	put_desc(&rig, RIG_TABLE, 0, RIG_DATA, 8, F_NEXT, 2);
	put_desc(&rig, RIG_DESC, 0, RIG_TABLE, 32, F_INDIRECT, 0);
	offer(&rig, 0);
	ck_broken(&rig, VQ_BROKEN_NEXT);
}
END_TEST

START_TEST(a1_29_loop_in_a_table_breaks_the_ring)
{
	rig_init(&rig, VQ_F_INDIRECT_DESC);
	put_desc(&rig, RIG_TABLE, 0, RIG_DATA, 8, F_NEXT, 1);
	put_desc(&rig, RIG_TABLE, 1, RIG_DATA, 8, F_NEXT, 0);
	put_desc(&rig, RIG_DESC, 0, RIG_TABLE, 32, F_INDIRECT, 0);
	offer(&rig, 0);
	ck_broken(&rig, VQ_BROKEN_LOOP);
}
END_TEST

START_TEST(a1_30_unknown_flags_are_ignored)
{
	rig_init(&rig, 0);
	put_desc(&rig, RIG_DESC, 0, RIG_DATA, 8, 0xfff8, 0);
	offer(&rig, 0);
	ck_assert_int_eq(rig_pop(&rig), 1);
	ck_assert_uint_eq(rig.chain.readable_len, 8);
}
END_TEST

static void ck_refused(uint32_t size, uint64_t desc, uint64_t driver,
		       uint64_t device, int rc)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct rig r;

	rig_init(&r, 0);
	vq_disable(r.q);
	r.config.size = size;
	r.config.desc_gpa = desc;
	r.config.driver_gpa = driver;
	r.config.device_gpa = device;
	ck_assert_int_eq(vq_enable(r.q, &r.config, &err), rc);
	ck_assert_int_eq(err.code, rc);
	ck_assert(!vq_is_enabled(r.q));
	ck_assert_int_eq(rig_pop(&r), -EFAULT);
	rig_fini(&r);
}

START_TEST(a1_31_size_0_is_refused)
{
	ck_refused(0, RIG_DESC, RIG_DRIVER, RIG_DEVICE, -EINVAL);
}
END_TEST

START_TEST(a1_32_odd_and_large_sizes_are_refused)
{
	ck_refused(12, RIG_DESC, RIG_DRIVER, RIG_DEVICE, -EINVAL);
	ck_refused(65536, RIG_DESC, RIG_DRIVER, RIG_DEVICE, -EINVAL);
}
END_TEST

START_TEST(a1_33_largest_size_works)
{
	rig_init(&rig, 0);
	vq_disable(rig.q);
	rig.config.size = 32768;
	rig.config.desc_gpa = 0x20000;
	rig.config.driver_gpa = 0xa0000;
	rig.config.device_gpa = 0xb1000;
	put16(&rig, 0xb1002, 32767);
	put16(&rig, 0xa0002, 32768);
	rig.config.base = 32767;
	ck_assert_int_eq(vq_enable(rig.q, &rig.config, NULL), 0);
	put16(&rig, 0xa0004 + 2 * 32767, 32767);
	put_desc(&rig, 0x20000, 32767, RIG_DATA, 8, F_WRITE, 0);
	ck_assert_int_eq(rig_pop(&rig), 1);
	vq_push(rig.q, &rig.chain, 8);
	vq_publish(rig.q);
	ck_assert_uint_eq(get32(&rig, 0xb1004 + 8 * 32767), 32767);
	ck_assert_uint_eq(get16(&rig, 0xb1002), 32768);
}
END_TEST

START_TEST(a1_34_misaligned_areas_are_refused)
{
	ck_refused(16, RIG_DESC + 8, RIG_DRIVER, RIG_DEVICE, -EINVAL);
	ck_refused(16, RIG_DESC, RIG_DRIVER + 1, RIG_DEVICE, -EINVAL);
	ck_refused(16, RIG_DESC, RIG_DRIVER, RIG_DEVICE + 2, -EINVAL);
}
END_TEST

START_TEST(a1_35_areas_outside_memory_are_refused)
{
	ck_refused(16, RIG_MEMORY, RIG_DRIVER, RIG_DEVICE, -EFAULT);
	ck_refused(16, RIG_DESC, RIG_MEMORY - 2, RIG_DEVICE, -EFAULT);
	ck_refused(16, RIG_DESC, RIG_DRIVER, RIG_MEMORY - 64, -EFAULT);
	ck_refused(16, -(uint64_t)16, RIG_DRIVER, RIG_DEVICE, -EFAULT);
}
END_TEST

START_TEST(a1_36_areas_that_overlap_hurt_only_the_guest)
{
	int i;

	rig_init(&rig, 0);
	vq_disable(rig.q);
	rig.config.driver_gpa = rig.config.desc_gpa;
	rig.config.device_gpa = rig.config.desc_gpa;
	ck_assert_int_eq(vq_enable(rig.q, &rig.config, NULL), 0);
	put16(&rig, RIG_DESC + 2, 1);
	for (i = 0; i < 100 && rig_pop(&rig) == 1; i++) {
		vq_push(rig.q, &rig.chain, 0xffffffff);
		vq_publish(rig.q);
	}
	ck_assert_int_lt(i, 100);
}
END_TEST

START_TEST(a1_38_disabled_queue_is_never_walked)
{
	rig_init(&rig, 0);
	offer(&rig, 0);
	vq_disable(rig.q);
	ck_assert_int_eq(rig_pop(&rig), -EFAULT);
	ck_assert(!vq_has_available(rig.q));
	ck_assert(!vq_enable_notify(rig.q));
	ck_assert(!vq_publish(rig.q));
	vq_disable_notify(rig.q);
	ck_assert_uint_eq(get16(&rig, RIG_DEVICE), 0);
}
END_TEST

START_TEST(a1_42_nonsense_event_index_is_harmless)
{
	int i, calls = 0;

	rig_init(&rig, VQ_F_EVENT_IDX);
	for (i = 0; i < 100; i++) {
		put16(&rig, RIG_DRIVER + 4 + 2 * RIG_SIZE, (uint16_t)(i * 7919));
		offer(&rig, 0);
		ck_assert_int_eq(rig_pop(&rig), 1);
		vq_push(rig.q, &rig.chain, 0);
		calls += vq_publish(rig.q);
	}
	ck_assert_uint_eq(used_idx(&rig), 100);
	ck_assert_int_lt(calls, 100);
}
END_TEST

START_TEST(a1_43_used_ring_is_never_read_back)
{
	rig_init(&rig, 0);
	offer(&rig, 0);
	ck_assert_int_eq(rig_pop(&rig), 1);
	vq_push(rig.q, &rig.chain, 0);
	memset(rig.mem + RIG_DEVICE, 0xff, 4 + 8 * RIG_SIZE);
	vq_publish(rig.q);
	ck_assert_uint_eq(used_idx(&rig), 1);
}
END_TEST

START_TEST(a1_43_base_that_contradicts_the_used_index_is_refused)
{
	rig_init(&rig, 0);
	vq_disable(rig.q);
	put16(&rig, RIG_DEVICE + 2, 100);
	rig.config.base = 99;
	ck_assert_int_eq(vq_enable(rig.q, &rig.config, NULL), -EINVAL);
	rig.config.base = 100 + RIG_SIZE + 1;
	ck_assert_int_eq(vq_enable(rig.q, &rig.config, NULL), -EINVAL);
	rig.config.base = 0x10064;
	ck_assert_int_eq(vq_enable(rig.q, &rig.config, NULL), -EINVAL);
	rig.config.base = 100 + RIG_SIZE;
	ck_assert_int_eq(vq_enable(rig.q, &rig.config, NULL), 0);
}
END_TEST

START_TEST(a1_44_requests_in_flight_are_bounded_by_the_size)
{
	uint32_t i;

	rig_init(&rig, 0);
	for (i = 0; i < RIG_SIZE; i++) {
		offer(&rig, (uint16_t)i);
		ck_assert_int_eq(rig_pop(&rig), 1);
	}
	offer(&rig, 0);
	ck_broken(&rig, VQ_BROKEN_TWICE);
	ck_assert_uint_eq(vq_inflight(rig.q), RIG_SIZE);
}
END_TEST

int main(void)
{
	TCase *tc = rig_case("hostile-split");

	tcase_add_test(tc, a1_01_loop_breaks_the_ring);
	tcase_add_test(tc, a1_01_two_descriptors_that_name_each_other_break_the_ring);
	tcase_add_test(tc, a1_01_loop_of_empty_descriptors_breaks_the_ring);
	tcase_add_test(tc, a1_02_longest_chain_is_the_queue_size);
	tcase_add_test(tc, a1_03_head_beyond_the_queue_breaks_the_ring);
	tcase_add_test(tc, a1_04_next_beyond_the_queue_breaks_the_ring);
	tcase_add_test(tc, a1_05_index_that_jumps_breaks_the_ring);
	tcase_add_test(tc, a1_05_index_that_moves_by_the_size_is_fine);
	tcase_add_test(tc, a1_06_index_runs_freely_past_the_size);
	tcase_add_test(tc, a1_07_index_that_moves_backwards_breaks_the_ring);
	tcase_add_test(tc, a1_08_batch_is_bounded_by_its_caller);
	tcase_add_test(tc, a1_09_head_available_twice_breaks_the_ring);
	tcase_add_test(tc, a1_09_head_may_come_again_once_it_was_used);
	tcase_add_test(tc, a1_10_chains_may_share_descriptors_and_bytes);
	tcase_add_test(tc, a1_11_lengths_of_four_gib_break_the_ring);
	tcase_add_test(tc, a1_12_buffer_that_wraps_is_a_fault);
	tcase_add_test(tc, a1_12_buffer_that_ends_at_the_last_byte_does_not_wrap);
	tcase_add_test(tc, a1_12_table_that_wraps_breaks_the_ring);
	tcase_add_test(tc, a1_13_buffer_over_a_border_becomes_two_pieces);
	tcase_add_test(tc, a1_14_buffer_that_ends_in_a_hole_is_a_fault);
	tcase_add_test(tc, a1_14_bad_readable_buffer_leaves_the_writable_ones);
	tcase_add_loop_test(tc,
			    a1_14_bad_buffer_in_front_of_a_table_ends_the_list,
			    0, 2);
	tcase_add_test(tc, a1_14_ring_that_ends_in_a_hole_is_refused);
	tcase_add_test(tc, a1_15_buffer_outside_memory_is_a_fault);
	tcase_add_test(tc, a1_15_rom_may_be_read_and_not_written);
	tcase_add_test(tc, a1_16_empty_descriptor_is_a_step_and_no_piece);
	tcase_add_test(tc, a1_17_empty_descriptor_with_a_bad_address_is_skipped);
	tcase_add_test(tc, a1_18_largest_length_is_a_fault);
	tcase_add_test(tc, a1_19_readable_after_writable_breaks_the_ring);
	tcase_add_test(tc, a1_21_indirect_without_the_feature_breaks_the_ring);
	tcase_add_test(tc, a1_22_indirect_with_a_link_breaks_the_ring);
	tcase_add_test(tc, a1_23_nested_table_breaks_the_ring);
	tcase_add_test(tc, a1_24_empty_table_breaks_the_ring);
	tcase_add_test(tc, a1_25_odd_table_length_breaks_the_ring);
	tcase_add_test(tc, a1_26_table_beyond_the_longest_chain_breaks_the_ring);
	tcase_add_test(tc, a1_26_table_up_to_max_chain_is_fine);
	tcase_add_test(tc, a1_27_table_over_a_border_is_gathered);
	tcase_add_test(tc, a1_28_table_at_an_odd_address_is_fine);
	tcase_add_test(tc, a1_29_next_beyond_the_table_breaks_the_ring);
	tcase_add_test(tc, a1_29_loop_in_a_table_breaks_the_ring);
	tcase_add_test(tc, a1_30_unknown_flags_are_ignored);
	tcase_add_test(tc, a1_31_size_0_is_refused);
	tcase_add_test(tc, a1_32_odd_and_large_sizes_are_refused);
	tcase_add_test(tc, a1_33_largest_size_works);
	tcase_add_test(tc, a1_34_misaligned_areas_are_refused);
	tcase_add_test(tc, a1_35_areas_outside_memory_are_refused);
	tcase_add_test(tc, a1_36_areas_that_overlap_hurt_only_the_guest);
	tcase_add_test(tc, a1_38_disabled_queue_is_never_walked);
	tcase_add_test(tc, a1_42_nonsense_event_index_is_harmless);
	tcase_add_test(tc, a1_43_used_ring_is_never_read_back);
	tcase_add_test(tc, a1_43_base_that_contradicts_the_used_index_is_refused);
	tcase_add_test(tc, a1_44_requests_in_flight_are_bounded_by_the_size);
	return run_tcase(tc, "hostile-split");
}
