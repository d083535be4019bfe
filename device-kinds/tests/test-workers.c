/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about worker threads: their number, replacements of blocked ones, failures. */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <device-kinds/workers.h>

#include "suite.h"

#define MOST 3u		/* replacements */

/* A device whose requests end only with the device. */
struct virtdev {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	uint32_t working, blocked;
	uint32_t ends;		/* calls of work_end */
};

static struct virtdev dev;
static struct devkind_workers *workers;
static struct vsu_error err;
static uint32_t started;
static int thread_failure;	/* of each thread after fail_after others */
static uint32_t fail_after;
static bool memory_fails;

int __real_vsu_thread_start(const struct vsu_threads *threads, pthread_t *id,
			     void *(*fn)(void *), void *arg);
int __wrap_vsu_thread_start(const struct vsu_threads *threads, pthread_t *id,
			     void *(*fn)(void *), void *arg);
int __wrap_vsu_thread_start(const struct vsu_threads *threads, pthread_t *id,
			     void *(*fn)(void *), void *arg)
{
	int rc;

	if (thread_failure && started >= fail_after)
		return thread_failure;
	rc = __real_vsu_thread_start(threads, id, fn, arg);
	started += rc >= 0;
	return rc;
}

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size)
{
	return memory_fails ? NULL : __real_calloc(n, size);
}

static int work(struct virtdev *d)
{
	pthread_mutex_lock(&d->lock);
	d->working++;
	pthread_cond_broadcast(&d->changed);
	while (!d->ends)
		pthread_cond_wait(&d->changed, &d->lock);
	d->working--;
	pthread_mutex_unlock(&d->lock);
	return 0;
}

static void work_end(struct virtdev *d)
{
	pthread_mutex_lock(&d->lock);
	d->ends++;
	pthread_cond_broadcast(&d->changed);
	pthread_mutex_unlock(&d->lock);
}

static uint32_t detach(struct virtdev *d) { return d->blocked; }

static const struct devkind_work device_work = {
	.work = work, .work_end = work_end, .detach = detach, .detached_max = MOST,
};

static int start(uint32_t n)
{
	return devkind_workers_start(&device_work, NULL, &dev, n, &workers, &err);
}

static void wait_for_working(uint32_t n)
{
	pthread_mutex_lock(&dev.lock);
	while (dev.working < n)
		pthread_cond_wait(&dev.changed, &dev.lock);
	pthread_mutex_unlock(&dev.lock);
}

static void setup(void)
{
	dev = (struct virtdev){ .blocked = 0 };
	pthread_mutex_init(&dev.lock, NULL);
	pthread_cond_init(&dev.changed, NULL);
	vsu_error_clear(&err);
	started = fail_after = 0;
	thread_failure = 0;
	memory_fails = false;
}

/* Ends the threads: each of them has left the device afterwards. */
static void end_workers(void)
{
	devkind_workers_end(workers);
	ck_assert_uint_eq(dev.ends, 1);
	ck_assert_uint_eq(dev.working, 0);
}

START_TEST(device_without_threads_has_no_workers)
{
	workers = (struct devkind_workers *)&dev;
	ck_assert_int_eq(start(0), 0);
	ck_assert_ptr_null(workers);
	dev.blocked = 1;
	ck_assert_uint_eq(devkind_workers_detach(workers), 0);
	devkind_workers_end(workers);
	ck_assert_uint_eq(started, 0);
	ck_assert_uint_eq(dev.ends, 0);
}
END_TEST

static bool has_work(const struct virtdev *d) { return d->blocked; }

START_TEST(device_without_work_has_no_workers)
{
	struct devkind_work some = device_work;

	some.is_needed = has_work;
	some.detach = NULL;
	ck_assert_int_eq(devkind_workers_start(&some, NULL, &dev, 1, &workers, &err), 0);
	ck_assert_ptr_null(workers);
	dev.blocked = 1;
	ck_assert_int_eq(devkind_workers_start(&some, NULL, &dev, 1, &workers, &err), 0);
	ck_assert_uint_eq(devkind_workers_detach(workers), 0);
	end_workers();
	ck_assert_uint_eq(started, 1);
}
END_TEST

START_TEST(kind_without_work_has_no_workers)
{
	workers = (struct devkind_workers *)&dev;
	ck_assert_int_eq(devkind_workers_start(NULL, NULL, &dev, 1, &workers, &err), 0);
	ck_assert_ptr_null(workers);
}
END_TEST

