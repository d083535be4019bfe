/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about token buckets; the test provides the time. */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>

#include <virtio-devices/rate.h>

#include "../suite.h"

#define S UINT64_C(1000000000)
#define MS UINT64_C(1000000)
#define MAX VIRTDEV_RATE_MAX

static struct virtdev_rate *r;

static void setup(void)
{
	ck_assert_int_eq(virtdev_rate_new(&r), 0);
}

static void teardown(void)
{
	virtdev_rate_free(r);
}

static int set(uint64_t bytes, uint64_t bytes_burst, uint64_t ops,
	       uint64_t ops_burst)
{
	const struct virtdev_rate_limits limits = { bytes, bytes_burst, ops,
						    ops_burst };

	return virtdev_rate_set(r, &limits, NULL);
}

/* Starts requests of this size until the bucket is empty; returns their number. */
static unsigned int start(uint64_t now, uint64_t bytes)
{
	unsigned int n = 0;

	while (!virtdev_rate_wait(r, now)) {
		virtdev_rate_take(r, bytes, 1);
		ck_assert_uint_lt(n++, 100000);
	}
	return n;
}

START_TEST(a_new_bucket_has_no_limit)
{
	ck_assert(!virtdev_rate_is_limited(r));
	virtdev_rate_take(r, UINT64_MAX, UINT64_MAX);
	ck_assert_uint_eq(virtdev_rate_wait(r, S), 0);
}
END_TEST

START_TEST(rate_0_is_no_limit)
{
	ck_assert_int_eq(set(0, 0, 0, 0), 0);
	ck_assert(!virtdev_rate_is_limited(r));
	ck_assert_int_eq(set(0, 0, 10, 0), 0);
	ck_assert(virtdev_rate_is_limited(r));
	virtdev_rate_take(r, UINT64_MAX, 0);
	ck_assert_uint_eq(virtdev_rate_wait(r, S), 0);
}
END_TEST

START_TEST(burst_is_available_at_once)
{
	ck_assert_int_eq(set(1000, 500, 0, 0), 0);
	ck_assert_uint_eq(start(S, 100), 5);
	ck_assert_uint_eq(virtdev_rate_wait(r, S), 1 * MS);
}
END_TEST

START_TEST(burst_defaults_to_100_ms)
{
	ck_assert_int_eq(set(1000, 0, 0, 0), 0);
	ck_assert_uint_eq(start(S, 1), 100);
	ck_assert_int_eq(set(3, 0, 0, 0), 0);
	ck_assert_uint_eq(start(S, 1), 1);
}
END_TEST

START_TEST(tokens_return_at_the_rate_up_to_the_burst)
{
	ck_assert_int_eq(set(0, 0, 1000, 50), 0);
	ck_assert_uint_eq(start(S, 0), 50);
	ck_assert_uint_eq(start(S + 10 * MS, 0), 10);
	ck_assert_uint_eq(start(S + 10 * MS, 0), 0);
	ck_assert_uint_eq(start(9 * S, 0), 50);
}
END_TEST

/* 7 operations per second, checked every 13 ms: no fraction is lost or gained. */
START_TEST(fractions_of_tokens_add_up)
{
	unsigned int n, i;

	ck_assert_int_eq(set(0, 0, 7, 2), 0);
	n = start(S, 0);
	for (i = 1; i <= 100000; i++)
		n += start(S + i * 13 * MS, 0);
	ck_assert_uint_eq(n, 2 + 7 * 1300);
}
END_TEST

START_TEST(request_larger_than_the_burst_passes_with_debt)
{
	ck_assert_int_eq(set(1000, 10, 0, 0), 0);
	ck_assert_uint_eq(start(S, 5000), 1);
	ck_assert_uint_eq(virtdev_rate_wait(r, S + 4989 * MS), 2 * MS);
	ck_assert_uint_eq(start(S + 4990 * MS, 5000), 0);
	ck_assert_uint_eq(start(S + 4991 * MS, 5000), 1);
}
END_TEST

START_TEST(both_limits_apply)
{
	ck_assert_int_eq(set(1000, 1000, 10, 2), 0);
	ck_assert_uint_eq(start(S, 10), 2);
	ck_assert_uint_eq(start(3 * S, 2000), 1);
}
END_TEST

START_TEST(wait_ends_when_a_request_may_start)
{
	uint64_t now = S, wait;
	unsigned int n = 0;

	ck_assert_int_eq(set((uint64_t)_i * 3333333 + 1, 0, 0, 0), 0);
	while (virtdev_rate_wait(r, now) == 0)
		virtdev_rate_take(r, 1 << 20, 1);
	for (; (wait = virtdev_rate_wait(r, now)); now += wait) {
		ck_assert_uint_le(wait, VIRTDEV_RATE_WAIT_NS);
		if (wait < VIRTDEV_RATE_WAIT_NS)
			ck_assert_uint_gt(virtdev_rate_wait(r, now + wait / 2), 0);
		if (++n == 100)
			break;
	}
	ck_assert_uint_gt(n, 0);
}
END_TEST

