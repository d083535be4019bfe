/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about publishing maps to readers that never wait. */
#include <config.h>

#include <poll.h>
#include <pthread.h>
#include <sched.h>

#include <vm-memory/access.h>
#include <vm-memory/space.h>
#include <vmm-sys-util/event.h>

#include "util.h"

static struct vmem_space *space;

static void setup(void)
{
	ck_assert_int_eq(vmem_space_new(&space), 0);
}

static void teardown(void)
{
	vmem_space_free(space);
}

/* Publishes a map with one region whose first byte is mark. */
static void publish(unsigned char mark)
{
	struct vmem_region *r = make_region(0, 4096, 0);
	struct vmem_map *map;

	vmem_region_hva(r)[0] = mark;
	ck_assert_int_eq(vmem_map_from_regions(&r, 1, &map, NULL), 0);
	vmem_region_unref(r);
	ck_assert_int_eq(vmem_space_publish(space, map), 0);
	vmem_map_unref(map);
}

static unsigned char mark_of(const struct vmem_map *map)
{
	unsigned char mark = 0;

	ck_assert_int_eq(vmem_read(vmem_map_view(map), 0, &mark, 1), 1);
	return mark;
}

START_TEST(generation_counts_publications_from_1)
{
	struct vmem_reader reader;

	vmem_space_add_reader(space, &reader);
	ck_assert_uint_eq(*vmem_space_generation(space), 0);
	ck_assert_ptr_null(vmem_reader_map_ref(&reader));
	publish(1);
	ck_assert_uint_eq(*vmem_space_generation(space), 1);
	ck_assert_uint_eq(vmem_map_view(vmem_space_current(space))->generation,
			  1);
	publish(2);
	ck_assert_uint_eq(vmem_map_view(vmem_space_current(space))->generation,
			  2);
	vmem_space_remove_reader(&reader);
}
END_TEST

START_TEST(map_is_published_once)
{
	struct vmem_space *other;
	struct vmem_map *map = make_map();

	ck_assert_int_eq(vmem_space_new(&other), 0);
	ck_assert_int_eq(vmem_space_publish(space, map), 0);
	ck_assert_int_eq(vmem_space_publish(space, map), -EINVAL);
	ck_assert_int_eq(vmem_space_publish(other, map), -EINVAL);
	ck_assert_uint_eq(*vmem_space_generation(space), 1);
	vmem_map_unref(map);
	vmem_space_free(other);
}
END_TEST

START_TEST(no_memory_can_be_published)
{
	struct vmem_reader reader;

	vmem_space_add_reader(space, &reader);
	publish(1);
	ck_assert_int_eq(vmem_space_publish(space, NULL), 0);
	ck_assert_ptr_null(vmem_reader_enter(&reader));
	vmem_reader_leave(&reader);
	ck_assert_ptr_null(vmem_space_current(space));
	ck_assert_uint_eq(vmem_space_reclaim(space), 0);
	vmem_space_remove_reader(&reader);
}
END_TEST

START_TEST(reader_in_its_slot_keeps_a_retired_map)
{
	struct vmem_reader reader;
	struct vmem_map *map;

	vmem_space_add_reader(space, &reader);
	publish(1);
	map = vmem_reader_enter(&reader);
	publish(2);
	ck_assert_uint_eq(vmem_space_reclaim(space), 1);
	ck_assert_uint_eq(mark_of(map), 1);
	vmem_reader_leave(&reader);
	ck_assert_uint_eq(vmem_space_reclaim(space), 0);
	vmem_space_remove_reader(&reader);
}
END_TEST

START_TEST(reader_that_came_later_keeps_nothing_back)
{
	struct vmem_reader reader;

	vmem_space_add_reader(space, &reader);
	publish(1);
	publish(2);
	ck_assert_uint_eq(mark_of(vmem_reader_enter(&reader)), 2);
	ck_assert_uint_eq(vmem_space_reclaim(space), 0);
	vmem_reader_leave(&reader);
	vmem_space_remove_reader(&reader);
}
END_TEST

