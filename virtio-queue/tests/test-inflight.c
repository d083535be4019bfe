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
	struct inflight_rig b;

	inflight_init(&b, 0);
	ck_assert_uint_eq(area16(&b, AREA_VERSION), 1);
	ck_assert_uint_eq(area16(&b, DESC_NUM), RIG_SIZE);
	rig_fini(&b.r);
}
END_TEST

START_TEST(chain_is_noted_from_pop_to_publish)
{
	struct inflight_rig b;

	inflight_init(&b, 0);
	offer(&b.r, 5);
	take(&b, 5);
	ck_assert_uint_eq(b.area[ENTRY(5)], 1);
	vq_push(b.r.q, &b.r.chain, 0);
	ck_assert_uint_eq(b.area[ENTRY(5)], 1);
	ck_assert_uint_eq(area16(&b, LAST_BATCH), 5);
	vq_publish(b.r.q);
	ck_assert_uint_eq(b.area[ENTRY(5)], 0);
	ck_assert_uint_eq(area16(&b, USED_IDX), 1);
	rig_fini(&b.r);
}
END_TEST

START_TEST(chain_given_back_is_not_noted)
{
	struct inflight_rig b;

	inflight_init(&b, 0);
	offer(&b.r, 5);
	take(&b, 5);
	vq_unpop(b.r.q, &b.r.chain);
	ck_assert_uint_eq(b.area[ENTRY(5)], 0);
	rig_fini(&b.r);
}
END_TEST

START_TEST(c1_16_lost_chains_come_again_in_their_order_and_first)
{
	struct inflight_rig b;

	inflight_init(&b, 0);
	offer(&b.r, 9);
	offer(&b.r, 2);
	offer(&b.r, 7);
	offer(&b.r, 3);
	take(&b, 9);
	take(&b, 2);
	take(&b, 7);
	crash(&b);
	b.r.config.base = 12345;	/* is not read */
	inflight_enable(&b);
	ck_assert(vq_has_available(b.r.q));
	take(&b, 9);
	vq_unpop(b.r.q, &b.r.chain);
	take(&b, 9);
	take(&b, 2);
	ck_assert(vq_enable_notify(b.r.q));
	take(&b, 7);
	take(&b, 3);
	ck_assert_int_eq(rig_pop(&b.r), 0);
	ck_assert_uint_eq(vq_base(b.r.q), 4);
	rig_fini(&b.r);
}
END_TEST

START_TEST(c1_16_chain_taken_after_a_crash_comes_last_after_the_next)
{
	struct inflight_rig b;

	inflight_init(&b, 0);
	offer(&b.r, 5);
	offer(&b.r, 2);
	offer(&b.r, 1);
	take(&b, 5);
	take(&b, 2);
	crash(&b);
	inflight_enable(&b);
	take(&b, 5);
	take(&b, 2);
	take(&b, 1);
	crash(&b);
	inflight_enable(&b);
	take(&b, 5);
	take(&b, 2);
	take(&b, 1);
	rig_fini(&b.r);
}
END_TEST

START_TEST(c1_16_chain_pushed_and_not_published_comes_again)
{
	struct inflight_rig b;

	inflight_init(&b, 0);
	offer(&b.r, 1);
	take(&b, 1);
	vq_push(b.r.q, &b.r.chain, 0);
	crash(&b);
	inflight_enable(&b);
	take(&b, 1);
	vq_push(b.r.q, &b.r.chain, 0);
	vq_publish(b.r.q);
	ck_assert_uint_eq(used_idx(&b.r), 1);
	rig_fini(&b.r);
}
END_TEST

START_TEST(c1_16_batch_that_was_published_does_not_come_again)
{
	struct inflight_rig b;
	uint16_t i;

	inflight_init(&b, 0);
	for (i = 0; i < 4; i++) {
		offer(&b.r, i);
		take(&b, i);
		if (i != 2)
			vq_push(b.r.q, &b.r.chain, 0);
	}
	/* the process died between the used index and the flags */
	put16(&b.r, RIG_DEVICE + 2, 3);
	crash(&b);
	inflight_enable(&b);
	take(&b, 2);
	ck_assert_int_eq(rig_pop(&b.r), 0);
	ck_assert_uint_eq(area16(&b, USED_IDX), 3);
	rig_fini(&b.r);
}
END_TEST

START_TEST(chain_that_waits_for_its_turn_is_still_noted)
{
	struct vq_chain other;
	struct iovec iov[2];
	struct inflight_rig b;

	inflight_init(&b, VQ_F_IN_ORDER);
	other.iov = iov;
	other.iov_max = 2;
	offer(&b.r, 0);
	offer(&b.r, 1);
	take(&b, 0);
	ck_assert_int_eq(vq_pop(b.r.q, &other), 1);
	vq_push(b.r.q, &other, 0);
	vq_publish(b.r.q);
	ck_assert_uint_eq(b.area[ENTRY(1)], 1);
	vq_push(b.r.q, &b.r.chain, 0);
	vq_publish(b.r.q);
	ck_assert_uint_eq(b.area[ENTRY(0)] | b.area[ENTRY(1)], 0);
	rig_fini(&b.r);
}
END_TEST

START_TEST(b4_08_nonsense_in_the_area_is_harmless)
{
	struct inflight_rig b;
	uint32_t i, seed = 1;
	const uint16_t version = 1;
	int k;

	inflight_init(&b, 0);
	for (k = 0; k < 1000; k++) {
		vq_disable(b.r.q);
		for (i = 0; i < sizeof(b.words); i++) {
			seed = seed * 1103515245 + 12345;
			b.area[i] = (unsigned char)(seed >> 16) %
				    (i % 16 ? 255 : 2);
		}
		memcpy(b.area + AREA_VERSION, &version, 2);
		ck_assert_int_eq(vq_enable(b.r.q, &b.r.config, NULL), 0);
		while (rig_pop(&b.r) == 1)
			vq_push(b.r.q, &b.r.chain, 0);
		vq_publish(b.r.q);
		ck_assert_uint_eq(vq_inflight(b.r.q), 0);
	}
	rig_fini(&b.r);
}
END_TEST

START_TEST(b4_08_area_that_cannot_be_is_refused)
{
	struct inflight_rig b;

	inflight_init(&b, 0);
	ck_assert_int_eq(vq_set_inflight(b.r.q, b.area, RIG_SIZE), -EBUSY);
	vq_disable(b.r.q);
	ck_assert_int_eq(vq_set_inflight(b.r.q, b.area + 1, RIG_SIZE),
			 -EINVAL);
	ck_assert_int_eq(vq_set_inflight(b.r.q, b.area, VQ_MAX_SIZE + 1),
			 -EINVAL);
	ck_assert_int_eq(vq_set_inflight(b.r.q, b.area, RIG_SIZE - 1), 0);
	ck_assert_int_eq(vq_enable(b.r.q, &b.r.config, NULL), -EINVAL);
	b.area[AREA_VERSION] = 2;
	ck_assert_int_eq(vq_set_inflight(b.r.q, b.area, RIG_SIZE), 0);
	ck_assert_int_eq(vq_enable(b.r.q, &b.r.config, NULL), -EBADMSG);
	ck_assert_int_eq(vq_set_inflight(b.r.q, NULL, 0), 0);
	ck_assert_int_eq(vq_enable(b.r.q, &b.r.config, NULL), 0);
	rig_fini(&b.r);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("inflight");

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
