/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about machines whose guest comes from another one, in the loop of their owner. */
#include <config.h>

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>

#include "../guests.h"
#include "owner.h"

static struct one source, one;
static int socks[2];		/* of the source, of the machine that waits */

static void wait_for_guest(void)
{
	char incoming[32];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, socks), 0);
	snprintf(incoming, sizeof(incoming), "--incoming=fd:%d", socks[1]);
	MAKE(&one, incoming);
}

static void close_socks(void)
{
	vsu_fd_close(&socks[0]);
	vsu_fd_close(&socks[1]);
}

static enum cvmm_state state(void)
{
	struct cvmm_statistics s = { .size = sizeof(s) };

	OK(cvmm_machine_get_statistics(one.m, &s, &err));
	return s.state;
}

static void begin_source(bool passes_memory)
{
	const struct cvmm_migration g = {
		.size = sizeof(g), .sock = socks[0], .passes_memory = passes_memory,
	};

	MAKE(&source, LOOPS ",backend=memfd");
	start(&source);
	OK(cvmm_machine_migrate(source.m, &g, on_answer, &source, &err));
}

static void turn_until(enum cvmm_state wanted)
{
	while (state() != wanted)
		turn((struct one *const []){ &source, &one }, 2);
}

static const struct {
	bool passes_memory, starts_later;
} moves[] = { { false, false }, { true, false }, { true, true } };

START_TEST(guest_moves_in_one_loop)
{
	wait_for_guest();
	if (!moves[_i].starts_later)
		start(&one);
	begin_source(moves[_i].passes_memory);
	turn_until(moves[_i].starts_later ? CVMM_STATE_NEW : CVMM_STATE_RUNNING);
	if (moves[_i].starts_later)
		start(&one);
	ck_assert_int_eq(run_to_end(&source), VSU_EXIT_MIGRATED);
	ck_assert(source.answered && !source.why.code);
	OK(cvmm_machine_pause(one.m, &err));
	cvmm_machine_free(source.m);
	cvmm_machine_free(one.m);
	close_socks();
}
END_TEST

/* ---------------------------------------------------------------- while it waits */

static const char header[16] = "CVMMMIGR\1";

static void send_bytes(size_t n)
{
	ck_assert_int_eq(send(socks[0], header, n, 0), (ssize_t)n);
}

static void nothing(void)
{
}

static void begun(void)
{
	start(&one);
}

static void silent_source(void)
{
	start(&one);
	send_bytes(4);
}

static void source_without_machine(void)
{
	start(&one);
	send_bytes(sizeof(header));
}

static void (*const waits[])(void) = {
	nothing, begun, silent_source, source_without_machine,
};

START_TEST(waiting_machine_is_freed_at_once)
{
	const int before = vsu_fd_count();

	wait_for_guest();
	waits[_i]();
	ck_assert_int_eq(state(), CVMM_STATE_WAITING);
	cvmm_machine_free(one.m);
	close_socks();
	ck_assert_int_eq(vsu_fd_count(), before);
}
END_TEST

static void *kill_it(void *m)
{
	cvmm_machine_kill(m);
	return NULL;
}

START_TEST(waiting_machine_is_killed_by_another_thread)
{
	pthread_t thread;

	wait_for_guest();
	waits[_i]();
	ck_assert_int_eq(pthread_create(&thread, NULL, kill_it, one.m), 0);
	ck_assert_int_eq(run_to_end(&one), VSU_EXIT_FAIL);
	pthread_join(thread, NULL);
	ck_assert_str_eq(err.msg, "the program ended the machine");
	ck_assert_uint_eq(one.seen[CVMM_EVENT_ENDED], 1);
	ck_assert_int_eq(state(), CVMM_STATE_ENDED);
	cvmm_machine_free(one.m);
	close_socks();
}
END_TEST

START_TEST(source_that_is_lost_ends_the_machine)
{
	wait_for_guest();
	waits[_i]();
	vsu_fd_close(&socks[0]);
	ck_assert_int_ne(run_to_end(&one), VSU_EXIT_OK);
	ck_assert_ptr_nonnull(strstr(err.msg, "--incoming"));
	ck_assert_str_eq(one.cause, err.msg);
	ck_assert_uint_eq(one.seen[CVMM_EVENT_ENDED], 1);
	cvmm_machine_free(one.m);
	close_socks();
}
END_TEST

