/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the state of a machine that its owner reads, and about its events. */
#include <config.h>

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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
	ck_assert_str_eq(d.option, "balloon");
	ck_assert_int_eq(d.process, 0);
	ck_assert_uint_eq(d.id, 5);
	ck_assert(d.slot && !d.coming && !d.leaving);
	ck_assert(d.irq && !d.socket);
	ck_assert_str_eq(d.server, "inline");
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

/* ------------------------------------------------------------------- iterations */

START_TEST(each_processor_has_its_exits)
{
	struct cvmm_cpu c[2] = { { .size = sizeof(c[0]) }, { .size = sizeof(c[1]) } };
	struct cvmm_statistics s;
	unsigned int i;

	MAKE(&one, LOOPS, "--cpus=2");
	start(&one);
	do	/* the second one waits for the guest, without exits */
		OK(cvmm_machine_get_cpu(one.m, 0, &c[0], &err));
	while (!c[0].exits);
	cvmm_machine_kill(one.m);
	run_to_end(&one);
	for (i = 0; i < 2; i++)
		OK(cvmm_machine_get_cpu(one.m, i, &c[i], &err));
	s = statistics();
	ck_assert_uint_eq(c[0].exits + c[1].exits, s.exits);
	ck_assert_uint_le(c[0].io + c[0].mmio + c[0].interrupted, c[0].exits);
	ck_assert_int_eq(cvmm_machine_get_cpu(one.m, 2, &c[0], &err), -ENOENT);
	cvmm_machine_free(one.m);
}
END_TEST

static void make_file(const char *path, off_t size)
{
	const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, size), 0);
	close(fd);
}

static uint64_t counter(unsigned int device, const char *name)
{
	struct cvmm_counter all[64];
	unsigned int i, n = 0, more;

	OK(cvmm_machine_get_counters(one.m, device, all, 64, &n, &err));
	OK(cvmm_machine_get_counters(one.m, device, all, 1, &more, &err));
	ck_assert_uint_eq(n, more);
	for (i = 0; i < n && strcmp(all[i].name, name) != 0; i++)
		;
	ck_assert_uint_lt(i, n);
	return all[i].value;
}

static uint64_t count_requests(const struct cvmm_latency *l)
{
	uint64_t sum = 0;
	unsigned int i;

	for (i = 0; i < CVMM_LATENCY_BUCKETS; i++)
		sum += l->buckets[i];
	return sum;
}

/* The guest reads the disk before it ends. */
START_TEST(device_has_rings_counters_and_times)
{
	struct cvmm_latency l = { .size = sizeof(l) };
	struct cvmm_ring r = { .size = sizeof(r) };
	char path[128], word[160];

	snprintf(path, sizeof(path), "%s/disk", folder);
	make_file(path, 1 << 20);
	snprintf(word, sizeof(word), "--disk=%s", path);
	MAKE(&one, "builtin:selftest", "--serial=null", "--memory=size=16M", word, "--rng=", "--latency");
	OK(cvmm_machine_get_ring(one.m, 0, 0, &r, &err));
	ck_assert(!r.ready && !r.entries && !r.has_indices);
	start(&one);
	ck_assert_int_eq(run_to_end(&one), VSU_EXIT_OK);
	OK(cvmm_machine_get_latency(one.m, 0, 0, &l, &err));
	ck_assert_str_eq(l.request, "read");
	ck_assert_uint_gt(counter(0, "reads"), 0);
	ck_assert_uint_eq(count_requests(&l), counter(0, "reads"));
	ck_assert_uint_gt(l.nanoseconds, 0);
	ck_assert_int_eq(cvmm_machine_get_latency(one.m, 1, 0, &l, &err), -ENOENT);
	ck_assert_int_eq(cvmm_machine_get_ring(one.m, 0, 1, &r, &err), -ENOENT);
	ck_assert_int_eq(cvmm_machine_get_counters(one.m, 2, NULL, 0, &(unsigned int){ 0 }, &err), -ENOENT);
	cvmm_machine_free(one.m);
}
END_TEST

