/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about CPU threads, under real guests. */
#include <config.h>

#include <pthread.h>
#include <signal.h>

#include "../guest.h"
#include "cpu/cpus_private.h"

/* Counts for ever. */
GUEST(count, "1: incq (%rdi)\n jmp 1b");

/* Writes 7 to the end port. */
GUEST(end_with_7, "mov $0x600, %edx\n mov $7, %al\n out %al, %dx\n 1: jmp 1b");

/* Counts each store to a register, which the test handles. */
GUEST(store, "mov $0xd0000000, %edx\n"
      "1: mov %eax, (%rdx)\n incq (%rdi)\n jmp 1b");

/* One store, then counts. */
GUEST(store_once, "mov $0xd0000000, %edx\n mov %eax, (%rdx)\n"
      "1: incq (%rdi)\n jmp 1b");

/* Reads a register and says at the end port what it saw. */
GUEST(load, "mov $0xd0000000, %edx\n mov (%rdx), %eax\n"
      "mov $0x600, %edx\n out %al, %dx\n 1: jmp 1b");

GUEST(undefined, "ud2");

static struct vm vm;

static void setup(void)
{
	vm_make(&vm);
}

static void teardown(void)
{
	vm_free(&vm);
}

START_TEST(guest_ends_the_machine_with_a_status_and_a_sentence)
{
	vm_start(&vm, 1, end_with_7, end_with_7_end);
	vm_run_to_end(&vm);
	ck_assert_int_eq(vm.status, 7);
	ck_assert_str_eq(vm.err.msg, "port written with 7");
}
END_TEST

START_TEST(first_reason_to_end_counts)
{
	vm_start(&vm, 1, count, count_end);
	varch_cpus_end(vm.cpus, 3, "first");
	varch_cpus_end(vm.cpus, 4, "second");
	vm_run_to_end(&vm);
	ck_assert_int_eq(vm.status, 3);
	ck_assert_str_eq(vm.err.msg, "first");
}
END_TEST

START_TEST(stop_without_a_reason_leaves_status_alone)
{
	vm_start(&vm, 2, count, count_end);
	vm.status = 99;
	vm_stop(&vm);
	ck_assert_int_eq(vm.status, 99);
}
END_TEST

START_TEST(triple_fault_ends_with_1)
{
	vm_start(&vm, 1, undefined, undefined_end);
	vm_run_to_end(&vm);
	ck_assert_int_eq(vm.status, 1);
	ck_assert_str_eq(vm.err.msg,
			 "CPU 0: the guest shut down by a triple fault");
}
END_TEST

static void assert_still(unsigned int ncpus)
{
	uint64_t before[2];
	unsigned int i, n;

	for (i = 0; i < ncpus; i++)
		before[i] = vm_counter(&vm, i);
	for (n = 0; n < 10; n++) /* each can take milliseconds on a busy host */
		sched_yield();
	for (i = 0; i < ncpus; i++)
		ck_assert_uint_eq(vm_counter(&vm, i), before[i]);
}

START_TEST(no_guest_code_runs_in_a_pause)
{
	unsigned int round, i;

	vm_start(&vm, 2, count, count_end);
	for (round = 0; round < 50; round++) {
		for (i = 0; i < 2; i++)
			vm_wait_above(&vm, i, vm_counter(&vm, i));
		varch_cpus_pause(vm.cpus);
		assert_still(2);
		varch_cpus_resume(vm.cpus);
	}
	vm_stop(&vm);
}
END_TEST

START_TEST(pauses_need_no_signal_handler)
{
	const struct sigaction none = { .sa_handler = SIG_DFL };
	struct sigaction now;

	sigaction(SIGUSR2, &none, NULL);
	vm_start(&vm, 2, count, count_end);
	vm_wait_above(&vm, 1, 0);
	varch_cpus_pause(vm.cpus);
	varch_cpus_resume(vm.cpus);
	vm_wait_above(&vm, 1, vm_counter(&vm, 1));
	ck_assert_int_eq(sigaction(SIGUSR2, NULL, &now), 0);
	ck_assert(now.sa_handler == SIG_DFL);
	vm_stop(&vm);
}
END_TEST

