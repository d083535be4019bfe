/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about dirty bitmaps. */
#include <config.h>

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <vm-memory/access.h>
#include <vm-memory/dirty.h>

#include "util.h"

static struct vmem_region *tracked(uint64_t gpa, uint64_t len, uint32_t shift)
{
	struct vmem_block *block = make_block(len);
	struct vmem_region_desc d = { block, 0, gpa, len, 0, shift };
	struct vmem_region *r = NULL;

	ck_assert_int_eq(vmem_region_new(&d, &r, NULL), 0);
	vmem_block_unref(block);
	vmem_dirty_enable(vmem_region_dirty(r));
	return r;
}

START_TEST(range_sets_the_bits_it_touches)
{
	struct vmem_region *r = tracked(0, 1025, 7);
	struct vmem_dirty *d = vmem_region_dirty(r);
	uint64_t into[1] = { 0 };

	ck_assert_uint_eq(d->nbits, 9);
	vmem_dirty_mark(d, d->base + 128, 129);
	ck_assert_uint_eq(vmem_dirty_harvest(d, into), 2);
	ck_assert_uint_eq(into[0], 0x6);
	ck_assert_uint_eq(vmem_dirty_harvest(d, into), 0);
	vmem_region_unref(r);
}
END_TEST

/* Marks from these pages to every last one, over two words. */
static const unsigned int starts[] = { 0, 1, 31, 62, 63, 64, 65, 94, 95 };

START_TEST(every_range_agrees_with_a_bit_by_bit_model)
{
	struct vmem_region *r = tracked(0, 192, 1);
	struct vmem_dirty *d = vmem_region_dirty(r);
	uint64_t got[2], want[2], first = starts[_i], last, i;

	ck_assert_uint_eq(d->nbits, 96);
	for (last = first; last < 96; last++) {
		memset(got, 0, sizeof(got));
		memset(want, 0, sizeof(want));
		for (i = first; i <= last; i++)
			want[i / 64] |= 1ull << i % 64;
		vmem_dirty_mark(d, d->base + 2 * first, 2 * (last - first) + 2);
		ck_assert_uint_eq(vmem_dirty_harvest(d, got), last - first + 1);
		ck_assert_mem_eq(got, want, sizeof(got));
	}
	vmem_region_unref(r);
}
END_TEST

START_TEST(what_lies_outside_is_clipped)
{
	struct vmem_region *r = tracked(0, 1024, 7);
	struct vmem_dirty *d = vmem_region_dirty(r);
	uint64_t into[1] = { 0 };

	vmem_dirty_mark(d, d->base, 0);
	vmem_dirty_mark(d, d->base - 10, 10);
	vmem_dirty_mark(d, d->base + 1024, 10);
	vmem_dirty_mark(d, d->base + 2048, UINT64_MAX);
	ck_assert_uint_eq(vmem_dirty_harvest(d, into), 0);
	vmem_dirty_mark(d, d->base - 10, 11);
	vmem_dirty_mark(d, d->base + 1023, UINT64_MAX);
	ck_assert_uint_eq(vmem_dirty_harvest(d, into), 2);
	ck_assert_uint_eq(into[0], 0x81);
	vmem_region_unref(r);
}
END_TEST

START_TEST(disabled_bitmap_takes_no_marks_and_keeps_its_bits)
{
	struct vmem_region *r = tracked(0, 1024, 7);
	struct vmem_dirty *d = vmem_region_dirty(r);
	uint64_t into[1] = { 0 };

	vmem_dirty_mark(d, d->base, 1);
	vmem_dirty_disable(d);
	vmem_dirty_mark(d, d->base + 128, 1);
	ck_assert_uint_eq(vmem_dirty_harvest(d, into), 1);
	ck_assert_uint_eq(into[0], 1);
	vmem_dirty_mark(NULL, d->base, 1);
	vmem_region_unref(r);
}
END_TEST

