/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about queues that translate through an IOTLB, and about logs. */
#include <config.h>

#include <virtio-queue/queue.h>
#include <vm-memory/iotlb.h>

#include "util.h"

#define IOVA	0x7000000000ull		/* address at which guest memory is mapped */

struct iotlb_rig {
	struct rig r;
	struct vmem_map *memory;
	struct vmem_iotlb *tlb;
};

static void iotlb_publish(struct iotlb_rig *b)
{
	struct vmem_map *map;

	ck_assert_int_eq(vmem_iotlb_map(b->tlb, b->memory, &map, NULL), 0);
	ck_assert_int_eq(vmem_space_publish(b->r.space, map), 0);
	vmem_map_unref(map);
}

static void iotlb_set(struct iotlb_rig *b, uint64_t gpa, uint64_t len, uint32_t perm)
{
	struct vmem_iotlb_entry e = { IOVA + gpa, len, gpa, perm, 0 };

	ck_assert_int_eq(vmem_iotlb_set(b->tlb, &e, NULL), 0);
	iotlb_publish(b);
}

/* The rings are mapped, by pages; nothing else is. */
static void iotlb_init(struct iotlb_rig *b)
{
	struct vmem_region *region = make_region(0, RIG_MEMORY, 0, 0);
	uint64_t gpa;

	memset(b, 0, sizeof(*b));
	ck_assert_int_eq(vmem_map_from_regions(&region, 1, &b->memory, NULL),
			 0);
	ck_assert_int_eq(vmem_iotlb_new(64, &b->tlb), 0);
	ck_assert_int_eq(vmem_space_new(&b->r.space), 0);
	b->r.mem = vmem_region_hva(region);
	vmem_region_unref(region);
	for (gpa = RIG_DESC; gpa <= RIG_DEVICE; gpa += 0x1000)
		iotlb_set(b, gpa, 0x1000, VMEM_READ | VMEM_WRITE);
	ck_assert_int_eq(vq_new(&b->r.q), 0);
	ck_assert_int_eq(vq_set_space(b->r.q, b->r.space), 0);
	b->r.config = (struct vq_config){
		.features = VQ_F_VERSION_1 | VQ_F_ACCESS_PLATFORM |
			    VQ_F_INDIRECT_DESC,
		.size = RIG_SIZE,
		.desc_gpa = IOVA + RIG_DESC,
		.driver_gpa = IOVA + RIG_DRIVER,
		.device_gpa = IOVA + RIG_DEVICE,
	};
	b->r.chain.iov = b->r.iov;
	b->r.chain.iov_max = RIG_IOVS;
}

static void iotlb_enable(struct iotlb_rig *b)
{
	ck_assert_int_eq(vq_enable(b->r.q, &b->r.config, NULL), 0);
}

static void iotlb_fini(struct iotlb_rig *b)
{
	rig_fini(&b->r);
	vmem_iotlb_free(b->tlb);
	vmem_map_unref(b->memory);
}

static void ck_misses(struct iotlb_rig *b, uint64_t gpa, uint64_t len,
		      uint32_t access)
{
	struct vq_miss miss;

	ck_assert_int_eq(rig_pop(&b->r), -EAGAIN);
	vq_missed(b->r.q, &miss);
	ck_assert_uint_eq(miss.gpa, IOVA + gpa);
	ck_assert_uint_eq(miss.len, len);
	ck_assert_uint_eq(miss.access, access);
	ck_assert_int_eq(vq_broken(b->r.q), VQ_OK);
	ck_assert_uint_eq(vq_inflight(b->r.q), 0);
}

static struct iotlb_rig iotlb;

/* Some tests make none, or one of their own. */
static void end(void)
{
	if (iotlb.tlb)
		iotlb_fini(&iotlb);
	memset(&iotlb, 0, sizeof(iotlb));
}

