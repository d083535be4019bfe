/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about chains of a packed ring that survive the process that took them. */
#include <config.h>

#include "util.h"

/* Offsets in the area: a header of 32 bytes, entries of 32. */
#define AREA_VERSION	8
#define DESC_NUM	10
#define FREE_HEAD	12
#define OLD_FREE_HEAD	14
#define USED_IDX	16
#define OLD_USED_IDX	18
#define USED_WRAP	20
#define ENTRY(i)	(32 + 32 * (i))
#define E_NEXT		2
#define E_LAST		4
#define E_NUM		6
#define E_COUNTER	8
#define E_ID		16
#define E_FLAGS		18
#define E_LEN		20
#define E_ADDR		24

#define SIZE		5u
#define ENTRIES		8u

struct inflight_rig {
	struct rig r;
	_Alignas(8) uint64_t words[(32 + 32 * ENTRIES) / 8];
	unsigned char *area;
	uint32_t at;			/* next slot of the driver, counted on */
};

static void inflight_enable(struct inflight_rig *b)
{
	ck_assert_int_eq(vq_set_inflight(b->r.q, b->area, ENTRIES), 0);
	ck_assert_int_eq(vq_enable(b->r.q, &b->r.config, NULL), 0);
}

static void inflight_init(struct inflight_rig *b)
{
	struct vmem_region *region = make_region(0, RIG_MEMORY, 0, 0);

	memset(b, 0, sizeof(*b));
	rig_init_regions(&b->r, &region, 1, VQ_F_RING_PACKED);
	b->r.config.size = SIZE;
	b->r.config.base = vq_initial_base(VQ_F_RING_PACKED);
	b->area = (unsigned char *)b->words;
	inflight_enable(b);
}

/* The area is in host byte order: a short number is one end of a long one. */
static unsigned char *low_bytes(uint64_t *v, unsigned int bytes)
{
	bool big = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;

	return (unsigned char *)v + (big ? sizeof(*v) - bytes : 0);
}

static uint64_t get(const struct inflight_rig *b, unsigned int at, unsigned int bytes)
{
	uint64_t v = 0;

	memcpy(low_bytes(&v, bytes), b->area + at, bytes);
	return v;
}

static void put(struct inflight_rig *b, unsigned int at, uint64_t v, unsigned int bytes)
{
	memcpy(b->area + at, low_bytes(&v, bytes), bytes);
}

static void crash(struct inflight_rig *b)
{
	vq_free(b->r.q);
	ck_assert_int_eq(vq_new(&b->r.q), 0);
	ck_assert_int_eq(vq_set_space(b->r.q, b->r.space), 0);
}

/* A chain of n readable buffers, id * 16 + 1 bytes and so on. */
static void offer_chain(struct inflight_rig *b, uint16_t id, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++, b->at++)
		put_desc(&b->r, RIG_DESC, b->at % SIZE, RIG_DATA + 256u * id,
			 id * 16u + i + 1, id,
			 (uint16_t)((b->at / SIZE % 2 ? 0x8000 : 0x80) |
				    (i + 1 < n ? F_NEXT : 0)));
}

static void take(struct inflight_rig *b, uint16_t id)
{
	ck_assert_int_eq(rig_pop(&b->r), 1);
	ck_assert_uint_eq(b->r.chain.head, id);
}

static void use(struct inflight_rig *b)
{
	vq_push(b->r.q, &b->r.chain, 0);
	vq_publish(b->r.q);
}

static struct inflight_rig tracked;

/* Some tests make none, or one of their own. */
static void end(void)
{
	if (tracked.r.q)
		rig_fini(&tracked.r);
	memset(&tracked, 0, sizeof(tracked));
}

START_TEST(area_is_initialised_once_as_a_list_of_free_entries)
{
	unsigned int i;

	inflight_init(&tracked);
	ck_assert_uint_eq(get(&tracked, AREA_VERSION, 2), 1);
	ck_assert_uint_eq(get(&tracked, DESC_NUM, 2), ENTRIES);
	ck_assert_uint_eq(get(&tracked, FREE_HEAD, 4), 0);
	ck_assert_uint_eq(get(&tracked, USED_IDX, 4), 0);
	ck_assert_uint_eq(get(&tracked, USED_WRAP, 2), 0x101);
	for (i = 0; i < ENTRIES; i++)
		ck_assert_uint_eq(get(&tracked, ENTRY(i) + E_NEXT, 2), i + 1);
}
END_TEST

