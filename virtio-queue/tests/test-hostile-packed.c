/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about packed rings that a hostile or odd driver wrote: rows A2, and
 * the rows A1 that mean packed rings too.
 */
#include <config.h>

#include "ring.h"

#define AVAIL	0x80u		/* available in the first lap */
#define USED	0x8000u

static void packed_init(struct rig *r, uint64_t features)
{
	rig_init(r, 0);
	vq_disable(r->q);
	r->config.features = features | VQ_F_RING_PACKED | VQ_F_VERSION_1;
	r->config.base = vq_initial_base(r->config.features);
	ck_assert_int_eq(vq_enable(r->q, &r->config, NULL), 0);
}

/* Slot `at` of the ring or of a table. */
static void put_slot(struct rig *r, uint64_t table, uint32_t at, uint64_t gpa,
		     uint32_t len, uint16_t id, uint16_t flags)
{
	put_desc(r, table, at, gpa, len, id, flags);
}

static void put_ring(struct rig *r, uint32_t at, uint64_t gpa, uint32_t len,
		     uint16_t id, uint16_t flags)
{
	put_slot(r, RIG_DESC, at, gpa, len, id, flags);
}

START_TEST(a2_01_id_beyond_the_queue_breaks_the_ring)
{
	packed_init(&rig, 0);
	put_ring(&rig, 0, RIG_DATA, 16, RIG_SIZE, AVAIL);
	ck_broken(&rig, VQ_BROKEN_HEAD);
}
END_TEST

START_TEST(a2_02_id_in_flight_breaks_the_ring)
{
	packed_init(&rig, 0);
	put_ring(&rig, 0, RIG_DATA, 16, 3, AVAIL);
	put_ring(&rig, 1, RIG_DATA, 16, 3, AVAIL);
	ck_assert_int_eq(rig_pop(&rig), 1);
	ck_broken(&rig, VQ_BROKEN_TWICE);
	vq_push(rig.q, &rig.chain, 0);
	ck_assert_uint_eq(vq_inflight(rig.q), 0);
}
END_TEST

START_TEST(a2_03_other_flag_bits_mean_nothing_is_available)
{
	static const uint16_t flags[] = { 0, USED, AVAIL | USED };
	size_t i;

	packed_init(&rig, 0);
	for (i = 0; i < 3; i++) {
		put_ring(&rig, 0, RIG_DATA, 16, 0, flags[i]);
		ck_assert_int_eq(rig_pop(&rig), 0);
		ck_assert(!vq_has_available(rig.q));
	}
	put_ring(&rig, 0, RIG_DATA, 16, 0, AVAIL);
	ck_assert_int_eq(rig_pop(&rig), 1);
}
END_TEST

START_TEST(a2_04_link_in_every_slot_breaks_the_ring)
{
	uint32_t i;

	packed_init(&rig, 0);
	for (i = 0; i < RIG_SIZE; i++)
		put_ring(&rig, i, RIG_DATA, 16, 0, AVAIL | F_NEXT);
	ck_broken(&rig, VQ_BROKEN_LOOP);
}
END_TEST

START_TEST(a2_04_chain_into_slots_in_flight_breaks_the_ring)
{
	packed_init(&rig, 0);
	vq_disable(rig.q);
	rig.config.size = 4;
	ck_assert_int_eq(vq_enable(rig.q, &rig.config, NULL), 0);
	put_ring(&rig, 0, RIG_DATA, 16, 0, AVAIL);
	put_ring(&rig, 1, RIG_DATA, 16, 1, AVAIL | F_NEXT);
	put_ring(&rig, 2, RIG_DATA, 16, 1, AVAIL | F_NEXT);
	put_ring(&rig, 3, RIG_DATA, 16, 1, AVAIL | F_NEXT);
	ck_assert_int_eq(rig_pop(&rig), 1);
	ck_broken(&rig, VQ_BROKEN_LOOP);
}
END_TEST

/* A ring of 4 whose next slots are 3, then 0 of the second lap. */
static void packed_init_before_end(struct rig *r)
{
	packed_init(r, 0);
	vq_disable(r->q);
	r->config.size = 4;
	r->config.base = 0x80038003;
	ck_assert_int_eq(vq_enable(r->q, &r->config, NULL), 0);
}