START_TEST(miss_consumes_nothing_and_the_chain_comes_after_the_answer)
{
	iotlb_init(&iotlb);
	iotlb_enable(&iotlb);
	put_desc(&iotlb.r, RIG_DESC, 0, IOVA + RIG_DATA, 64, F_WRITE, 0);
	offer(&iotlb.r, 0);
	ck_misses(&iotlb, RIG_DATA, 64, VMEM_WRITE);
	ck_misses(&iotlb, RIG_DATA, 64, VMEM_WRITE);
	iotlb_set(&iotlb, RIG_DATA, 0x1000, VMEM_WRITE);
	ck_assert_int_eq(rig_pop(&iotlb.r), 1);
	ck_assert_uint_eq(iotlb.r.chain.fault.why, VQ_FAULT_NONE);
	ck_assert_ptr_eq(iotlb.r.iov[0].iov_base, iotlb.r.mem + RIG_DATA);
}
END_TEST

START_TEST(b4_11_chain_in_flight_keeps_what_is_invalidated)
{
	iotlb_init(&iotlb);
	iotlb_enable(&iotlb);
	iotlb_set(&iotlb, RIG_DATA, 0x1000, VMEM_WRITE);
	put_desc(&iotlb.r, RIG_DESC, 0, IOVA + RIG_DATA, 64, F_WRITE, 0);
	offer(&iotlb.r, 0);
	ck_assert_int_eq(rig_pop(&iotlb.r), 1);
	ck_assert_int_eq(vmem_iotlb_invalidate(iotlb.tlb, IOVA + RIG_DATA, 0x1000), 0);
	iotlb_publish(&iotlb);
	ck_assert_int_gt(vmem_space_reclaim(iotlb.r.space), 0);
	memset(iotlb.r.iov[0].iov_base, 7, 64);
	ck_assert_uint_eq(iotlb.r.mem[RIG_DATA + 63], 7);
	vq_push(iotlb.r.q, &iotlb.r.chain, 64);
	vq_publish(iotlb.r.q);
	offer(&iotlb.r, 0);
	ck_misses(&iotlb, RIG_DATA, 64, VMEM_WRITE);
}
END_TEST

START_TEST(miss_names_the_first_byte_that_is_missing)
{
	iotlb_init(&iotlb);
	iotlb_set(&iotlb, RIG_DATA, 0x1000, VMEM_READ);
	iotlb_enable(&iotlb);
	put_desc(&iotlb.r, RIG_DESC, 0, IOVA + RIG_DATA + 0xff0, 64, 0, 0);
	offer(&iotlb.r, 0);
	ck_misses(&iotlb, RIG_DATA + 0x1000, 48, VMEM_READ);
	iotlb_set(&iotlb, RIG_DATA + 0x1000, 0x1000, VMEM_READ);
	ck_assert_int_eq(rig_pop(&iotlb.r), 1);
	ck_assert_uint_eq(iotlb.r.chain.readable_len, 64);
}
END_TEST

START_TEST(indirect_table_may_miss)
{
	iotlb_init(&iotlb);
	iotlb_set(&iotlb, RIG_DATA, 0x1000, VMEM_READ);
	iotlb_enable(&iotlb);
	put_desc(&iotlb.r, RIG_DESC, 0, IOVA + RIG_TABLE, 16, F_INDIRECT, 0);
	put_desc(&iotlb.r, RIG_TABLE, 0, IOVA + RIG_DATA, 4, 0, 0);
	offer(&iotlb.r, 0);
	ck_misses(&iotlb, RIG_TABLE, 16, VMEM_READ);
	iotlb_set(&iotlb, RIG_TABLE, 0x1000, VMEM_READ);
	ck_assert_int_eq(rig_pop(&iotlb.r), 1);
	ck_assert_uint_eq(iotlb.r.chain.readable_len, 4);
}
END_TEST