START_TEST(more_threads_than_a_process_can_have_are_refused)
{
	struct devkind_workers *const before = (struct devkind_workers *)&dev;
	struct devkind_work large = device_work;

	large.detached_max = _i ? UINT32_MAX : 1u << 22;
	workers = before;
	ck_assert_int_eq(devkind_workers_start(&large, NULL, &dev, 1, &workers, &err), -E2BIG);
	ck_assert_ptr_eq(workers, before);
	ck_assert_uint_eq(started, 0);
}
END_TEST

START_TEST(each_thread_serves_the_device_until_the_end)
{
	ck_assert_int_eq(start(4), 0);
	wait_for_working(4);
	ck_assert_uint_eq(started, 4);
	ck_assert_uint_eq(devkind_workers_detach(workers), 0);
	ck_assert_uint_eq(started, 4);
	end_workers();
}
END_TEST

START_TEST(failed_thread_ends_those_that_were_started)
{
	char said[64];

	thread_failure = -EAGAIN;
	fail_after = (uint32_t)_i;
	ck_assert_int_eq(start(4), -EAGAIN);
	ck_assert_ptr_null(workers);
	ck_assert_uint_eq(started, fail_after);
	ck_assert_uint_eq(dev.working, 0);
	ck_assert_uint_eq(dev.ends, 1);
	ck_assert_int_eq(err.code, -EAGAIN);
	snprintf(said, sizeof(said), "cannot start worker thread %d of 4", _i + 1);
	ck_assert_msg(strstr(err.msg, said), "%s", err.msg);
}
END_TEST

START_TEST(lack_of_memory_starts_no_thread)
{
	memory_fails = true;
	ck_assert_int_eq(start(4), -ENOMEM);
	memory_fails = false;
	ck_assert_ptr_null(workers);
	ck_assert_uint_eq(started, 0);
	ck_assert_uint_eq(dev.ends, 0);
	ck_assert_msg(strstr(err.msg, "4 worker threads"), "%s", err.msg);
}
END_TEST

START_TEST(blocked_thread_gets_one_replacement)
{
	ck_assert_int_eq(start(2), 0);
	dev.blocked = 1;
	ck_assert_uint_eq(devkind_workers_detach(workers), 1);
	wait_for_working(3);
	ck_assert_uint_eq(devkind_workers_detach(workers), 1);
	ck_assert_uint_eq(started, 3);
	end_workers();
}
END_TEST

START_TEST(thread_whose_request_ended_serves_as_a_replacement)
{
	ck_assert_int_eq(start(2), 0);
	dev.blocked = 1;
	devkind_workers_detach(workers);
	dev.blocked = 0;
	ck_assert_uint_eq(devkind_workers_detach(workers), 0);
	dev.blocked = 1;
	ck_assert_uint_eq(devkind_workers_detach(workers), 1);
	ck_assert_uint_eq(started, 3);
	end_workers();
}
END_TEST

START_TEST(replacements_have_a_maximum)
{
	ck_assert_int_eq(start(2), 0);
	dev.blocked = MOST + 2;
	ck_assert_uint_eq(devkind_workers_detach(workers), MOST + 2);
	ck_assert_uint_eq(started, 2 + MOST);
	ck_assert_uint_eq(devkind_workers_detach(workers), MOST + 2);
	ck_assert_uint_eq(started, 2 + MOST);
	end_workers();
}
END_TEST

START_TEST(replacement_that_failed_is_started_by_the_next_call)
{
	ck_assert_int_eq(start(2), 0);
	dev.blocked = 2;
	thread_failure = -EAGAIN;
	fail_after = 3;
	ck_assert_uint_eq(devkind_workers_detach(workers), 2);
	ck_assert_uint_eq(started, 3);
	thread_failure = 0;
	ck_assert_uint_eq(devkind_workers_detach(workers), 2);
	ck_assert_uint_eq(started, 4);
	end_workers();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("workers");
	TCase *tc = tcase_create("workers");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, device_without_threads_has_no_workers);
	tcase_add_test(tc, device_without_work_has_no_workers);
	tcase_add_test(tc, kind_without_work_has_no_workers);
	tcase_add_loop_test(tc, more_threads_than_a_process_can_have_are_refused, 0, 2);
	tcase_add_test(tc, each_thread_serves_the_device_until_the_end);
	tcase_add_loop_test(tc, failed_thread_ends_those_that_were_started, 0, 4);
	tcase_add_test(tc, lack_of_memory_starts_no_thread);
	tcase_add_test(tc, blocked_thread_gets_one_replacement);
	tcase_add_test(tc, thread_whose_request_ended_serves_as_a_replacement);
	tcase_add_test(tc, replacements_have_a_maximum);
	tcase_add_test(tc, replacement_that_failed_is_started_by_the_next_call);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