START_TEST(pauses_nest)
{
	vm_start(&vm, 1, count, count_end);
	vm_wait_above(&vm, 0, 0);
	varch_cpus_pause(vm.cpus);
	varch_cpus_pause(vm.cpus);
	varch_cpus_resume(vm.cpus);
	assert_still(1);
	varch_cpus_resume(vm.cpus);
	vm_wait_above(&vm, 0, vm_counter(&vm, 0));
	vm_stop(&vm);
}
END_TEST

START_TEST(stop_ends_a_pause)
{
	vm_start(&vm, 2, count, count_end);
	varch_cpus_pause(vm.cpus);
	vm_stop(&vm);
}
END_TEST

static void add_second(void)
{
	ck_assert_int_eq(varch_cpus_make(vm.cpus, 2, NULL), 0);
	ck_assert_int_eq(varch_cpus_make(vm.cpus, 2, NULL), 0);
	ck_assert_uint_eq(varch_cpus_number(vm.cpus), 1);
	vm_set_cpu(&vm, 1);
	ck_assert_int_eq(varch_cpus_start_next(vm.cpus, NULL), 0);
	ck_assert_uint_eq(varch_cpus_number(vm.cpus), 2);
}

START_TEST(added_cpu_runs_and_pauses_with_the_others)
{
	vm_start(&vm, 1, count, count_end);
	vm_wait_above(&vm, 0, 0);
	add_second();
	vm_wait_above(&vm, 1, 0);
	varch_cpus_pause(vm.cpus);
	assert_still(2);
	varch_cpus_resume(vm.cpus);
	vm_wait_above(&vm, 1, vm_counter(&vm, 1));
	vm_stop(&vm);
}
END_TEST

START_TEST(cpu_that_is_added_in_a_pause_waits_for_its_end)
{
	vm_start(&vm, 1, count, count_end);
	varch_cpus_pause(vm.cpus);
	add_second();
	assert_still(2);
	varch_cpus_resume(vm.cpus);
	vm_wait_above(&vm, 1, 0);
	vm_stop(&vm);
}
END_TEST

START_TEST(vcpu_that_was_never_added_is_freed)
{
	vm_start(&vm, 1, count, count_end);
	ck_assert_int_eq(varch_cpus_make(vm.cpus, 3, NULL), 0);
	vm_wait_above(&vm, 0, 0);
	vm_stop(&vm);
}
END_TEST

/* A CPU that leaves the guest only after a complaint. */
static int caught, released;

static void on_catch(void *opaque, struct varch_access *access)
{
	(void)opaque;
	(void)access;
	__atomic_store_n(&caught, 1, __ATOMIC_RELEASE);
	while (!__atomic_load_n(&released, __ATOMIC_ACQUIRE))
		sched_yield();
}

static void on_stuck(void *opaque)
{
	(void)opaque;
	__atomic_store_n(&released, 1, __ATOMIC_RELEASE);
}

static void start_caught(void)
{
	vm.stuck = on_stuck;
	vm_add(&vm, &vm.mmio, 0xd0000000, 4, on_catch);
	vm_start(&vm, 1, store_once, store_once_end);
	while (!__atomic_load_n(&caught, __ATOMIC_ACQUIRE))
		sched_yield();
}

START_TEST(c2_36_stop_reports_a_cpu_that_does_not_exit)
{
	start_caught();
	vm_stop(&vm);
	ck_assert_int_eq(released, 1);
}
END_TEST

START_TEST(c2_36_pause_reports_a_cpu_that_does_not_exit)
{
	start_caught();
	varch_cpus_pause(vm.cpus);
	ck_assert_int_eq(released, 1);
	varch_cpus_resume(vm.cpus);
	vm_stop(&vm);
}
END_TEST

static void on_load(void *opaque, struct varch_access *access)
{
	(void)opaque;
	ck_assert(!access->write);
	access->value = access->offset == 0 && access->len == 4 ? 0x2a : 0;
}

START_TEST(register_is_read_through_the_bus)
{
	vm_add(&vm, &vm.mmio, REGISTER_GPA, 4, on_load);
	vm_start(&vm, 1, load, load_end);
	vm_run_to_end(&vm);
	ck_assert_int_eq(vm.status, 0x2a);
}
END_TEST