/* An answer about the first byte of the table would change nothing. */
START_TEST(miss_of_a_table_names_its_first_byte_that_is_missing)
{
	const uint64_t table = RIG_TABLE + 0xff0;

	iotlb_init(&iotlb);
	iotlb_set(&iotlb, RIG_DATA, 0x1000, VMEM_READ);
	iotlb_set(&iotlb, RIG_TABLE, 0x1000, VMEM_READ);
	iotlb_enable(&iotlb);
	put_desc(&iotlb.r, RIG_DESC, 0, IOVA + table, 48, F_INDIRECT, 0);
	put_desc(&iotlb.r, table, 0, IOVA + RIG_DATA, 4, F_NEXT, 1);
	put_desc(&iotlb.r, table, 1, IOVA + RIG_DATA, 5, 0, 0);
	offer(&iotlb.r, 0);
	ck_misses(&iotlb, RIG_TABLE + 0x1000, 32, VMEM_READ);
	iotlb_set(&iotlb, RIG_TABLE + 0x1000, 0x1000, VMEM_READ);
	ck_assert_int_eq(rig_pop(&iotlb.r), 1);
	ck_assert_uint_eq(iotlb.r.chain.readable_len, 9);
}
END_TEST

START_TEST(entry_that_forbids_the_access_is_a_fault)
{
	iotlb_init(&iotlb);
	iotlb_set(&iotlb, RIG_DATA, 0x1000, VMEM_READ);
	iotlb_enable(&iotlb);
	put_desc(&iotlb.r, RIG_DESC, 0, IOVA + RIG_DATA, 64, F_WRITE, 0);
	offer(&iotlb.r, 0);
	ck_assert_int_eq(rig_pop(&iotlb.r), 1);
	ck_assert_uint_eq(iotlb.r.chain.fault.why, VQ_FAULT_READ_ONLY);
}
END_TEST

START_TEST(address_that_is_denied_is_a_fault_of_its_chain_alone)
{
	iotlb_init(&iotlb);
	iotlb_enable(&iotlb);
	put_desc(&iotlb.r, RIG_DESC, 0, IOVA + RIG_DATA, 64, F_WRITE, 0);
	offer(&iotlb.r, 0);
	ck_misses(&iotlb, RIG_DATA, 64, VMEM_WRITE);
	vq_deny_missed(iotlb.r.q);
	ck_misses(&iotlb, RIG_DATA + 63, 1, VMEM_WRITE);
	vq_deny_missed(iotlb.r.q);
	ck_assert_int_eq(rig_pop(&iotlb.r), 1);
	ck_assert_uint_eq(iotlb.r.chain.fault.why, VQ_FAULT_UNMAPPED);
	ck_assert_uint_eq(iotlb.r.chain.writable_len, 0);
	vq_push(iotlb.r.q, &iotlb.r.chain, 0);
	offer(&iotlb.r, 0);
	ck_misses(&iotlb, RIG_DATA, 64, VMEM_WRITE);
	iotlb_set(&iotlb, RIG_DATA, 0x1000, VMEM_WRITE);
	ck_assert_int_eq(rig_pop(&iotlb.r), 1);
	ck_assert_uint_eq(iotlb.r.chain.fault.why, VQ_FAULT_NONE);
}
END_TEST

/* Buffers of 64 bytes, each on a page of its own that is denied. */
static unsigned int denials_of(struct iotlb_rig *b, unsigned int n)
{
	unsigned int i, denials = 0;

	for (i = 0; i < n; i++)
		put_desc(&b->r, RIG_TABLE, i, IOVA + RIG_MEMORY + 0x1000ull * i,
			 64, F_WRITE | (i + 1 < n ? F_NEXT : 0), i + 1);
	put_desc(&b->r, RIG_DESC, 0, IOVA + RIG_TABLE, 16 * n, F_INDIRECT, 0);
	offer(&b->r, 0);
	while (rig_pop(&b->r) == -EAGAIN) {
		vq_deny_missed(b->r.q);
		denials++;
	}
	return denials;
}

START_TEST(b4_10_number_of_questions_about_one_chain_is_limited)
{
	iotlb_init(&iotlb);
	iotlb.r.config.max_chain = 64;
	iotlb_set(&iotlb, RIG_TABLE, 0x1000, VMEM_READ);
	iotlb_enable(&iotlb);
	ck_assert_uint_eq(denials_of(&iotlb, 60), 16);
	ck_assert_uint_eq(iotlb.r.chain.fault.why, VQ_FAULT_UNMAPPED);
	vq_push(iotlb.r.q, &iotlb.r.chain, 0);
}
END_TEST