START_TEST(chain_is_copied_and_noted_until_it_is_published)
{
	inflight_init(&tracked);
	offer_chain(&tracked, 3, 2);
	take(&tracked, 3);
	ck_assert_uint_eq(tracked.area[ENTRY(0)], 1);
	ck_assert_uint_eq(get(&tracked, ENTRY(0) + E_NUM, 2), 2);
	ck_assert_uint_eq(get(&tracked, ENTRY(0) + E_LAST, 2), 1);
	ck_assert_uint_eq(get(&tracked, ENTRY(1) + E_ADDR, 8), RIG_DATA + 768);
	ck_assert_uint_eq(get(&tracked, ENTRY(1) + E_LEN, 4), 50);
	ck_assert_uint_eq(get(&tracked, ENTRY(1) + E_ID, 2), 3);
	ck_assert_uint_eq(get(&tracked, ENTRY(0) + E_FLAGS, 2), 0x80 | F_NEXT);
	ck_assert_uint_eq(get(&tracked, FREE_HEAD, 4), 2 | 2 << 16);
	vq_push(tracked.r.q, &tracked.r.chain, 0);
	ck_assert_uint_eq(tracked.area[ENTRY(0)], 1);
	ck_assert_uint_eq(get(&tracked, FREE_HEAD, 4), 2 | 2 << 16);
	vq_publish(tracked.r.q);
	ck_assert_uint_eq(tracked.area[ENTRY(0)], 0);
	ck_assert_uint_eq(get(&tracked, FREE_HEAD, 4), 0);
	ck_assert_uint_eq(get(&tracked, ENTRY(1) + E_NEXT, 2), 2);
	ck_assert_uint_eq(get(&tracked, USED_IDX, 4), 2 | 2 << 16);
}
END_TEST

START_TEST(chain_given_back_is_not_noted)
{
	inflight_init(&tracked);
	offer_chain(&tracked, 1, 2);
	take(&tracked, 1);
	vq_unpop(tracked.r.q, &tracked.r.chain);
	ck_assert_uint_eq(tracked.area[ENTRY(0)], 0);
	ck_assert_uint_eq(get(&tracked, FREE_HEAD, 4), 0);
	take(&tracked, 1);
}
END_TEST

/* Also over the end of the ring, where the wrap counter flips. */
START_TEST(c1_16_lost_chains_come_again_from_their_copies_in_their_order)
{
	uint16_t i;

	inflight_init(&tracked);
	for (i = 0; i < _i; i++) {
		offer_chain(&tracked, 0, 1);
		take(&tracked, 0);
		use(&tracked);
	}
	offer_chain(&tracked, 4, 1);
	offer_chain(&tracked, 2, 3);
	take(&tracked, 4);
	take(&tracked, 2);
	offer_chain(&tracked, 1, 1);
	/* used ones may have been written over them */
	memset(tracked.r.mem + RIG_DESC + (_i + 2) % SIZE * 16, 0xff, 8);
	crash(&tracked);
	tracked.r.config.base = 12345;	/* is not read */
	inflight_enable(&tracked);
	ck_assert(vq_has_available(tracked.r.q));
	take(&tracked, 4);
	vq_unpop(tracked.r.q, &tracked.r.chain);
	ck_assert(vq_enable_notify(tracked.r.q));
	take(&tracked, 4);
	take(&tracked, 2);
	ck_assert_uint_eq(tracked.r.chain.readable_len, 33 + 34 + 35);
	ck_assert_uint_eq(tracked.r.chain.nreadable, 3);
	take(&tracked, 1);
	ck_assert_int_eq(rig_pop(&tracked.r), 0);
}
END_TEST

START_TEST(ring_goes_on_at_its_base_when_the_area_is_new)
{
	inflight_init(&tracked);
	vq_disable(tracked.r.q);
	memset(tracked.words, 0, sizeof(tracked.words));
	tracked.r.config.base = 3u | 3u << 16;	/* the wrap counter was flipped once */
	inflight_enable(&tracked);
	ck_assert_uint_eq(vq_base(tracked.r.q), tracked.r.config.base);
	ck_assert_uint_eq(get(&tracked, USED_IDX, 4), 3 | 3 << 16);
	ck_assert_uint_eq(get(&tracked, USED_WRAP, 2), 0);
	tracked.at = SIZE + 3;
	offer_chain(&tracked, 0, 4);
	take(&tracked, 0);
}
END_TEST