START_TEST(hole_reads_all_ones)
{
	vm_start(&vm, 1, load, load_end);
	vm_run_to_end(&vm);
	ck_assert_int_eq(vm.status, 0xff);
}
END_TEST

static pthread_t called_on;
static struct varch_main_call *kept;
static unsigned int ncalls;

static bool do_now(void *opaque, struct varch_main_call *call)
{
	(void)opaque;
	(void)call;
	called_on = pthread_self();
	ncalls++;
	return true;
}

static bool keep(void *opaque, struct varch_main_call *call)
{
	(void)opaque;
	kept = call;
	return false;
}

static void on_call_now(void *opaque, struct varch_access *access)
{
	(void)access;
	varch_cpus_call_main(((struct vm *)opaque)->cpus, do_now, NULL);
}

static void on_call_kept(void *opaque, struct varch_access *access)
{
	(void)access;
	varch_cpus_call_main(((struct vm *)opaque)->cpus, keep, NULL);
}

START_TEST(call_runs_on_the_main_thread)
{
	vm_add(&vm, &vm.mmio, REGISTER_GPA, 4, on_call_now);
	vm_start(&vm, 1, store, store_end);
	while (vm_counter(&vm, 0) < 10)
		vm_turn(&vm);
	ck_assert_uint_ge(ncalls, 10);
	ck_assert(pthread_equal(called_on, pthread_self()));
	vm_stop(&vm);
}
END_TEST

static void start_and_keep(unsigned int ncpus)
{
	vm_add(&vm, &vm.mmio, REGISTER_GPA, 4, on_call_kept);
	vm_start(&vm, ncpus, store_once, store_once_end);
	while (!kept)
		vm_turn(&vm);
	ck_assert_uint_eq(vm_counter(&vm, 0), 0);
}

START_TEST(call_may_be_finished_later)
{
	start_and_keep(1);
	varch_cpus_call_done(vm.cpus, kept);
	vm_wait_above(&vm, 0, 0);
	vm_stop(&vm);
}
END_TEST

/* The CPU enters the guest again, although the pause required it to leave. */
START_TEST(cpu_that_waits_counts_as_paused)
{
	start_and_keep(1);
	varch_cpus_pause(vm.cpus);
	varch_cpus_resume(vm.cpus);
	varch_cpus_call_done(vm.cpus, kept);
	vm_wait_above(&vm, 0, 0);
	vm_stop(&vm);
}
END_TEST

START_TEST(call_finished_in_a_pause_waits_for_its_end)
{
	start_and_keep(1);
	varch_cpus_pause(vm.cpus);
	varch_cpus_call_done(vm.cpus, kept);
	assert_still(1);
	varch_cpus_resume(vm.cpus);
	vm_wait_above(&vm, 0, 0);
	vm_stop(&vm);
}
END_TEST

/* Otherwise the saved registers are those before an access that was carried out. */
START_TEST(cpu_that_waits_settles_when_its_call_is_finished)
{
	start_and_keep(1);
	varch_cpus_pause(vm.cpus);
	ck_assert_int_eq(varch_cpus_settle(vm.cpus), -EAGAIN);
	varch_cpus_call_done(vm.cpus, kept);
	ck_assert_int_eq(varch_cpus_settle(vm.cpus), 0);
	assert_still(1);
	ck_assert_uint_eq(vm_counter(&vm, 0), 0);
	varch_cpus_resume(vm.cpus);
	vm_wait_above(&vm, 0, 0);
	vm_stop(&vm);
}
END_TEST

START_TEST(cpus_settle_in_each_pause)
{
	unsigned int i, n = scaled(300);

	vm_add(&vm, &vm.mmio, REGISTER_GPA, 4, on_call_now);
	vm_start(&vm, 2, store, store_end);
	for (i = 0; i < n; i++) {
		varch_cpus_pause(vm.cpus);
		do
			varch_cpus_dispatch(vm.cpus);
		while (varch_cpus_settle(vm.cpus) == -EAGAIN);
		ck_assert_int_eq(varch_cpus_settle(vm.cpus), 0);
		assert_still(2);
		varch_cpus_resume(vm.cpus);
		vm_turn(&vm);
	}
	vm_stop(&vm);
}
END_TEST