/* Each reader leaves from another place of the list, inside its slot. */
START_TEST(removed_reader_keeps_nothing_back)
{
	static const unsigned int order[] = { 1, 2, 0 };
	struct vmem_reader readers[3];
	unsigned int i;

	memset(readers, 1, sizeof(readers));	/* as reused memory */
	for (i = 0; i < 3; i++)
		vmem_space_add_reader(space, &readers[i]);
	publish(1);
	for (i = 0; i < 3; i++)
		vmem_reader_enter(&readers[i]);
	publish(2);
	for (i = 0; i < 3; i++) {
		ck_assert_uint_eq(vmem_space_reclaim(space), 1);
		vmem_space_remove_reader(&readers[order[i]]);
		ck_assert_ptr_null(readers[order[i]].space);
	}
	ck_assert_uint_eq(vmem_space_reclaim(space), 0);
	vmem_space_add_reader(space, &readers[1]);
	ck_assert_uint_eq(mark_of(vmem_reader_enter(&readers[1])), 2);
	vmem_space_remove_reader(&readers[1]);
}
END_TEST

START_TEST(reference_keeps_a_retired_map_and_its_end_is_signalled)
{
	struct pollfd p = { vmem_space_want_event(space), POLLIN, 0 };
	struct vmem_reader reader;
	struct vmem_map *map;

	vmem_space_add_reader(space, &reader);
	publish(1);
	map = vmem_reader_map_ref(&reader);
	publish(2);
	ck_assert_uint_eq(vmem_space_reclaim(space), 1);
	ck_assert_int_eq(poll(&p, 1, 0), 0);
	ck_assert_uint_eq(mark_of(map), 1);
	vmem_map_unref(map);
	ck_assert_int_eq(poll(&p, 1, 0), 1);
	ck_assert_uint_eq(vmem_space_reclaim(space), 0);
	vmem_space_remove_reader(&reader);
}
END_TEST

START_TEST(reference_on_the_current_map_signals_nothing)
{
	struct pollfd p = { vmem_space_want_event(space), POLLIN, 0 };
	struct vmem_reader reader;

	ck_assert_int_eq(p.fd, vmem_space_event_fd(space));
	vmem_space_add_reader(space, &reader);
	publish(1);
	vmem_map_unref(vmem_reader_map_ref(&reader));
	ck_assert_int_eq(poll(&p, 1, 0), 0);
	vmem_space_remove_reader(&reader);
}
END_TEST

/* No thread waits: the writer reclaims afterwards. */
START_TEST(reference_that_no_reclaim_met_signals_nothing)
{
	struct pollfd p = { vmem_space_want_event(space), POLLIN, 0 };
	struct vmem_reader reader;
	struct vmem_map *map;

	vmem_space_add_reader(space, &reader);
	publish(1);
	map = vmem_reader_map_ref(&reader);
	publish(2);
	vmem_map_unref(map);
	ck_assert_int_eq(poll(&p, 1, 0), 0);
	ck_assert_uint_eq(vmem_space_reclaim(space), 0);
	vmem_space_remove_reader(&reader);
}
END_TEST

/* The writer has to ask again by itself. */
START_TEST(reader_that_leaves_a_retired_map_signals_nothing)
{
	struct pollfd p = { vmem_space_want_event(space), POLLIN, 0 };
	struct vmem_reader reader;

	vmem_space_add_reader(space, &reader);
	publish(1);
	vmem_reader_enter(&reader);
	publish(2);
	ck_assert_uint_eq(vmem_space_reclaim(space), 1);
	vmem_reader_leave(&reader);
	ck_assert_int_eq(poll(&p, 1, 0), 0);
	ck_assert_uint_eq(vmem_space_reclaim(space), 0);
	vmem_space_remove_reader(&reader);
}
END_TEST