START_TEST(stream_of_something_else_ends_the_machine)
{
	wait_for_guest();
	start(&one);
	ck_assert_int_eq(send(socks[0], "GET / HTTP/1.0\r\n\r\n", 18, 0), 18);
	ck_assert_int_eq(run_to_end(&one), VSU_EXIT_DATA);
	cvmm_machine_free(one.m);
	close_socks();
}
END_TEST

START_TEST(waiting_machine_refuses_requests)
{
	struct cvmm_device d = { .size = sizeof(d) };

	wait_for_guest();
	ck_assert_int_eq(cvmm_machine_pause(one.m, &err), -EAGAIN);
	ck_assert_int_eq(cvmm_machine_press_power(one.m, &err), -EAGAIN);
	ck_assert_int_eq(cvmm_machine_choose_events(one.m, CVMM_EVENTS_ALL, &err), -EAGAIN);
	ck_assert_int_eq(cvmm_machine_run_cpu(one.m, 0, &err), -EAGAIN);
	ck_assert_int_eq(cvmm_machine_status(one.m, NULL), -EAGAIN);
	ck_assert_int_eq(cvmm_machine_get_device(one.m, 0, &d, &err), -ENOENT);
	ck_assert(cvmm_machine_dispatch(one.m));
	start(&one);
	ck_assert_int_eq(cvmm_machine_start(one.m, &err), -EINVAL);
	cvmm_machine_free(one.m);
	close_socks();
}
END_TEST

/* Both ends are in the middle of the migration, wherever that is. */
START_TEST(machine_is_freed_while_its_guest_comes)
{
	const int before = vsu_fd_count();
	int i;

	wait_for_guest();
	start(&one);
	begin_source(false);
	for (i = 0; i < _i; i++)
		cvmm_machine_dispatch(source.m);
	cvmm_machine_free(one.m);
	cvmm_machine_kill(source.m);
	run_to_end(&source);
	cvmm_machine_free(source.m);
	close_socks();
	ck_assert_int_eq(vsu_fd_count(), before);
}
END_TEST

START_TEST(listener_is_removed_with_the_machine)
{
	char incoming[128], path[96];

	snprintf(path, sizeof(path), "%s/socket", folder);
	snprintf(incoming, sizeof(incoming), "--incoming=unix:%s", path);
	MAKE(&one, incoming);
	while (access(path, F_OK) < 0)
		;
	cvmm_machine_free(one.m);
	ck_assert_int_lt(access(path, F_OK), 0);
}
END_TEST

START_TEST(address_that_is_none_is_refused_at_once)
{
	const int before = vsu_fd_count();

	ck_assert_int_eq(try_make(&one, WORDS("--incoming=nowhere")), -EINVAL);
	ck_assert_int_eq(vsu_fd_count(), before);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("arrival");
	TCase *tc = tcase_create("arrival");
	const char *why = no_guest();

	tcase_add_checked_fixture(tc, owner_setup, owner_teardown);
	tcase_set_timeout(tc, 0);
	tcase_add_loop_test_unless(tc, why, guest_moves_in_one_loop, 0, COUNT(moves));
	tcase_add_loop_test_unless(tc, why, waiting_machine_is_freed_at_once, 0, COUNT(waits));
	tcase_add_loop_test_unless(tc, why, waiting_machine_is_killed_by_another_thread, 0,
				   COUNT(waits));
	tcase_add_loop_test_unless(tc, why, source_that_is_lost_ends_the_machine, 0, COUNT(waits));
	tcase_add_test_unless(tc, why, stream_of_something_else_ends_the_machine);
	tcase_add_test_unless(tc, why, waiting_machine_refuses_requests);
	tcase_add_loop_test_unless(tc, why, machine_is_freed_while_its_guest_comes, 0, 12);
	tcase_add_test_unless(tc, why, listener_is_removed_with_the_machine);
	tcase_add_test_unless(tc, why, address_that_is_none_is_refused_at_once);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
