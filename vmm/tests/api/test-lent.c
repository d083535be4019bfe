/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about CPUs that run on threads of the owner. */
#include <config.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>

#include <vmm-sys-util/fd.h>

#include "../guests.h"
#include "owner.h"

static struct one one;

/* A thread of the owner, for one CPU. */
struct lent {
	pthread_t thread;
	struct cvmm_machine *m;
	unsigned int cpu;
	int rc;
	bool same_signals;	/* after the call */
	sigset_t pending;
};

static void *lent_main(void *opaque)
{
	struct lent *l = opaque;
	sigset_t before, after;

	memset(&before, 0, sizeof(before));
	memset(&after, 0, sizeof(after));
	pthread_sigmask(SIG_SETMASK, NULL, &before);
	l->rc = cvmm_machine_run_cpu(l->m, l->cpu, NULL);
	pthread_sigmask(SIG_SETMASK, NULL, &after);
	sigpending(&l->pending);
	l->same_signals = !memcmp(&before, &after, sizeof(before));
	return NULL;
}

static struct lent lend(unsigned int cpu)
{
	return (struct lent){ .m = one.m, .cpu = cpu, .rc = 1 };
}

static void lent_start(struct lent *l)
{
	ck_assert_int_eq(pthread_create(&l->thread, NULL, lent_main, l), 0);
}

/* The call returns by itself. */
static void lent_join(struct lent *l)
{
	pthread_join(l->thread, NULL);
	ck_assert_int_eq(l->rc, 0);
	ck_assert(l->same_signals && !sigismember(&l->pending, SIGUSR2));
}

static void make_lent(size_t n, const char *const *words)
{
	const struct cvmm_host host = { .lends_cpus = true };

	OK(make_with(&one, &host, n, words));
}
#define MAKE_LENT(...) make_lent(WORDS(__VA_ARGS__))

static uint64_t count_exits(void)
{
	struct cvmm_statistics s = { .size = sizeof(s) };

	OK(cvmm_machine_get_statistics(one.m, &s, &err));
	return s.exits;
}

static void wait_for_exits(void)
{
	while (!count_exits())
		;
}

START_TEST(guest_runs_to_its_end_on_two_threads)
{
	struct lent cpus[2];
	int i;

	MAKE_LENT("builtin:selftest", "--serial=null", "--cpus=2");
	for (i = 0; i < 2; i++) {
		cpus[i] = lend((unsigned int)i);
		lent_start(&cpus[i]);
	}
	start(&one);
	ck_assert_int_eq(run_to_end(&one), VSU_EXIT_OK);
	for (i = 0; i < 2; i++)
		lent_join(&cpus[i]);
	cvmm_machine_free(one.m);
}
END_TEST

/* ---------------------------------------------------------- each state of its life */

static void do_nothing(void)
{
}

static void do_start(void)
{
	start(&one);
}

static void do_run(void)
{
	start(&one);
	wait_for_exits();
}

static void do_pause(void)
{
	do_run();
	OK(cvmm_machine_pause(one.m, &err));
}

static void do_resume(void)
{
	do_pause();
	OK(cvmm_machine_resume(one.m, &err));
}

static void do_save(void)
{
	struct cvmm_save save = { .size = sizeof(save) };
	char path[128];

	do_run();
	snprintf(path, sizeof(path), "%s/saved", folder);
	save.folder = path;
	OK(cvmm_machine_save(one.m, &save, on_answer, &one, &err));
	wait_for_answer(&one);
}

static void do_reset(void)
{
	do_run();
	OK(cvmm_machine_reset(one.m, &err));
	ck_assert_int_eq(run_to_end(&one), VSU_EXIT_REBOOT);
}

static void do_kill(void)
{
	do_run();
	cvmm_machine_kill(one.m);
}

static const struct {
	void (*reach)(void);
	bool started;
} states[] = {
	{ do_nothing, false }, { do_start, true }, { do_run, true }, { do_pause, true },
	{ do_resume, true }, { do_save, true }, { do_reset, true }, { do_kill, true },
};