START_TEST(table_that_is_denied_breaks_the_queue)
{
	iotlb_init(&iotlb);
	iotlb_enable(&iotlb);
	put_desc(&iotlb.r, RIG_DESC, 0, IOVA + RIG_TABLE, 16, F_INDIRECT, 0);
	offer(&iotlb.r, 0);
	ck_misses(&iotlb, RIG_TABLE, 16, VMEM_READ);
	vq_deny_missed(iotlb.r.q);
	ck_assert_int_eq(rig_pop(&iotlb.r), -EFAULT);
	ck_assert_int_eq(vq_broken(iotlb.r.q), VQ_BROKEN_TABLE_MEMORY);
}
END_TEST

START_TEST(device_area_behind_an_iommu_is_logged_where_it_is)
{
	unsigned char bits[32] = { 0 };
	struct vq_log log = { bits, sizeof(bits) };

	iotlb_init(&iotlb);
	vq_set_log(iotlb.r.q, &log);
	vq_set_ring_log(iotlb.r.q, true, 0x70000);
	iotlb_set(&iotlb, RIG_DATA, 0x1000, VMEM_WRITE);
	iotlb_enable(&iotlb);
	put_desc(&iotlb.r, RIG_DESC, 0, IOVA + RIG_DATA, 64, F_WRITE, 0);
	offer(&iotlb.r, 0);
	ck_assert_int_eq(rig_pop(&iotlb.r), 1);
	vq_push(iotlb.r.q, &iotlb.r.chain, 0);
	vq_publish(iotlb.r.q);
	ck_assert_uint_ne(bits[RIG_DEVICE >> 15] & 1u << (RIG_DEVICE >> 12 & 7),
			  0);
	ck_assert_uint_eq(bits[0x70000 >> 15] & 1u << (0x70000 >> 12 & 7), 0);
}
END_TEST

START_TEST(ring_that_misses_is_enabled_after_the_answer)
{
	struct vq_miss miss;

	iotlb_init(&iotlb);
	iotlb.r.config.driver_gpa = IOVA + 0x9000;
	ck_assert_int_eq(vq_enable(iotlb.r.q, &iotlb.r.config, NULL), -EAGAIN);
	vq_missed(iotlb.r.q, &miss);
	ck_assert_uint_eq(miss.gpa, IOVA + 0x9000);
	iotlb_set(&iotlb, 0x9000, 0x1000, VMEM_READ);
	iotlb_enable(&iotlb);
}
END_TEST

START_TEST(ring_over_pages_of_an_iommu_is_one_ring)
{
	iotlb_init(&iotlb);
	iotlb.r.config.size = 512;	/* two pages of descriptors: 1 and 2 */
	iotlb.r.config.driver_gpa = IOVA + 0x3000;
	iotlb.r.config.device_gpa = IOVA + 0x4000;
	iotlb_set(&iotlb, 0x4000, 0x1000, VMEM_READ | VMEM_WRITE);
	iotlb_set(&iotlb, 0x5000, 0x1000, VMEM_READ | VMEM_WRITE);
	iotlb_enable(&iotlb);
}
END_TEST

START_TEST(used_entries_go_on_while_the_ring_misses)
{
	iotlb_init(&iotlb);
	iotlb_enable(&iotlb);
	offer(&iotlb.r, 0);
	put_desc(&iotlb.r, RIG_DESC, 0, 0, 0, F_WRITE, 0);
	ck_assert_int_eq(rig_pop(&iotlb.r), 1);
	ck_assert_int_eq(vmem_iotlb_invalidate(iotlb.tlb, IOVA + RIG_DRIVER, 0x1000),
			 0);
	iotlb_publish(&iotlb);
	ck_assert_int_eq(rig_pop(&iotlb.r), -EAGAIN);
	vq_push(iotlb.r.q, &iotlb.r.chain, 0);
	vq_publish(iotlb.r.q);
	ck_assert_uint_eq(used_idx(&iotlb.r), 1);
	iotlb_set(&iotlb, RIG_DRIVER, 0x1000, VMEM_READ);
	ck_assert_int_eq(rig_pop(&iotlb.r), 0);
}
END_TEST