START_TEST(counters_are_compared_by_their_distance)
{
	inflight_init(&tracked);
	offer_chain(&tracked, 0, 1);
	offer_chain(&tracked, 1, 1);
	take(&tracked, 0);
	take(&tracked, 1);
	put(&tracked, ENTRY(0) + E_COUNTER, UINT64_MAX, 8);
	put(&tracked, ENTRY(1) + E_COUNTER, 0, 8);
	crash(&tracked);
	inflight_enable(&tracked);
	take(&tracked, 0);
	take(&tracked, 1);
}
END_TEST

/* Writes of a peer over the area of a ring with two chains in flight. */
static const struct {
	unsigned int at, bytes;
	uint64_t value;
} damage[] = {
	{ AREA_VERSION, 2, 2 },
	{ OLD_USED_IDX, 2, SIZE },		/* beyond the ring */
	{ USED_IDX, 2, 0xffff },
	{ ENTRY(4) + E_NEXT, 2, 3 },		/* a free list in a circle */
	{ ENTRY(4) + E_NEXT, 2, 4 },
	{ OLD_FREE_HEAD, 2, 1 },		/* with a chain's entries in it */
	{ OLD_FREE_HEAD, 2, 0xffff },		/* too short */
	{ ENTRY(0) + E_NUM, 2, 0 },
	{ ENTRY(0) + E_NUM, 2, 4 },		/* more than the ring with the other */
	{ ENTRY(0) + E_NUM, 2, 0xffff },
	{ ENTRY(0) + E_NEXT, 2, 0 },		/* a chain in a circle */
	{ ENTRY(0) + E_NEXT, 2, 2 },		/* into another chain */
	{ ENTRY(0) + E_NEXT, 2, 5 },		/* into the free list */
	{ ENTRY(0) + E_NEXT, 2, ENTRIES },
	{ ENTRY(1), 1, 1 },			/* a chain within a chain */
};

START_TEST(b4_08_damaged_area_is_refused_with_a_sentence)
{
	struct vsu_error err = VSU_ERROR_INIT;

	inflight_init(&tracked);
	offer_chain(&tracked, 0, 2);
	offer_chain(&tracked, 1, 2);
	take(&tracked, 0);
	take(&tracked, 1);
	crash(&tracked);
	put(&tracked, damage[_i].at, damage[_i].value, damage[_i].bytes);
	ck_assert_int_eq(vq_set_inflight(tracked.r.q, tracked.area, ENTRIES), 0);
	ck_assert_int_eq(vq_enable(tracked.r.q, &tracked.r.config, &err), -EBADMSG);
	ck_assert_ptr_nonnull(strstr(err.msg, "ring 0: the in-flight area "));
	ck_assert(!vq_is_enabled(tracked.r.q));
}
END_TEST

START_TEST(b4_08_area_with_more_chains_than_slots_is_refused)
{
	unsigned int i;

	inflight_init(&tracked);
	crash(&tracked);
	put(&tracked, OLD_FREE_HEAD, 0xffff, 2);
	for (i = 0; i < ENTRIES; i++) {
		tracked.area[ENTRY(i)] = 1;
		put(&tracked, ENTRY(i) + E_NUM, 1, 2);
	}
	ck_assert_int_eq(vq_set_inflight(tracked.r.q, tracked.area, ENTRIES), 0);
	ck_assert_int_eq(vq_enable(tracked.r.q, &tracked.r.config, NULL), -EBADMSG);
}
END_TEST

/* Flags of a copy: none may make a chain of more than its own slots. */
START_TEST(b4_08_copy_with_odd_flags_is_a_chain_or_breaks_the_ring)
{
	int rc;

	inflight_init(&tracked);
	offer_chain(&tracked, 0, 2);
	offer_chain(&tracked, 1, 2);
	take(&tracked, 0);
	take(&tracked, 1);
	crash(&tracked);
	put(&tracked, ENTRY(_i / 8 ? 1 : 0) + E_FLAGS, (uint64_t)(_i % 8), 2);
	inflight_enable(&tracked);
	rc = rig_pop(&tracked.r);
	if (rc < 0)
		ck_assert_int_ne(vq_broken(tracked.r.q), 0);
	else
		ck_assert_uint_le(tracked.r.chain.nreadable + tracked.r.chain.nwritable, 2);
}
END_TEST

