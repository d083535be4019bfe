/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about pages that the hardware lost. The kernel is not involved: the
 * handler of SIGBUS receives what the kernel would report.
 */
#include <config.h>

#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>

#include <vm-arch/arch.h>
#include <vm-arch/poison.h>
#include <vmm-sys-util/event.h>

#include "arch/x86/kvm_x86.h"
#include "arch/x86/mce.h"
#include "cpu/poisoned.h"
#include "../../guest.h"

/* Counts in its page for ever. */
GUEST(count, "1: incq (%rdi)\n jmp 1b");

#define LOST_GPA UINT64_C(0x123000)
#define CR4_MCE (UINT64_C(1) << 6)
#define MC9_CTL 0x424
#define MC9_STATUS 0x425
#define MC9_ADDR 0x426
#define MCG_STATUS 0x17a

static struct vm vm;

static void enable_checks(int cpu_fd)
{
	struct varch_kvm_msrs msrs = {
		.nmsrs = 1, .entries = { { MC9_CTL, 0, UINT64_MAX } },
	};
	struct kvm_sregs sregs;

	ck_assert_int_eq(ioctl(cpu_fd, KVM_GET_SREGS, &sregs), 0);
	sregs.cr4 |= CR4_MCE;
	ck_assert_int_eq(ioctl(cpu_fd, KVM_SET_SREGS, &sregs), 0);
	ck_assert_int_eq(ioctl(cpu_fd, KVM_SET_MSRS, &msrs), 1);
}

static uint64_t msr(int cpu_fd, uint32_t index)
{
	struct varch_kvm_msrs msrs = {
		.nmsrs = 1, .entries = { { .index = index } },
	};

	ck_assert_int_eq(ioctl(cpu_fd, KVM_GET_MSRS, &msrs), 1);
	return msrs.entries[0].data;
}

static void with_checks(void)
{
	vm_make(&vm);
	vm_add_cpus(&vm, 1, count, count_end, NULL, NULL);
	enable_checks(vm.cpus->cpu[0].fd);
}

START_TEST(e1_29_touched_page_is_a_check_that_needs_action)
{
	int fd;

	with_checks();
	fd = vm.cpus->cpu[0].fd;
	ck_assert_int_eq(varch_report_loss(fd, LOST_GPA, true), 0);
	ck_assert_uint_eq(msr(fd, MC9_ADDR), LOST_GPA);
	ck_assert_uint_eq(msr(fd, MC9_STATUS), UINT64_C(0xbd80000000000134));
	ck_assert_uint_eq(msr(fd, MCG_STATUS), 7);
	vm_free(&vm);
}
END_TEST

START_TEST(e1_29_page_that_nobody_touched_is_a_check_that_needs_none)
{
	int fd;

	with_checks();
	fd = vm.cpus->cpu[0].fd;
	ck_assert_int_eq(varch_report_loss(fd, LOST_GPA, false), 0);
	ck_assert_uint_eq(msr(fd, MC9_ADDR), LOST_GPA);
	ck_assert_uint_eq(msr(fd, MC9_STATUS), UINT64_C(0xbd000000000000c0));
	ck_assert_uint_eq(msr(fd, MCG_STATUS), 5);
	vm_free(&vm);
}
END_TEST

START_TEST(check_within_a_check_is_refused)
{
	int fd;

	with_checks();
	fd = vm.cpus->cpu[0].fd;
	ck_assert_int_eq(varch_report_loss(fd, LOST_GPA, true), 0);
	ck_assert_int_eq(varch_report_loss(fd, LOST_GPA, true), -EBUSY);
	vm_free(&vm);
}
END_TEST

START_TEST(guest_without_machine_checks_gets_none)
{
	vm_make(&vm);
	vm_add_cpus(&vm, 1, count, count_end, NULL, NULL);
	ck_assert_int_eq(varch_report_loss(vm.cpus->cpu[0].fd, LOST_GPA,
					true), -EOPNOTSUPP);
	vm_free(&vm);
}
END_TEST

static struct varch_poison poison = VARCH_POISON_INIT;

/* The kernel's news, as the handler gets it. */
static bool note(int code, uint64_t hva)
{
	siginfo_t si;

	memset(&si, 0, sizeof(si));
	si.si_signo = SIGBUS;
	si.si_code = code;
	si.si_addr = (void *)(uintptr_t)hva;
	return varch_poison_note(&poison, &si);
}