START_TEST(event_does_not_exist_until_it_is_wanted)
{
	ck_assert_int_eq(vmem_space_event_fd(space), -1);
	publish(1);
	publish(2);
	ck_assert_uint_eq(vmem_space_reclaim(space), 0);
}
END_TEST

START_TEST(reference_outlives_the_space)
{
	struct vmem_space *other;
	struct vmem_map *map = make_map();

	ck_assert_int_eq(vmem_space_new(&other), 0);
	ck_assert_int_ge(vmem_space_want_event(other), 0);
	ck_assert_int_eq(vmem_space_publish(other, map), 0);
	ck_assert_int_eq(vmem_space_publish(other, NULL), 0);
	vmem_space_free(other);
	ck_assert_uint_eq(vmem_map_count(map), 3);
	vmem_map_unref(map);
	vmem_space_free(NULL);
}
END_TEST

START_TEST(block_leaves_with_the_last_map_that_has_it)
{
	struct vmem_block *block = make_block(PAGE);
	struct vmem_region *r = region_of(block, 0, 0, PAGE, 0);
	unsigned char *hva = vmem_block_hva(block), vec;
	struct vmem_map *map;

	ck_assert_int_eq(vmem_map_from_regions(&r, 1, &map, NULL), 0);
	vmem_region_unref(r);
	vmem_block_unref(block);
	ck_assert_int_eq(vmem_space_publish(space, map), 0);
	vmem_map_unref(map);
	ck_assert_int_eq(vmem_space_publish(space, NULL), 0);
	ck_assert_int_eq(mincore(hva, PAGE, &vec), 0);
	ck_assert_uint_eq(vmem_space_reclaim(space), 0);
	ck_assert_int_eq(mincore(hva, PAGE, &vec), -1);
}
END_TEST

/*
 * Eight readers run while ten thousand maps are published. Half of them read
 * through their slot; the others keep a reference over "requests in flight" and
 * follow the generation as a queue does. The memory of each map contains the
 * number of its publication, so that freed memory or a map older than allowed
 * is detected.
 */
#define READERS 8
#define SWAPS 10000

static int stop;

struct worker {
	struct vmem_reader reader;
	pthread_t thread;
	bool keeps;
	unsigned int looks;
	uint64_t wrong;		/* failures; the main thread asserts that there are none */
};

static uint64_t number_of(struct worker *w, const struct vmem_map *map)
{
	uint64_t number = 0;

	w->wrong += vmem_read_exact(vmem_map_view(map), 0x1000, &number,
				    sizeof(number)) != 0;
	w->wrong += number != vmem_map_view(map)->generation;
	__atomic_fetch_add(&w->looks, 1, __ATOMIC_RELAXED);
	return number;
}

static void look(struct worker *w, uint64_t *last)
{
	uint64_t number = number_of(w, vmem_reader_enter(&w->reader));

	vmem_reader_leave(&w->reader);
	w->wrong += number < *last;
	*last = number;
}

static void follow(struct worker *w, struct vmem_map **held)
{
	uint64_t generation = __atomic_load_n(vmem_space_generation(space),
					      __ATOMIC_ACQUIRE);

	if (!*held || vmem_map_view(*held)->generation != generation) {
		vmem_map_unref(*held);
		*held = vmem_reader_map_ref(&w->reader);
		w->wrong += vmem_map_view(*held)->generation < generation;
	}
	number_of(w, *held);
}

static void *work(void *opaque)
{
	struct worker *w = opaque;
	struct vmem_map *held = NULL;
	uint64_t last = 0;

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		if (w->keeps)
			follow(w, &held);
		else
			look(w, &last);
		if (w->looks % 16 == 0)
			sched_yield();	/* for tools that run one at a time */
	}
	vmem_map_unref(held);
	return NULL;
}

