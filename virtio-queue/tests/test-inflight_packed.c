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

START_TEST(area_is_initialised_once_as_a_list_of_free_entries)
{
	struct inflight_rig b;
	unsigned int i;

	inflight_init(&b);
	ck_assert_uint_eq(get(&b, AREA_VERSION, 2), 1);
	ck_assert_uint_eq(get(&b, DESC_NUM, 2), ENTRIES);
	ck_assert_uint_eq(get(&b, FREE_HEAD, 4), 0);
	ck_assert_uint_eq(get(&b, USED_IDX, 4), 0);
	ck_assert_uint_eq(get(&b, USED_WRAP, 2), 0x101);
	for (i = 0; i < ENTRIES; i++)
		ck_assert_uint_eq(get(&b, ENTRY(i) + E_NEXT, 2), i + 1);
	rig_fini(&b.r);
}
END_TEST

START_TEST(chain_is_copied_and_noted_until_it_is_published)
{
	struct inflight_rig b;

	inflight_init(&b);
	offer_chain(&b, 3, 2);
	take(&b, 3);
	ck_assert_uint_eq(b.area[ENTRY(0)], 1);
	ck_assert_uint_eq(get(&b, ENTRY(0) + E_NUM, 2), 2);
	ck_assert_uint_eq(get(&b, ENTRY(0) + E_LAST, 2), 1);
	ck_assert_uint_eq(get(&b, ENTRY(1) + E_ADDR, 8), RIG_DATA + 768);
	ck_assert_uint_eq(get(&b, ENTRY(1) + E_LEN, 4), 50);
	ck_assert_uint_eq(get(&b, ENTRY(1) + E_ID, 2), 3);
	ck_assert_uint_eq(get(&b, ENTRY(0) + E_FLAGS, 2), 0x80 | F_NEXT);
	ck_assert_uint_eq(get(&b, FREE_HEAD, 4), 2 | 2 << 16);
	vq_push(b.r.q, &b.r.chain, 0);
	ck_assert_uint_eq(b.area[ENTRY(0)], 1);
	ck_assert_uint_eq(get(&b, FREE_HEAD, 4), 2 | 2 << 16);
	vq_publish(b.r.q);
	ck_assert_uint_eq(b.area[ENTRY(0)], 0);
	ck_assert_uint_eq(get(&b, FREE_HEAD, 4), 0);
	ck_assert_uint_eq(get(&b, ENTRY(1) + E_NEXT, 2), 2);
	ck_assert_uint_eq(get(&b, USED_IDX, 4), 2 | 2 << 16);
	rig_fini(&b.r);
}
END_TEST

START_TEST(chain_given_back_is_not_noted)
{
	struct inflight_rig b;

	inflight_init(&b);
	offer_chain(&b, 1, 2);
	take(&b, 1);
	vq_unpop(b.r.q, &b.r.chain);
	ck_assert_uint_eq(b.area[ENTRY(0)], 0);
	ck_assert_uint_eq(get(&b, FREE_HEAD, 4), 0);
	take(&b, 1);
	rig_fini(&b.r);
}
END_TEST

/* Also over the end of the ring, where the wrap counter flips. */
START_TEST(c1_16_lost_chains_come_again_from_their_copies_in_their_order)
{
	struct inflight_rig b;
	uint16_t i;

	inflight_init(&b);
	for (i = 0; i < _i; i++) {
		offer_chain(&b, 0, 1);
		take(&b, 0);
		use(&b);
	}
	offer_chain(&b, 4, 1);
	offer_chain(&b, 2, 3);
	take(&b, 4);
	take(&b, 2);
	offer_chain(&b, 1, 1);
	/* used ones may have been written over them */
	memset(b.r.mem + RIG_DESC + (_i + 2) % SIZE * 16, 0xff, 8);
	crash(&b);
	b.r.config.base = 12345;	/* is not read */
	inflight_enable(&b);
	ck_assert(vq_has_available(b.r.q));
	take(&b, 4);
	vq_unpop(b.r.q, &b.r.chain);
	ck_assert(vq_enable_notify(b.r.q));
	take(&b, 4);
	take(&b, 2);
	ck_assert_uint_eq(b.r.chain.readable_len, 33 + 34 + 35);
	ck_assert_uint_eq(b.r.chain.nreadable, 3);
	take(&b, 1);
	ck_assert_int_eq(rig_pop(&b.r), 0);
	rig_fini(&b.r);
}
END_TEST

START_TEST(ring_goes_on_at_its_base_when_the_area_is_new)
{
	struct inflight_rig b;

	inflight_init(&b);
	vq_disable(b.r.q);
	memset(b.words, 0, sizeof(b.words));
	b.r.config.base = 3u | 3u << 16;	/* the wrap counter was flipped once */
	inflight_enable(&b);
	ck_assert_uint_eq(vq_base(b.r.q), b.r.config.base);
	ck_assert_uint_eq(get(&b, USED_IDX, 4), 3 | 3 << 16);
	ck_assert_uint_eq(get(&b, USED_WRAP, 2), 0);
	b.at = SIZE + 3;
	offer_chain(&b, 0, 4);
	take(&b, 0);
	rig_fini(&b.r);
}
END_TEST