START_TEST(b4_08_copy_with_an_id_that_cannot_be_breaks_the_ring)
{
	static const uint16_t ids[] = { SIZE, 0xffff, 1 };

	inflight_init(&tracked);
	offer_chain(&tracked, 1, 1);
	offer_chain(&tracked, 2, 1);
	take(&tracked, 1);
	take(&tracked, 2);
	crash(&tracked);
	put(&tracked, ENTRY(1) + E_ID, ids[_i], 2);
	inflight_enable(&tracked);
	take(&tracked, 1);
	ck_broken(&tracked.r, _i < 2 ? VQ_BROKEN_HEAD : VQ_BROKEN_TWICE);
}
END_TEST

static unsigned char noise(uint32_t *seed, unsigned char limit)
{
	*seed = *seed * 1103515245 + 12345;
	return (unsigned char)((*seed >> 16) % limit);
}

/* Mostly a possible area, so that all of the recovery is reached. */
START_TEST(b4_08_nonsense_in_the_area_is_harmless)
{
	uint64_t good[ARRAY_SIZE(((struct inflight_rig *)0)->words)];
	const uint32_t n = scaled(200000) < 20000 ? scaled(200000) : 20000;
	uint32_t i, k, seed = 1, enabled = 0;

	inflight_init(&tracked);
	offer_chain(&tracked, 0, 2);
	offer_chain(&tracked, 1, 1);
	take(&tracked, 0);
	take(&tracked, 1);
	memcpy(good, tracked.words, sizeof(good));
	for (k = 0; k < n; k++) {
		crash(&tracked);
		memcpy(tracked.words, good, sizeof(good));
		for (i = noise(&seed, 6); i; i--)
			tracked.area[noise(&seed, sizeof(tracked.words) / 2) * 2] =
				noise(&seed, k % 2 ? ENTRIES : 255);
		put(&tracked, AREA_VERSION, 1, 2);
		ck_assert_int_eq(vq_set_inflight(tracked.r.q, tracked.area, ENTRIES), 0);
		if (vq_enable(tracked.r.q, &tracked.r.config, NULL) < 0)
			continue;
		enabled++;
		while (rig_pop(&tracked.r) == 1)
			vq_push(tracked.r.q, &tracked.r.chain, 0);
		vq_publish(tracked.r.q);
		ck_assert_uint_eq(vq_inflight(tracked.r.q), 0);
	}
	ck_assert_uint_gt(enabled, n / 20);
}
END_TEST

/* A peer writes while the ring runs: nothing of it is read. */
START_TEST(b4_08_area_that_changes_while_the_ring_runs_is_not_looked_at)
{
	uint32_t i;

	inflight_init(&tracked);
	for (i = 0; i < 50; i++) {
		memset(tracked.words, 0xff, sizeof(tracked.words));
		offer_chain(&tracked, (uint16_t)(i % SIZE), 1 + i % 3);
		take(&tracked, (uint16_t)(i % SIZE));
		memset(tracked.words, (int)i, sizeof(tracked.words));
		use(&tracked);
	}
	ck_assert_int_eq(rig_pop(&tracked.r), 0);
	ck_assert_int_eq(vq_broken(tracked.r.q), 0);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("inflight_packed");

	tcase_add_checked_fixture(tc, NULL, end);
	tcase_add_test(tc, area_is_initialised_once_as_a_list_of_free_entries);
	tcase_add_test(tc, chain_is_copied_and_noted_until_it_is_published);
	tcase_add_test(tc, chain_given_back_is_not_noted);
	tcase_add_loop_test(tc, c1_16_lost_chains_come_again_from_their_copies_in_their_order,
			    0, 2 * SIZE);
	tcase_add_test(tc, ring_goes_on_at_its_base_when_the_area_is_new);
	tcase_add_test(tc, counters_are_compared_by_their_distance);
	tcase_add_loop_test(tc, b4_08_damaged_area_is_refused_with_a_sentence, 0,
			    (int)ARRAY_SIZE(damage));
	tcase_add_test(tc, b4_08_area_with_more_chains_than_slots_is_refused);
	tcase_add_loop_test(tc, b4_08_copy_with_odd_flags_is_a_chain_or_breaks_the_ring,
			    0, 16);
	tcase_add_loop_test(tc, b4_08_copy_with_an_id_that_cannot_be_breaks_the_ring,
			    0, 3);
	tcase_add_test(tc, b4_08_nonsense_in_the_area_is_harmless);
	tcase_add_test(tc, b4_08_area_that_changes_while_the_ring_runs_is_not_looked_at);
	return run_tcase(tc, "inflight_packed");
}
