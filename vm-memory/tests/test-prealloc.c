/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about prealloc on several threads. This program implements madvise(),
 * so that it sees which thread populates what, and can refuse.
 */
#include <config.h>

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "util.h"

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif

#define SLICE (16ull << 20)
#define SLICES 4u

/* A requested slice. */
struct asked {
	const unsigned char *at;
	pthread_t by;
	pid_t tid;
	sigset_t blocked;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static struct asked asked[64];
static unsigned int nasked, meet;
static const unsigned char *refused;	/* the slice for which no memory is available */
static bool pretend;			/* nothing is populated */

/* The first slices wait for each other: each is on a thread of its own. */
static void note(const void *at)
{
	pthread_mutex_lock(&lock);
	asked[nasked].at = at;
	asked[nasked].by = pthread_self();
	asked[nasked].tid = (pid_t)syscall(SYS_gettid);
	pthread_sigmask(SIG_SETMASK, NULL, &asked[nasked].blocked);
	nasked++;
	pthread_cond_broadcast(&changed);
	while (nasked < meet)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
}

int madvise(void *at, size_t len, int advice)
{
	if (advice == MADV_POPULATE_WRITE || advice == MADV_POPULATE_READ) {
		note(at);
		if (at == refused) {
			errno = EFAULT;
			return -1;
		}
		if (pretend)
			return 0;
	}
	return (int)syscall(SYS_madvise, at, len, advice);
}

static struct vmem_block *block;
static struct vsu_error err;

static void setup(void)
{
	block = make_block(SLICES * SLICE);
}

static void teardown(void)
{
	vmem_block_unref(block);
}

/* A joined thread may stay visible in the kernel for a moment. */
static void assert_alone(void)
{
	const pid_t own = getpid();
	unsigned int i;

	for (i = 0; i < nasked; i++)
		while (asked[i].tid != own &&
		       !syscall(SYS_tgkill, own, asked[i].tid, 0))
			sched_yield();
}

static bool was_asked(const void *at)
{
	unsigned int i, n = 0;

	for (i = 0; i < nasked; i++)
		n += asked[i].at == at;
	ck_assert_uint_le(n, 1);
	return n;
}

START_TEST(every_slice_is_populated_once)
{
	unsigned int i;

	pretend = true;
	ck_assert_int_eq(vmem_block_prealloc(block, (unsigned int)_i, NULL, &err), 0);
	ck_assert_uint_eq(nasked, SLICES);
	for (i = 0; i < SLICES; i++)
		ck_assert(was_asked(vmem_block_hva(block) + i * SLICE));
}
END_TEST

START_TEST(each_thread_takes_a_slice)
{
	unsigned int i, k;

	pretend = true;
	meet = SLICES;
	ck_assert_int_eq(vmem_block_prealloc(block, SLICES, NULL, &err), 0);
	for (i = 0; i < SLICES; i++)
		for (k = 0; k < i; k++)
			ck_assert(!pthread_equal(asked[i].by, asked[k].by));
}
END_TEST

START_TEST(threads_take_no_signal_but_faults)
{
	unsigned int i;

	pretend = true;
	meet = SLICES;
	ck_assert_int_eq(vmem_block_prealloc(block, SLICES, NULL, &err), 0);
	for (i = 0; i < SLICES; i++) {
		if (pthread_equal(asked[i].by, pthread_self()))
			continue;
		ck_assert(sigismember(&asked[i].blocked, SIGINT));
		ck_assert(sigismember(&asked[i].blocked, SIGTERM));
		ck_assert(!sigismember(&asked[i].blocked, SIGBUS));
	}
}
END_TEST

START_TEST(threads_are_gone_afterwards)
{
	pretend = true;
	meet = SLICES;
	ck_assert_int_eq(vmem_block_prealloc(block, SLICES, NULL, &err), 0);
	assert_alone();
}
END_TEST

START_TEST(failure_is_reported_with_its_message)
{
	pretend = true;
	refused = vmem_block_hva(block) + 2 * SLICE;
	ck_assert_int_eq(vmem_block_prealloc(block, (unsigned int)_i, NULL, &err), -ENOSPC);
	ck_assert_ptr_nonnull(strstr(err.msg, "offset 0x2000000 has no room"));
	assert_alone();
}
END_TEST

START_TEST(no_slice_starts_after_a_failure)
{
	pretend = true;
	refused = vmem_block_hva(block) + SLICE;
	ck_assert_int_eq(vmem_block_prealloc(block, 1, NULL, &err), -ENOSPC);
	ck_assert_uint_eq(nasked, 2);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("prealloc");
	TCase *tc = tcase_create("prealloc");

	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, every_slice_is_populated_once, 1, 7);
	tcase_add_test(tc, each_thread_takes_a_slice);
	tcase_add_test(tc, threads_take_no_signal_but_faults);
	tcase_add_test(tc, threads_are_gone_afterwards);
	tcase_add_loop_test(tc, failure_is_reported_with_its_message, 1, 5);
	tcase_add_test(tc, no_slice_starts_after_a_failure);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
