/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the state of a machine that its owner reads, and about its events. */
#include <config.h>

#include <string.h>

#include "../back_end.h"
#include "../guests.h"
#include "owner.h"

static struct one one;

static struct cvmm_statistics statistics(void)
{
	struct cvmm_statistics s = { .size = sizeof(s) };

	OK(cvmm_machine_get_statistics(one.m, &s, &err));
	ck_assert_uint_eq(s.size, sizeof(s));
	return s;
}

START_TEST(state_follows_the_machine)
{
	MAKE(&one, LOOPS, "--cpus=2");
	ck_assert_int_eq(statistics().state, CVMM_STATE_NEW);
	start(&one);
	ck_assert_int_eq(statistics().state, CVMM_STATE_RUNNING);
	OK(cvmm_machine_pause(one.m, &err));
	ck_assert_int_eq(statistics().state, CVMM_STATE_PAUSED);
	ck_assert(statistics().paused);
	OK(cvmm_machine_stop(one.m, &err));
	run_to_end(&one);
	ck_assert_int_eq(statistics().state, CVMM_STATE_ENDED);
	cvmm_machine_free(one.m);
}
END_TEST

START_TEST(save_is_a_state_until_its_answer)
{
	struct cvmm_save save = { .size = sizeof(save) };
	char path[128];

	snprintf(path, sizeof(path), "%s/saved", folder);
	save.folder = path;
	MAKE(&one, LOOPS);
	start(&one);
	OK(cvmm_machine_save(one.m, &save, on_answer, &one, &err));
	ck_assert_int_eq(statistics().state, CVMM_STATE_SAVING);
	ck_assert(!statistics().paused);
	wait_for_answer(&one);
	ck_assert_int_eq(statistics().state, CVMM_STATE_RUNNING);
	ck_assert_uint_eq(statistics().progress.save_total, 0);
	cvmm_machine_free(one.m);
}
END_TEST

START_TEST(time_of_a_pause_is_part_of_the_age)
{
	struct cvmm_statistics before, after;

	MAKE(&one, LOOPS);
	start(&one);
	OK(cvmm_machine_pause(one.m, &err));
	before = statistics();
	do	/* the clock goes on */
		after = statistics();
	while (after.paused_ns == before.paused_ns);
	OK(cvmm_machine_resume(one.m, &err));
	after = statistics();
	ck_assert_uint_ge(after.age_ns - before.age_ns, after.paused_ns - before.paused_ns);
	ck_assert_uint_gt(after.age_ns, after.paused_ns);
	ck_assert_uint_eq(statistics().paused_ns, after.paused_ns);
	cvmm_machine_free(one.m);
}
END_TEST

START_TEST(memory_and_processors_are_counted)
{
	struct cvmm_statistics s;

	MAKE(&one, LOOPS, "--cpus=3,max=5", "--rng=");
	start(&one);
	do
		s = statistics();
	while (!s.exits);
	ck_assert_uint_eq(s.cpus, 3);
	ck_assert_uint_eq(s.max_cpus, 5);
	ck_assert_uint_eq(s.devices, 1);
	ck_assert_uint_eq(s.memory, 16 << 20);
	ck_assert(s.present > 0 && s.present <= s.memory);
	ck_assert_int_eq(s.progress.phase, CVMM_PHASE_NONE);
	cvmm_machine_free(one.m);
}
END_TEST

START_TEST(device_has_its_kind)
{
	struct cvmm_device d = { .size = sizeof(d) }, none = { .size = 0 };

	MAKE(&one, LOOPS, "--transport=pci", "--rng=", "--device=balloon");
	OK(cvmm_machine_get_device(one.m, 1, &d, &err));
	ck_assert_str_eq(d.kind, "balloon");
	ck_assert_uint_eq(d.id, 5);
	ck_assert(d.slot && !d.coming && !d.leaving);
	ck_assert_int_eq(cvmm_machine_get_device(one.m, 2, &d, &err), -ENOENT);
	ck_assert_int_eq(cvmm_machine_get_device(one.m, ~0u, &d, &err), -ENOENT);
	ck_assert_int_eq(cvmm_machine_get_device(one.m, 1, &none, &err), -EINVAL);
	cvmm_machine_free(one.m);
}
END_TEST

START_TEST(machine_has_its_name_kernel_and_files)
{
	struct cvmm_device d = { .size = sizeof(d) };

	MAKE(&one, LOOPS, "--name=one", "--fs=/,readonly,tag=root", "--rng=");
	ck_assert_str_eq(statistics().name, "one");
	ck_assert_str_eq(statistics().kernel, guest_word("builtin:selftest"));
	ck_assert(statistics().uptime_ns && statistics().age_ns);
	OK(cvmm_machine_get_device(one.m, 0, &d, &err));
	ck_assert_str_eq(d.file, "/");
	OK(cvmm_machine_get_device(one.m, 1, &d, &err));
	ck_assert_ptr_null(d.file);
	cvmm_machine_free(one.m);
}
END_TEST