START_TEST(a2_05_chain_over_the_end_is_judged_by_its_first_slot)
{
	packed_init_before_end(&rig);
	put_ring(&rig, 3, RIG_DATA, 16, 9, AVAIL | F_NEXT);
	/* flags of the later slot are of an old lap; the id is its own */
	put_ring(&rig, 0, RIG_DATA, 8, 2, AVAIL | F_WRITE);
	ck_assert_int_eq(rig_pop(&rig), 1);
	ck_assert_uint_eq(rig.chain.head, 2);
	ck_assert_uint_eq(rig.chain.readable_len, 16);
	ck_assert_uint_eq(rig.chain.writable_len, 8);
	ck_assert_uint_eq(vq_base(rig.q) & 0xffff, 1);
	vq_push(rig.q, &rig.chain, 8);
	vq_publish(rig.q);
	ck_assert_uint_eq(get16(&rig, RIG_DESC + 3 * 16 + 14),
			  AVAIL | USED | F_WRITE);
	ck_assert_uint_eq(get16(&rig, RIG_DESC + 3 * 16 + 12), 2);
	ck_assert_uint_eq(vq_base(rig.q), 0x00010001);
}
END_TEST

static void ck_indirect_breaks(uint32_t len, uint16_t flags, uint64_t features,
			       enum vq_broken why)
{
	struct rig r;

	packed_init(&r, features);
	put_ring(&r, 0, RIG_TABLE, len, 0, AVAIL | F_INDIRECT | flags);
	put_slot(&r, RIG_TABLE, 0, RIG_TABLE, 16, 0, F_INDIRECT);
	ck_broken(&r, why);
	rig_fini(&r);
}

START_TEST(a2_06_illegal_indirect_descriptors_break_the_ring)
{
	uint64_t f = VQ_F_INDIRECT_DESC;

	ck_indirect_breaks(16, 0, 0, VQ_BROKEN_INDIRECT);
	ck_indirect_breaks(16, F_NEXT, f, VQ_BROKEN_INDIRECT);
	ck_indirect_breaks(16, 0, f, VQ_BROKEN_INDIRECT);	/* nested */
	ck_indirect_breaks(0, 0, f, VQ_BROKEN_TABLE);
	ck_indirect_breaks(24, 0, f, VQ_BROKEN_TABLE);
	ck_indirect_breaks((RIG_SIZE + 1) * 16, 0, f, VQ_BROKEN_TABLE);
}
END_TEST

START_TEST(a2_06_table_is_taken_in_its_order)
{
	packed_init(&rig, VQ_F_INDIRECT_DESC);
	put_ring(&rig, 0, RIG_TABLE, 48, 5, AVAIL | F_INDIRECT | F_WRITE);
	put_slot(&rig, RIG_TABLE, 0, RIG_DATA, 1, 77, 0);
	put_slot(&rig, RIG_TABLE, 1, RIG_DATA, 2, 78, F_WRITE);
	put_slot(&rig, RIG_TABLE, 2, RIG_DATA, 4, 79, F_WRITE);
	ck_assert_int_eq(rig_pop(&rig), 1);
	ck_assert_uint_eq(rig.chain.head, 5);
	ck_assert_uint_eq(rig.chain.readable_len, 1);
	ck_assert_uint_eq(rig.chain.writable_len, 6);
	ck_assert_uint_eq(vq_base(rig.q) & 0x7fff, 1);
}
END_TEST

START_TEST(a2_07_any_size_is_fine)
{
	static const uint32_t sizes[] = { 1, 3, 7, 13 };
	uint32_t lap, i;

	packed_init(&rig, 0);
	vq_disable(rig.q);
	rig.config.size = sizes[_i];
	ck_assert_int_eq(vq_enable(rig.q, &rig.config, NULL), 0);
	for (lap = 0; lap < 5; lap++) {
		for (i = 0; i < sizes[_i]; i++) {
			put_ring(&rig, i, RIG_DATA, 16, 0,
				 lap % 2 ? USED : AVAIL);
			ck_assert_int_eq(rig_pop(&rig), 1);
			vq_push(rig.q, &rig.chain, 0);
			vq_publish(rig.q);
			ck_assert_uint_eq(get16(&rig, RIG_DESC + 16 * i + 14),
					  lap % 2 ? 0 : AVAIL | USED);
		}
	}
}
END_TEST

