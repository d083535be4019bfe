/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about reading and writing guest memory. */
#include <config.h>

#include <pthread.h>
#include <sched.h>
#include <vm-memory/access.h>

#include "util.h"

/* The map of make_map(): 0-0x3ff, 0x400-0x7ff, 0x1000-0x13ff. */
static struct vmem_map *map;
static const struct vmem_view *view;

static void setup(void)
{
	map = make_map();
	view = vmem_map_view(map);
}

static void teardown(void)
{
	vmem_map_unref(map);
}

static const struct span {
	uint64_t gpa;
	size_t len;
	ssize_t done;
} spans[] = {
	{ 0, 8, 8 },
	{ 0x3fc, 8, 8 },		/* crosses adjacent regions */
	{ 0x100, 0x600, 0x600 },
	{ 0, 0x800, 0x800 },
	{ 0, 0x1000, 0x800 },		/* runs into a hole */
	{ 0x7ff, 2, 1 },
	{ 0x800, 1, -EFAULT },
	{ 0xfff, 8, -EFAULT },
	{ 0x13ff, 0x1000, 1 },
	{ UINT64_MAX, 2, -EFAULT },
	{ 0, 0, 0 },
	{ 0x900, 0, 0 },		/* with length 0 no address is checked */
};

START_TEST(write_then_read_gives_it_back_with_exact_counts)
{
	const struct span *s = &spans[_i];
	unsigned char out[0x1000], in[0x1000];

	memset(out, 0x5a, sizeof(out));
	memset(in, 0, sizeof(in));
	ck_assert_int_eq(vmem_write(view, s->gpa, out, s->len), s->done);
	ck_assert_int_eq(vmem_read(view, s->gpa, in, s->len), s->done);
	if (s->done > 0)
		ck_assert_mem_eq(in, out, s->done);
	ck_assert_int_eq(in[s->done > 0 ? s->done : 0], 0);
}
END_TEST

START_TEST(exact_forms_do_all_or_fail)
{
	const struct span *s = &spans[_i];
	int want = s->done == (ssize_t)s->len ? 0 : -EFAULT;
	unsigned char buf[0x1000] = { 0 };

	ck_assert_int_eq(vmem_write_exact(view, s->gpa, buf, s->len), want);
	ck_assert_int_eq(vmem_read_exact(view, s->gpa, buf, s->len), want);
}
END_TEST

START_TEST(what_was_done_before_a_failure_stays)
{
	unsigned char buf[4] = { 1, 2, 3, 4 }, got[2];

	ck_assert_int_eq(vmem_write_exact(view, 0x7fe, buf, 4), -EFAULT);
	ck_assert_int_eq(vmem_read_exact(view, 0x7fe, got, 2), 0);
	ck_assert_uint_eq(got[0], 1);
	ck_assert_uint_eq(got[1], 2);
}
END_TEST

static void check_copy(uint64_t gpa, size_t len)
{
	unsigned char buf[16], got[16];
	size_t i;

	for (i = 0; i < 16; i++)
		buf[i] = (unsigned char)(0x80 + i);
	ck_assert_int_eq(vmem_write(view, gpa, buf, len), (ssize_t)len);
	ck_assert_int_eq(vmem_read(view, gpa, got, 16), 16);
	ck_assert_mem_eq(got, buf, len);
	for (i = len; i < 16; i++)
		ck_assert_uint_eq(got[i], pattern(gpa - 0x400 + i));
}

START_TEST(every_small_length_at_every_alignment_copies_exactly)
{
	size_t len;

	for (len = 0; len <= 16; len++)
		check_copy(0x500 + 32 * len + (uint64_t)_i, len);
}
END_TEST

