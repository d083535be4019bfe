/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about queues whose memory changes while they run, and dirty marks. */
#include <config.h>

#include <errno.h>

#include "ring.h"

#define FAR_GPA	(4ull * RIG_MEMORY)

/* the ring's region, and a distant one that is added and removed */
struct two {
	struct rig r;
	struct vmem_region *ring, *far;
};

static void two_init(struct two *t)
{
	struct vmem_region *regions[2];

	t->ring = regions[0] = make_region(0, RIG_MEMORY, 0, 0);
	t->far = regions[1] = make_region(FAR_GPA, 4096, 0, 0);
	vmem_region_ref(t->ring);
	vmem_region_ref(t->far);
	rig_init_regions(&t->r, regions, 2, 0);
	ck_assert_int_eq(vq_enable(t->r.q, &t->r.config, NULL), 0);
	put_desc(&t->r, RIG_DESC, 0, FAR_GPA, 64, F_WRITE, 0);
	put_desc(&t->r, RIG_DESC, 1, FAR_GPA, 64, F_WRITE, 0);
}

static void two_fini(struct two *t)
{
	vmem_region_unref(t->ring);
	vmem_region_unref(t->far);
	rig_fini(&t->r);
}

static void two_without_far(struct two *t)
{
	struct vmem_region *ring = vmem_region_ref(t->ring);

	publish(t->r.space, &ring, 1);
}

START_TEST(removed_memory_is_not_found_any_more)
{
	struct two t;

	two_init(&t);
	offer(&t.r, 0);
	offer(&t.r, 1);
	ck_assert_int_eq(rig_pop(&t.r), 1);
	ck_assert_uint_eq(t.r.chain.fault.why, VQ_FAULT_NONE);
	vq_push(t.r.q, &t.r.chain, 0);
	two_without_far(&t);
	ck_assert_int_eq(rig_pop(&t.r), 1);
	ck_assert_uint_eq(t.r.chain.fault.why, VQ_FAULT_UNMAPPED);
	two_fini(&t);
}
END_TEST

START_TEST(added_memory_is_found_at_the_next_chain)
{
	struct vmem_region *regions[2];
	struct two t;

	two_init(&t);
	two_without_far(&t);
	offer(&t.r, 0);
	offer(&t.r, 1);
	ck_assert_int_eq(rig_pop(&t.r), 1);
	ck_assert_uint_eq(t.r.chain.fault.why, VQ_FAULT_UNMAPPED);
	regions[0] = vmem_region_ref(t.ring);
	regions[1] = vmem_region_ref(t.far);
	publish(t.r.space, regions, 2);
	ck_assert_int_eq(rig_pop(&t.r), 1);
	ck_assert_uint_eq(t.r.chain.fault.why, VQ_FAULT_NONE);
	two_fini(&t);
}
END_TEST

START_TEST(chain_in_flight_keeps_its_memory_until_the_push)
{
	struct two t;

	two_init(&t);
	offer(&t.r, 0);
	ck_assert_int_eq(rig_pop(&t.r), 1);
	two_without_far(&t);
	t.far = vmem_region_unref(t.far);
	ck_assert_int_eq(rig_pop(&t.r), 0);
	ck_assert_uint_eq(vmem_space_reclaim(t.r.space), 1);
	memset(t.r.iov[0].iov_base, 1, t.r.iov[0].iov_len);
	vq_push(t.r.q, &t.r.chain, 64);
	ck_assert_uint_eq(vmem_space_reclaim(t.r.space), 0);
	ck_assert(vq_publish(t.r.q));
	two_fini(&t);
}
END_TEST

START_TEST(chain_in_flight_keeps_its_memory_after_disable)
{
	struct two t;

	two_init(&t);
	offer(&t.r, 0);
	ck_assert_int_eq(rig_pop(&t.r), 1);
	vq_disable(t.r.q);
	two_without_far(&t);
	ck_assert_int_eq(vq_set_space(t.r.q, NULL), 0);
	ck_assert_uint_eq(vmem_space_reclaim(t.r.space), 1);
	memset(t.r.iov[0].iov_base, 1, t.r.iov[0].iov_len);
	vq_push(t.r.q, &t.r.chain, 64);
	ck_assert_uint_eq(vmem_space_reclaim(t.r.space), 0);
	two_fini(&t);
}
END_TEST