START_TEST(a2_08_sizes_beyond_32768_are_refused)
{
	packed_init(&rig, 0);
	vq_disable(rig.q);
	rig.config.size = 32769;
	ck_assert_int_eq(vq_enable(rig.q, &rig.config, NULL), -EINVAL);
	rig.config.size = 0;
	ck_assert_int_eq(vq_enable(rig.q, &rig.config, NULL), -EINVAL);
}
END_TEST

static bool serve(struct rig *r, uint32_t at, uint16_t flags)
{
	put_ring(r, at, RIG_DATA, 16, 0, flags);
	ck_assert_int_eq(rig_pop(r), 1);
	vq_push(r->q, &r->chain, 0);
	return vq_publish(r->q);
}

START_TEST(a2_09_odd_event_structures_mean_always)
{
	packed_init(&rig, VQ_F_EVENT_IDX);
	put16(&rig, RIG_DRIVER, RIG_SIZE);	/* beyond the ring */
	put16(&rig, RIG_DRIVER + 2, 2);
	ck_assert(serve(&rig, 0, AVAIL));
	put16(&rig, RIG_DRIVER, 0);
	put16(&rig, RIG_DRIVER + 2, 3);		/* no such value */
	ck_assert(serve(&rig, 1, AVAIL));
	put16(&rig, RIG_DRIVER + 2, 1);
	ck_assert(!serve(&rig, 2, AVAIL));
}
END_TEST

START_TEST(a2_09_event_of_a_slot_without_the_feature_means_always)
{
	packed_init(&rig, 0);
	put16(&rig, RIG_DRIVER, 5);
	put16(&rig, RIG_DRIVER + 2, 2);
	ck_assert(serve(&rig, 0, AVAIL));
}
END_TEST

START_TEST(a2_10_used_slot_is_not_taken_again)
{
	packed_init(&rig, 0);
	vq_disable(rig.q);
	rig.config.size = 1;
	ck_assert_int_eq(vq_enable(rig.q, &rig.config, NULL), 0);
	serve(&rig, 0, AVAIL);
	ck_assert_int_eq(rig_pop(&rig), 0);
	put_ring(&rig, 0, RIG_DATA, 16, 0, AVAIL);
	ck_assert_int_eq(rig_pop(&rig), 0);
	put_ring(&rig, 0, RIG_DATA, 16, 0, USED);
	ck_assert_int_eq(rig_pop(&rig), 1);
}
END_TEST

START_TEST(a2_11_batch_stops_at_what_is_available)
{
	struct vq_chain chains[2 * RIG_SIZE];
	struct iovec iov[2 * RIG_SIZE];
	uint32_t i;

	packed_init(&rig, 0);
	for (i = 0; i < 2 * RIG_SIZE; i++) {
		chains[i].iov = &iov[i];
		chains[i].iov_max = 1;
	}
	for (i = 0; i < RIG_SIZE; i++)
		put_ring(&rig, i, RIG_DATA, 16, (uint16_t)i, AVAIL);
	ck_assert_int_eq(vq_pop_batch(rig.q, chains, 2 * RIG_SIZE), RIG_SIZE);
	/* the second lap is not the driver's: all slots are in flight */
	put_ring(&rig, 0, RIG_DATA, 16, 0, USED);
	ck_broken(&rig, VQ_BROKEN_INDEX);
}
END_TEST

START_TEST(a2_12_empty_descriptor_with_a_bad_address_is_skipped_in_a_batch)
{
	struct vq_chain chain;
	struct iovec iov[2];

	packed_init(&rig, 0);
	chain.iov = iov;
	chain.iov_max = 2;
	put_ring(&rig, 0, UINT64_MAX, 0, 0, AVAIL);
	ck_assert_int_eq(vq_pop_batch(rig.q, &chain, 1), 1);
	ck_assert_uint_eq(chain.nreadable + chain.nwritable, 0);
	ck_assert_uint_eq(chain.fault.why, VQ_FAULT_NONE);
}
END_TEST

START_TEST(a2_13_each_queue_has_its_own_wrap_counter)
{
	struct rig a, b;
	uint32_t i;

	packed_init(&a, 0);
	packed_init(&b, 0);
	for (i = 0; i < RIG_SIZE; i++)
		serve(&a, i, AVAIL);
	serve(&a, 0, USED);
	serve(&b, 0, AVAIL);
	rig_fini(&a);
	rig_fini(&b);
}
END_TEST

