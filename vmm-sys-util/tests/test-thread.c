/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
#include <config.h>

#include <pthread.h>
#include <signal.h>

#include <vmm-sys-util/thread.h>

#include "util.h"

/* A thread stores here its mask and its stack, and its rule that it ran before. */
struct seen {
	sigset_t mask;
	size_t stack;
	pthread_t begun_on, ran_on;
	bool begun_first;
};

static void note_begin(void *opaque)
{
	struct seen *seen = opaque;

	seen->begun_on = pthread_self();
	seen->begun_first = true;
}

static void *note_thread(void *arg)
{
	struct seen *seen = arg;
	pthread_attr_t attr;

	seen->ran_on = pthread_self();
	pthread_sigmask(SIG_SETMASK, NULL, &seen->mask);
	ck_assert_int_eq(pthread_getattr_np(pthread_self(), &attr), 0);
	pthread_attr_getstacksize(&attr, &seen->stack);
	pthread_attr_destroy(&attr);
	return seen;
}

static void run(const struct vsu_threads *threads, struct seen *seen)
{
	pthread_t id;
	void *result;

	ck_assert_int_eq(vsu_thread_start(threads, &id, note_thread, seen), 0);
	ck_assert_int_eq(pthread_join(id, &result), 0);
	ck_assert_ptr_eq(result, seen);
}

START_TEST(a_thread_takes_only_the_signals_of_its_own_faults)
{
	static const int own[] = { SIGBUS, SIGSEGV, SIGILL, SIGFPE };
	static const int others[] = { SIGTERM, SIGINT, SIGCHLD, SIGALRM, SIGUSR1 };
	struct seen seen = { .begun_first = false };
	size_t i;

	run(NULL, &seen);
	for (i = 0; i < sizeof(own) / sizeof(*own); i++)
		ck_assert_int_eq(sigismember(&seen.mask, own[i]), 0);
	for (i = 0; i < sizeof(others) / sizeof(*others); i++)
		ck_assert_int_eq(sigismember(&seen.mask, others[i]), 1);
}
END_TEST

START_TEST(a_start_leaves_the_mask_of_its_caller)
{
	struct seen seen = { .begun_first = false };
	sigset_t before, after;
	int i;

	sigemptyset(&before);
	sigaddset(&before, SIGUSR2);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	run(NULL, &seen);
	pthread_sigmask(SIG_SETMASK, NULL, &after);
	for (i = 1; i < 32; i++)
		ck_assert_int_eq(sigismember(&after, i), i == SIGUSR2);
}
END_TEST

START_TEST(a_thread_has_a_small_stack)
{
	struct seen seen = { .begun_first = false };

	run(NULL, &seen);
	ck_assert_uint_ge(seen.stack, 512u << 10);
	ck_assert_uint_lt(seen.stack, 2u << 20);
}
END_TEST

START_TEST(the_rule_of_a_process_runs_first_on_the_new_thread)
{
	struct seen seen = { .begun_first = false };
	const struct vsu_threads threads = { .begin = note_begin, .opaque = &seen };

	run(&threads, &seen);
	ck_assert(seen.begun_first);
	ck_assert(pthread_equal(seen.begun_on, seen.ran_on));
	ck_assert(!pthread_equal(seen.begun_on, pthread_self()));
}
END_TEST

START_TEST(a_rule_without_a_function_is_none)
{
	struct seen seen = { .begun_first = false };
	const struct vsu_threads threads = { .begin = NULL };

	run(&threads, &seen);
	ck_assert(!seen.begun_first);
}
END_TEST

START_TEST(a_thread_blocks_the_same_signals_itself)
{
	sigset_t before, now;

	vsu_thread_block_signals(&before);
	pthread_sigmask(SIG_SETMASK, NULL, &now);
	ck_assert_int_eq(sigismember(&now, SIGTERM), 1);
	ck_assert_int_eq(sigismember(&now, SIGBUS), 0);
	pthread_sigmask(SIG_SETMASK, &before, &now);
	pthread_sigmask(SIG_SETMASK, NULL, &now);
	ck_assert_int_eq(sigismember(&now, SIGTERM), sigismember(&before, SIGTERM));
}
END_TEST

int main(void)
{
	TCase *tc;
	Suite *s = util_suite("thread", &tc);

	tcase_add_test(tc, a_thread_takes_only_the_signals_of_its_own_faults);
	tcase_add_test(tc, a_start_leaves_the_mask_of_its_caller);
	tcase_add_test(tc, a_thread_has_a_small_stack);
	tcase_add_test(tc, the_rule_of_a_process_runs_first_on_the_new_thread);
	tcase_add_test(tc, a_rule_without_a_function_is_none);
	tcase_add_test(tc, a_thread_blocks_the_same_signals_itself);
	return run_suite(s);
}