START_TEST(refresh_lets_go_of_the_former_map)
{
	struct two t;

	two_init(&t);
	two_without_far(&t);
	ck_assert_uint_eq(vmem_space_reclaim(t.r.space), 1);
	vq_refresh(t.r.q);
	ck_assert_uint_eq(vmem_space_reclaim(t.r.space), 0);
	two_fini(&t);
}
END_TEST

START_TEST(broken_queue_lets_go_of_the_former_map)
{
	struct two t;

	two_init(&t);
	vq_break(t.r.q);
	two_without_far(&t);
	vq_refresh(t.r.q);
	ck_assert_uint_eq(vmem_space_reclaim(t.r.space), 0);
	two_fini(&t);
}
END_TEST

START_TEST(ring_that_moved_is_found_at_its_new_place)
{
	struct vmem_region *other = make_region(0, RIG_MEMORY, 0, 0);
	unsigned char *mem = vmem_region_hva(other);
	struct two t;

	two_init(&t);
	publish(t.r.space, &other, 1);
	t.r.mem = mem;
	put_desc(&t.r, RIG_DESC, 3, RIG_DATA, 8, 0, 0);
	offer(&t.r, 3);
	ck_assert_int_eq(rig_pop(&t.r), 1);
	ck_assert_ptr_eq(t.r.iov[0].iov_base, mem + RIG_DATA);
	vq_push(t.r.q, &t.r.chain, 0);
	vq_publish(t.r.q);
	ck_assert_uint_eq(used_idx(&t.r), 1);
	two_fini(&t);
}
END_TEST

START_TEST(ring_that_lost_its_memory_is_broken)
{
	struct vmem_region *far;
	struct two t;

	two_init(&t);
	far = vmem_region_ref(t.far);
	publish(t.r.space, &far, 1);
	ck_broken(&t.r, VQ_BROKEN_RING_MEMORY);
	ck_assert_uint_eq(vmem_space_reclaim(t.r.space), 0);
	two_fini(&t);
}
END_TEST

START_TEST(space_without_a_map_breaks_the_ring)
{
	struct two t;

	two_init(&t);
	ck_assert_int_eq(vmem_space_publish(t.r.space, NULL), 0);
	ck_broken(&t.r, VQ_BROKEN_RING_MEMORY);
	two_fini(&t);
}
END_TEST

/* One region with a bitmap of 4 KiB pages, on. */
static struct vmem_dirty *rig_init_dirty(struct rig *r)
{
	struct vmem_region *region = make_region(0, RIG_MEMORY, 0, 12);
	struct vmem_dirty *dirty = vmem_region_dirty(region);

	rig_init_regions(r, &region, 1, 0);
	__atomic_store_n(&dirty->enabled, 1, __ATOMIC_RELAXED);
	ck_assert_int_eq(vq_enable(r->q, &r->config, NULL), 0);
	return dirty;
}

static bool page_is_dirty(const struct vmem_dirty *dirty, uint64_t gpa)
{
	uint64_t page = gpa >> 12;

	return dirty->words[page / 64] >> (page % 64) & 1;
}

START_TEST(used_ring_is_marked_at_publish)
{
	struct vmem_dirty *dirty;

	dirty = rig_init_dirty(&rig);
	offer(&rig, 0);
	ck_assert_int_eq(rig_pop(&rig), 1);
	ck_assert(!page_is_dirty(dirty, RIG_DEVICE));
	vq_push(rig.q, &rig.chain, 0);
	vq_publish(rig.q);
	ck_assert(page_is_dirty(dirty, RIG_DEVICE));
	ck_assert(!page_is_dirty(dirty, RIG_DRIVER));
	ck_assert(!page_is_dirty(dirty, RIG_DESC));
}
END_TEST

