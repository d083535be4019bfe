/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about CPUs that access a missing page: lost by the hardware, in the
 * other half of two-layer memory, or unavailable. KVM is the fake one; the test
 * plays the guest and the kernel that reports a lost page.
 */
#include <config.h>

#include <poll.h>
#include <signal.h>

#include <vm-arch/poison.h>
#include <vmm-sys-util/exit.h>

#include "../machine/kernels.h"
#include "../machine/rig.h"

#define LOST_GPA 0x5000u
#define OTHER_GPA 0x9000u
#define TOUCHED 0xbd80000000000134u
#define UNTOUCHED 0xbd000000000000c0u

static unsigned char not_of_the_guest;

static siginfo_t news(int code, void *hva)
{
	siginfo_t si;

	memset(&si, 0, sizeof(si));
	si.si_signo = SIGBUS;
	si.si_code = code;
	si.si_addr = hva;
	return si;
}

static void *hva_of(uint64_t gpa)
{
	const struct vmem_region *region =
		vmem_map_find(vmm_memory_map(&rig.machine.memory), gpa);

	return (char *)vmem_region_hva(region) + gpa - vmem_region_gpa(region);
}

/* The guest's access fails, because the hardware lost the page. */
static int touch(void *hva)
{
	const siginfo_t si = news(BUS_MCEERR_AR, hva);

	ck_assert(varch_poison_note(&rig.poison, &si));
	return -EFAULT;
}

static void run(int (*guest)(unsigned int, unsigned int, struct kvm_run *),
		const char *memory)
{
	kernel_pvh();
	fake.guest = guest;
	RIG_OPTIONS("kernel", memory, "--serial=null",
		    "--on-memory-error=continue");
	rig_run();
}

static void assert_ended(int status, const char *says)
{
	ck_assert_int_eq(rig.status, status);
	ck_assert_msg(strstr(rig.err.msg, says), "it says: %s", rig.err.msg);
}

static int touches(unsigned int cpu, unsigned int n, struct kvm_run *run)
{
	(void)cpu;
	return n ? fake_power_off(run) : touch(hva_of(LOST_GPA));
}

START_TEST(e1_29_guest_with_machine_checks_gets_one_and_continues)
{
	fake.takes_checks = true;
	run(touches, "--memory=size=4M");
	assert_ended(VSU_EXIT_OK, "powered off");
	ck_assert_uint_eq(fake.nchecks, 1);
	ck_assert_uint_eq(fake.check.addr, LOST_GPA);
	ck_assert_uint_eq(fake.check.status, TOUCHED);
}
END_TEST

static int ends(unsigned int cpu, unsigned int n, struct kvm_run *run)
{
	(void)cpu;
	(void)n;
	return fake_power_off(run);
}

/* Ten banks, and of KVM's offers those that cvmm uses: control and recovery by software. */
START_TEST(machine_checks_have_what_kvm_offers)
{
	static const struct { uint64_t offered, has; } cases[] = {
		{ 0, 10 }, { 1 << 8, 10 | 1 << 8 }, { 1 << 24, 10 | 1 << 24 },
		{ 1 << 27 | 1 << 24 | 1 << 10 | 32, 10 | 1 << 24 },
	};

	fake.offered_checks = cases[_i].offered;
	run(ends, "--memory=size=4M");
	ck_assert_uint_eq(fake.cpu[0].checks, cases[_i].has);
}
END_TEST

START_TEST(e1_29_guest_without_machine_checks_ends_with_the_address)
{
	run(touches, "--memory=size=4M");
	assert_ended(VSU_EXIT_HOST, "CPU 0: memory at 0x5000 is lost");
	assert_ended(VSU_EXIT_HOST, "the guest cannot receive a machine check");
	ck_assert_uint_eq(fake.nchecks, 0);
}
END_TEST

static int touches_two(unsigned int cpu, unsigned int n, struct kvm_run *run)
{
	(void)cpu;
	(void)run;
	return touch(hva_of(n ? OTHER_GPA : LOST_GPA));
}

START_TEST(e1_29_page_lost_within_a_machine_check_ends_the_machine)
{
	fake.takes_checks = true;
	run(touches_two, "--memory=size=4M");
	assert_ended(VSU_EXIT_HOST, "memory at 0x9000 is lost");
	assert_ended(VSU_EXIT_HOST, "the guest is still handling another machine check");
	ck_assert_uint_eq(fake.nchecks, 1);
}
END_TEST

static int touches_ours(unsigned int cpu, unsigned int n, struct kvm_run *run)
{
	(void)cpu;
	(void)n;
	(void)run;
	return touch(&not_of_the_guest);
}

START_TEST(e1_29_lost_page_outside_guest_memory_ends_the_machine)
{
	fake.takes_checks = true;
	run(touches_ours, "--memory=size=4M");
	assert_ended(VSU_EXIT_HOST, "memory that the guest just used is lost");
	ck_assert_uint_eq(fake.nchecks, 0);
}
END_TEST

/* The hardware reports a page before any access. */
static void tell_early(void *hva)
{
	const siginfo_t si = news(BUS_MCEERR_AO, hva);

	ck_assert(varch_poison_note(&rig.poison, &si));
}

