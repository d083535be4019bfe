/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about machines that a program embeds, under the built-in guest. */
#include <config.h>

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>

#include "../guests.h"
#include "owner.h"

/* ---------------------------------------------------------------------- life */

START_TEST(guest_runs_to_its_end)
{
	struct one one;

	MAKE(&one, "builtin:selftest", "--serial=null", "--cpus=2");
	ck_assert_int_eq(cvmm_machine_status(one.m, NULL), -EAGAIN);
	start(&one);
	ck_assert_int_eq(run_to_end(&one), VSU_EXIT_OK);
	ck_assert_uint_eq(one.seen[CVMM_EVENT_ENDED], 1);
	ck_assert_uint_eq(one.threads, 2);
	cvmm_machine_free(one.m);
}
END_TEST

START_TEST(machine_is_freed_in_each_state)
{
	const int before = vsu_fd_count();
	struct one one;

	cvmm_machine_free(NULL);
	MAKE(&one, LOOPS);
	cvmm_machine_free(one.m);
	MAKE(&one, LOOPS);
	start(&one);
	cvmm_machine_free(one.m);
	MAKE(&one, LOOPS);
	start(&one);
	OK(cvmm_machine_pause(one.m, &err));
	cvmm_machine_free(one.m);
	ck_assert_int_eq(vsu_fd_count(), before);
}
END_TEST

START_TEST(machine_is_started_once)
{
	struct one one;

	MAKE(&one, LOOPS);
	start(&one);
	ck_assert_int_eq(cvmm_machine_start(one.m, &err), -EINVAL);
	cvmm_machine_free(one.m);
}
END_TEST

static void *kill_it(void *m)
{
	cvmm_machine_kill(m);
	return NULL;
}

START_TEST(another_thread_ends_a_guest)
{
	pthread_t thread;
	struct one one;

	MAKE(&one, LOOPS);
	start(&one);
	ck_assert_int_eq(pthread_create(&thread, NULL, kill_it, one.m), 0);
	ck_assert_int_eq(run_to_end(&one), VSU_EXIT_FAIL);
	ck_assert_str_eq(err.msg, "the program ended the machine");
	pthread_join(thread, NULL);
	cvmm_machine_free(one.m);
}
END_TEST

START_TEST(process_keeps_its_signal_handlers)
{
	struct sigaction before[SIGSYS], now;
	struct one one;
	int signo;

	for (signo = 1; signo < SIGSYS; signo++)
		sigaction(signo, NULL, &before[signo]);
	MAKE(&one, LOOPS);
	start(&one);
	OK(cvmm_machine_pause(one.m, &err));
	for (signo = 1; signo < SIGSYS; signo++)
		ck_assert_msg(sigaction(signo, NULL, &now) ||
			      now.sa_handler == before[signo].sa_handler, "signal %d", signo);
	cvmm_machine_free(one.m);
}
END_TEST

/* -------------------------------------------------------------------- requests */

START_TEST(requests_pause_and_resume)
{
	struct one one;

	MAKE(&one, LOOPS);
	ck_assert_int_eq(cvmm_machine_pause(one.m, &err), -EAGAIN);
	start(&one);
	OK(cvmm_machine_pause(one.m, &err));
	ck_assert_int_eq(state_of(&one), CVMM_STATE_PAUSED);
	OK(cvmm_machine_resume(one.m, &err));
	ck_assert_uint_eq(one.seen[CVMM_EVENT_PAUSED], 1);
	ck_assert_uint_eq(one.seen[CVMM_EVENT_RESUMED], 1);
	cvmm_machine_free(one.m);
}
END_TEST

START_TEST(request_that_is_refused_has_no_answer)
{
	struct one one;

	MAKE(&one, LOOPS);
	start(&one);
	ck_assert_int_eq(cvmm_machine_remove_device(one.m, 7, false, on_answer, &one, &err), -ENOENT);
	ck_assert_int_eq(err.code, -ENOENT);
	ck_assert(!one.answered);
	cvmm_machine_free(one.m);
}
END_TEST

START_TEST(power_button_needs_a_kernel_with_acpi)
{
	struct one one;

	MAKE(&one, LOOPS);
	ck_assert_int_eq(cvmm_machine_press_power(one.m, &err), -EAGAIN);
	start(&one);
	ck_assert_int_eq(cvmm_machine_press_power(one.m, &err), -EOPNOTSUPP);
	cvmm_machine_free(one.m);
}
END_TEST