START_TEST(older_header_receives_the_members_that_it_has)
{
	struct cvmm_statistics s;

	memset(&s, 0xa5, sizeof(s));
	s.size = offsetof(struct cvmm_statistics, devices);
	MAKE(&one, LOOPS);
	OK(cvmm_machine_get_statistics(one.m, &s, &err));
	ck_assert_uint_eq(s.cpus, 1);
	ck_assert_uint_eq(s.devices, 0xa5a5a5a5);
	s.size = 4;
	ck_assert_int_eq(cvmm_machine_get_statistics(one.m, &s, &err), -EINVAL);
	cvmm_machine_free(one.m);
}
END_TEST

/* --------------------------------------------------------------------- events */

static struct cvmm_progress seen;

static void on_progress(struct one *o, const struct cvmm_event *event)
{
	(void)o;
	if (event->kind == CVMM_EVENT_SAVING || event->kind == CVMM_EVENT_MIGRATING)
		seen = event->progress;
}

START_TEST(save_ends_with_its_whole_progress)
{
	struct cvmm_save save = { .size = sizeof(save) };
	char path[128];

	snprintf(path, sizeof(path), "%s/saved", folder);
	save.folder = path;
	MAKE(&one, LOOPS);
	one.then = on_progress;
	start(&one);
	OK(cvmm_machine_save(one.m, &save, on_answer, &one, &err));
	wait_for_answer(&one);
	ck_assert_uint_ge(one.seen[CVMM_EVENT_SAVING], 1);
	ck_assert(seen.save_total > 0 && seen.save_done == seen.save_total);
	cvmm_machine_free(one.m);
}
END_TEST

START_TEST(migration_reports_progress)
{
	const struct cvmm_migration g = { .size = sizeof(g), .address = "exec:exit 1" };

	MAKE(&one, LOOPS);
	one.then = on_progress;
	start(&one);
	OK(cvmm_machine_migrate(one.m, &g, on_answer, &one, &err));
	while (!one.answered)
		turn((struct one *const []){ &one }, 1);
	ck_assert_uint_ge(one.seen[CVMM_EVENT_MIGRATING], 1);
	ck_assert_int_ne(seen.phase, CVMM_PHASE_NONE);
	ck_assert_uint_gt(one.last.time_us, UINT64_C(1000000000) * 1000000);
	cvmm_machine_free(one.m);
}
END_TEST

static void make_served(const char *more)
{
	char device[160];

	back_end_start(VQ_F_VERSION_1);
	snprintf(device, sizeof(device), "--device=id=26,queues=1,config-size=4,backend=user:%s%s", be.path, more);
	MAKE(&one, LOOPS ",backend=memfd", "--rng=", device);
	start(&one);
}

static void wait_for_event(enum cvmm_event_kind kind)
{
	while (!one.seen[kind])
		turn((struct one *const []){ &one }, 1);
	ck_assert_int_eq(one.last.kind, kind);
	ck_assert_uint_eq(one.last.device, 1);
}

START_TEST(lost_device_has_its_number_and_cause)
{
	make_served("");
	back_end_stop();
	wait_for_event(CVMM_EVENT_DEVICE_LOST);
	ck_assert_ptr_nonnull(strstr(one.cause, be.path));
	ck_assert(one.last.final);
	ck_assert_uint_eq(statistics().lost_devices, 1);
	cvmm_machine_free(one.m);
	back_end_free();
}
END_TEST

START_TEST(device_is_back_with_its_settings)
{
	make_served(",reconnect=10");
	back_end_stop();
	wait_for_event(CVMM_EVENT_DEVICE_LOST);
	ck_assert(!one.last.final);
	back_end_serve();
	wait_for_event(CVMM_EVENT_DEVICE_BACK);
	ck_assert_int_ne(one.last.settings, CVMM_SETTINGS_RESET);
	ck_assert_uint_eq(statistics().lost_devices, 0);
	cvmm_machine_free(one.m);
	back_end_stop();
	back_end_free();
}
END_TEST

START_TEST(end_has_its_status_and_cause)
{
	MAKE(&one, LOOPS);
	start(&one);
	cvmm_machine_kill(one.m);
	run_to_end(&one);
	ck_assert_int_eq(one.last.kind, CVMM_EVENT_ENDED);
	ck_assert_int_eq(one.last.status, VSU_EXIT_FAIL);
	ck_assert_str_eq(one.cause, "the program ended the machine");
	cvmm_machine_free(one.m);
}
END_TEST

#define ONLY(kind) CVMM_EVENT_BIT(CVMM_EVENT_ ## kind)

static const struct { uint64_t events; bool paused, resumed, ended; } masks[] = {
	{ 0, true, true, true },
	{ CVMM_EVENTS_DEFAULT, true, true, true },
	{ CVMM_EVENTS_ALL, true, true, true },
	{ ONLY(PAUSED) | ONLY(ENDED), true, false, true },
	{ ONLY(RESUMED), false, true, false },
	{ ONLY(BALLOON), false, false, false },
};

