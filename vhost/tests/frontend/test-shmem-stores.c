/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about a window that changes while CPUs store into it: threads
 * translate addresses like the CPUs of a VMM, while a back-end maps and unmaps
 * in a loop. TEST_SCALE scales the number of changes.
 */
#include <config.h>

#include <check.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vm-memory/block.h>
#include <vm-memory/space.h>
#include <vmm-sys-util/fd.h>

#include "../front_rig.h"
#include "../suite.h"
#include "frontend/priv.h"

#define PAGE	UINT64_C(4096)
/* the window and the file are divided in this number of pieces */
#define PIECES	16u
#define PER	4u		/* pages of a piece */
#define PAGES	(PIECES * PER)
#define CPUS	2u
#define WINDOW	(UINT64_C(1) << 32)	/* guest address of the window */
#define ROUNDS	4000u
#define NEED	VHOST_USER_HDR_NEED_REPLY

struct cpu {
	pthread_t thread;
	struct vmem_reader reader;
	unsigned int index;
	uint64_t stores, holes;
	uint64_t last[PAGES];	/* last value stored, per page */
};

static struct cpu cpus[CPUS];
static bool stop;
static struct vmem_space *space;
static struct vmem_region *regions[PIECES];	/* of the mapped pieces */
static uint64_t words_at_unmap[PIECES][PER * CPUS];	/* words at the time of the unmap */
static int window_fd;
static uint32_t seed;

static uint32_t pick(uint32_t *s, uint32_t below)
{
	*s ^= *s << 13;
	*s ^= *s >> 17;
	*s ^= *s << 5;
	return *s % below;
}

/* --------------------------------------------------------------------- CPUs */

/* The owner reads it, too. */
static void count(uint64_t *n)
{
	__atomic_store_n(n, *n + 1, __ATOMIC_RELAXED);
}

/* Each CPU has its own word in every page. */
static void cpu_store(struct cpu *c, uint32_t page)
{
	const struct vmem_map *now = vmem_reader_enter(&c->reader);
	const uint64_t gpa = WINDOW + page * PAGE + 8 * c->index;
	uint32_t hint = 0;
	unsigned char *at = NULL;

	if (now)
		at = vmem_view_translate(vmem_map_view(now), &hint, gpa, 8,
					 VMEM_WRITE);
	if (at) {
		c->last[page] = c->stores + 1;
		__atomic_store_n((uint64_t *)(void *)at, c->stores + 1,
				 __ATOMIC_RELAXED);
		count(&c->stores);
	} else {
		count(&c->holes);
	}
	vmem_reader_leave(&c->reader);
}

static void *cpu_run(void *opaque)
{
	struct cpu *c = opaque;
	uint32_t s = 77 + c->index;

	while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
		cpu_store(c, pick(&s, PAGES));
		if (c->stores % 256 == 0)
			sched_yield();	/* the host may have one CPU only */
	}
	return NULL;
}

static void start_cpus(void)
{
	unsigned int i;

	stop = false;
	memset(cpus, 0, sizeof(cpus));
	for (i = 0; i < CPUS; i++) {
		cpus[i].index = i;
		vmem_space_add_reader(space, &cpus[i].reader);
		ck_assert_int_eq(pthread_create(&cpus[i].thread, NULL, cpu_run,
						&cpus[i]), 0);
	}
}

/* Independent of the scheduler's order. */
static bool all_have_stored(void)
{
	unsigned int i;

	for (i = 0; i < CPUS; i++)
		if (__atomic_load_n(&cpus[i].stores, __ATOMIC_RELAXED) < 1000 ||
		    !__atomic_load_n(&cpus[i].holes, __ATOMIC_RELAXED))
			return false;
	return true;
}

static void stop_cpus(void)
{
	unsigned int i;

	__atomic_store_n(&stop, true, __ATOMIC_RELEASE);
	for (i = 0; i < CPUS; i++) {
		ck_assert_int_eq(pthread_join(cpus[i].thread, NULL), 0);
		vmem_space_remove_reader(&cpus[i].reader);
	}
}

/* -------------------------------------------------------------------- owner */

static void publish(struct vmem_map *next)
{
	ck_assert_int_eq(vmem_space_publish(space, next), 0);
	vmem_map_unref(next);
}

static void show(const struct vhost_user_shmem_change *c)
{
	const struct vmem_region_desc desc = {
		.block = c->block, .gpa = WINDOW + c->offset, .len = c->len,
	};
	struct vmem_region **r = &regions[c->offset / (PER * PAGE)];
	struct vmem_map *next;

	ck_assert_ptr_null(*r);
	ck_assert_int_eq(vmem_region_new(&desc, r, NULL), 0);
	ck_assert_int_eq(vmem_map_add(vmem_space_current(space), *r, &next,
				      NULL), 0);
	publish(next);
}

