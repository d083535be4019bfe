/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about chains of a split ring that survive the process that took them. */
#include <config.h>

#include "util.h"

/* Offsets in the area: a header of 16 bytes, entries of 16. */
#define AREA_VERSION	8
#define DESC_NUM	10
#define LAST_BATCH	12
#define USED_IDX	14
#define ENTRY(i)	(16 + 16 * (i))

struct inflight_rig {
	struct rig r;
	_Alignas(8) uint64_t words[(16 + 16 * RIG_SIZE) / 8];
	unsigned char *area;
};

static void inflight_enable(struct inflight_rig *b)
{
	ck_assert_int_eq(vq_set_inflight(b->r.q, b->area, RIG_SIZE), 0);
	ck_assert_int_eq(vq_enable(b->r.q, &b->r.config, NULL), 0);
}

static void inflight_init(struct inflight_rig *b, uint64_t features)
{
	rig_init(&b->r, 0);
	vq_disable(b->r.q);
	b->r.config.features |= features;
	memset(b->words, 0, sizeof(b->words));
	b->area = (unsigned char *)b->words;
	inflight_enable(b);
}

static uint16_t area16(const struct inflight_rig *b, unsigned int at)
{
	uint16_t v;

	memcpy(&v, b->area + at, 2);
	return v;
}

/* The process dies: its private memory is lost. */
static void crash(struct inflight_rig *b)
{
	vq_free(b->r.q);
	ck_assert_int_eq(vq_new(&b->r.q), 0);
	ck_assert_int_eq(vq_set_space(b->r.q, b->r.space), 0);
}

static void take(struct inflight_rig *b, uint16_t head)
{
	ck_assert_int_eq(rig_pop(&b->r), 1);
	ck_assert_uint_eq(b->r.chain.head, head);
}

static struct inflight_rig tracked;

/* Some tests make none, or one of their own. */
static void end(void)
{
	if (tracked.r.q)
		rig_fini(&tracked.r);
	memset(&tracked, 0, sizeof(tracked));
}

START_TEST(size_is_that_of_the_protocol)
{
	ck_assert_uint_eq(vq_inflight_size(128, 0), 2112);
	ck_assert_uint_eq(vq_inflight_size(1, 0), 64);
	ck_assert_uint_eq(vq_inflight_size(128, VQ_F_RING_PACKED), 4160);
	ck_assert_uint_eq(vq_inflight_size(1, VQ_F_RING_PACKED), 64);
}
END_TEST

START_TEST(area_is_initialised_once)
{
	inflight_init(&tracked, 0);
	ck_assert_uint_eq(area16(&tracked, AREA_VERSION), 1);
	ck_assert_uint_eq(area16(&tracked, DESC_NUM), RIG_SIZE);
}
END_TEST

START_TEST(chain_is_noted_from_pop_to_publish)
{
	inflight_init(&tracked, 0);
	offer(&tracked.r, 5);
	take(&tracked, 5);
	ck_assert_uint_eq(tracked.area[ENTRY(5)], 1);
	vq_push(tracked.r.q, &tracked.r.chain, 0);
	ck_assert_uint_eq(tracked.area[ENTRY(5)], 1);
	ck_assert_uint_eq(area16(&tracked, LAST_BATCH), 5);
	vq_publish(tracked.r.q);
	ck_assert_uint_eq(tracked.area[ENTRY(5)], 0);
	ck_assert_uint_eq(area16(&tracked, USED_IDX), 1);
}
END_TEST

START_TEST(chain_given_back_is_not_noted)
{
	inflight_init(&tracked, 0);
	offer(&tracked.r, 5);
	take(&tracked, 5);
	vq_unpop(tracked.r.q, &tracked.r.chain);
	ck_assert_uint_eq(tracked.area[ENTRY(5)], 0);
}
END_TEST

START_TEST(c1_16_lost_chains_come_again_in_their_order_and_first)
{
	inflight_init(&tracked, 0);
	offer(&tracked.r, 9);
	offer(&tracked.r, 2);
	offer(&tracked.r, 7);
	offer(&tracked.r, 3);
	take(&tracked, 9);
	take(&tracked, 2);
	take(&tracked, 7);
	crash(&tracked);
	tracked.r.config.base = 12345;	/* is not read */
	inflight_enable(&tracked);
	ck_assert(vq_has_available(tracked.r.q));
	take(&tracked, 9);
	vq_unpop(tracked.r.q, &tracked.r.chain);
	take(&tracked, 9);
	take(&tracked, 2);
	ck_assert(vq_enable_notify(tracked.r.q));
	take(&tracked, 7);
	take(&tracked, 3);
	ck_assert_int_eq(rig_pop(&tracked.r), 0);
	ck_assert_uint_eq(vq_base(tracked.r.q), 4);
}
END_TEST

START_TEST(c1_16_chain_taken_after_a_crash_comes_last_after_the_next)
{
	inflight_init(&tracked, 0);
	offer(&tracked.r, 5);
	offer(&tracked.r, 2);
	offer(&tracked.r, 1);
	take(&tracked, 5);
	take(&tracked, 2);
	crash(&tracked);
	inflight_enable(&tracked);
	take(&tracked, 5);
	take(&tracked, 2);
	take(&tracked, 1);
	crash(&tracked);
	inflight_enable(&tracked);
	take(&tracked, 5);
	take(&tracked, 2);
	take(&tracked, 1);
}
END_TEST