/* A map of two pages of which the second holds the number. */
static void publish_number(struct vmem_block *const blocks[2], uint64_t number)
{
	struct vmem_block *own;
	struct vmem_region *r[2];
	struct vmem_map *map = NULL;

	own = make_block(4096);
	*(uint64_t *)(void *)vmem_block_hva(own) = number;
	r[0] = region_of(blocks[number % 2], 0, 0, 0x1000, 0);
	r[1] = region_of(own, 0, 0x1000, 0x1000, 0);
	vmem_block_unref(own);
	ck_assert_int_eq(vmem_map_from_regions(r, 2, &map, NULL), 0);
	vmem_region_unref(r[0]);
	vmem_region_unref(r[1]);
	ck_assert_int_eq(vmem_space_publish(space, map), 0);
	vmem_map_unref(map);
}

static void start(struct worker *workers)
{
	unsigned int i;

	for (i = 0; i < READERS; i++) {
		memset(&workers[i], 0, sizeof(workers[i]));
		workers[i].keeps = i % 2;
		vmem_space_add_reader(space, &workers[i].reader);
		ck_assert_int_eq(pthread_create(&workers[i].thread, NULL, work,
						&workers[i]), 0);
	}
}

/* A machine may give a thread its first turn late. */
static bool all_have_looked(struct worker *workers)
{
	unsigned int i, n = 0;

	for (i = 0; i < READERS; i++)
		n += __atomic_load_n(&workers[i].looks, __ATOMIC_RELAXED) > 0;
	return n == READERS;
}

static void finish(struct worker *workers)
{
	unsigned int i;

	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (i = 0; i < READERS; i++) {
		pthread_join(workers[i].thread, NULL);
		vmem_space_remove_reader(&workers[i].reader);
		ck_assert_uint_gt(workers[i].looks, 0);
		ck_assert_uint_eq(workers[i].wrong, 0);
	}
}

START_TEST(readers_at_work_survive_ten_thousand_swaps)
{
	struct vmem_block *blocks[2] = { make_block(4096), make_block(4096) };
	struct worker workers[READERS] __attribute__((aligned(64)));
	unsigned int i, n = scaled(SWAPS);
	int fds = vsu_fd_count();

	publish_number(blocks, 1);
	start(workers);
	for (i = 2; i <= n || !all_have_looked(workers); i++) {
		publish_number(blocks, i);
		vmem_space_reclaim(space);
	}
	finish(workers);
	ck_assert_uint_eq(vmem_space_reclaim(space), 0);
	/* one block, with one fd, is left: that of the current map */
	ck_assert_int_eq(vsu_fd_count(), fds + 1);
	vmem_block_unref(blocks[0]);
	vmem_block_unref(blocks[1]);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("space");
	TCase *tc = tcase_create("space"), *stress = tcase_create("stress");

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, generation_counts_publications_from_1);
	tcase_add_test(tc, map_is_published_once);
	tcase_add_test(tc, no_memory_can_be_published);
	tcase_add_test(tc, reader_in_its_slot_keeps_a_retired_map);
	tcase_add_test(tc, reader_that_came_later_keeps_nothing_back);
	tcase_add_test(tc, removed_reader_keeps_nothing_back);
	tcase_add_test(tc,
		       reference_keeps_a_retired_map_and_its_end_is_signalled);
	tcase_add_test(tc, reference_on_the_current_map_signals_nothing);
	tcase_add_test(tc, reference_that_no_reclaim_met_signals_nothing);
	tcase_add_test(tc, reader_that_leaves_a_retired_map_signals_nothing);
	tcase_add_test(tc, event_does_not_exist_until_it_is_wanted);
	tcase_add_test(tc, reference_outlives_the_space);
	tcase_add_test(tc, block_leaves_with_the_last_map_that_has_it);
	suite_add_tcase(s, stress);
	tcase_set_timeout(stress, 300);
	tcase_add_checked_fixture(stress, setup, teardown);
	tcase_add_test(stress, readers_at_work_survive_ten_thousand_swaps);
	return run_suite(s);
}