START_TEST(pending_answer_comes_when_the_machine_is_freed)
{
	char path[128];
	struct one one;

	snprintf(path, sizeof(path), "%s/saved", folder);
	MAKE(&one, LOOPS);
	start(&one);
	begin_save(&one, path, CVMM_THEN_RESUME);
	cvmm_machine_free(one.m);
	ck_assert(one.answered);
	ck_assert_int_lt(one.why.code, 0);
}
END_TEST

/* ----------------------------------------------------------------- descriptors */

#define MACHINE_FDS 48		/* most of a machine with a folder and a console of five ports */
#define FOLDER_FDS 8		/* most of each folder */

static const char *const transports[] = { "--transport=mmio", "--transport=pci" };

static int count_descriptors(const char *transport, bool with_folders)
{
	const int before = vsu_fd_count(), null = open("/dev/null", O_RDWR | O_CLOEXEC);
	char console[128];
	struct one one;
	int n;

	snprintf(console, sizeof(console), "--console=fd=%d,port=a:fd:%d,port=b:fd:%d,port=c:fd:%d,port=d:fd:%d",
		 null, null, null, null, null);
	if (with_folders)
		MAKE(&one, LOOPS, transport, console, "--rng=", "--fs=/,readonly,tag=a", "--fs=/,readonly,tag=b",
		     "--fs=/,readonly,tag=c");
	else
		MAKE(&one, LOOPS, transport, console, "--rng=", "--fs=/,readonly,tag=a");
	start(&one);
	n = vsu_fd_count() - before - 1;
	cvmm_machine_free(one.m);
	close(null);
	ck_assert_int_eq(vsu_fd_count(), before);
	return n;
}

START_TEST(machine_and_its_folders_have_few_descriptors)
{
	const int one = count_descriptors(transports[_i], false), three = count_descriptors(transports[_i], true);

	ck_assert_int_le(one, MACHINE_FDS);
	ck_assert_int_le(three - one, 2 * FOLDER_FDS);
}
END_TEST

/* ------------------------------------------------------------ within a callback */

static void turn_within(struct one *one, const struct cvmm_event *event)
{
	(void)event;
	ck_assert(cvmm_machine_dispatch(one->m));
}

START_TEST(turn_within_a_turn_does_nothing)
{
	char path[128];
	struct one one;

	snprintf(path, sizeof(path), "%s/saved", folder);
	MAKE(&one, LOOPS);
	one.then = turn_within;
	start(&one);
	begin_save(&one, path, CVMM_THEN_PAUSE);
	wait_for_answer(&one);
	cvmm_machine_kill(one.m);
	ck_assert_int_eq(run_to_end(&one), VSU_EXIT_FAIL);
	ck_assert_uint_eq(one.seen[CVMM_EVENT_PAUSED], 1);
	ck_assert_uint_eq(one.seen[CVMM_EVENT_ENDED], 1);
	cvmm_machine_free(one.m);
}
END_TEST

static void ask_within(struct one *one, const struct cvmm_event *event)
{
	ck_assert_int_eq(cvmm_machine_pause(one->m, &err), event->kind == CVMM_EVENT_ENDED ? -EAGAIN : 0);
}

START_TEST(event_permits_a_request_until_the_end)
{
	struct one one;

	MAKE(&one, LOOPS);
	one.then = ask_within;
	start(&one);
	OK(cvmm_machine_pause(one.m, &err));
	ck_assert_uint_eq(one.seen[CVMM_EVENT_PAUSED], 1);
	cvmm_machine_kill(one.m);
	ck_assert_int_eq(run_to_end(&one), VSU_EXIT_FAIL);
	ck_assert_uint_eq(one.seen[CVMM_EVENT_ENDED], 1);
	cvmm_machine_free(one.m);
}
END_TEST

START_TEST(owner_ends_a_guest_by_a_status_and_a_sentence)
{
	struct one one;

	MAKE(&one, LOOPS);
	start(&one);
	cvmm_machine_suspend_terminal(one.m);
	cvmm_machine_resume_terminal(one.m);
	cvmm_machine_resize_terminal(one.m);
	cvmm_machine_end(one.m, VSU_EXIT_INTERNAL, "enough");
	ck_assert_int_eq(run_to_end(&one), VSU_EXIT_INTERNAL);
	ck_assert_str_eq(err.msg, "enough");
	cvmm_machine_free(one.m);
}
END_TEST

START_TEST(end_by_free_has_a_reason)
{
	struct one one;

	MAKE(&one, LOOPS);
	start(&one);
	cvmm_machine_free(one.m);
	ck_assert_int_eq(one.last.status, VSU_EXIT_FAIL);
	ck_assert_str_eq(one.cause, "the program freed the machine");
}
END_TEST