START_TEST(harvest_adds_to_what_is_there)
{
	struct vmem_region *r = tracked(0, 64 * 128, 7);
	struct vmem_dirty *d = vmem_region_dirty(r);
	uint64_t kvm[1] = { 0xf0 };

	vmem_dirty_mark(d, d->base, 1);
	vmem_dirty_mark(d, d->base + 4 * 128, 1);
	ck_assert_uint_eq(vmem_dirty_harvest(d, kvm), 2);
	ck_assert_uint_eq(kvm[0], 0xf1);
	vmem_region_unref(r);
}
END_TEST

/* A long bitmap: the harvest skips empty lines and finds what is between. */
START_TEST(harvest_finds_single_bits_anywhere)
{
	struct vmem_region *r = tracked(0, 64 * 40, 0x0 + 1);
	struct vmem_dirty *d = vmem_region_dirty(r);
	uint64_t into[20] = { 0 };

	vmem_dirty_mark(d, d->base + 2 * (64 * _i + 63), 1);
	ck_assert_uint_eq(vmem_dirty_harvest(d, into), 1);
	ck_assert_uint_eq(into[_i], 1ull << 63);
	vmem_region_unref(r);
}
END_TEST

START_TEST(every_way_to_write_marks_and_reading_does_not)
{
	struct vmem_region *r = tracked(0x1000, 16 * 4096, 12);
	struct vmem_dirty *d = vmem_region_dirty(r);
	uint64_t into[1] = { 0 }, value = 0;
	static const unsigned char big[16];
	uint32_t hint = 0;
	struct vmem_map *map;
	uint16_t index;

	ck_assert_int_eq(vmem_map_new(&map), 0);
	put_region(&map, r);
	ck_assert_int_eq(vmem_read(vmem_map_view(map), 0x1000, &value, 8), 8);
	ck_assert_int_eq(vmem_load_u16(vmem_map_view(map), 0x1000, &index,
				       __ATOMIC_RELAXED), 0);
	ck_assert_uint_eq(vmem_dirty_harvest(d, into), 0);
	ck_assert_int_eq(vmem_write(vmem_map_view(map), 0x1fff, &value, 2), 2);
	ck_assert_int_eq(vmem_write_exact(vmem_map_view(map), 0x4000, &value,
					  1), 0);
	ck_assert_int_eq(vmem_store_u16(vmem_map_view(map), 0x5000, 0,
					__ATOMIC_RELEASE), 0);
	ck_assert_int_eq(vmem_put_u32(vmem_map_view(map), &hint, 0x6000, 0), 0);
	ck_assert_int_eq(vmem_put(vmem_map_view(map), &hint, 0x7000, big,
				  sizeof(big)), 0);
	ck_assert_uint_eq(vmem_dirty_harvest(d, into), 6);
	ck_assert_uint_eq(into[0], 0x7b);
	vmem_map_unref(map);
}
END_TEST

/*
 * No store is ever lost: a writer counts up in a page and marks it, the
 * harvester that took the bit sees a count at least as high as any that was
 * finished before, and after the end one last harvest sees the last count.
 */
struct race {
	struct vmem_dirty *dirty;
	uint64_t *count;
	unsigned int n;
	int done;
};

static void *count_up(void *opaque)
{
	struct race *r = opaque;
	unsigned int i;

	for (i = 1; i <= r->n; i++) {
		__atomic_store_n(r->count, i, __ATOMIC_RELAXED);
		vmem_dirty_mark(r->dirty, (unsigned char *)r->count, 8);
	}
	__atomic_store_n(&r->done, 1, __ATOMIC_RELEASE);
	return NULL;
}

START_TEST(no_store_is_lost_to_a_harvest_at_the_same_time)
{
	struct vmem_region *region = tracked(0, 4096, 12);
	struct race r = { vmem_region_dirty(region), NULL, scaled(2000000), 0 };
	uint64_t into, copy = 0;
	pthread_t thread;
	int done;

	r.count = (uint64_t *)(void *)vmem_region_hva(region);
	ck_assert_int_eq(pthread_create(&thread, NULL, count_up, &r), 0);
	do {
		done = __atomic_load_n(&r.done, __ATOMIC_ACQUIRE);
		if (vmem_dirty_harvest(r.dirty, &into))
			copy = __atomic_load_n(r.count, __ATOMIC_RELAXED);
	} while (!done);
	pthread_join(thread, NULL);
	ck_assert_uint_eq(copy, r.n);
	vmem_region_unref(region);
}
END_TEST