START_TEST(stop_ends_a_cpu_that_waits)
{
	start_and_keep(1);
	vm_stop(&vm);
}
END_TEST

START_TEST(stop_removes_unprocessed_calls)
{
	struct pollfd p;

	vm_add(&vm, &vm.mmio, REGISTER_GPA, 4, on_call_now);
	vm_start(&vm, 2, store, store_end);
	p = (struct pollfd){ vm.cpus->event_fd, POLLIN, 0 };
	ck_assert_int_eq(poll(&p, 1, -1), 1);
	vm_stop(&vm);
	ck_assert(!varch_cpus_dispatch(vm.cpus));
	ck_assert_uint_eq(ncalls, 0);
}
END_TEST

START_TEST(concurrent_pauses_and_calls_lose_nothing)
{
	unsigned int i, n = scaled(300);

	vm_add(&vm, &vm.mmio, REGISTER_GPA, 4, on_call_now);
	vm_start(&vm, 2, store, store_end);
	for (i = 0; i < n; i++) {
		varch_cpus_pause(vm.cpus);
		varch_cpus_dispatch(vm.cpus);
		varch_cpus_resume(vm.cpus);
		vm_turn(&vm);
	}
	while (vm_counter(&vm, 0) < 20 || vm_counter(&vm, 1) < 20)
		vm_turn(&vm);
	vm_stop(&vm);
}
END_TEST

/* CPU 1 has ended the machine and parks; CPU 0 runs on. */
START_TEST(parked_cpu_delays_neither_pause_nor_stop)
{
	vm_start(&vm, 2, end_with_7, end_with_7_end);
	while (!vm_turn(&vm))
		;
	varch_cpus_pause(vm.cpus);
	varch_cpus_resume(vm.cpus);
	vm_stop(&vm);
	ck_assert_int_eq(vm.status, 7);
}
END_TEST

int main(void)
{
	const char *why = no_kvm();
	Suite *s;
	TCase *tc;

	if (why)
		return skip_all(why);
	s = suite_create("cpus");
	tc = tcase_create("cpus");
	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc,
		guest_ends_the_machine_with_a_status_and_a_sentence);
	tcase_add_test(tc, first_reason_to_end_counts);
	tcase_add_test(tc, stop_without_a_reason_leaves_status_alone);
	tcase_add_test(tc, triple_fault_ends_with_1);
	tcase_add_test(tc, no_guest_code_runs_in_a_pause);
	tcase_add_test(tc, pauses_need_no_signal_handler);
	tcase_add_test(tc, pauses_nest);
	tcase_add_test(tc, added_cpu_runs_and_pauses_with_the_others);
	tcase_add_test(tc, cpu_that_is_added_in_a_pause_waits_for_its_end);
	tcase_add_test(tc, vcpu_that_was_never_added_is_freed);
	tcase_add_test(tc, stop_ends_a_pause);
	tcase_add_test(tc, c2_36_stop_reports_a_cpu_that_does_not_exit);
	tcase_add_test(tc, c2_36_pause_reports_a_cpu_that_does_not_exit);
	tcase_add_test(tc, register_is_read_through_the_bus);
	tcase_add_test(tc, hole_reads_all_ones);
	tcase_add_test(tc, call_runs_on_the_main_thread);
	tcase_add_test(tc, call_may_be_finished_later);
	tcase_add_test(tc, cpu_that_waits_counts_as_paused);
	tcase_add_test(tc, call_finished_in_a_pause_waits_for_its_end);
	tcase_add_test(tc, cpu_that_waits_settles_when_its_call_is_finished);
	tcase_add_test(tc, cpus_settle_in_each_pause);
	tcase_add_test(tc, stop_ends_a_cpu_that_waits);
	tcase_add_test(tc, stop_removes_unprocessed_calls);
	tcase_add_test(tc, concurrent_pauses_and_calls_lose_nothing);
	tcase_add_test(tc, parked_cpu_delays_neither_pause_nor_stop);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