/* Computes until standard error contains text. */
static int said[2];

static void wait_for_words(const char *text)
{
	char all[1024] = "";
	size_t n = 0;

	while (!strstr(all, text)) {
		ck_assert_uint_lt(n, sizeof(all) - 1);
		ck_assert_int_eq(read(said[0], all + n, 1), 1);
		n++;
	}
}

/* The second page is reported again until the first was handled. */
static int is_told_early(unsigned int cpu, unsigned int n, struct kvm_run *run)
{
	struct pollfd p = { .fd = said[0], .events = POLLIN };

	(void)cpu;
	if (!n)
		tell_early(&not_of_the_guest);
	if (poll(&p, 1, 1) <= 0) {
		tell_early(hva_of(LOST_GPA));
		return -EINTR;
	}
	wait_for_words("memory at 0x5000 is lost");
	wait_for_words(fake.takes_checks ? "the guest was notified" :
		       "it was not accessed yet");
	return fake_power_off(run);
}

static void with_table(void)
{
	ck_assert_int_eq(vmem_sigbus_new(64, &rig.owner.sigbus, NULL), 0);
	ck_assert_int_eq(pipe(said), 0);
	ck_assert_int_eq(dup2(said[1], STDERR_FILENO), STDERR_FILENO);
}

START_TEST(e1_29_untouched_lost_page_is_reported_and_harmless)
{
	with_table();
	fake.takes_checks = _i;
	run(is_told_early, "--memory=size=4M");
	assert_ended(VSU_EXIT_OK, "powered off");
	ck_assert_uint_eq(fake.nchecks, (unsigned int)_i);
	ck_assert_uint_eq(fake.check.status, _i ? UNTOUCHED : 0);
}
END_TEST

/*
 * A thread of this process accessed the page: the handler replaced it by zeros.
 */
static int damaged(unsigned int cpu, unsigned int n, struct kvm_run *run)
{
	const siginfo_t si = news(BUS_MCEERR_AR, hva_of(LOST_GPA));

	(void)cpu;
	(void)run;
	if (!n)
		ck_assert(vmem_sigbus_fix(rig.owner.sigbus, &si));
	return FAKE_COMPUTES;
}

START_TEST(e1_29_lost_page_never_reads_as_zeros)
{
	with_table();
	run(damaged, "--memory=size=4M");
	assert_ended(VSU_EXIT_HOST, "memory at 0x5000 is lost");
}
END_TEST

/* The processor selects the half, and KVM stops the CPU for it. */
static int faults_for_private(unsigned int cpu, unsigned int n,
			      struct kvm_run *run)
{
	const struct fake_memory_fault fault = {
		FAKE_FAULT_PRIVATE, 0x200000, 4096,
	};

	(void)cpu;
	if (n)
		return fake_power_off(run);
	run->exit_reason = KVM_EXIT_MEMORY_FAULT;
	memcpy(&run->hw, &fault, sizeof(fault));
	return -EFAULT;
}

START_TEST(access_to_the_private_half_converts_and_goes_on)
{
	run(faults_for_private, "--memory=size=4M,private=on");
	assert_ended(VSU_EXIT_OK, "powered off");
	ck_assert_uint_eq(rig.machine.private_memory.conversions, 1);
	ck_assert_uint_eq(rig.machine.private_memory.ranges.at[0].gpa, 0x200000);
}
END_TEST

START_TEST(access_to_a_missing_private_half_is_named)
{
	run(faults_for_private, "--memory=size=4M");
	assert_ended(VSU_EXIT_INTERNAL, "private half (private=on) at 0x200000");
}
END_TEST

static unsigned int tries;

static int never_gets_it(unsigned int cpu, unsigned int n, struct kvm_run *run)
{
	(void)cpu;
	(void)run;
	tries = n + 1;
	return -EFAULT;
}

START_TEST(cpu_that_never_gets_its_page_ends_after_some_tries)
{
	with_table();
	run(never_gets_it, "--memory=size=4M");
	assert_ended(VSU_EXIT_INTERNAL, "KVM_RUN failed with error 14");
	ck_assert_uint_gt(tries, 4);
	ck_assert_uint_lt(tries, 40);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("cpu_faults");
	TCase *tc = tcase_create("cpu_faults");

	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, rig_init, rig_fini);
	tcase_add_test(tc, e1_29_guest_with_machine_checks_gets_one_and_continues);
	tcase_add_loop_test(tc, machine_checks_have_what_kvm_offers, 0, 4);
	tcase_add_test(tc, e1_29_guest_without_machine_checks_ends_with_the_address);
	tcase_add_test(tc, e1_29_page_lost_within_a_machine_check_ends_the_machine);
	tcase_add_test(tc, e1_29_lost_page_outside_guest_memory_ends_the_machine);
	tcase_add_loop_test(tc, e1_29_untouched_lost_page_is_reported_and_harmless,
			    0, 2);
	tcase_add_test(tc, e1_29_lost_page_never_reads_as_zeros);
	tcase_add_test(tc, access_to_the_private_half_converts_and_goes_on);
	tcase_add_test(tc, access_to_a_missing_private_half_is_named);
	tcase_add_test(tc, cpu_that_never_gets_its_page_ends_after_some_tries);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
