/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
#include <config.h>

#include <errno.h>
#include <poll.h>
#include <sys/resource.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/loop.h>

#include "util.h"

#define LONG_NS UINT64_C(1000000000000)
#define PIPES 100

static struct vsu_loop *loop;
static struct vsu_error err;

/* A watcher of each kind that counts its calls, and what it does in them. */
struct rig {
	struct vsu_io io;
	struct vsu_alarm timer;
	struct vsu_turn turn;
	unsigned int calls;
	void (*also)(struct rig *r);
	struct rig *other;
};
static struct rig a, b;

static void on_call(void *opaque)
{
	struct rig *r = opaque;

	r->calls++;
	if (r->also)
		r->also(r);
}

static void rig_init(struct rig *r, int fd)
{
	memset(r, 0, sizeof(*r));
	vsu_io_init(&r->io, on_call, r, fd, VSU_IO_READ);
	vsu_alarm_init(&r->timer, on_call, r);
	vsu_turn_init(&r->turn, on_call, r);
}

static void setup(void)
{
	vsu_error_clear(&err);
	ck_assert_int_eq(vsu_loop_new(&loop, &err), 0);
	rig_init(&a, vsu_event_new());
	rig_init(&b, vsu_event_new());
	a.other = &b;
	b.other = &a;
}

static void stop_all(struct rig *r)
{
	vsu_io_stop(&r->io);
	vsu_alarm_stop(&r->timer);
	vsu_turn_stop(&r->turn);
}

static void teardown(void)
{
	stop_all(&a);
	stop_all(&b);
	vsu_loop_free(loop);
	close(a.io.fd);
	close(b.io.fd);
}

static bool is_readable(void)
{
	struct pollfd look = { .fd = vsu_loop_fd(loop), .events = POLLIN };

	return poll(&look, 1, 0) == 1;
}

static void wait_readable(void)
{
	struct pollfd look = { .fd = vsu_loop_fd(loop), .events = POLLIN };

	ck_assert_int_eq(poll(&look, 1, -1), 1);
}

/* ------------------------------------------------------------- descriptors */

START_TEST(a_ready_descriptor_calls_its_watcher_in_each_turn)
{
	vsu_io_start(loop, &a.io);
	ck_assert(!is_readable());
	vsu_event_signal(a.io.fd);
	ck_assert(is_readable());
	vsu_loop_dispatch(loop);
	vsu_loop_dispatch(loop);
	ck_assert_uint_eq(a.calls, 2);
	vsu_event_drain(a.io.fd, NULL);
	ck_assert(!is_readable());
	vsu_loop_dispatch(loop);
	ck_assert_uint_eq(a.calls, 2);
}
END_TEST

START_TEST(a_stopped_watcher_is_not_called)
{
	vsu_io_start(loop, &a.io);
	vsu_event_signal(a.io.fd);
	vsu_io_stop(&a.io);
	vsu_io_stop(&a.io);
	ck_assert(!is_readable());
	vsu_loop_dispatch(loop);
	ck_assert_uint_eq(a.calls, 0);
}
END_TEST

static void stop_other(struct rig *r)
{
	stop_all(r->other);
}

/* In either order of events. */
START_TEST(a_callback_stops_a_watcher_that_is_ready_in_the_same_turn)
{
	a.also = b.also = stop_other;
	vsu_io_start(loop, &a.io);
	vsu_io_start(loop, &b.io);
	vsu_event_signal(a.io.fd);
	vsu_event_signal(b.io.fd);
	vsu_loop_dispatch(loop);
	ck_assert_uint_eq(a.calls + b.calls, 1);
}
END_TEST

START_TEST(a_zeroed_watcher_can_be_stopped)
{
	struct rig none = { .calls = 0 };

	stop_all(&none);
	ck_assert(!is_readable());
}
END_TEST

START_TEST(a_watcher_without_a_descriptor_does_not_start)
{
	struct rig none;

	rig_init(&none, -1);
	vsu_io_start(loop, &none.io);
	ck_assert(!is_readable());
	vsu_io_stop(&none.io);
}
END_TEST

START_TEST(room_to_write_calls_the_watcher_of_writes)
{
	vsu_io_init(&b.io, on_call, &b, b.io.fd, VSU_IO_WRITE);
	vsu_io_start(loop, &b.io);
	vsu_loop_dispatch(loop);
	ck_assert_uint_eq(b.calls, 1);
}
END_TEST

START_TEST(a_regular_file_is_always_ready)
{
	FILE *file = tmpfile();
	struct rig r;

	rig_init(&r, fileno(file));
	vsu_io_start(loop, &r.io);
	wait_readable();
	vsu_loop_dispatch(loop);
	ck_assert(is_readable());
	vsu_loop_dispatch(loop);
	ck_assert_uint_eq(r.calls, 2);
	vsu_io_stop(&r.io);
	vsu_loop_dispatch(loop);
	ck_assert(!is_readable());
	fclose(file);
}
END_TEST