/*
 * The case that the barrier of the harvest is for. A page is marked by a first
 * store; a second one finds the bit set, only reads it, and is still on its
 * way to memory while the bit is taken and the page is read. Each store has a
 * cache line of its own, which the harvester has read before, so that it has
 * a way to go. After a pass over all pages, each one's second store has been
 * copied by a harvest.
 */
#define LITMUS_SHIFT 7
#define LITMUS_PAGES 1024u
#define LITMUS_WORDS (LITMUS_PAGES / 64)

struct litmus {
	struct vmem_dirty *dirty;
	unsigned int passes;
	unsigned int stored, copied;	/* the last pass that was */
	uint64_t copy[LITMUS_PAGES];
};

static uint64_t *litmus_line(const struct litmus *l, unsigned int page,
			     unsigned int line)
{
	return (uint64_t *)(void *)(l->dirty->base +
				    ((uint64_t)page << LITMUS_SHIFT)) +
	       8 * line;
}

static void litmus_store(struct litmus *l, uint64_t *at, uint64_t value)
{
	__atomic_store_n(at, value, __ATOMIC_RELAXED);
	vmem_dirty_mark(l->dirty, (unsigned char *)at, 8);
}

static void *store_twice(void *opaque)
{
	struct litmus *l = opaque;
	unsigned int pass, page, wait;

	for (pass = 1; pass <= l->passes; pass++) {
		for (page = 0; page < LITMUS_PAGES; page++) {
			litmus_store(l, litmus_line(l, page, 0), pass);
			for (wait = page % 128; wait; wait--)
				__asm__ volatile("");
			litmus_store(l, litmus_line(l, page, 1), pass);
		}
		__atomic_store_n(&l->stored, pass, __ATOMIC_RELEASE);
		while (__atomic_load_n(&l->copied, __ATOMIC_ACQUIRE) != pass)
			sched_yield();
	}
	return NULL;
}

/* The last one first: that is where the other thread is. */
static void litmus_copy(struct litmus *l, const uint64_t *into)
{
	unsigned int page;

	for (page = LITMUS_PAGES; page--; )
		if (into[page / 64] >> page % 64 & 1)
			l->copy[page] = __atomic_load_n(litmus_line(l, page, 1),
							__ATOMIC_RELAXED);
}

/* Harvests until a pass has ended, and once afterwards. Returns the number of lost pages. */
static unsigned int harvest_pass(struct litmus *l, unsigned int pass)
{
	unsigned int page, lost = 0;
	bool over;

	do {
		uint64_t into[LITMUS_WORDS] = { 0 };

		over = __atomic_load_n(&l->stored, __ATOMIC_ACQUIRE) == pass;
		if (vmem_dirty_harvest(l->dirty, into))
			litmus_copy(l, into);
	} while (!over);
	for (page = 0; page < LITMUS_PAGES; page++)
		lost += l->copy[page] != pass;
	return lost;
}

static unsigned int lost_pages(struct litmus *l)
{
	unsigned int pass, lost = 0;
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, store_twice, l), 0);
	for (pass = 1; pass <= l->passes; pass++) {
		lost += harvest_pass(l, pass);
		__atomic_store_n(&l->copied, pass, __ATOMIC_RELEASE);
	}
	pthread_join(thread, NULL);
	return lost;
}

static const uint32_t modes[] = { VMEM_DIRTY_TEST_FIRST, VMEM_DIRTY_ALWAYS };

START_TEST(store_behind_a_set_bit_is_not_lost_in_a_million_rounds)
{
	struct vmem_region *r = tracked(0, LITMUS_PAGES << LITMUS_SHIFT,
					LITMUS_SHIFT);
	struct litmus l = { .dirty = vmem_region_dirty(r) };

	/* A host without membarrier(2) does the second mode twice. */
	if (modes[_i] == VMEM_DIRTY_ALWAYS)
		__atomic_store_n(&l.dirty->enabled, modes[_i],
				 __ATOMIC_SEQ_CST);
	l.passes = scaled(1000000 / LITMUS_PAGES);
	ck_assert_uint_eq(lost_pages(&l), 0);
	vmem_region_unref(r);
}
END_TEST