START_TEST(a2_14_base_that_contradicts_itself_is_refused)
{
	static const uint32_t bad[] = {
		0x80008010,		/* beyond the ring */
		0x80108000,
		0x80018000,		/* used before available */
		0x00008001,		/* more than one lap apart */
	};
	size_t i;

	packed_init(&rig, 0);
	vq_disable(rig.q);
	for (i = 0; i < 4; i++) {
		rig.config.base = bad[i];
		ck_assert_int_eq(vq_enable(rig.q, &rig.config, NULL), -EINVAL);
	}
	rig.config.base = 0x80000000;	/* a whole lap: all in flight */
	ck_assert_int_eq(vq_enable(rig.q, &rig.config, NULL), 0);
}
END_TEST

START_TEST(a2_14_ring_that_contradicts_its_base_is_empty)
{
	packed_init(&rig, 0);
	vq_disable(rig.q);
	rig.config.base = 0x00000000;	/* second lap, ring of the first */
	put_ring(&rig, 0, RIG_DATA, 16, 0, AVAIL);
	ck_assert_int_eq(vq_enable(rig.q, &rig.config, NULL), 0);
	ck_assert_int_eq(rig_pop(&rig), 0);
}
END_TEST

static void ck_pair_breaks(uint32_t len, uint16_t first, uint16_t second,
			   enum vq_broken why)
{
	struct rig r;

	packed_init(&r, 0);
	put_ring(&r, 0, RIG_DATA, len, 0, AVAIL | F_NEXT | first);
	put_ring(&r, 1, RIG_DATA, len, 0, AVAIL | second);
	ck_broken(&r, why);
	rig_fini(&r);
}

START_TEST(a1_11_lengths_of_four_gib_break_a_packed_ring)
{
	ck_pair_breaks(0x80000000, 0, 0, VQ_BROKEN_LENGTH);
}
END_TEST

START_TEST(a1_19_readable_after_writable_breaks_a_packed_ring)
{
	ck_pair_breaks(16, F_WRITE, 0, VQ_BROKEN_ORDER);
}
END_TEST

START_TEST(a1_12_table_that_wraps_breaks_a_packed_ring)
{
	packed_init(&rig, VQ_F_INDIRECT_DESC);
	put_ring(&rig, 0, UINT64_MAX - 15, 32, 0, AVAIL | F_INDIRECT);
	ck_broken(&rig, VQ_BROKEN_TABLE_MEMORY);
}
END_TEST

static void ck_fault(uint64_t gpa, uint32_t len, enum vq_fault_why why)
{
	struct rig r;

	packed_init(&r, 0);
	put_ring(&r, 0, gpa, len, 0, AVAIL | F_WRITE);
	ck_assert_int_eq(rig_pop(&r), 1);
	ck_assert_uint_eq(r.chain.fault.why, (uint32_t)why);
	ck_assert_uint_eq(r.chain.fault.bad, VMEM_WRITE);
	ck_assert_uint_eq(r.chain.nwritable, 0);
	vq_push(r.q, &r.chain, 0);
	vq_publish(r.q);
	ck_assert_uint_eq(get16(&r, RIG_DESC + 14), AVAIL | USED);
	rig_fini(&r);
}

START_TEST(a1_12_buffer_that_wraps_is_a_fault_of_a_packed_ring)
{
	ck_fault(UINT64_MAX - 7, 9, VQ_FAULT_WRAPS);
}
END_TEST

START_TEST(a1_14_buffer_that_ends_in_a_hole_is_a_fault_of_a_packed_ring)
{
	ck_fault(RIG_MEMORY - 8, 9, VQ_FAULT_UNMAPPED);
}
END_TEST

START_TEST(a1_18_largest_length_is_a_fault_of_a_packed_ring)
{
	ck_fault(RIG_DATA, 0xffffffff, VQ_FAULT_UNMAPPED);
}
END_TEST

START_TEST(a1_28_packed_table_at_an_odd_address_is_fine)
{
	packed_init(&rig, VQ_F_INDIRECT_DESC);
	put_slot(&rig, RIG_TABLE + 5, 0, RIG_DATA, 9, 0, F_WRITE);
	put_ring(&rig, 0, RIG_TABLE + 5, 16, 0, AVAIL | F_INDIRECT);
	ck_assert_int_eq(rig_pop(&rig), 1);
	ck_assert_uint_eq(rig.chain.writable_len, 9);
}
END_TEST