static struct cvmm_memory_piece piece(unsigned int number)
{
	struct cvmm_memory_piece p = { .size = sizeof(p) };

	OK(cvmm_machine_get_memory(one.m, number, &p, &err));
	return p;
}

START_TEST(memory_has_pieces_and_windows)
{
	struct cvmm_memory_piece none = { .size = sizeof(none) };
	struct cvmm_window w = { .size = sizeof(w) };
	char path[128], word[256];
	struct stat st;

	snprintf(path, sizeof(path), "%s/ram", folder);
	make_file(path, 6 << 20);
	snprintf(word, sizeof(word), "--memory=size=2M,backend=file,mem-path=%s,offset=4M,readonly=on,rom=on", path);
	MAKE(&one, LOOPS, word, "--transport=pci", "--rng=", "--mem=size=256M");
	ck_assert_str_eq(piece(0).backend, "anon");
	ck_assert_int_eq(piece(0).fd, -1);
	ck_assert_int_eq(piece(0).block_fd, -1);
	ck_assert(piece(0).writable && piece(0).mapped && !piece(1).writable);
	ck_assert_str_eq(piece(0).slot, "plain");
	ck_assert_str_eq(piece(1).slot, "readonly");
	ck_assert(piece(0).has_present && piece(0).present <= piece(0).bytes && !piece(0).has_private);
	ck_assert_uint_eq(piece(1).gpa, 16 << 20);
	ck_assert(piece(1).rom && piece(1).readonly && !piece(1).shared);
	ck_assert_uint_eq(piece(1).offset, 4 << 20);
	ck_assert_int_eq(fstat(piece(1).fd, &st), 0);
	ck_assert_int_eq(st.st_size, 6 << 20);
	ck_assert_uint_eq(piece(0).bytes + piece(1).bytes, statistics().memory);
	ck_assert_int_eq(cvmm_machine_get_memory(one.m, 2, &none, &err), -ENOENT);
	OK(cvmm_machine_get_window(one.m, 0, &w, &err));
	ck_assert_uint_eq(w.device, 1);
	ck_assert_uint_eq(w.bytes, 256 << 20);
	ck_assert_uint_eq(w.mappings, 0);
	ck_assert_int_eq(cvmm_machine_get_window(one.m, 1, &w, &err), -ENOENT);
	cvmm_machine_free(one.m);
}
END_TEST

/* An older header has the first member of each struct only. */
START_TEST(each_struct_needs_its_size)
{
	struct cvmm_memory_piece p = { .size = offsetof(struct cvmm_memory_piece, bytes), .bytes = 1 };
	struct cvmm_latency l = { .size = 0 };
	struct cvmm_window w = { .size = 0 };
	struct cvmm_ring r = { .size = 0 };
	struct cvmm_cpu c = { .size = 0 };

	MAKE(&one, LOOPS, "--rng=");
	ck_assert_int_eq(cvmm_machine_get_cpu(one.m, 0, &c, &err), -EINVAL);
	ck_assert_int_eq(cvmm_machine_get_ring(one.m, 0, 0, &r, &err), -EINVAL);
	ck_assert_int_eq(cvmm_machine_get_latency(one.m, 0, 0, &l, &err), -EINVAL);
	ck_assert_int_eq(cvmm_machine_get_window(one.m, 0, &w, &err), -EINVAL);
	ck_assert_int_eq(cvmm_machine_get_memory(one.m, 0, NULL, &err), -EINVAL);
	OK(cvmm_machine_get_memory(one.m, 0, &p, &err));
	ck_assert_uint_eq(p.bytes, 1);
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
	tcase_add_test_unless(tc, why, each_processor_has_its_exits);
	tcase_add_test_unless(tc, why, device_has_rings_counters_and_times);
	tcase_add_test_unless(tc, why, memory_has_pieces_and_windows);
	tcase_add_test_unless(tc, why, each_struct_needs_its_size);
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