START_TEST(more_descriptors_than_a_turn_takes_are_all_called)
{
	static struct rig many[PIPES];
	unsigned int i, calls = 0;

	for (i = 0; i < PIPES; i++) {
		rig_init(&many[i], vsu_event_new());
		vsu_io_start(loop, &many[i].io);
		vsu_event_signal(many[i].io.fd);
	}
	for (i = 0; i < PIPES / 25; i++)
		vsu_loop_dispatch(loop);
	for (i = 0; i < PIPES; i++) {
		calls += many[i].calls > 0;
		vsu_io_stop(&many[i].io);
		close(many[i].io.fd);
	}
	ck_assert_uint_eq(calls, PIPES);
}
END_TEST

/* -------------------------------------------------------------------- times */

START_TEST(a_timer_without_a_delay_waits_for_the_next_turn)
{
	vsu_alarm_start(loop, &a.timer, 0, 0);
	wait_readable();
	vsu_loop_dispatch(loop);
	ck_assert_uint_eq(a.calls, 1);
	ck_assert(!a.timer.active);
	ck_assert(!is_readable());
}
END_TEST

static void start_again(struct rig *r)
{
	vsu_alarm_start(loop, &r->timer, 0, 0);
}

/* Else a peer that causes it could keep the loop from all others. */
START_TEST(a_timer_that_starts_itself_runs_once_in_a_turn)
{
	a.also = start_again;
	vsu_alarm_start(loop, &a.timer, 0, 0);
	vsu_loop_dispatch(loop);
	ck_assert_uint_eq(a.calls, 1);
	wait_readable();
	vsu_loop_dispatch(loop);
	ck_assert_uint_eq(a.calls, 2);
}
END_TEST

static void start_timer_of_other(struct rig *r)
{
	vsu_alarm_start(loop, &r->other->timer, 0, 0);
}

START_TEST(a_start_of_an_active_timer_does_not_postpone_it)
{
	a.also = start_timer_of_other;
	vsu_io_start(loop, &a.io);
	vsu_event_signal(a.io.fd);
	vsu_loop_dispatch(loop);
	vsu_loop_dispatch(loop);
	ck_assert_uint_eq(b.calls, 1);
}
END_TEST

START_TEST(timers_are_called_in_the_order_of_their_times)
{
	vsu_alarm_start(loop, &a.timer, LONG_NS, 0);
	vsu_alarm_start(loop, &b.timer, 1000, 0);
	wait_readable();
	vsu_loop_dispatch(loop);
	ck_assert_uint_eq(b.calls, 1);
	ck_assert_uint_eq(a.calls, 0);
	ck_assert(a.timer.active);
	ck_assert(!is_readable());
}
END_TEST

START_TEST(a_timer_of_the_longest_time_does_not_expire)
{
	vsu_alarm_start(loop, &a.timer, UINT64_MAX, 0);
	vsu_alarm_start(loop, &b.timer, 0, UINT64_MAX - 1);
	vsu_loop_dispatch(loop);
	vsu_loop_dispatch(loop);
	ck_assert_uint_eq(a.calls, 0);
	ck_assert_uint_eq(b.calls, 1);
	ck_assert(a.timer.active && b.timer.active);
	ck_assert(!is_readable());
}
END_TEST

START_TEST(a_timer_repeats_until_it_is_stopped)
{
	vsu_alarm_start(loop, &a.timer, 0, 1000);
	while (a.calls < 3) {
		wait_readable();
		vsu_loop_dispatch(loop);
	}
	vsu_alarm_stop(&a.timer);
	vsu_loop_dispatch(loop);
	ck_assert(!is_readable());
}
END_TEST

START_TEST(a_callback_stops_a_timer_that_is_due)
{
	a.also = b.also = stop_other;
	vsu_alarm_start(loop, &a.timer, 0, 0);
	vsu_alarm_start(loop, &b.timer, 0, 0);
	vsu_loop_dispatch(loop);
	ck_assert_uint_eq(a.calls + b.calls, 1);
}
END_TEST

/* ------------------------------------------------------------ end of a turn */

START_TEST(the_end_of_each_turn_calls_its_watchers)
{
	vsu_turn_start(loop, &a.turn);
	vsu_turn_start(loop, &a.turn);
	vsu_turn_start(loop, &b.turn);
	vsu_loop_dispatch(loop);
	vsu_loop_dispatch(loop);
	ck_assert_uint_eq(a.calls, 2);
	ck_assert_uint_eq(b.calls, 2);
	ck_assert(!is_readable());
}
END_TEST

START_TEST(a_watcher_of_the_turns_end_stops_itself_and_others)
{
	a.also = b.also = stop_other;
	vsu_turn_start(loop, &a.turn);
	vsu_turn_start(loop, &b.turn);
	vsu_loop_dispatch(loop);
	ck_assert_uint_eq(a.calls + b.calls, 1);
}
END_TEST