START_TEST(rom_is_read_and_not_written)
{
	struct vmem_map *m;
	unsigned char buf[8] = { 0 };

	ck_assert_int_eq(vmem_map_new(&m), 0);
	put_region(&m, make_region(0, 0x1000, 0));
	put_region(&m, make_region(0x1000, 0x1000, VMEM_REGION_ROM));
	ck_assert_int_eq(vmem_read(vmem_map_view(m), 0x1000, buf, 8), 8);
	ck_assert_int_eq(vmem_write(vmem_map_view(m), 0x1000, buf, 8), -EFAULT);
	ck_assert_int_eq(vmem_write(vmem_map_view(m), 0xffc, buf, 8), 4);
	ck_assert_int_eq(vmem_store_u16(vmem_map_view(m), 0x1000, 1,
					__ATOMIC_RELAXED), -EFAULT);
	ck_assert_uint_eq(vmem_region_hva(vmem_map_region(m, 1))[0],
			  pattern(0));
	vmem_map_unref(m);
}
END_TEST

START_TEST(slices_cover_adjacent_regions)
{
	struct iovec iov[4];
	uint64_t done;

	ck_assert_int_eq(vmem_slices(view, 0x3f0, 0x20, VMEM_READ, iov, 4,
				     &done), 2);
	ck_assert_uint_eq(done, 0x20);
	ck_assert_ptr_eq(iov[0].iov_base,
			 vmem_region_hva(vmem_map_region(map, 0)) + 0x3f0);
	ck_assert_uint_eq(iov[0].iov_len, 0x10);
	ck_assert_ptr_eq(iov[1].iov_base,
			 vmem_region_hva(vmem_map_region(map, 1)));
	ck_assert_uint_eq(iov[1].iov_len, 0x10);
}
END_TEST

START_TEST(slices_stop_where_memory_or_room_ends)
{
	struct iovec iov[4];
	uint64_t done = 99;

	ck_assert_int_eq(vmem_slices(view, 0x3f0, 0x20, VMEM_READ, iov, 1,
				     &done), 1);
	ck_assert_uint_eq(done, 0x10);
	ck_assert_int_eq(vmem_slices(view, 0x7f0, 0x20, VMEM_READ, iov, 4,
				     &done), 1);
	ck_assert_uint_eq(done, 0x10);
	ck_assert_int_eq(vmem_slices(view, 0x800, 1, VMEM_READ, iov, 4, &done),
			 -EFAULT);
	ck_assert_uint_eq(done, 0x10);	/* written on success only */
	ck_assert_int_eq(vmem_slices(view, 0x800, 0, VMEM_READ, iov, 4, &done),
			 0);
	ck_assert_uint_eq(done, 0);
}
END_TEST

START_TEST(range_check_wants_all_of_it)
{
	const struct span *s = &spans[_i];

	ck_assert_int_eq(vmem_check_range(view, s->gpa, s->len, VMEM_WRITE),
			 s->done == (ssize_t)s->len);
}
END_TEST

START_TEST(range_may_end_with_the_last_guest_address)
{
	unsigned char buf[32] = { 0 };
	struct vmem_map *m;

	ck_assert_int_eq(vmem_map_new(&m), 0);
	put_region(&m, make_region(0, 0x1000, 0));
	put_region(&m, make_region(UINT64_MAX - 0xfff, 0x1000, 0));
	ck_assert_int_eq(vmem_write(vmem_map_view(m), UINT64_MAX - 15, buf, 16),
			 16);
	/* and does not go on at 0 */
	ck_assert_int_eq(vmem_write(vmem_map_view(m), UINT64_MAX - 15, buf, 32),
			 16);
	ck_assert(!vmem_check_range(vmem_map_view(m), UINT64_MAX - 15, 32,
				    VMEM_READ));
	vmem_map_unref(m);
}
END_TEST

START_TEST(an_index_is_stored_and_loaded)
{
	uint16_t got = 0;

	ck_assert_int_eq(vmem_store_u16(view, 0x400, 0xa5a6, __ATOMIC_RELEASE),
			 0);
	ck_assert_int_eq(vmem_load_u16(view, 0x400, &got, __ATOMIC_ACQUIRE), 0);
	ck_assert_uint_eq(got, 0xa5a6);
	ck_assert_int_eq(vmem_store_u16(view, 0x408, 0x1234, __ATOMIC_SEQ_CST),
			 0);
	ck_assert_int_eq(vmem_load_u16(view, 0x408, &got, __ATOMIC_RELAXED), 0);
	ck_assert_uint_eq(got, 0x1234);
	ck_assert_int_eq(vmem_load_u16(view, 0x800, &got, __ATOMIC_RELAXED),
			 -EFAULT);
}
END_TEST