/* A device that waits for a notification instead would never poll the ring. */
START_TEST(ring_that_misses_is_looked_at_again_before_the_wait)
{
	iotlb_init(&iotlb);
	iotlb_enable(&iotlb);
	ck_assert_int_eq(rig_pop(&iotlb.r), 0);
	ck_assert_int_eq(vmem_iotlb_invalidate(iotlb.tlb, IOVA + RIG_DRIVER, 0x1000),
			 0);
	iotlb_publish(&iotlb);
	ck_assert(vq_enable_notify(iotlb.r.q));
	ck_assert(vq_has_available(iotlb.r.q));
	ck_misses(&iotlb, RIG_DRIVER, 4 + 2 * RIG_SIZE + 2, VMEM_READ);
	iotlb_set(&iotlb, RIG_DRIVER, 0x1000, VMEM_READ);
	ck_assert(!vq_enable_notify(iotlb.r.q));
	ck_assert(!vq_has_available(iotlb.r.q));
}
END_TEST

/* Bits for the first 256 pages. */
static bool logged(const unsigned char *bits, uint64_t gpa)
{
	return bits[gpa >> 15] >> (gpa >> 12 & 7) & 1;
}

static void ck_log(uint64_t features)
{
	unsigned char bits[32] = { 0 };
	struct vq_log log = { bits, sizeof(bits) };
	struct rig r;

	rig_init(&r, 0);
	vq_disable(r.q);
	r.config.features |= features;
	r.config.base = vq_initial_base(features);
	vq_set_log(r.q, &log);
	ck_assert_int_eq(vq_enable(r.q, &r.config, NULL), 0);
	if (features & VQ_F_RING_PACKED)
		put_desc(&r, RIG_DESC, 0, 0x20000, 0x3000, 0, 0x82);
	else
		put_desc(&r, RIG_DESC, 0, 0x20000, 0x3000, F_WRITE, 0);
	offer(&r, 0);
	ck_assert_int_eq(rig_pop(&r), 1);
	vq_chain_written(r.q, &r.chain, 0xfff, 2);
	ck_assert(logged(bits, 0x20000) && logged(bits, 0x21000));
	ck_assert(!logged(bits, 0x22000));
	vq_set_ring_log(r.q, true, 0x70000);
	vq_push(r.q, &r.chain, 2);
	vq_publish(r.q);
	vq_disable_notify(r.q);
	ck_assert(logged(bits, 0x70000));
	ck_assert(!logged(bits, RIG_DEVICE));
	ck_assert(logged(bits, RIG_DESC) == !!(features & VQ_F_RING_PACKED));
	rig_fini(&r);
}

START_TEST(log_has_what_was_written_and_the_ring_where_it_was_said)
{
	ck_log(0);
	ck_log(VQ_F_RING_PACKED);
}
END_TEST

START_TEST(log_without_the_flag_leaves_the_ring_out)
{
	unsigned char bits[32] = { 0 };
	struct vq_log log = { bits, sizeof(bits) };
	struct rig r;
	size_t i;

	rig_init(&r, 0);
	vq_set_log(r.q, &log);
	offer(&r, 0);
	ck_assert_int_eq(rig_pop(&r), 1);
	vq_push(r.q, &r.chain, 0);
	vq_publish(r.q);
	for (i = 0; i < sizeof(bits); i++)
		ck_assert_uint_eq(bits[i], 0);
	rig_fini(&r);
}
END_TEST

#define LOG_BYTES 40u

