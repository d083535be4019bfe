/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about packed rings and well-behaved drivers. */
#include <config.h>

#include <virtio-queue/turn.h>

#include "util.h"

struct driver_rig {
	struct rig r;
	struct vq_driver *d;
};

static const struct vq_buffer buffers[3] = {
	{ RIG_DATA, 16, 0 }, { RIG_DATA + 64, 32, 1 }, { RIG_DATA + 128, 1, 1 },
};

static void driver_rig_init(struct driver_rig *p, uint64_t features, uint32_t size)
{
	struct vmem_region *region = make_region(0, RIG_MEMORY, 0, 0);
	struct vq_driver_config c = { .features = features, .size = size,
				      .gpa = RIG_DESC };

	rig_init_regions(&p->r, &region, 1, features);
	c.map = vmem_space_current(p->r.space);
	ck_assert_int_eq(vq_driver_new(&c, &p->d, NULL), 0);
	p->r.config.size = size;
	p->r.config.base = vq_initial_base(features);
	p->r.config.driver_gpa = vq_driver_driver_gpa(p->d);
	p->r.config.device_gpa = vq_driver_device_gpa(p->d);
	ck_assert_int_eq(vq_enable(p->r.q, &p->r.config, NULL), 0);
}

static void driver_rig_fini(struct driver_rig *p)
{
	vq_driver_free(p->d);
	rig_fini(&p->r);
}

static void add(struct driver_rig *p, uint64_t cookie)
{
	ck_assert_int_eq(vq_driver_add(p->d, buffers, 3, cookie), 0);
	vq_driver_publish(p->d);
}

START_TEST(pushed_chains_are_seen_together_after_publish)
{
	struct driver_rig p;
	uint64_t cookie;
	uint32_t len, i;

	driver_rig_init(&p, VQ_F_RING_PACKED, 9);
	for (i = 0; i < 3; i++)
		add(&p, i);
	for (i = 0; i < 3; i++) {
		ck_assert_int_eq(rig_pop(&p.r), 1);
		vq_push(p.r.q, &p.r.chain, i);
		ck_assert_int_eq(vq_driver_collect(p.d, &cookie, &len), 0);
	}
	ck_assert(vq_publish(p.r.q));
	for (i = 0; i < 3; i++) {
		ck_assert_int_eq(vq_driver_collect(p.d, &cookie, &len), 1);
		ck_assert_uint_eq(cookie, i);
		ck_assert_uint_eq(len, i);
	}
	driver_rig_fini(&p);
}
END_TEST

START_TEST(chain_given_back_comes_again_over_the_end)
{
	struct driver_rig p;
	uint32_t i, base;

	driver_rig_init(&p, VQ_F_RING_PACKED, 4);
	for (i = 0; i < 20; i++) {
		add(&p, i);
		base = vq_base(p.r.q);
		ck_assert_int_eq(rig_pop(&p.r), 1);
		vq_unpop(p.r.q, &p.r.chain);
		ck_assert_uint_eq(vq_base(p.r.q), base);
		ck_assert_int_eq(rig_pop(&p.r), 1);
		vq_push(p.r.q, &p.r.chain, 0);
		vq_publish(p.r.q);
		ck_assert_int_eq(vq_driver_collect(p.d, &(uint64_t){ 0 },
						   &(uint32_t){ 0 }), 1);
	}
	driver_rig_fini(&p);
}
END_TEST

START_TEST(queue_goes_on_at_its_base_with_both_wrap_counters)
{
	struct driver_rig p;
	uint64_t cookie;
	uint32_t len, i;

	driver_rig_init(&p, VQ_F_RING_PACKED, 5);
	for (i = 0; i < 40; i++) {
		add(&p, i);
		ck_assert_int_eq(rig_pop(&p.r), 1);
		vq_push(p.r.q, &p.r.chain, i);
		vq_publish(p.r.q);
		p.r.config.base = vq_base(p.r.q);
		vq_disable(p.r.q);
		ck_assert_uint_eq(vq_base(p.r.q), p.r.config.base);
		ck_assert_int_eq(vq_enable(p.r.q, &p.r.config, NULL), 0);
		ck_assert_int_eq(vq_driver_collect(p.d, &cookie, &len), 1);
		ck_assert_uint_eq(cookie, i);
	}
	driver_rig_fini(&p);
}
END_TEST

/* The driver asks for a call at a slot; n chains of one slot follow. */
static bool event(struct rig *r, uint16_t where, uint32_t from, uint32_t n)
{
	put16(r, RIG_DRIVER, where);
	put16(r, RIG_DRIVER + 2, 2);
	for (; n--; from++) {
		uint16_t flags = from / RIG_SIZE % 2 ? 0x8000 : 0x80;

		put_desc(r, RIG_DESC, from % RIG_SIZE, RIG_DATA, 16, 0, flags);
		ck_assert_int_eq(rig_pop(r), 1);
		vq_push(r->q, &r->chain, 0);
	}
	return vq_publish(r->q);
}