START_TEST(a1_34_misaligned_areas_of_a_packed_ring_are_refused)
{
	packed_init(&rig, 0);
	vq_disable(rig.q);
	rig.config.driver_gpa = RIG_DRIVER + 2;
	ck_assert_int_eq(vq_enable(rig.q, &rig.config, NULL), -EINVAL);
	rig.config.driver_gpa = RIG_DRIVER;
	rig.config.desc_gpa = RIG_DESC + 8;
	ck_assert_int_eq(vq_enable(rig.q, &rig.config, NULL), -EINVAL);
}
END_TEST

START_TEST(a1_35_packed_ring_in_rom_is_refused)
{
	struct vmem_region *regions[2];

	regions[0] = make_region(0, RIG_MEMORY, 0, 0);
	regions[1] = make_region(2 * RIG_MEMORY, 4096, VMEM_REGION_ROM, 0);
	rig_init_regions(&rig, regions, 2, VQ_F_RING_PACKED);
	rig.config.base = vq_initial_base(VQ_F_RING_PACKED);
	rig.config.desc_gpa = 2 * RIG_MEMORY;
	ck_assert_int_eq(vq_enable(rig.q, &rig.config, NULL), -EFAULT);
	rig.config.desc_gpa = RIG_DESC;
	ck_assert_int_eq(vq_enable(rig.q, &rig.config, NULL), 0);
}
END_TEST

int main(void)
{
	TCase *tc = rig_case("hostile-packed");

	tcase_add_test(tc, a2_01_id_beyond_the_queue_breaks_the_ring);
	tcase_add_test(tc, a2_02_id_in_flight_breaks_the_ring);
	tcase_add_test(tc, a2_03_other_flag_bits_mean_nothing_is_available);
	tcase_add_test(tc, a2_04_link_in_every_slot_breaks_the_ring);
	tcase_add_test(tc, a2_04_chain_into_slots_in_flight_breaks_the_ring);
	tcase_add_test(tc, a2_05_chain_over_the_end_is_judged_by_its_first_slot);
	tcase_add_test(tc, a2_06_illegal_indirect_descriptors_break_the_ring);
	tcase_add_test(tc, a2_06_table_is_taken_in_its_order);
	tcase_add_loop_test(tc, a2_07_any_size_is_fine, 0, 4);
	tcase_add_test(tc, a2_08_sizes_beyond_32768_are_refused);
	tcase_add_test(tc, a2_09_odd_event_structures_mean_always);
	tcase_add_test(tc, a2_09_event_of_a_slot_without_the_feature_means_always);
	tcase_add_test(tc, a2_10_used_slot_is_not_taken_again);
	tcase_add_test(tc, a2_11_batch_stops_at_what_is_available);
	tcase_add_test(tc, a2_12_empty_descriptor_with_a_bad_address_is_skipped_in_a_batch);
	tcase_add_test(tc, a2_13_each_queue_has_its_own_wrap_counter);
	tcase_add_test(tc, a2_14_base_that_contradicts_itself_is_refused);
	tcase_add_test(tc, a2_14_ring_that_contradicts_its_base_is_empty);
	tcase_add_test(tc, a1_11_lengths_of_four_gib_break_a_packed_ring);
	tcase_add_test(tc, a1_19_readable_after_writable_breaks_a_packed_ring);
	tcase_add_test(tc, a1_12_table_that_wraps_breaks_a_packed_ring);
	tcase_add_test(tc, a1_12_buffer_that_wraps_is_a_fault_of_a_packed_ring);
	tcase_add_test(tc, a1_14_buffer_that_ends_in_a_hole_is_a_fault_of_a_packed_ring);
	tcase_add_test(tc, a1_18_largest_length_is_a_fault_of_a_packed_ring);
	tcase_add_test(tc, a1_28_packed_table_at_an_odd_address_is_fine);
	tcase_add_test(tc, a1_34_misaligned_areas_of_a_packed_ring_are_refused);
	tcase_add_test(tc, a1_35_packed_ring_in_rom_is_refused);
	return run_tcase(tc, "hostile-packed");
}