/* --------------------------------------------------------------- more than one */

START_TEST(two_machines_and_a_clone_run_in_one_loop)
{
	struct one one, two, clone;
	struct one *const all[] = { &one, &two, &clone };
	char path[128], from[160];

	snprintf(path, sizeof(path), "%s/saved", folder);
	snprintf(from, sizeof(from), "--from=%s", path);
	MAKE(&one, LOOPS);
	MAKE(&two, LOOPS, "--cpus=2");
	start(&one);
	start(&two);
	begin_save(&one, path, CVMM_THEN_RESUME);
	while (!one.answered)
		turn(all, 2);
	ck_assert_msg(!one.why.code, "%s", one.why.msg);
	MAKE(&clone, from, "--clone");
	start(&clone);
	ck_assert_int_eq(state_of(&clone), CVMM_STATE_RUNNING);
	cvmm_machine_free(one.m);
	cvmm_machine_kill(clone.m);
	cvmm_machine_kill(two.m);
	ck_assert_int_eq(run_to_end(&clone), VSU_EXIT_FAIL);
	ck_assert_int_eq(run_to_end(&two), VSU_EXIT_FAIL);
	cvmm_machine_free(two.m);
	cvmm_machine_free(clone.m);
}
END_TEST

START_TEST(saved_machine_continues)
{
	char path[128], from[160];
	struct one one;

	snprintf(path, sizeof(path), "%s/saved", folder);
	snprintf(from, sizeof(from), "--from=%s", path);
	MAKE(&one, LOOPS);
	start(&one);
	begin_save(&one, path, CVMM_THEN_STOP);
	wait_for_answer(&one);
	ck_assert_int_eq(run_to_end(&one), VSU_EXIT_OK);
	cvmm_machine_free(one.m);
	MAKE(&one, from);
	start(&one);
	OK(cvmm_machine_pause(one.m, &err));
	cvmm_machine_free(one.m);
}
END_TEST

/* --------------------------------------------------------------------- refusals */

static const struct {
	const char *words[3];
	int code;
} refused[] = {
	{ { "builtin:selftest", "--jail", NULL }, -ENOENT },
	{ { "builtin:selftest", "--control=socket", NULL }, -ENOENT },
	{ { "builtin:selftest", "--color=red", NULL }, -ENOENT },
	{ { "builtin:selftest", "--cpus=0", NULL }, -EINVAL },
	{ { "builtin:selftest", "--memory=size=0", NULL }, -EINVAL },
	{ { "builtin:selftest", "--serial=stdio", NULL }, -EINVAL },
	{ { "builtin:nothing", NULL }, -EINVAL },
	{ { "/nonexistent/kernel", NULL }, -ENOENT },
	{ { "--cpus=1", NULL }, -ENOENT },
	/* with KVM, which is opened before: a path with a comma */
	{ { "builtin:selftest", "/dev/null,readonly", NULL }, -ENOENT },
};

#define N_REFUSED ((int)(sizeof(refused) / sizeof(refused[0])))

/* Locks of disks are of whole files. */
START_TEST(disk_in_other_bytes_of_a_memory_file_is_refused_with_the_reason)
{
	char path[96], memory[160], pmem[128];
	struct one one;
	FILE *f;

	snprintf(path, sizeof(path), "%s/file", folder);
	snprintf(memory, sizeof(memory), "--memory=backend=file,mem-path=%s,share=on,size=16M,offset=2M", path);
	snprintf(pmem, sizeof(pmem), "--pmem=%s,size=2M,format=raw", path);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(ftruncate(fileno(f), 18 << 20), 0);
	fclose(f);
	ck_assert_int_eq(try_make(&one, WORDS("builtin:selftest", "--serial=null", memory, pmem)), -EINVAL);
	ck_assert_msg(strstr(err.msg, "is also the file of --memory; a disk needs a file of its own, as it is locked as a whole"),
		      "%s", err.msg);
}
END_TEST

START_TEST(refused_machine_leaves_nothing)
{
	const int before = vsu_fd_count();
	struct one one;
	size_t n = 0;
	int rc;

	while (refused[_i].words[n])
		n++;
	rc = try_make(&one, n, refused[_i].words);
	ck_assert_msg(rc == refused[_i].code, "%d: %s", rc, err.msg);
	ck_assert_int_eq(err.code, rc);
	ck_assert_int_eq(vsu_fd_count(), before);
}
END_TEST