START_TEST(event_of_a_slot_is_compared_per_publish_and_lap)
{
	struct rig r;

	rig_init(&r, 0);
	vq_disable(r.q);
	r.config.features |= VQ_F_RING_PACKED | VQ_F_EVENT_IDX;
	r.config.base = vq_initial_base(VQ_F_RING_PACKED);
	ck_assert_int_eq(vq_enable(r.q, &r.config, NULL), 0);
	ck_assert(!event(&r, 0x8003, 0, 3));	/* 0..2, waits for 3 */
	ck_assert(event(&r, 0x8003, 3, 1));
	ck_assert(!event(&r, 0x8003, 4, 11));	/* 4..14 */
	ck_assert(!event(&r, 0x0001, 15, 2));	/* 15, then 0 of the next lap */
	ck_assert(event(&r, 0x0001, 17, 1));	/* its slot 1 */
	ck_assert(!event(&r, 0x8001, 18, 15));	/* up to slot 0 of the third */
	ck_assert(event(&r, 0x8001, 33, 1));
	rig_fini(&r);
}
END_TEST

START_TEST(event_suppression_of_the_device_is_stored_at_once)
{
	struct rig r;

	rig_init(&r, 0);
	vq_disable(r.q);
	r.config.features |= VQ_F_RING_PACKED | VQ_F_EVENT_IDX;
	r.config.base = 0x00050005;
	ck_assert_int_eq(vq_enable(r.q, &r.config, NULL), 0);
	vq_disable_notify(r.q);
	ck_assert_uint_eq(get32(&r, RIG_DEVICE), 0x00010000);
	ck_assert(!vq_enable_notify(r.q));
	ck_assert_uint_eq(get32(&r, RIG_DEVICE), 0x00020005);
	put_desc(&r, RIG_DESC, 5, RIG_DATA, 16, 0, 0x8000);
	ck_assert(vq_enable_notify(r.q));
	rig_fini(&r);
}
END_TEST

START_TEST(used_slots_are_marked_at_publish)
{
	struct vmem_region *region = make_region(0, RIG_MEMORY, 0, 12);
	struct vmem_dirty *dirty = vmem_region_dirty(region);
	struct rig r;

	rig_init_regions(&r, &region, 1, VQ_F_RING_PACKED);
	__atomic_store_n(&dirty->enabled, 1, __ATOMIC_RELAXED);
	r.config.base = vq_initial_base(VQ_F_RING_PACKED);
	ck_assert_int_eq(vq_enable(r.q, &r.config, NULL), 0);
	put_desc(&r, RIG_DESC, 0, RIG_DATA, 16, 0, 0x80);
	ck_assert_int_eq(rig_pop(&r), 1);
	ck_assert_uint_eq(dirty->words[0], 0);
	vq_push(r.q, &r.chain, 0);
	vq_publish(r.q);
	ck_assert_uint_eq(dirty->words[0], 1u << (RIG_DESC >> 12));
	vq_disable_notify(r.q);
	ck_assert_uint_eq(dirty->words[0], 1u << (RIG_DESC >> 12) |
			  1u << (RIG_DEVICE >> 12));
	rig_fini(&r);
}
END_TEST

/* Every other chain can be processed at its second turn only. */
static uint32_t serve_every_other(void *opaque, struct vq *q,
				  struct vq_chain *chain)
{
	unsigned int *calls = opaque;

	(void)q;
	(void)chain;
	return ++*calls % 3 == 1 ? VQ_TURN_LATER : *calls % 3;
}

START_TEST(device_that_cannot_continue_gets_the_same_chain_later)
{
	unsigned int calls = 0;
	const struct vq_turn turn = {
		.size = sizeof(turn), .serve = serve_every_other, .opaque = &calls,
	};
	struct driver_rig p;
	uint64_t cookie;
	uint32_t len, i;

	driver_rig_init(&p, VQ_F_RING_PACKED, 7);
	for (i = 0; i < 40; i += 2) {
		add(&p, i);
		add(&p, i + 1);
		ck_assert_int_eq(vq_serve_turn(p.r.q, &turn), 0);
		ck_assert_int_eq(vq_driver_collect(p.d, &cookie, &len), 0);
		ck_assert_int_eq(vq_serve_turn(p.r.q, &turn), 0);
		ck_assert_int_eq(vq_driver_collect(p.d, &cookie, &len), 1);
		ck_assert_uint_eq(cookie, i);
		ck_assert_uint_eq(len, 2);
		ck_assert_int_eq(vq_driver_collect(p.d, &cookie, &len), 1);
		ck_assert_uint_eq(cookie, i + 1);
		ck_assert_uint_eq(vq_inflight(p.r.q), 0);
	}
	driver_rig_fini(&p);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("packed");

	tcase_add_test(tc, pushed_chains_are_seen_together_after_publish);
	tcase_add_test(tc, chain_given_back_comes_again_over_the_end);
	tcase_add_test(tc, queue_goes_on_at_its_base_with_both_wrap_counters);
	tcase_add_test(tc, event_of_a_slot_is_compared_per_publish_and_lap);
	tcase_add_test(tc, event_suppression_of_the_device_is_stored_at_once);
	tcase_add_test(tc, used_slots_are_marked_at_publish);
	tcase_add_test(tc, device_that_cannot_continue_gets_the_same_chain_later);
	return run_tcase(tc, "packed");
}