START_TEST(c1_16_chain_pushed_and_not_published_comes_again)
{
	inflight_init(&tracked, 0);
	offer(&tracked.r, 1);
	take(&tracked, 1);
	vq_push(tracked.r.q, &tracked.r.chain, 0);
	crash(&tracked);
	inflight_enable(&tracked);
	take(&tracked, 1);
	vq_push(tracked.r.q, &tracked.r.chain, 0);
	vq_publish(tracked.r.q);
	ck_assert_uint_eq(used_idx(&tracked.r), 1);
}
END_TEST

START_TEST(c1_16_batch_that_was_published_does_not_come_again)
{
	uint16_t i;

	inflight_init(&tracked, 0);
	for (i = 0; i < 4; i++) {
		offer(&tracked.r, i);
		take(&tracked, i);
		if (i != 2)
			vq_push(tracked.r.q, &tracked.r.chain, 0);
	}
	/* the process died between the used index and the flags */
	put16(&tracked.r, RIG_DEVICE + 2, 3);
	crash(&tracked);
	inflight_enable(&tracked);
	take(&tracked, 2);
	ck_assert_int_eq(rig_pop(&tracked.r), 0);
	ck_assert_uint_eq(area16(&tracked, USED_IDX), 3);
}
END_TEST

START_TEST(chain_that_waits_for_its_turn_is_still_noted)
{
	struct vq_chain other;
	struct iovec iov[2];

	inflight_init(&tracked, VQ_F_IN_ORDER);
	other.iov = iov;
	other.iov_max = 2;
	offer(&tracked.r, 0);
	offer(&tracked.r, 1);
	take(&tracked, 0);
	ck_assert_int_eq(vq_pop(tracked.r.q, &other), 1);
	vq_push(tracked.r.q, &other, 0);
	vq_publish(tracked.r.q);
	ck_assert_uint_eq(tracked.area[ENTRY(1)], 1);
	vq_push(tracked.r.q, &tracked.r.chain, 0);
	vq_publish(tracked.r.q);
	ck_assert_uint_eq(tracked.area[ENTRY(0)] | tracked.area[ENTRY(1)], 0);
}
END_TEST

START_TEST(b4_08_nonsense_in_the_area_is_harmless)
{
	uint32_t i, seed = 1;
	const uint16_t version = 1;
	int k;

	inflight_init(&tracked, 0);
	for (k = 0; k < 1000; k++) {
		vq_disable(tracked.r.q);
		for (i = 0; i < sizeof(tracked.words); i++) {
			seed = seed * 1103515245 + 12345;
			tracked.area[i] = (unsigned char)(seed >> 16) %
				    (i % 16 ? 255 : 2);
		}
		memcpy(tracked.area + AREA_VERSION, &version, 2);
		ck_assert_int_eq(vq_enable(tracked.r.q, &tracked.r.config, NULL), 0);
		while (rig_pop(&tracked.r) == 1)
			vq_push(tracked.r.q, &tracked.r.chain, 0);
		vq_publish(tracked.r.q);
		ck_assert_uint_eq(vq_inflight(tracked.r.q), 0);
	}
}
END_TEST

START_TEST(b4_08_area_that_cannot_be_is_refused)
{
	inflight_init(&tracked, 0);
	ck_assert_int_eq(vq_set_inflight(tracked.r.q, tracked.area, RIG_SIZE), -EBUSY);
	vq_disable(tracked.r.q);
	ck_assert_int_eq(vq_set_inflight(tracked.r.q, tracked.area + 1, RIG_SIZE),
			 -EINVAL);
	ck_assert_int_eq(vq_set_inflight(tracked.r.q, tracked.area, VQ_MAX_SIZE + 1),
			 -EINVAL);
	ck_assert_int_eq(vq_set_inflight(tracked.r.q, tracked.area, RIG_SIZE - 1), 0);
	ck_assert_int_eq(vq_enable(tracked.r.q, &tracked.r.config, NULL), -EINVAL);
	tracked.area[AREA_VERSION] = 2;
	ck_assert_int_eq(vq_set_inflight(tracked.r.q, tracked.area, RIG_SIZE), 0);
	ck_assert_int_eq(vq_enable(tracked.r.q, &tracked.r.config, NULL), -EBADMSG);
	ck_assert_int_eq(vq_set_inflight(tracked.r.q, NULL, 0), 0);
	ck_assert_int_eq(vq_enable(tracked.r.q, &tracked.r.config, NULL), 0);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("inflight");

	tcase_add_checked_fixture(tc, NULL, end);
	tcase_add_test(tc, size_is_that_of_the_protocol);
	tcase_add_test(tc, area_is_initialised_once);
	tcase_add_test(tc, chain_is_noted_from_pop_to_publish);
	tcase_add_test(tc, chain_given_back_is_not_noted);
	tcase_add_test(tc, c1_16_lost_chains_come_again_in_their_order_and_first);
	tcase_add_test(tc, c1_16_chain_taken_after_a_crash_comes_last_after_the_next);
	tcase_add_test(tc, c1_16_chain_pushed_and_not_published_comes_again);
	tcase_add_test(tc, c1_16_batch_that_was_published_does_not_come_again);
	tcase_add_test(tc, chain_that_waits_for_its_turn_is_still_noted);
	tcase_add_test(tc, b4_08_nonsense_in_the_area_is_harmless);
	tcase_add_test(tc, b4_08_area_that_cannot_be_is_refused);
	return run_tcase(tc, "inflight");
}