/* Writes pages [first, first + n) and compares the log with one bit by bit. */
static void ck_pages(struct rig *r, unsigned int first, unsigned int n,
		     unsigned int shift)
{
	unsigned char bits[LOG_BYTES + 8] = { 0 }, want[LOG_BYTES + 8] = { 0 };
	struct vq_log log = { bits + shift, LOG_BYTES };
	unsigned int page;

	for (page = first; page < first + n; page++)
		if (page / 8 < LOG_BYTES)
			want[shift + page / 8] |= (unsigned char)
						  (1u << page % 8);
	vq_set_log(r->q, &log);
	put_desc(r, RIG_DESC, 0, first * 0x1000, n * 0x1000, F_WRITE, 0);
	offer(r, 0);
	ck_assert_int_eq(rig_pop(r), 1);
	vq_chain_written(r->q, &r->chain, 0, n * 0x1000);
	vq_push(r->q, &r->chain, 0);
	ck_assert_mem_eq(bits, want, sizeof(bits));
}

START_TEST(log_of_any_range_has_its_bits_and_no_other)
{
	static const unsigned int firsts[] = { 1, 3, 32, 33, 39, 40, 64, 71 };
	static const unsigned int counts[] = { 1, 7, 8, 9, 63, 64, 65, 150 };
	unsigned int i, k;
	struct rig r;

	rig_init(&r, 0);
	for (i = 0; i < sizeof(firsts) / sizeof(firsts[0]); i++)
		for (k = 0; k < sizeof(counts) / sizeof(counts[0]); k++)
			ck_pages(&r, firsts[i], counts[k], (i + k) % 8);
	rig_fini(&r);
}
END_TEST

START_TEST(log_that_is_too_short_is_not_exceeded)
{
	unsigned char bits[8] = { 0 };
	struct vq_log log = { bits, 4 };	/* up to 0x20000 */
	struct rig r;

	rig_init(&r, 0);
	vq_set_log(r.q, &log);
	put_desc(&r, RIG_DESC, 0, 0x1f000, 0x2000, F_WRITE, 0);
	put_desc(&r, RIG_DESC, 1, 0x28000, 0x2000, F_WRITE, 0);
	offer(&r, 0);
	offer(&r, 1);
	ck_assert_int_eq(rig_pop(&r), 1);
	vq_chain_written(r.q, &r.chain, 0, 0x2000);
	ck_assert_int_eq(rig_pop(&r), 1);
	vq_chain_written(r.q, &r.chain, 0, 0x2000);
	ck_assert_uint_eq(bits[3], 0x80);
	ck_assert_uint_eq(bits[4] | bits[5], 0);
	vq_set_log(r.q, NULL);
	vq_chain_written(r.q, &r.chain, 0, 0x2000);
	rig_fini(&r);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("iotlb");

	tcase_add_checked_fixture(tc, NULL, end);
	tcase_add_test(tc, miss_consumes_nothing_and_the_chain_comes_after_the_answer);
	tcase_add_test(tc, b4_11_chain_in_flight_keeps_what_is_invalidated);
	tcase_add_test(tc, miss_names_the_first_byte_that_is_missing);
	tcase_add_test(tc, indirect_table_may_miss);
	tcase_add_test(tc, miss_of_a_table_names_its_first_byte_that_is_missing);
	tcase_add_test(tc, entry_that_forbids_the_access_is_a_fault);
	tcase_add_test(tc,
		address_that_is_denied_is_a_fault_of_its_chain_alone);
	tcase_add_test(tc,
		b4_10_number_of_questions_about_one_chain_is_limited);
	tcase_add_test(tc, table_that_is_denied_breaks_the_queue);
	tcase_add_test(tc, device_area_behind_an_iommu_is_logged_where_it_is);
	tcase_add_test(tc, ring_that_misses_is_enabled_after_the_answer);
	tcase_add_test(tc, ring_over_pages_of_an_iommu_is_one_ring);
	tcase_add_test(tc, used_entries_go_on_while_the_ring_misses);
	tcase_add_test(tc, ring_that_misses_is_looked_at_again_before_the_wait);
	tcase_add_test(tc, log_has_what_was_written_and_the_ring_where_it_was_said);
	tcase_add_test(tc, log_without_the_flag_leaves_the_ring_out);
	tcase_add_test(tc, log_of_any_range_has_its_bits_and_no_other);
	tcase_add_test(tc, log_that_is_too_short_is_not_exceeded);
	return run_tcase(tc, "iotlb");
}
