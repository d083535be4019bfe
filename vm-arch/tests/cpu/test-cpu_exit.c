/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about what a CPU's exits are answered with, on exits made up here. */
#include <config.h>

#include <stddef.h>

#include "arch/x86/kvm_x86.h"
#include "cpu/cpu_exit.h"
#include "../util.h"

static struct kvm_run run;
static struct varch_cpu_hooks hooks;
static struct varch_cpu_verdict verdict;
static struct varch_conversion wanted;
static int answer;
static unsigned int conversions, repairs;
static bool repaired;

static int convert(void *opaque, unsigned int cpu,
		   const struct varch_conversion *c, struct vsu_error *e)
{
	(void)opaque;
	ck_assert_uint_eq(cpu, 3);
	wanted = *c;
	conversions++;
	return answer ? vsu_error_set(e, answer, "the reason") : 0;
}

static bool repair(void *opaque, unsigned int cpu)
{
	(void)opaque;
	(void)cpu;
	repairs++;
	return repaired;
}

static void setup(void)
{
	hooks.convert = convert;
	hooks.repair = repair;
}

static enum varch_cpu_next exit_with(int rc)
{
	varch_cpu_exit(&hooks, 3, -1, &run, rc, &verdict);
	return verdict.next;
}

/* The machine must end with that status and message. */
static void assert_ends(enum varch_cpu_next next, int want, const char *says)
{
	ck_assert_int_eq(next, VARCH_CPU_END);
	ck_assert_int_eq(verdict.status, want);
	ck_assert_msg(strstr(verdict.why.msg, says), "it says: %s",
		      verdict.why.msg);
}

static void fault(uint64_t flags, uint64_t gpa, uint64_t size)
{
	const struct varch_memory_fault f = { flags, gpa, size };

	run.exit_reason = KVM_EXIT_MEMORY_FAULT;
	memcpy((char *)&run + 32, &f, sizeof(f));
}

START_TEST(fault_requests_the_half_of_the_access)
{
	fault(_i ? 1 << 3 : 0, 0x5000, 0x1000);
	ck_assert_int_eq(exit_with(-EFAULT), VARCH_CPU_RUN);
	ck_assert_uint_eq(conversions, 1);
	ck_assert(wanted.fault);
	ck_assert_int_eq(wanted.to_private, _i);
	ck_assert_uint_eq(wanted.gpa, 0x5000);
	ck_assert_uint_eq(wanted.len, 0x1000);
	ck_assert_uint_eq(repairs, 0);
}
END_TEST

START_TEST(fault_that_cannot_be_answered_ends_with_70)
{
	fault(1 << 3, 0x5000, 0x1000);
	answer = -EPROTO;
	assert_ends(exit_with(-EFAULT), 70, "(the reason)");
	ck_assert_uint_eq(repairs, 0);
}
END_TEST

START_TEST(fault_as_the_machine_ends_is_no_failure)
{
	fault(1 << 3, 0x5000, 0x1000);
	answer = -ECANCELED;
	ck_assert_int_eq(exit_with(-EFAULT), VARCH_CPU_RUN);
}
END_TEST

START_TEST(damaged_page_is_no_conversion)
{
	fault(1 << 3, 0x5000, 0x1000);
	assert_ends(exit_with(-EHWPOISON), 70, "damaged");
	ck_assert_uint_eq(conversions, 0);
}
END_TEST

START_TEST(other_fault_is_repaired_or_ends_with_70)
{
	run.exit_reason = 0;
	repaired = true;
	ck_assert_int_eq(exit_with(-EFAULT), VARCH_CPU_RUN);
	repaired = false;
	assert_ends(exit_with(-EFAULT), 70, "the kernel's log may name the cause");
	ck_assert_uint_eq(repairs, 2);
	ck_assert_uint_eq(conversions, 0);
}
END_TEST

static enum varch_cpu_next call(uint64_t nr, uint64_t gpa, uint64_t pages,
			      uint64_t attributes)
{
	run.exit_reason = KVM_EXIT_HYPERCALL;
	run.hypercall.nr = nr;
	run.hypercall.args[0] = gpa;
	run.hypercall.args[1] = pages;
	run.hypercall.args[2] = attributes;
	run.hypercall.ret = 1;
	return exit_with(0);
}

START_TEST(hypercall_asks_for_the_half_it_names)
{
	ck_assert_int_eq(call(12, 0x5000, 3, _i ? 1 << 4 : 0), VARCH_CPU_RUN);
	ck_assert_uint_eq(run.hypercall.ret, 0);
	ck_assert_uint_eq(conversions, 1);
	ck_assert(!wanted.fault);
	ck_assert_int_eq(wanted.to_private, _i);
	ck_assert_uint_eq(wanted.gpa, 0x5000);
	ck_assert_uint_eq(wanted.len, 0x3000);
}
END_TEST