START_TEST(notification_flag_is_marked)
{
	struct vmem_dirty *dirty;

	dirty = rig_init_dirty(&rig);
	vq_disable_notify(rig.q);
	ck_assert(page_is_dirty(dirty, RIG_DEVICE));
}
END_TEST

START_TEST(written_range_is_marked_and_nothing_else)
{
	struct vmem_dirty *dirty;

	dirty = rig_init_dirty(&rig);
	put_desc(&rig, RIG_DESC, 0, 0x20000, 0x3000, F_NEXT | F_WRITE, 1);
	put_desc(&rig, RIG_DESC, 1, 0x40000, 0x3000, F_WRITE, 0);
	offer(&rig, 0);
	ck_assert_int_eq(rig_pop(&rig), 1);
	vq_chain_written(rig.q, &rig.chain, 0x1000, 0x3001);
	ck_assert(!page_is_dirty(dirty, 0x20000));
	ck_assert(page_is_dirty(dirty, 0x21000));
	ck_assert(page_is_dirty(dirty, 0x22000));
	ck_assert(page_is_dirty(dirty, 0x40000));
	ck_assert(page_is_dirty(dirty, 0x41000));
	ck_assert(!page_is_dirty(dirty, 0x42000));
}
END_TEST

START_TEST(chain_is_marked_after_disable_whatever_became_of_the_log)
{
	struct vmem_dirty *dirty;

	dirty = rig_init_dirty(&rig);
	put_desc(&rig, RIG_DESC, 0, 0x20000, 0x1000, F_WRITE, 0);
	offer(&rig, 0);
	ck_assert_int_eq(rig_pop(&rig), 1);
	vq_disable(rig.q);
	vq_set_log(rig.q, NULL);
	vq_chain_written(rig.q, &rig.chain, 0, 0x1000);
	ck_assert(page_is_dirty(dirty, 0x20000));
	vq_push(rig.q, &rig.chain, 0x1000);
}
END_TEST

START_TEST(writer_marks_what_it_stores)
{
	struct vmem_dirty *dirty;
	struct vq_cursor w;

	dirty = rig_init_dirty(&rig);
	put_desc(&rig, RIG_DESC, 0, 0x20000, 0x3000, F_WRITE, 0);
	offer(&rig, 0);
	ck_assert_int_eq(rig_pop(&rig), 1);
	vq_writer_init(&w, rig.q, &rig.chain);
	vq_cursor_skip(&w, 0x1ffc);
	ck_assert_uint_eq(vq_cursor_write(&w, "12345678", 8), 8);
	ck_assert(!page_is_dirty(dirty, 0x20000));
	ck_assert(page_is_dirty(dirty, 0x21000));
	ck_assert(page_is_dirty(dirty, 0x22000));
}
END_TEST

int main(void)
{
	TCase *tc = rig_case("memory");

	tcase_add_test(tc, removed_memory_is_not_found_any_more);
	tcase_add_test(tc, added_memory_is_found_at_the_next_chain);
	tcase_add_test(tc, chain_in_flight_keeps_its_memory_until_the_push);
	tcase_add_test(tc, chain_in_flight_keeps_its_memory_after_disable);
	tcase_add_test(tc, refresh_lets_go_of_the_former_map);
	tcase_add_test(tc, broken_queue_lets_go_of_the_former_map);
	tcase_add_test(tc, ring_that_moved_is_found_at_its_new_place);
	tcase_add_test(tc, ring_that_lost_its_memory_is_broken);
	tcase_add_test(tc, space_without_a_map_breaks_the_ring);
	tcase_add_test(tc, used_ring_is_marked_at_publish);
	tcase_add_test(tc, notification_flag_is_marked);
	tcase_add_test(tc, written_range_is_marked_and_nothing_else);
	tcase_add_test(tc, chain_is_marked_after_disable_whatever_became_of_the_log);
	tcase_add_test(tc, writer_marks_what_it_stores);
	return run_tcase(tc, "memory");
}
