/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about a driver that changes the ring while the device reads it: a second thread
 * overwrites indexes and descriptors without end. The values of popped chains must be
 * values that were stored, although halves of descriptors may be mixed, and the chains must
 * be in guest memory.
 *
 * ThreadSanitizer reports these races, which are intended, so it skips this program.
 */
#include <config.h>

#include <pthread.h>
#include <stdio.h>

#include <vmm-sys-util/endian.h>

#include "util.h"

#define POPS		300000u
#define TABLE_ENTRIES	4u
#define AVAIL_FLAGS	0x80u	/* before the wrap counter flips */

struct flip {
	struct rig r;
	void (*driver)(struct flip *f);
	int quit;
	uint32_t seed;
	uint32_t chains, faults, broken, empty;
	bool forgets;	/* with each chain what it saw of the ring */
};

static uint32_t rnd(struct flip *f, uint32_t n)
{
	f->seed = f->seed * 1103515245 + 12345;
	return (f->seed >> 16) % n;
}

static void store16(struct flip *f, uint64_t gpa, uint16_t v)
{
	__atomic_store_n((uint16_t *)(void *)(f->r.mem + gpa),
			 vsu_le16_make(v).raw, __ATOMIC_RELAXED);
}

static void store32(struct flip *f, uint64_t gpa, uint32_t v)
{
	__atomic_store_n((uint32_t *)(void *)(f->r.mem + gpa),
			 vsu_le32_make(v).raw, __ATOMIC_RELAXED);
}

static void store64(struct flip *f, uint64_t gpa, uint64_t v)
{
	__atomic_store_n((uint64_t *)(void *)(f->r.mem + gpa),
			 vsu_le64_make(v).raw, __ATOMIC_RELAXED);
}

static void *driver_thread(void *opaque)
{
	struct flip *f = opaque;

	while (!__atomic_load_n(&f->quit, __ATOMIC_RELAXED))
		f->driver(f);
	return NULL;
}

/* The pieces are within memory, and their length is that of the chain. */
static void ck_pieces(struct flip *f)
{
	const struct vq_chain *c = &f->r.chain;
	uint64_t len = (uint64_t)c->readable_len + c->writable_len;
	uint32_t i;

	for (i = 0; i < c->nreadable + c->nwritable; i++) {
		const unsigned char *at = c->iov[i].iov_base;

		if (at < f->r.mem || at >= f->r.mem + RIG_MEMORY ||
		    c->iov[i].iov_len > (size_t)(f->r.mem + RIG_MEMORY - at))
			ck_abort_msg("a piece is not in memory");
		len -= c->iov[i].iov_len;
	}
	if (len)
		ck_abort_msg("the pieces are not as long as the chain");
}

static void restart(struct flip *f)
{
	vq_disable(f->r.q);
	ck_assert_int_eq(vq_enable(f->r.q, &f->r.config, NULL), 0);
}

/* Polls the ring once and restores its state. */
static void look(struct flip *f)
{
	int rc = rig_pop(&f->r);

	if (rc == 1) {
		ck_pieces(f);
		f->chains++;
		f->faults += f->r.chain.fault.why != VQ_FAULT_NONE;
		vq_unpop(f->r.q, &f->r.chain);
		/* an index is not loaded again */
		if (f->forgets)
			restart(f);
	} else if (rc == 0) {
		f->empty++;
	} else {
		ck_assert_int_ne(vq_broken(f->r.q), 0);
		f->broken++;
		restart(f);
	}
}

static void flip_init(struct flip *f, uint64_t features,
		      void (*driver)(struct flip *f))
{
	struct vmem_region *region = make_region(0, RIG_MEMORY, 0, 0);

	memset(f, 0, sizeof(*f));
	rig_init_regions(&f->r, &region, 1, features | VQ_F_INDIRECT_DESC);
	f->r.config.base = vq_initial_base(features);
	f->driver = driver;
	f->seed = 1;
}

/* Each kind of result must occur, in any scheduling of the threads. */
static bool met_all(const struct flip *f, bool wild)
{
	return f->chains > f->faults &&
	       (wild ? f->faults && f->broken : f->empty > 0);
}

static void flip_run(struct flip *f, bool wild)
{
	uint32_t i, n = scaled(POPS);
	pthread_t thread;

	ck_assert_int_eq(vq_enable(f->r.q, &f->r.config, NULL), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, driver_thread, f), 0);
	for (i = 0; i < n || !met_all(f, wild); i++)
		look(f);
	__atomic_store_n(&f->quit, 1, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
}

/* Halves of one with halves of the other would be a jump over the ring. */
static void flip_index(struct flip *f)
{
	store16(f, RIG_DRIVER + 2, 0x0100);
	store16(f, RIG_DRIVER + 2, 0x00ff);
}