START_TEST(counters_are_compared_by_their_distance)
{
	struct inflight_rig b;

	inflight_init(&b);
	offer_chain(&b, 0, 1);
	offer_chain(&b, 1, 1);
	take(&b, 0);
	take(&b, 1);
	put(&b, ENTRY(0) + E_COUNTER, UINT64_MAX, 8);
	put(&b, ENTRY(1) + E_COUNTER, 0, 8);
	crash(&b);
	inflight_enable(&b);
	take(&b, 0);
	take(&b, 1);
	rig_fini(&b.r);
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
	struct inflight_rig b;

	inflight_init(&b);
	offer_chain(&b, 0, 2);
	offer_chain(&b, 1, 2);
	take(&b, 0);
	take(&b, 1);
	crash(&b);
	put(&b, damage[_i].at, damage[_i].value, damage[_i].bytes);
	ck_assert_int_eq(vq_set_inflight(b.r.q, b.area, ENTRIES), 0);
	ck_assert_int_eq(vq_enable(b.r.q, &b.r.config, &err), -EBADMSG);
	ck_assert_ptr_nonnull(strstr(err.msg, "ring 0: the in-flight area "));
	ck_assert(!vq_is_enabled(b.r.q));
	rig_fini(&b.r);
}
END_TEST

START_TEST(b4_08_area_with_more_chains_than_slots_is_refused)
{
	struct inflight_rig b;
	unsigned int i;

	inflight_init(&b);
	crash(&b);
	put(&b, OLD_FREE_HEAD, 0xffff, 2);
	for (i = 0; i < ENTRIES; i++) {
		b.area[ENTRY(i)] = 1;
		put(&b, ENTRY(i) + E_NUM, 1, 2);
	}
	ck_assert_int_eq(vq_set_inflight(b.r.q, b.area, ENTRIES), 0);
	ck_assert_int_eq(vq_enable(b.r.q, &b.r.config, NULL), -EBADMSG);
	rig_fini(&b.r);
}
END_TEST

/* Flags of a copy: none may make a chain of more than its own slots. */
START_TEST(b4_08_copy_with_odd_flags_is_a_chain_or_breaks_the_ring)
{
	struct inflight_rig b;
	int rc;

	inflight_init(&b);
	offer_chain(&b, 0, 2);
	offer_chain(&b, 1, 2);
	take(&b, 0);
	take(&b, 1);
	crash(&b);
	put(&b, ENTRY(_i / 8 ? 1 : 0) + E_FLAGS, (uint64_t)(_i % 8), 2);
	inflight_enable(&b);
	rc = rig_pop(&b.r);
	if (rc < 0)
		ck_assert_int_ne(vq_broken(b.r.q), 0);
	else
		ck_assert_uint_le(b.r.chain.nreadable + b.r.chain.nwritable, 2);
	rig_fini(&b.r);
}
END_TEST

START_TEST(b4_08_copy_with_an_id_that_cannot_be_breaks_the_ring)
{
	static const uint16_t ids[] = { SIZE, 0xffff, 1 };
	struct inflight_rig b;

	inflight_init(&b);
	offer_chain(&b, 1, 1);
	offer_chain(&b, 2, 1);
	take(&b, 1);
	take(&b, 2);
	crash(&b);
	put(&b, ENTRY(1) + E_ID, ids[_i], 2);
	inflight_enable(&b);
	take(&b, 1);
	ck_broken(&b.r, _i < 2 ? VQ_BROKEN_HEAD : VQ_BROKEN_TWICE);
	rig_fini(&b.r);
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
	struct inflight_rig b;

	inflight_init(&b);
	offer_chain(&b, 0, 2);
	offer_chain(&b, 1, 1);
	take(&b, 0);
	take(&b, 1);
	memcpy(good, b.words, sizeof(good));
	for (k = 0; k < n; k++) {
		crash(&b);
		memcpy(b.words, good, sizeof(good));
		for (i = noise(&seed, 6); i; i--)
			b.area[noise(&seed, sizeof(b.words) / 2) * 2] =
				noise(&seed, k % 2 ? ENTRIES : 255);
		put(&b, AREA_VERSION, 1, 2);
		ck_assert_int_eq(vq_set_inflight(b.r.q, b.area, ENTRIES), 0);
		if (vq_enable(b.r.q, &b.r.config, NULL) < 0)
			continue;
		enabled++;
		while (rig_pop(&b.r) == 1)
			vq_push(b.r.q, &b.r.chain, 0);
		vq_publish(b.r.q);
		ck_assert_uint_eq(vq_inflight(b.r.q), 0);
	}
	ck_assert_uint_gt(enabled, n / 20);
	rig_fini(&b.r);
}
END_TEST

/* A peer writes while the ring runs: nothing of it is read. */
START_TEST(b4_08_area_that_changes_while_the_ring_runs_is_not_looked_at)
{
	struct inflight_rig b;
	uint32_t i;

	inflight_init(&b);
	for (i = 0; i < 50; i++) {
		memset(b.words, 0xff, sizeof(b.words));
		offer_chain(&b, (uint16_t)(i % SIZE), 1 + i % 3);
		take(&b, (uint16_t)(i % SIZE));
		memset(b.words, (int)i, sizeof(b.words));
		use(&b);
	}
	ck_assert_int_eq(rig_pop(&b.r), 0);
	ck_assert_int_eq(vq_broken(b.r.q), 0);
	rig_fini(&b.r);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("inflight_packed");

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