START_TEST(e1_29_signal_state_is_the_guests_only_while_it_runs)
{
	uint64_t hva;

	ck_assert(!note(BUS_MCEERR_AR, 0x5000));
	varch_poison_enter();
	ck_assert(!note(BUS_ADRERR, 0x5000));
	ck_assert(!varch_poison_leave(&hva));
	varch_poison_enter();
	ck_assert(note(BUS_MCEERR_AR, 0x5000));
	ck_assert(varch_poison_leave(&hva));
	ck_assert_uint_eq(hva, 0x5000);
	ck_assert(!note(BUS_MCEERR_AR, 0x5000));
	varch_poison_enter();
	ck_assert(!varch_poison_leave(&hva));
}
END_TEST

START_TEST(e1_29_page_that_nobody_touched_wakes_the_owner_once)
{
	struct pollfd p = { .fd = vsu_event_new(), .events = POLLIN };
	uint64_t hva;

	ck_assert(!note(BUS_MCEERR_AO, 0x5000));
	varch_poison_wake(&poison, p.fd);
	ck_assert(note(BUS_MCEERR_AO, 0x6000));
	ck_assert(note(BUS_MCEERR_AO, 0x7000));
	ck_assert_int_eq(poll(&p, 1, 0), 1);
	ck_assert(varch_poison_take_early(&poison, &hva));
	ck_assert_uint_eq(hva, 0x6000);
	ck_assert(!varch_poison_take_early(&poison, &hva));
	varch_poison_wake(&poison, -1);
	close(p.fd);
}
END_TEST

#define LOST_HVA 0x7000

/* Whatever sent it, the handler sees a page that was lost. */
static void on_sigbus(int number)
{
	(void)number;
	if (!note(BUS_MCEERR_AR, LOST_HVA))
		_exit(3);
}

static int answers, told;
static uint64_t told_hva;

static int on_poisoned(void *opaque, unsigned int cpu, uint64_t hva,
		       struct vsu_error *err)
{
	(void)opaque;
	ck_assert_uint_eq(cpu, 0);
	__atomic_store_n(&told_hva, hva, __ATOMIC_SEQ_CST);
	__atomic_add_fetch(&told, 1, __ATOMIC_SEQ_CST);
	return answers ? vsu_error_set(err, answers, "the reason") : 0;
}

static void start_with_hook(void)
{
	struct sigaction action = { .sa_handler = on_sigbus };
	sigset_t bus;

	sigemptyset(&bus);
	sigaddset(&bus, SIGBUS);
	ck_assert_int_eq(sigaction(SIGBUS, &action, NULL), 0);
	vm_make(&vm);
	vm.poisoned = on_poisoned;
	vm_start(&vm, 1, count, count_end);
	vm_wait_above(&vm, 0, 1000);
	/* only the CPU's thread takes it */
	ck_assert_int_eq(pthread_sigmask(SIG_BLOCK, &bus, NULL), 0);
	ck_assert_int_eq(kill(getpid(), SIGBUS), 0);
}

/* The signal comes while the CPU is in KVM_RUN: its guest does nothing else. */
START_TEST(e1_29_cpu_reports_the_page_and_continues)
{
	start_with_hook();
	while (!__atomic_load_n(&told, __ATOMIC_SEQ_CST))
		sched_yield();
	ck_assert_uint_eq(told_hva, LOST_HVA);
	vm_wait_above(&vm, 0, vm_counter(&vm, 0));
	vm_stop(&vm);
	vm_free(&vm);
}
END_TEST

START_TEST(e1_29_cpu_without_machine_checks_ends_with_69)
{
	answers = -EOPNOTSUPP;
	start_with_hook();
	vm_run_to_end(&vm);
	ck_assert_int_eq(vm.status, 69);
	ck_assert_str_eq(vm.err.msg, "CPU 0: the reason");
	vm_free(&vm);
}
END_TEST

int main(void)
{
	const char *why = no_kvm();
	Suite *s;
	TCase *tc;

	if (why)
		return skip_all(why);
	s = suite_create("mce");
	tc = tcase_create("mce");
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, e1_29_touched_page_is_a_check_that_needs_action);
	tcase_add_test(tc,
		e1_29_page_that_nobody_touched_is_a_check_that_needs_none);
	tcase_add_test(tc, check_within_a_check_is_refused);
	tcase_add_test(tc, guest_without_machine_checks_gets_none);
	tcase_add_test(tc, e1_29_signal_state_is_the_guests_only_while_it_runs);
	tcase_add_test(tc, e1_29_page_that_nobody_touched_wakes_the_owner_once);
	tcase_add_test(tc, e1_29_cpu_reports_the_page_and_continues);
	tcase_add_test(tc, e1_29_cpu_without_machine_checks_ends_with_69);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
