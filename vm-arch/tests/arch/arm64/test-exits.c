/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about calls of PSCI that KVM leaves to the machine. */
#include <config.h>

#include <errno.h>
#include <string.h>

#include <vmm-sys-util/exit.h>

#include "../../util.h"
#include "arch/arm64/cpu.h"
#include "cpu/cpu_exit.h"

#define CPU_FD 77
#define ENTRY 0x40201234ull
#define CONTEXT 0x5678ull

static const uint64_t registers[] = {
	VARCH_ARM64_CORE(regs.regs[0]), VARCH_ARM64_CORE(regs.regs[1]), VARCH_ARM64_CORE(regs.regs[2]),
	VARCH_ARM64_CORE(regs.pc), VARCH_ARM64_CORE(regs.pstate), ARM64_SYS_REG(3, 0, 1, 0, 0),
};
enum { X0, X1, X2, PC, PSTATE, SCTLR };

static uint64_t values[COUNT(registers)];
static uint32_t activity;
static unsigned int calls, fails_at;
static struct kvm_run run;
static struct varch_cpu_verdict verdict;

static int access_register(const struct kvm_one_reg *reg, bool set)
{
	unsigned int i;

	for (i = 0; i < COUNT(registers) && registers[i] != reg->id; i++)
		;
	ck_assert_uint_lt(i, COUNT(registers));
	if (set)
		memcpy(&values[i], (void *)(uintptr_t)reg->addr, sizeof(values[i]));
	else
		memcpy((void *)(uintptr_t)reg->addr, &values[i], sizeof(values[i]));
	return 0;
}

int __wrap_varch_ioctl(int fd, unsigned long request, void *arg);
int __attribute__((used)) __wrap_varch_ioctl(int fd, unsigned long request, void *arg)
{
	ck_assert_int_eq(fd, CPU_FD);
	if (++calls == fails_at)
		return -EINVAL;
	if (request == KVM_SET_MP_STATE) {
		activity = ((struct kvm_mp_state *)arg)->mp_state;
		return 0;
	}
	return access_register(arg, request == KVM_SET_ONE_REG);
}

static enum varch_cpu_next event(uint32_t type)
{
	static const struct varch_cpu_hooks hooks;

	run.exit_reason = KVM_EXIT_SYSTEM_EVENT;
	run.system_event.type = type;
	varch_cpu_exit(&hooks, 3, CPU_FD, &run, 0, &verdict);
	return verdict.next;
}

static void suspends(void)
{
	values[X0] = 0xc400000e;	/* SYSTEM_SUSPEND */
	values[X1] = ENTRY;
	values[X2] = CONTEXT;
	values[PC] = 0x1000;
	values[PSTATE] = 0x60000005;	/* EL1h, interrupts enabled */
	values[SCTLR] = 0x30d0198d;	/* MMU and caches on */
}

START_TEST(suspended_cpu_begins_where_the_call_says)
{
	suspends();
	activity = KVM_MP_STATE_RUNNABLE;
	ck_assert_int_eq(event(KVM_SYSTEM_EVENT_SUSPEND), VARCH_CPU_RUN);
	ck_assert_uint_eq(activity, KVM_MP_STATE_SUSPENDED);
	ck_assert_uint_eq(values[PC], ENTRY);
	ck_assert_uint_eq(values[X0], CONTEXT);
	ck_assert_uint_eq(values[PSTATE], 0x3c5);
	ck_assert_uint_eq(values[SCTLR] & 0x1005, 0);
}
END_TEST

START_TEST(it_wakes_with_the_same_registers)
{
	suspends();
	activity = KVM_MP_STATE_SUSPENDED;
	ck_assert_int_eq(event(KVM_SYSTEM_EVENT_WAKEUP), VARCH_CPU_RUN);
	ck_assert_uint_eq(activity, KVM_MP_STATE_RUNNABLE);
	ck_assert_uint_eq(calls, 1);
	ck_assert_uint_eq(values[PC], 0x1000);
}
END_TEST

/* Two registers are read and four written, and one call suspends the CPU. */
START_TEST(refusal_of_kvm_ends_the_machine)
{
	suspends();
	fails_at = (unsigned int)_i;
	ck_assert_int_eq(event(KVM_SYSTEM_EVENT_SUSPEND), VARCH_CPU_END);
	ck_assert_int_eq(verdict.status, VSU_EXIT_INTERNAL);
	ck_assert_str_eq(verdict.why.msg, "CPU 3: KVM cannot suspend or wake it, error 22");
}
END_TEST

static const struct {
	uint32_t type;
	int status;
	const char *why;
} ends[] = {
	{ KVM_SYSTEM_EVENT_SHUTDOWN, VSU_EXIT_OK, "the guest powered off" },
	{ KVM_SYSTEM_EVENT_RESET, VSU_EXIT_REBOOT, "the guest asked for a reboot" },
	{ 99, VSU_EXIT_INTERNAL, "CPU 3: unexpected system event 99 of KVM" },
};

START_TEST(other_events_end_the_machine)
{
	ck_assert_int_eq(event(ends[_i].type), VARCH_CPU_END);
	ck_assert_int_eq(verdict.status, ends[_i].status);
	ck_assert_str_eq(verdict.why.msg, ends[_i].why);
	ck_assert_uint_eq(calls, 0);
}
END_TEST

static void forget(void)
{
	calls = fails_at = 0;
	memset(&verdict, 0, sizeof(verdict));
}

int main(void)
{
	Suite *s = suite_create("arm64 exits");
	TCase *t = tcase_create("psci");

	tcase_add_checked_fixture(t, forget, NULL);
	tcase_add_test(t, suspended_cpu_begins_where_the_call_says);
	tcase_add_test(t, it_wakes_with_the_same_registers);
	tcase_add_loop_test(t, refusal_of_kvm_ends_the_machine, 1, 8);
	tcase_add_loop_test(t, other_events_end_the_machine, 0, COUNT(ends));
	suite_add_tcase(s, t);
	return run_suite(s);
}