START_TEST(misaligned_access_is_refused)
{
	uint16_t value;

	ck_assert_int_eq(vmem_store_u16(view, 1, 1, __ATOMIC_RELAXED), -EINVAL);
	ck_assert_int_eq(vmem_load_u16(view, 1, &value, __ATOMIC_RELAXED),
			 -EINVAL);
}
END_TEST

START_TEST(access_across_regions_is_refused)
{
	uint16_t value;

	ck_assert_int_eq(vmem_store_u16(view, 0x3ff, 1, __ATOMIC_RELAXED),
			 -EFAULT);
	ck_assert_int_eq(vmem_store_u16(view, 0x7ff, 1, __ATOMIC_RELAXED),
			 -EFAULT);
	ck_assert_int_eq(vmem_load_u16(view, 0x7ff, &value, __ATOMIC_RELAXED),
			 -EFAULT);
}
END_TEST

/*
 * One thread writes 0 and all-ones by turns, the other never sees a mixture;
 * for each width through vmem_read() and vmem_write().
 */
struct torn {
	size_t width;
	int stop;
};

static void *write_alternating(void *opaque)
{
	struct torn *t = opaque;
	unsigned int n = 0;
	uint64_t value = 0;

	while (!__atomic_load_n(&t->stop, __ATOMIC_RELAXED)) {
		value = ~value;
		if (vmem_write(view, 0x400, &value, t->width) < 0)
			break;
		if (++n % 256 == 0)
			sched_yield();	/* for tools that run one at a time */
	}
	return NULL;
}

START_TEST(aligned_pieces_of_up_to_8_bytes_are_never_torn)
{
	struct torn t = { (size_t)2 << _i, 0 };
	const uint64_t none = 0, ones = UINT64_MAX;
	unsigned int i, torn = 0, n = scaled(2000000);
	pthread_t thread;
	uint64_t value;

	ck_assert_int_eq(vmem_write(view, 0x400, &(uint64_t){ 0 }, 8), 8);
	ck_assert_int_eq(pthread_create(&thread, NULL, write_alternating, &t),
			 0);
	for (i = 0; i < n; i++) {
		value = 0;
		torn += vmem_read(view, 0x400, &value, t.width) != (ssize_t)t.width ||
			(memcmp(&value, &none, t.width) &&
			 memcmp(&value, &ones, t.width));
	}
	__atomic_store_n(&t.stop, 1, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	ck_assert_uint_eq(torn, 0);
}
END_TEST

#define LOOP(tc, test, table) \
	tcase_add_loop_test(tc, test, 0, sizeof(table) / sizeof((table)[0]))

int main(void)
{
	Suite *s = suite_create("access");
	TCase *tc = tcase_create("access"), *torn = tcase_create("torn");

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, setup, teardown);
	LOOP(tc, write_then_read_gives_it_back_with_exact_counts, spans);
	LOOP(tc, exact_forms_do_all_or_fail, spans);
	tcase_add_test(tc, what_was_done_before_a_failure_stays);
	tcase_add_loop_test(tc,
		every_small_length_at_every_alignment_copies_exactly, 0, 8);
	tcase_add_test(tc, rom_is_read_and_not_written);
	tcase_add_test(tc, slices_cover_adjacent_regions);
	tcase_add_test(tc, slices_stop_where_memory_or_room_ends);
	LOOP(tc, range_check_wants_all_of_it, spans);
	tcase_add_test(tc, range_may_end_with_the_last_guest_address);
	tcase_add_test(tc, an_index_is_stored_and_loaded);
	tcase_add_test(tc, misaligned_access_is_refused);
	tcase_add_test(tc, access_across_regions_is_refused);
	suite_add_tcase(s, torn);
	tcase_set_timeout(torn, 120);
	tcase_add_checked_fixture(torn, setup, teardown);
	tcase_add_loop_test(torn,
		aligned_pieces_of_up_to_8_bytes_are_never_torn, 0, 3);
	return run_suite(s);
}
