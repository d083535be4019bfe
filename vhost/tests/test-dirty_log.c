/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the bitmap of pages that other processes write. */
#include <config.h>

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include <vhost/dirty_log.h>

#include "suite.h"

#define PAGE UINT64_C(4096)
#define MEMORY (UINT64_C(1) << 20)

static struct vhost_dirty_log record;
static struct vmem_map *map;
static uint64_t found[64];	/* addresses */
static unsigned int nfound;

static void setup(void)
{
	ck_assert_int_eq(vmem_map_from_properties("size=1M", 0, NULL, &map, NULL), 0);
	nfound = 0;
	memset(&record, 0, sizeof(record));
	ck_assert_int_eq(vhost_dirty_log_init(&record, map, 0, NULL), 0);
}

static void teardown(void)
{
	vhost_dirty_log_free(&record);
	vmem_map_unref(map);
}

static void on_word(void *opaque, uint64_t gpa, const uint64_t *words,
		    uint64_t npages)
{
	uint64_t page;

	(void)opaque;
	for (page = 0; page < npages; page++)
		if (words[page / 64] >> page % 64 & 1 && nfound < 64)
			found[nfound++] = gpa + page * PAGE;
}

static void harvest(uint64_t gpa, uint64_t len)
{
	nfound = 0;
	vhost_dirty_log_harvest(&record, gpa, len, on_word, NULL);
}

START_TEST(bits_of_a_range_are_fetched_once)
{
	vhost_dirty_log_add(&record, PAGE + 1, PAGE);
	harvest(0, MEMORY);
	ck_assert_uint_eq(nfound, 2);
	ck_assert_uint_eq(found[0], PAGE);
	ck_assert_uint_eq(found[1], 2 * PAGE);
	harvest(0, MEMORY);
	ck_assert_uint_eq(nfound, 0);
}
END_TEST

START_TEST(lowest_bit_of_the_first_byte_is_the_page_at_0)
{
	((unsigned char *)record.words)[1] = 0x81;
	harvest(0, MEMORY);
	ck_assert_uint_eq(nfound, 2);
	ck_assert_uint_eq(found[0], 8 * PAGE);
	ck_assert_uint_eq(found[1], 15 * PAGE);
}
END_TEST

START_TEST(range_of_other_words_keeps_its_bits)
{
	vhost_dirty_log_add(&record, 64 * PAGE, 1);
	harvest(0, 64 * PAGE);
	ck_assert_uint_eq(nfound, 0);
	harvest(64 * PAGE, 1);
	ck_assert_uint_eq(nfound, 1);
}
END_TEST

START_TEST(e2_26_range_beyond_the_log_is_cut)
{
	const uint64_t end = record.size * 8 * PAGE;

	vhost_dirty_log_add(&record, end - PAGE, 2 * PAGE);
	vhost_dirty_log_add(&record, UINT64_MAX - PAGE, PAGE);
	vhost_dirty_log_add(&record, 0, 0);
	harvest(end - PAGE, UINT64_C(1) << 40);
	ck_assert_uint_eq(nfound, 1);
	ck_assert_uint_eq(found[0], end - PAGE);
}
END_TEST

START_TEST(e2_26_log_cannot_be_truncated)
{
	ck_assert_int_eq(ftruncate(record.fd, 0), -1);
	ck_assert_int_eq(errno, EPERM);
}
END_TEST

START_TEST(log_is_long_enough_for_the_last_page)
{
	ck_assert_uint_ge(record.size * 8 * PAGE, MEMORY);
	ck_assert_uint_eq(record.size % PAGE, 0);
}
END_TEST

#define ROUNDS 20000u	/* by TEST_SCALE */

static atomic_uint written;	/* number in the page, before its bit is set */
static atomic_bool ended;

static void *write_page(void *arg)
{
	unsigned int i, n = scaled(ROUNDS);

	(void)arg;
	for (i = 1; i <= n; i++) {
		atomic_store_explicit(&written, i, memory_order_relaxed);
		vhost_dirty_log_add(&record, 0, 1);
	}
	atomic_store(&ended, true);
	return NULL;
}

/* A reader that fetched no bit after the last store would have a stale page. */
START_TEST(no_store_is_missed_while_bits_are_fetched)
{
	unsigned int read = 0;
	pthread_t writer;
	bool last;

	ck_assert_int_eq(pthread_create(&writer, NULL, write_page, NULL), 0);
	do {
		last = atomic_load(&ended);
		harvest(0, PAGE);
		if (nfound)
			read = atomic_load_explicit(&written, memory_order_relaxed);
	} while (!last);
	pthread_join(writer, NULL);
	ck_assert_uint_eq(read, scaled(ROUNDS));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("dirty log");
	TCase *tc = tcase_create("dirty log");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, bits_of_a_range_are_fetched_once);
	tcase_add_test(tc, lowest_bit_of_the_first_byte_is_the_page_at_0);
	tcase_add_test(tc, range_of_other_words_keeps_its_bits);
	tcase_add_test(tc, e2_26_range_beyond_the_log_is_cut);
	tcase_add_test(tc, e2_26_log_cannot_be_truncated);
	tcase_add_test(tc, log_is_long_enough_for_the_last_page);
	tcase_add_test(tc, no_store_is_missed_while_bits_are_fetched);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