START_TEST(hypercall_for_other_memory_returns_an_error_to_the_guest)
{
	answer = -EINVAL;
	ck_assert_int_eq(call(12, 0x5000, 3, 0), VARCH_CPU_RUN);
	ck_assert_uint_eq(run.hypercall.ret, (uint64_t)-22);
}
END_TEST

START_TEST(hypercall_with_more_pages_than_there_are_is_refused)
{
	ck_assert_int_eq(call(12, 0x5000, UINT64_C(1) << 52, 0), VARCH_CPU_RUN);
	ck_assert_uint_eq(run.hypercall.ret, (uint64_t)-22);
	ck_assert_uint_eq(conversions, 0);
}
END_TEST

START_TEST(a8_24_hypercall_with_reserved_bits_is_refused)
{
	const uint64_t reserved[] = { 1u << 5, UINT64_C(1) << 63, UINT64_C(1) << 32 | 1u << 4 };

	ck_assert_int_eq(call(12, 0x5000, 1, reserved[_i]), VARCH_CPU_RUN);
	ck_assert_uint_eq(run.hypercall.ret, (uint64_t)-22);
	ck_assert_uint_eq(conversions, 0);
}
END_TEST

START_TEST(hypercall_that_the_host_cannot_do_ends_with_70)
{
	answer = -ENOMEM;
	assert_ends(call(12, 0x5000, 3, 0), 70, "CPU 3: the reason");
}
END_TEST

START_TEST(other_hypercall_is_unknown)
{
	ck_assert_int_eq(call(11, 0x5000, 3, 0), VARCH_CPU_RUN);
	ck_assert_uint_eq(run.hypercall.ret, (uint64_t)-1000);
	ck_assert_uint_eq(conversions, 0);
}
END_TEST

START_TEST(end_of_a_guest_is_reported_with_its_cpu)
{
	run.exit_reason = KVM_EXIT_SHUTDOWN;
	assert_ends(exit_with(0), 1, "CPU 3: the guest shut down by a triple");
	run.exit_reason = KVM_EXIT_FAIL_ENTRY;
	run.fail_entry.hardware_entry_failure_reason = 0x80000021;
	assert_ends(exit_with(0), 70, "hardware reason 0x80000021");
	run.exit_reason = KVM_EXIT_INTERNAL_ERROR;
	run.internal.suberror = KVM_INTERNAL_ERROR_EMULATION;
	assert_ends(exit_with(0), 70, "that it cannot emulate");
	run.exit_reason = 4711;
	assert_ends(exit_with(0), 70, "unexpected KVM exit 4711");
}
END_TEST

START_TEST(interrupted_run_continues)
{
	ck_assert_int_eq(exit_with(-EINTR), VARCH_CPU_RUN);
	ck_assert_int_eq(exit_with(-EAGAIN), VARCH_CPU_RUN);
	ck_assert_uint_eq(repairs, 0);
}
END_TEST

START_TEST(operands_of_an_exit_are_where_kvm_puts_them)
{
	ck_assert_uint_eq(offsetof(struct kvm_run, hw), 32);
	ck_assert_uint_eq(sizeof(struct varch_memory_fault), 24);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("cpu_exit");
	TCase *tc = tcase_create("cpu_exit");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_loop_test(tc, fault_requests_the_half_of_the_access, 0, 2);
	tcase_add_test(tc, fault_that_cannot_be_answered_ends_with_70);
	tcase_add_test(tc, fault_as_the_machine_ends_is_no_failure);
	tcase_add_test(tc, damaged_page_is_no_conversion);
	tcase_add_test(tc, other_fault_is_repaired_or_ends_with_70);
	tcase_add_loop_test(tc, hypercall_asks_for_the_half_it_names, 0, 2);
	tcase_add_test(tc, hypercall_for_other_memory_returns_an_error_to_the_guest);
	tcase_add_test(tc,
		hypercall_with_more_pages_than_there_are_is_refused);
	tcase_add_loop_test(tc, a8_24_hypercall_with_reserved_bits_is_refused, 0, 3);
	tcase_add_test(tc, hypercall_that_the_host_cannot_do_ends_with_70);
	tcase_add_test(tc, other_hypercall_is_unknown);
	tcase_add_test(tc, end_of_a_guest_is_reported_with_its_cpu);
	tcase_add_test(tc, interrupted_run_continues);
	tcase_add_test(tc, operands_of_an_exit_are_where_kvm_puts_them);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