START_TEST(a1_39_index_is_loaded_at_once)
{
	struct flip f;

	flip_init(&f, 0, flip_index);
	f.forgets = true;
	f.r.config.base = 0xff;
	put16(&f.r, RIG_DRIVER + 2, 0xff);
	put16(&f.r, RIG_DEVICE + 2, 0xff);
	put_desc(&f.r, RIG_DESC, 0, RIG_DATA, 16, 0, 0);
	flip_run(&f, false);
	ck_assert_uint_eq(f.broken, 0);
	rig_fini(&f.r);
}
END_TEST

/* Id and flags are one word: the id of one with the flags of the other. */
static void flip_tail(struct flip *f)
{
	store32(f, RIG_DESC + 12, AVAIL_FLAGS << 16 | 3);
	store32(f, RIG_DESC + 12, (AVAIL_FLAGS | 0x8000u) << 16 | 7);
}

START_TEST(a1_39_packed_flags_come_with_their_id)
{
	struct flip f;
	uint32_t i, n = scaled(POPS);
	pthread_t thread;

	flip_init(&f, VQ_F_RING_PACKED, flip_tail);
	put_desc(&f.r, RIG_DESC, 0, RIG_DATA, 16, 7, 0);
	ck_assert_int_eq(vq_enable(f.r.q, &f.r.config, NULL), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, driver_thread, &f), 0);
	for (i = 0; i < n || !f.chains; i++) {
		if (rig_pop(&f.r) != 1)
			continue;
		ck_assert_uint_eq(f.r.chain.head, 3);
		f.chains++;
		vq_unpop(f.r.q, &f.r.chain);
	}
	__atomic_store_n(&f.quit, 1, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	ck_assert_int_eq(vq_broken(f.r.q), 0);
	rig_fini(&f.r);
}
END_TEST

/* Each part of an entry by itself: good, at the end of memory, or nonsense. */
static void flip_entry(struct flip *f, uint64_t at, bool packed, bool nested)
{
	static const uint64_t gpas[] = {
		RIG_DATA, RIG_DATA, RIG_TABLE, RIG_MEMORY - 16, UINT64_MAX - 8,
	};
	static const uint32_t lens[] = { 16, 32, 0x4000, 0xfffffff0u, 0 };
	static const uint16_t flags[] = {
		0, 0, F_NEXT, F_WRITE, F_NEXT | F_WRITE, F_INDIRECT,
	};
	uint16_t flag = flags[rnd(f, nested ? 5 : 6)];

	store64(f, at, gpas[rnd(f, 5)]);
	store32(f, at + 8, lens[rnd(f, 5)]);
	if (packed) {
		store16(f, at + 12, (uint16_t)rnd(f, RIG_SIZE + 1));
		store16(f, at + 14, (uint16_t)(flag | AVAIL_FLAGS));
	} else {
		store16(f, at + 12, flag);
		store16(f, at + 14, (uint16_t)rnd(f, RIG_SIZE + 1));
	}
}

static void flip_all(struct flip *f)
{
	bool packed = f->r.config.features & VQ_F_RING_PACKED;

	flip_entry(f, RIG_DESC + 16 * rnd(f, TABLE_ENTRIES), packed, false);
	flip_entry(f, RIG_TABLE + 16 * rnd(f, TABLE_ENTRIES), packed, true);
}

START_TEST(a1_40_only_the_copy_of_a_descriptor_counts)
{
	struct flip f;

	flip_init(&f, FORMAT, flip_all);
	if (!(FORMAT & VQ_F_RING_PACKED))
		put_avail_idx(&f.r, 1);
	flip_run(&f, true);
	rig_fini(&f.r);
}
END_TEST

/* valgrind runs one thread at a time: nothing changes under the other. */
static bool threads_take_turns(void)
{
	const char *preload = getenv("LD_PRELOAD");

	return preload && strstr(preload, "vgpreload");
}

int main(void)
{
	TCase *tc;

	if (threads_take_turns()) {
		printf("1..0 # SKIP threads do not run at once under valgrind\n");
		return 0;
	}
	if (VSU_THREAD_SANITIZER) {
		printf("1..0 # SKIP a driver that races is what this is about\n");
		return 0;
	}
	tc = tcase_create("flip");
	tcase_set_timeout(tc, 300);
	tcase_add_test(tc, a1_39_index_is_loaded_at_once);
	tcase_add_test(tc, a1_39_packed_flags_come_with_their_id);
	tcase_add_loop_test(tc, a1_40_only_the_copy_of_a_descriptor_counts, 0,
			    N_FORMATS);
	return run_tcase(tc, "flip");
}