/* The thread may begin before or after the state is reached, or the machine ends. */
START_TEST(thread_returns_in_each_state)
{
	const int before = vsu_fd_count();
	struct lent cpu;

	MAKE_LENT(LOOPS, "--cpus=2");
	cpu = lend(0);
	lent_start(&cpu);
	states[_i].reach();
	cvmm_machine_kill(one.m);
	if (states[_i].started)
		run_to_end(&one);
	lent_join(&cpu);
	cvmm_machine_free(one.m);
	ck_assert_int_eq(vsu_fd_count(), before);
}
END_TEST

START_TEST(free_waits_for_a_thread)
{
	struct lent cpu;

	MAKE_LENT(LOOPS);
	cpu = lend(0);
	lent_start(&cpu);
	do_run();
	if (_i)
		OK(cvmm_machine_pause(one.m, &err));
	cvmm_machine_free(one.m);
	lent_join(&cpu);
}
END_TEST

START_TEST(thread_comes_after_the_start)
{
	struct lent cpu;

	MAKE_LENT(LOOPS);
	start(&one);
	if (_i)
		OK(cvmm_machine_pause(one.m, &err));
	cpu = lend(0);
	lent_start(&cpu);
	if (_i)
		OK(cvmm_machine_resume(one.m, &err));
	wait_for_exits();
	cvmm_machine_free(one.m);
	lent_join(&cpu);
}
END_TEST

START_TEST(machine_without_threads_is_steered)
{
	struct cvmm_save save = { .size = sizeof(save) };
	char path[128];

	snprintf(path, sizeof(path), "%s/saved", folder);
	save.folder = path;
	MAKE_LENT(LOOPS, "--cpus=2");
	start(&one);
	OK(cvmm_machine_pause(one.m, &err));
	OK(cvmm_machine_resume(one.m, &err));
	OK(cvmm_machine_save(one.m, &save, on_answer, &one, &err));
	wait_for_answer(&one);
	ck_assert_uint_eq(count_exits(), 0);
	cvmm_machine_kill(one.m);
	ck_assert_int_eq(run_to_end(&one), VSU_EXIT_FAIL);
	ck_assert_int_eq(cvmm_machine_run_cpu(one.m, 1, &err), 0);
	cvmm_machine_free(one.m);
}
END_TEST

/* Until the end is over; ThreadSanitizer sees whether the end joins this thread. */
static void *come_again(void *opaque)
{
	unsigned int *over = opaque;
	int rc;

	do {
		rc = cvmm_machine_run_cpu(one.m, 0, NULL);
	} while (!rc && !__atomic_load_n(over, __ATOMIC_ACQUIRE));
	ck_assert_int_eq(rc, 0);
	return NULL;
}

START_TEST(thread_may_come_while_the_machine_ends)
{
	unsigned int over = 0;
	pthread_t thread;

	MAKE_LENT(LOOPS);
	ck_assert_int_eq(pthread_create(&thread, NULL, come_again, &over), 0);
	do_run();
	cvmm_machine_kill(one.m);
	ck_assert_int_eq(run_to_end(&one), VSU_EXIT_FAIL);
	__atomic_store_n(&over, 1, __ATOMIC_RELEASE);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	cvmm_machine_free(one.m);
}
END_TEST

START_TEST(thread_runs_one_machine_after_another)
{
	int i;

	for (i = 0; i < 3; i++) {
		struct lent cpu;

		MAKE_LENT("builtin:selftest", "--serial=null");
		cpu = lend(0);
		lent_start(&cpu);
		start(&one);
		ck_assert_int_eq(run_to_end(&one), VSU_EXIT_OK);
		lent_join(&cpu);
		cvmm_machine_free(one.m);
	}
}
END_TEST

START_TEST(thread_that_cannot_run_a_cpu_returns_at_once)
{
	struct lent cpu;

	MAKE(&one, LOOPS);
	ck_assert_int_eq(cvmm_machine_run_cpu(one.m, 0, &err), -EINVAL);
	cvmm_machine_free(one.m);
	MAKE_LENT(LOOPS);
	ck_assert_int_eq(cvmm_machine_run_cpu(one.m, 1, &err), -EINVAL);
	ck_assert_int_eq(cvmm_machine_run_cpu(one.m, ~0u, &err), -EINVAL);
	cpu = lend(0);
	lent_start(&cpu);
	do_run();
	ck_assert_int_eq(cvmm_machine_run_cpu(one.m, 0, &err), -EBUSY);
	cvmm_machine_free(one.m);
	lent_join(&cpu);
}
END_TEST