/*
 * From here on a filter fails membarrier() with this error; false: no filter is
 * possible.
 */
static bool refuse_membarrier(unsigned int error)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_membarrier, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { sizeof(code) / sizeof(code[0]), code };

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog);
	return syscall(SYS_membarrier, 0, 0, 0) < 0;
}

static const unsigned int refusals[] = { ENOSYS, EPERM };

START_TEST(every_mark_is_a_barrier_without_membarrier)
{
	struct vmem_region *r;
	struct vmem_dirty *d;
	uint64_t into[1] = { 0 };

	ck_assert(refuse_membarrier(refusals[_i]));
	r = tracked(0, 1024, 7);
	d = vmem_region_dirty(r);
	ck_assert_uint_eq(d->enabled, VMEM_DIRTY_ALWAYS);
	vmem_dirty_mark(d, d->base, 1);
	ck_assert_uint_eq(vmem_dirty_harvest(d, into), 1);
	ck_assert_uint_eq(vmem_dirty_harvest(d, into), 0);
	vmem_region_unref(r);
}
END_TEST

START_TEST(harvest_whose_barrier_is_refused_is_done_again)
{
	struct vmem_region *r = tracked(0, 1024, 7);
	struct vmem_dirty *d = vmem_region_dirty(r);
	uint64_t into[1] = { 0 };

	ck_assert_uint_eq(d->enabled, VMEM_DIRTY_TEST_FIRST);
	ck_assert(refuse_membarrier(refusals[_i]));
	vmem_dirty_mark(d, d->base + 128, 1);
	ck_assert_uint_eq(vmem_dirty_harvest(d, into), 1);
	ck_assert_uint_eq(into[0], 0x2);
	ck_assert_uint_eq(d->enabled, VMEM_DIRTY_ALWAYS);
	into[0] = 0;
	ck_assert_uint_eq(vmem_dirty_harvest(d, into), 1);
	ck_assert_uint_eq(into[0], 0x2);
	ck_assert_uint_eq(vmem_dirty_harvest(d, into), 0);
	vmem_region_unref(r);
}
END_TEST

/* A child tries, because a filter stays. */
static const char *no_filter(void)
{
	const pid_t child = fork();
	int status = -1;

	if (!child)
		_exit(!refuse_membarrier(ENOSYS));
	return child > 0 && waitpid(child, &status, 0) == child && !status ?
	       NULL : "no filter of system calls is possible here";
}

int main(void)
{
	const char *no_filters = no_filter();
	const bool has_barrier = syscall(SYS_membarrier, 0, 0, 0) > 0;
	Suite *s = suite_create("dirty");
	TCase *tc = tcase_create("dirty");

	suite_add_tcase(s, tc);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, range_sets_the_bits_it_touches);
	tcase_add_loop_test(tc, every_range_agrees_with_a_bit_by_bit_model, 0,
			    sizeof(starts) / sizeof(starts[0]));
	tcase_add_test(tc, what_lies_outside_is_clipped);
	tcase_add_test(tc, disabled_bitmap_takes_no_marks_and_keeps_its_bits);
	tcase_add_test(tc, harvest_adds_to_what_is_there);
	tcase_add_loop_test(tc, harvest_finds_single_bits_anywhere, 0, 20);
	tcase_add_test(tc, every_way_to_write_marks_and_reading_does_not);
	tcase_add_test(tc, no_store_is_lost_to_a_harvest_at_the_same_time);
	tcase_add_loop_test(tc,
			    store_behind_a_set_bit_is_not_lost_in_a_million_rounds,
			    0, sizeof(modes) / sizeof(modes[0]));
	tcase_add_loop_test_unless(tc, no_filters, every_mark_is_a_barrier_without_membarrier,
				   0, sizeof(refusals) / sizeof(refusals[0]));
	tcase_add_loop_test_unless(tc, has_barrier ? no_filters : "the kernel has no membarrier()",
				   harvest_whose_barrier_is_refused_is_done_again,
				   0, sizeof(refusals) / sizeof(refusals[0]));
	return run_suite_apart(s);
}