static void start_own_timer(struct rig *r)
{
	vsu_alarm_start(loop, &r->timer, 0, 0);
}

START_TEST(a_timer_started_at_the_end_of_a_turn_makes_the_loop_readable)
{
	a.also = start_own_timer;
	vsu_turn_start(loop, &a.turn);
	vsu_loop_dispatch(loop);
	wait_readable();
}
END_TEST

static void start_other_turn(struct rig *r)
{
	(void)r;
	vsu_turn_start(loop, &b.turn);
}

START_TEST(a_turn_started_at_the_end_of_a_turn_makes_the_loop_readable)
{
	a.also = start_other_turn;
	vsu_turn_start(loop, &a.turn);
	vsu_loop_dispatch(loop);
	wait_readable();
	vsu_loop_dispatch(loop);
	ck_assert_uint_eq(b.calls, 1);
}
END_TEST

static void end_loop(struct rig *r)
{
	(void)r;
	vsu_loop_end(loop);
}

START_TEST(a_loop_that_was_ended_reports_it_after_the_turn)
{
	a.also = end_loop;
	vsu_turn_start(loop, &b.turn);
	vsu_io_start(loop, &a.io);
	ck_assert(vsu_loop_dispatch(loop));
	vsu_event_signal(a.io.fd);
	ck_assert(!vsu_loop_dispatch(loop));
	ck_assert_uint_eq(b.calls, 2);
}
END_TEST

static void turn_within(struct rig *r)
{
	vsu_event_drain(r->io.fd, NULL);
	vsu_loop_end(loop);
	ck_assert(vsu_loop_dispatch(loop));
}

START_TEST(a_turn_within_a_callback_does_nothing)
{
	a.also = turn_within;
	vsu_io_start(loop, &a.io);
	vsu_event_signal(a.io.fd);
	vsu_turn_start(loop, &b.turn);
	ck_assert(!vsu_loop_dispatch(loop));
	ck_assert_uint_eq(a.calls, 1);
	ck_assert_uint_eq(b.calls, 1);
}
END_TEST

START_TEST(a_loop_without_descriptors_is_refused_with_a_sentence)
{
	struct rlimit before;
	struct vsu_loop *none_made = NULL;

	getrlimit(RLIMIT_NOFILE, &before);
	setrlimit(RLIMIT_NOFILE, &(struct rlimit){ 0, before.rlim_max });
	ck_assert_int_eq(vsu_loop_new(&none_made, &err), -EMFILE);
	ck_assert_str_eq(err.msg, "an event loop: Too many open files");
	setrlimit(RLIMIT_NOFILE, &before);
	ck_assert_ptr_null(none_made);
}
END_TEST

static void add_descriptors(Suite *s)
{
	TCase *tc = tcase_create("descriptors");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_ready_descriptor_calls_its_watcher_in_each_turn);
	tcase_add_test(tc, a_stopped_watcher_is_not_called);
	tcase_add_test(tc, a_callback_stops_a_watcher_that_is_ready_in_the_same_turn);
	tcase_add_test(tc, a_zeroed_watcher_can_be_stopped);
	tcase_add_test(tc, a_watcher_without_a_descriptor_does_not_start);
	tcase_add_test(tc, room_to_write_calls_the_watcher_of_writes);
	tcase_add_test(tc, a_regular_file_is_always_ready);
	tcase_add_test(tc, more_descriptors_than_a_turn_takes_are_all_called);
	suite_add_tcase(s, tc);
}

int main(void)
{
	Suite *s = suite_create("loop");
	TCase *tc = tcase_create("times and turns");

	add_descriptors(s);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_timer_without_a_delay_waits_for_the_next_turn);
	tcase_add_test(tc, a_timer_that_starts_itself_runs_once_in_a_turn);
	tcase_add_test(tc, a_start_of_an_active_timer_does_not_postpone_it);
	tcase_add_test(tc, timers_are_called_in_the_order_of_their_times);
	tcase_add_test(tc, a_timer_of_the_longest_time_does_not_expire);
	tcase_add_test(tc, a_timer_repeats_until_it_is_stopped);
	tcase_add_test(tc, a_callback_stops_a_timer_that_is_due);
	tcase_add_test(tc, the_end_of_each_turn_calls_its_watchers);
	tcase_add_test(tc, a_watcher_of_the_turns_end_stops_itself_and_others);
	tcase_add_test(tc, a_timer_started_at_the_end_of_a_turn_makes_the_loop_readable);
	tcase_add_test(tc, a_turn_started_at_the_end_of_a_turn_makes_the_loop_readable);
	tcase_add_test(tc, a_loop_that_was_ended_reports_it_after_the_turn);
	tcase_add_test(tc, a_turn_within_a_callback_does_nothing);
	tcase_add_test(tc, a_loop_without_descriptors_is_refused_with_a_sentence);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
