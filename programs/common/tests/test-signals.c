/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the thread that receives the signals. */
#include <config.h>

#include <poll.h>
#include <signal.h>

#include <ev.h>

#include <vmm-sys-util/event.h>

#include "common/signals.h"
#include "util.h"

#define FOR_EVER (UINT64_C(3600) * 1000000000)

static struct vmm_signals signals;
static struct ev_loop *loop;
static ev_signal watcher;
static int stuck_fd, served;

static void on_stuck(void *opaque)
{
	(void)opaque;
	vsu_event_signal(stuck_fd);
}

static void on_signal(struct ev_loop *l, ev_signal *w, int revents)
{
	(void)w;
	(void)revents;
	served++;
	vmm_signals_served(&signals);
	ev_break(l, EVBREAK_ALL);
}

static void setup(void)
{
	loop = ev_loop_new(EVFLAG_AUTO);
	stuck_fd = vsu_event_new();
	ev_signal_init(&watcher, on_signal, SIGTERM);
	ev_signal_start(loop, &watcher);
	memset(&signals, 0, sizeof(signals));
	signals.stuck = on_stuck;
}

static void teardown(void)
{
	vmm_signals_stop(&signals);
	ev_signal_stop(loop, &watcher);
	ev_loop_destroy(loop);
	close(stuck_fd);
}

static bool is_stuck(int ms)
{
	struct pollfd p = { .fd = stuck_fd, .events = POLLIN };

	return poll(&p, 1, ms) == 1;
}

/* Neither serving nor stopping waits for the limit of an hour. */
START_TEST(signal_reaches_the_loop)
{
	signals.patience_ns = FOR_EVER;
	ck_assert_int_eq(vmm_signals_start(&signals), 0);
	kill(getpid(), SIGTERM);
	ev_run(loop, 0);
	ck_assert_int_eq(served, 1);
	kill(getpid(), SIGTERM);
	ev_run(loop, 0);
	ck_assert_int_eq(served, 2);
	vmm_signals_stop(&signals);
	ck_assert(!is_stuck(0));
}
END_TEST

START_TEST(a4_18_loop_that_serves_no_signal_is_reported)
{
	signals.patience_ns = 1;
	ck_assert_int_eq(vmm_signals_start(&signals), 0);
	kill(getpid(), SIGTERM);
	ck_assert(is_stuck(-1));
	ck_assert_int_eq(served, 0);
}
END_TEST

START_TEST(e1_16_signal_after_the_loop_is_dropped)
{
	sigset_t pending;

	signals.patience_ns = FOR_EVER;
	ck_assert_int_eq(vmm_signals_start(&signals), 0);
	vmm_signals_end(&signals);
	kill(getpid(), SIGTERM);
	do
		ck_assert_int_eq(sigpending(&pending), 0);
	while (sigismember(&pending, SIGTERM));
	vmm_signals_stop(&signals);
	ck_assert(!is_stuck(0));
}
END_TEST

START_TEST(signals_are_the_main_thread_s_again)
{
	sigset_t mask;

	ck_assert_int_eq(vmm_signals_start(&signals), 0);
	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	ck_assert(sigismember(&mask, SIGTERM));
	vmm_signals_stop(&signals);
	vmm_signals_stop(&signals);
	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	ck_assert(!sigismember(&mask, SIGTERM));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("signals");
	TCase *tc = tcase_create("signals");

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, signal_reaches_the_loop);
	tcase_add_test(tc, a4_18_loop_that_serves_no_signal_is_reported);
	tcase_add_test(tc, e1_16_signal_after_the_loop_is_dropped);
	tcase_add_test(tc, signals_are_the_main_thread_s_again);
	return run_suite(s);
}