/* ------------------------------------------------------- guests that come */

static const char *const ways[] = { "--latency", "--clone" };

START_TEST(saved_guest_continues_on_a_lent_thread)
{
	struct lent cpu;
	char from[160];

	MAKE_LENT(LOOPS);
	cpu = lend(0);
	lent_start(&cpu);
	do_save();
	cvmm_machine_free(one.m);
	lent_join(&cpu);
	snprintf(from, sizeof(from), "--from=%s/saved", folder);
	MAKE_LENT(from, ways[_i]);
	cpu = lend(0);
	lent_start(&cpu);
	do_run();
	cvmm_machine_free(one.m);
	lent_join(&cpu);
}
END_TEST

static struct one arrives;

static bool is_awaited(void)
{
	struct cvmm_statistics s = { .size = sizeof(s) };

	OK(cvmm_machine_get_statistics(arrives.m, &s, &err));
	return s.state == CVMM_STATE_WAITING;
}

/* Both machines have lent CPUs. */
static void move(int source, int destination)
{
	const struct cvmm_host host = { .lends_cpus = true };
	struct cvmm_migration g = { .size = sizeof(g), .sock = source };
	char incoming[32];

	snprintf(incoming, sizeof(incoming), "--incoming=fd:%d", destination);
	OK(make_with(&arrives, &host, WORDS(incoming)));
	ck_assert_int_eq(cvmm_machine_run_cpu(arrives.m, 0, &err), -EAGAIN);
	OK(cvmm_machine_migrate(one.m, &g, on_answer, &one, &err));
	while (!one.answered || is_awaited())
		turn((struct one *const []){ &one, &arrives }, 2);
	ck_assert_msg(!one.why.code, "%s", one.why.msg);
}

static const char *const memories[] = { "--memory=size=16M", "--memory=size=16M,backend=memfd" };

START_TEST(guest_moves_from_a_lent_thread_to_another)
{
	struct lent cpu;
	int socks[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, socks), 0);
	MAKE_LENT("builtin:selftest", "--cmdline=interactive", "--serial=null", memories[_i]);
	cpu = lend(0);
	lent_start(&cpu);
	do_run();
	move(socks[0], socks[1]);
	ck_assert_int_eq(run_to_end(&one), VSU_EXIT_MIGRATED);
	cvmm_machine_free(one.m);
	lent_join(&cpu);
	one.m = arrives.m;
	cpu = lend(0);
	lent_start(&cpu);
	do_run();
	cvmm_machine_free(one.m);
	lent_join(&cpu);
	vsu_fd_close(&socks[0]);
	vsu_fd_close(&socks[1]);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("lent");
	TCase *tc = tcase_create("lent");
	const char *why = no_guest();

	tcase_add_checked_fixture(tc, owner_setup, owner_teardown);
	tcase_set_timeout(tc, 0);
	tcase_add_test_unless(tc, why, guest_runs_to_its_end_on_two_threads);
	tcase_add_loop_test_unless(tc, why, thread_returns_in_each_state, 0, COUNT(states));
	tcase_add_loop_test_unless(tc, why, free_waits_for_a_thread, 0, 2);
	tcase_add_loop_test_unless(tc, why, thread_comes_after_the_start, 0, 2);
	tcase_add_test_unless(tc, why, machine_without_threads_is_steered);
	tcase_add_test_unless(tc, why, thread_may_come_while_the_machine_ends);
	tcase_add_test_unless(tc, why, thread_runs_one_machine_after_another);
	tcase_add_loop_test_unless(tc, why, saved_guest_continues_on_a_lent_thread, 0, COUNT(ways));
	tcase_add_loop_test_unless(tc, why, guest_moves_from_a_lent_thread_to_another, 0,
				   COUNT(memories));
	tcase_add_test_unless(tc, why, thread_that_cannot_run_a_cpu_returns_at_once);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