START_TEST(host_that_cannot_be_used_is_refused)
{
	static const int closed[] = { 900, 901 };
	const struct cvmm_host none = { .size = 0 }, lost = { .size = sizeof(lost), .stdio = closed };
	struct cvmm_machine *m = NULL;
	struct cvmm_options *o;

	ck_assert_int_eq(cvmm_options_new(&o, &err), 0);
	ck_assert_int_eq(cvmm_options_add(o, "kernel", "builtin:selftest", &err), 0);
	ck_assert_int_eq(cvmm_machine_new(o, &none, &m, &err), -EINVAL);
	ck_assert_int_eq(cvmm_machine_new(o, &lost, &m, &err), -EBADF);
	ck_assert_int_eq(cvmm_options_add(o, "cpus", "65", &err), -EINVAL);
	ck_assert_int_eq(cvmm_options_add(o, "memory", "size=much", &err), -EINVAL);
	ck_assert_int_eq(cvmm_options_add(o, "disk", "", &err), -EINVAL);
	ck_assert_int_lt(cvmm_options_add(o, "device", "blk,colour=red", &err), 0);
	ck_assert_int_eq(cvmm_options_add(o, "name", "a b", &err), -EINVAL);
	ck_assert_int_eq(cvmm_options_add(o, "cpus=3", NULL, &err), -ENOENT);
	ck_assert_int_eq(cvmm_options_add(o, "", NULL, &err), -ENOENT);
	ck_assert_ptr_null(m);
	cvmm_options_free(o);
}
END_TEST

static void *make_with_device(void *one)
{
	MAKE((struct one *)one, LOOPS, "--rng=");
	return NULL;
}

START_TEST(machine_of_another_thread_is_started_and_freed)
{
	pthread_t thread;
	struct one one;

	ck_assert_int_eq(pthread_create(&thread, NULL, make_with_device, &one), 0);
	pthread_join(thread, NULL);
	start(&one);
	OK(cvmm_machine_pause(one.m, &err));
	cvmm_machine_free(one.m);
	ck_assert_int_eq(pthread_create(&thread, NULL, make_with_device, &one), 0);
	pthread_join(thread, NULL);
	cvmm_machine_free(one.m);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("machine");
	TCase *tc = tcase_create("machine"), *refusals = tcase_create("refusals");
	const char *why = no_guest();

	tcase_add_checked_fixture(tc, owner_setup, owner_teardown);
	tcase_add_checked_fixture(refusals, owner_setup, owner_teardown);
	tcase_set_timeout(tc, 0);
	tcase_add_test_unless(tc, why, guest_runs_to_its_end);
	tcase_add_test_unless(tc, why, machine_is_freed_in_each_state);
	tcase_add_test_unless(tc, why, machine_is_started_once);
	tcase_add_loop_test_unless(tc, why, machine_and_its_folders_have_few_descriptors, 0, 2);
	tcase_add_test_unless(tc, why, another_thread_ends_a_guest);
	tcase_add_test_unless(tc, why, process_keeps_its_signal_handlers);
	tcase_add_test_unless(tc, why, requests_pause_and_resume);
	tcase_add_test_unless(tc, why, request_that_is_refused_has_no_answer);
	tcase_add_test_unless(tc, why, power_button_needs_a_kernel_with_acpi);
	tcase_add_test_unless(tc, why, pending_answer_comes_when_the_machine_is_freed);
	tcase_add_test_unless(tc, why, disk_in_other_bytes_of_a_memory_file_is_refused_with_the_reason);
	tcase_add_test_unless(tc, why, turn_within_a_turn_does_nothing);
	tcase_add_test_unless(tc, why, event_permits_a_request_until_the_end);
	tcase_add_test_unless(tc, why, owner_ends_a_guest_by_a_status_and_a_sentence);
	tcase_add_test_unless(tc, why, end_by_free_has_a_reason);
	tcase_add_test_unless(tc, why, two_machines_and_a_clone_run_in_one_loop);
	tcase_add_test_unless(tc, why, saved_machine_continues);
	tcase_add_test_unless(tc, why, machine_of_another_thread_is_started_and_freed);
	tcase_add_test(refusals, host_that_cannot_be_used_is_refused);
	tcase_add_loop_test(refusals, refused_machine_leaves_nothing, 0, N_REFUSED - 1);
	tcase_add_loop_test_unless(refusals, why, refused_machine_leaves_nothing, N_REFUSED - 1, N_REFUSED);
	suite_add_tcase(s, tc);
	suite_add_tcase(s, refusals);
	return run_suite(s);
}