static void hide(const struct vhost_user_shmem_change *c)
{
	struct vmem_region **r = &regions[c->offset / (PER * PAGE)];
	struct vmem_map *next;

	ck_assert_ptr_nonnull(*r);
	ck_assert_int_eq(vmem_map_remove(vmem_space_current(space), *r, &next,
					 NULL), 0);
	publish(next);
	vmem_region_unref(*r);
	*r = NULL;
}

static void take_changes(struct vhost_user_shmem_change *changes,
			 unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		(changes[i].map ? show : hide)(&changes[i]);
}

/* ----------------------------------------------------------------- back-end */

static void ask(uint32_t request, uint32_t piece)
{
	const struct vhost_user_shmem_mmap m = {
		.shm_offset = piece * PER * PAGE, .len = PER * PAGE,
		.fd_offset = piece * PER * PAGE, .flags = VHOST_USER_SHMEM_RW,
	};
	int64_t got;

	peer_ask(&peer, request, NEED, &m, sizeof(m),
		 request == VHOST_USER_BACKEND_SHMEM_MAP ? window_fd : -1);
	do {
		vhost_user_frontend_dispatch(fe);
		vmem_space_reclaim(space);
		got = peer_answer(&peer);
	} while (got < 0);
	ck_assert_int_eq(got, 0);
}

static void read_words(uint32_t piece, uint64_t words[PER * CPUS])
{
	uint32_t i;

	for (i = 0; i < PER; i++)
		ck_assert_int_eq(pread(window_fd, words + i * CPUS, 8 * CPUS,
				       (off_t)((piece * PER + i) * PAGE)),
				 8 * CPUS);
}

/* After an acknowledged unmap no CPU stores to the piece. */
static void change(uint32_t piece, bool mapped[PIECES])
{
	uint64_t now[PER * CPUS];

	if (mapped[piece]) {
		ask(VHOST_USER_BACKEND_SHMEM_UNMAP, piece);
		read_words(piece, words_at_unmap[piece]);
	} else {
		read_words(piece, now);
		ck_assert_mem_eq(now, words_at_unmap[piece], sizeof(now));
		ask(VHOST_USER_BACKEND_SHMEM_MAP, piece);
	}
	mapped[piece] = !mapped[piece];
}

static void compare_stores(void)
{
	uint64_t words[PER * CPUS];
	uint32_t page, i;

	for (page = 0; page < PAGES; page++) {
		read_words(page / PER, words);
		for (i = 0; i < CPUS; i++)
			ck_assert_uint_eq(words[page % PER * CPUS + i],
					  cpus[i].last[page]);
	}
}

static void open_window(void)
{
	struct vmem_map *empty;

	ck_assert_int_eq(vmem_space_new(&space), 0);
	ck_assert_int_eq(vmem_map_new(&empty), 0);
	publish(empty);
	window_fd = new_memfd(PAGES * PAGE);
	memset(words_at_unmap, 0, sizeof(words_at_unmap));
	on_changes = take_changes;
	peer.protocol |= VHOST_USER_PROTOCOL_BIT(BACKEND_SEND_FD) |
			 VHOST_USER_PROTOCOL_BIT(SHMEM);
	peer.shmem.nregions = 1;
	peer.shmem.sizes[0] = PAGES * PAGE;
	run();
}

static uint32_t rounds(void)
{
	const char *scale = getenv("TEST_SCALE");
	double s = scale ? atof(scale) : 1;

	return s > 0 ? (uint32_t)(ROUNDS * s) + 64 : ROUNDS;
}

START_TEST(c2_21_cpus_store_into_a_window_that_changes)
{
	bool mapped[PIECES] = { false };
	uint32_t i, n = rounds();

	seed = 4711;
	open_window();
	start_cpus();
	for (i = 0; i < n || !all_have_stored(); i++)
		change(pick(&seed, PIECES), mapped);
	if (_i)		/* reset the device while CPUs store, or lose it */
		peer_fini(&peer);
	else
		ck_assert_int_eq(vhost_user_frontend_stop(fe, NULL), 0);
	dispatch_both();
	ck_assert(_i || !vhost_user_frontend_reset(fe, NULL));
	ck_assert_uint_eq(vhost_user_priv_shmem_count(fe), 0);
	stop_cpus();
	compare_stores();
	vmem_space_reclaim(space);
	vmem_space_free(space);
	vsu_fd_close(&window_fd);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("shmem-stores");
	TCase *tc = tcase_create("stores");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 300);
	tcase_add_loop_test(tc, c2_21_cpus_store_into_a_window_that_changes, 0,
			    2);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