START_TEST(owner_receives_the_events_that_it_has_chosen)
{
	const struct cvmm_host host = { .events = masks[_i].events };

	OK(make_with(&one, &host, WORDS(LOOPS)));
	start(&one);
	OK(cvmm_machine_pause(one.m, &err));
	OK(cvmm_machine_resume(one.m, &err));
	cvmm_machine_kill(one.m);
	run_to_end(&one);
	ck_assert(one.seen[CVMM_EVENT_PAUSED] == masks[_i].paused);
	ck_assert(one.seen[CVMM_EVENT_RESUMED] == masks[_i].resumed);
	ck_assert(one.seen[CVMM_EVENT_ENDED] == masks[_i].ended);
	cvmm_machine_free(one.m);
}
END_TEST

START_TEST(owner_chooses_other_events_while_the_machine_runs)
{
	MAKE(&one, LOOPS);
	OK(cvmm_machine_choose_events(one.m, ONLY(RESUMED), &err));
	start(&one);
	OK(cvmm_machine_pause(one.m, &err));
	OK(cvmm_machine_resume(one.m, &err));
	OK(cvmm_machine_choose_events(one.m, 0, &err));
	OK(cvmm_machine_pause(one.m, &err));
	OK(cvmm_machine_choose_events(one.m, CVMM_EVENTS_ALL, &err));
	ck_assert_int_eq(cvmm_machine_choose_events(one.m, CVMM_EVENT_BIT(63), &err), -EINVAL);
	OK(cvmm_machine_resume(one.m, &err));
	ck_assert_uint_eq(one.seen[CVMM_EVENT_PAUSED], 0);
	ck_assert_uint_eq(one.seen[CVMM_EVENT_RESUMED], 2);
	cvmm_machine_free(one.m);
}
END_TEST

START_TEST(events_need_a_function)
{
	OK(make_by(&one, NULL, WORDS(LOOPS)));
	OK(cvmm_machine_choose_events(one.m, 0, &err));
	ck_assert_int_eq(cvmm_machine_choose_events(one.m, CVMM_EVENTS_ALL, &err), -EINVAL);
	cvmm_machine_free(one.m);
}
END_TEST

/* Programs without a mask are not prepared for more. */
START_TEST(default_events_are_those_of_the_first_version)
{
	ck_assert_uint_eq(CVMM_EVENTS_DEFAULT, 0x3ffe);
}
END_TEST

static const int unknown[] = { CVMM_EVENT_DEVICE_REMOVED + 1, 63 };

START_TEST(unknown_event_is_refused)
{
	const struct cvmm_host host = { .events = ONLY(ENDED) | CVMM_EVENT_BIT(unknown[_i]) };
	char why[64];

	snprintf(why, sizeof(why), "host->events: kind %d of events", unknown[_i]);
	ck_assert_int_eq(make_with(&one, &host, WORDS(LOOPS)), -EINVAL);
	ck_assert_msg(strstr(err.msg, why) == err.msg, "%s", err.msg);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("status");
	TCase *tc = tcase_create("status");
	const char *why = no_guest();

	tcase_add_checked_fixture(tc, owner_setup, owner_teardown);
	tcase_set_timeout(tc, 0);
	tcase_add_test_unless(tc, why, state_follows_the_machine);
	tcase_add_test_unless(tc, why, save_is_a_state_until_its_answer);
	tcase_add_test_unless(tc, why, time_of_a_pause_is_part_of_the_age);
	tcase_add_test_unless(tc, why, memory_and_processors_are_counted);
	tcase_add_test_unless(tc, why, device_has_its_kind);
	tcase_add_test_unless(tc, why, machine_has_its_name_kernel_and_files);
	tcase_add_test_unless(tc, why, older_header_receives_the_members_that_it_has);
	tcase_add_test_unless(tc, why, save_ends_with_its_whole_progress);
	tcase_add_test_unless(tc, why, migration_reports_progress);
	tcase_add_test_unless(tc, why, lost_device_has_its_number_and_cause);
	tcase_add_test_unless(tc, why, device_is_back_with_its_settings);
	tcase_add_test_unless(tc, why, end_has_its_status_and_cause);
	tcase_add_loop_test_unless(tc, why, owner_receives_the_events_that_it_has_chosen, 0,
				   sizeof(masks) / sizeof(masks[0]));
	tcase_add_test_unless(tc, why, owner_chooses_other_events_while_the_machine_runs);
	tcase_add_test_unless(tc, why, events_need_a_function);
	tcase_add_test(tc, default_events_are_those_of_the_first_version);
	tcase_add_loop_test(tc, unknown_event_is_refused, 0, sizeof(unknown) / sizeof(unknown[0]));
	suite_add_tcase(s, tc);
	return run_suite(s);
}