START_TEST(a_clock_that_runs_backwards_gives_no_tokens)
{
	ck_assert_int_eq(set(0, 0, 10, 1), 0);
	ck_assert_uint_eq(start(5 * S, 0), 1);
	ck_assert_uint_eq(start(S, 0), 0);
	ck_assert_uint_eq(start(5 * S, 0), 0);
	ck_assert_uint_eq(start(5 * S + 100 * MS, 0), 1);
}
END_TEST

START_TEST(huge_values_do_not_overflow)
{
	ck_assert_int_eq(set(MAX, MAX, MAX, MAX), 0);
	ck_assert_uint_eq(virtdev_rate_wait(r, 1), 0);
	virtdev_rate_take(r, UINT64_MAX, 1);
	virtdev_rate_take(r, UINT64_MAX, UINT64_MAX);
	ck_assert_uint_eq(virtdev_rate_wait(r, 1), VIRTDEV_RATE_WAIT_NS);
	ck_assert_uint_eq(virtdev_rate_wait(r, 2 * S), VIRTDEV_RATE_WAIT_NS);
	ck_assert_uint_eq(virtdev_rate_wait(r, UINT64_MAX), 0);
	virtdev_rate_return(r, UINT64_MAX, UINT64_MAX);
	ck_assert_uint_eq(virtdev_rate_wait(r, UINT64_MAX), 0);
}
END_TEST

START_TEST(invalid_limits_are_refused_without_effect)
{
	ck_assert_int_eq(set(0, 0, 1, 1), 0);
	ck_assert_int_eq(set(MAX + 1, 0, 0, 0), -EINVAL);
	ck_assert_int_eq(set(1, UINT64_MAX, 0, 0), -EINVAL);
	ck_assert_int_eq(set(0, 0, UINT64_MAX, 1), -EINVAL);
	ck_assert_int_eq(set(0, 1, 0, 0), -EINVAL);
	ck_assert_int_eq(set(1, 0, 0, 1), -EINVAL);
	ck_assert_uint_eq(start(S, 0), 1);
}
END_TEST

START_TEST(new_limits_fill_the_bucket)
{
	ck_assert_int_eq(set(1, 1, 0, 0), 0);
	ck_assert_uint_eq(start(S, 1u << 30), 1);
	ck_assert_int_eq(set(1000, 0, 0, 0), 0);
	ck_assert_uint_eq(start(S, 1), 100);
	ck_assert_int_eq(set(0, 0, 0, 0), 0);
	ck_assert_uint_eq(virtdev_rate_wait(r, S), 0);
}
END_TEST

START_TEST(returned_tokens_do_not_exceed_the_burst)
{
	ck_assert_int_eq(set(100, 100, 0, 0), 0);
	ck_assert_uint_eq(start(S, 50), 2);
	virtdev_rate_return(r, 50, 1);
	ck_assert_uint_eq(start(S, 50), 1);
	virtdev_rate_return(r, 500, 10);
	ck_assert_uint_eq(start(S, 50), 2);
}
END_TEST

#define THREADS 4u

static void *start_on_thread(void *total)
{
	__atomic_add_fetch((unsigned int *)total, start(S, 1), __ATOMIC_RELAXED);
	return NULL;
}

/* Each thread may start one request between the check and the start of another. */
START_TEST(threads_share_the_tokens)
{
	pthread_t threads[THREADS];
	unsigned int i, total = 0;

	ck_assert_int_eq(set(20000, 20000, 0, 0), 0);
	for (i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL,
						start_on_thread, &total), 0);
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	ck_assert_uint_ge(total, 20000);
	ck_assert_uint_le(total, 20000 + THREADS - 1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("rate");
	TCase *tc = tcase_create("bucket");

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_new_bucket_has_no_limit);
	tcase_add_test(tc, rate_0_is_no_limit);
	tcase_add_test(tc, burst_is_available_at_once);
	tcase_add_test(tc, burst_defaults_to_100_ms);
	tcase_add_test(tc, tokens_return_at_the_rate_up_to_the_burst);
	tcase_add_test(tc, fractions_of_tokens_add_up);
	tcase_add_test(tc, request_larger_than_the_burst_passes_with_debt);
	tcase_add_test(tc, both_limits_apply);
	tcase_add_loop_test(tc, wait_ends_when_a_request_may_start, 0, 20);
	tcase_add_test(tc, a_clock_that_runs_backwards_gives_no_tokens);
	tcase_add_test(tc, huge_values_do_not_overflow);
	tcase_add_test(tc, invalid_limits_are_refused_without_effect);
	tcase_add_test(tc, new_limits_fill_the_bucket);
	tcase_add_test(tc, returned_tokens_do_not_exceed_the_burst);
	tcase_add_test(tc, threads_share_the_tokens);
	return run_suite(s);
}
