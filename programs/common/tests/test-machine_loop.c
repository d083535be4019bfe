/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the signals of the process that runs a machine, on the fake KVM. */
#include <config.h>

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>

#include <vm-arch/boot_protocol.h>
#include <vmm-sys-util/exit.h>

#include "common/machine_loop.h"
#include "machine/kernels.h"
#include "machine/rig.h"

static void run(void)
{
	rig_make();
	rig.status = vmm_machine_loop_run(&rig.owned, &(struct vmm_machine_loop_config){ .beside = NULL }, &rig.err);
}

static void assert_ended(int status, const char *says)
{
	ck_assert_msg(rig.status == status, "%d: %s", rig.status, rig.err.msg);
	ck_assert_str_eq(rig.err.msg, says);
}

/* Waits for an interrupt; only the test's time limit ends the wait. */
static void wait_for_irq(unsigned int irq)
{
	struct pollfd p = { .fd = fake.irq_fd[irq], .events = POLLIN };
	uint64_t count;

	ck_assert_int_eq(poll(&p, 1, -1), 1);
	ck_assert_int_eq(read(p.fd, &count, sizeof(count)), sizeof(count));
}

/* Receives SIGTERM, sees the power button, and receives another one. */
static int terminated(unsigned int cpu, unsigned int n, struct kvm_run *run)
{
	(void)cpu;
	(void)run;
	if (n)
		return FAKE_COMPUTES;
	kill(getpid(), SIGTERM);
	wait_for_irq(VARCH_BUTTON_IRQ);
	kill(getpid(), SIGTERM);
	return FAKE_COMPUTES;
}

START_TEST(first_sigterm_presses_the_button_and_the_second_ends)
{
	kernel_pvh();
	fake.guest = terminated;
	RIG_OPTIONS("kernel", "--memory=size=4M", "--serial=null");
	run();
	assert_ended(VSU_EXIT_FAIL, "ended by signal 15");
}
END_TEST

START_TEST(operator_reads_that_the_button_was_pressed)
{
	int ends[2], before = dup(STDERR_FILENO);
	char text[256] = "";

	kernel_pvh();
	fake.guest = terminated;
	RIG_OPTIONS("kernel", "--memory=size=4M", "--serial=null");
	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_eq(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
	run();
	ck_assert_int_gt(read(ends[0], text, sizeof(text) - 1), 0);
	ck_assert_int_eq(dup2(before, STDERR_FILENO), STDERR_FILENO);
	ck_assert_msg(strstr(text, "the guest was asked to power off"), "%s", text);
	close(before);
	close(ends[0]);
	close(ends[1]);
}
END_TEST

static int signal_to_send;

static int signalled(unsigned int cpu, unsigned int n, struct kvm_run *run)
{
	(void)cpu;
	(void)run;
	if (!n)
		kill(getpid(), signal_to_send);
	return FAKE_COMPUTES;
}

static void kernel_without_a_button(void)
{
	static const uint32_t note[] = { CVMM_BOOT_VERSION, 0 };

	kernel_elf(CVMM_NOTE_NAME, CVMM_NOTE_TYPE, note, sizeof(note));
}

static const struct signal_end {
	int number;
	void (*make_kernel)(void);
	const char *says;
} signal_ends[] = {
	{ SIGTERM, kernel_without_a_button, "ended by signal 15" },
	{ SIGINT, kernel_pvh, "ended by signal 2" },
	{ SIGHUP, kernel_pvh, "ended by signal 1" },
	{ SIGQUIT, kernel_pvh, "ended by signal 3" },
};

START_TEST(other_signals_end_at_once)
{
	signal_ends[_i].make_kernel();
	fake.guest = signalled;
	signal_to_send = signal_ends[_i].number;
	RIG_OPTIONS("kernel", "--memory=size=4M", "--serial=null");
	run();
	assert_ended(VSU_EXIT_FAIL, signal_ends[_i].says);
}
END_TEST

static bool takes_no_signal(void *opaque, int signo)
{
	(void)opaque;
	(void)signo;
	return false;
}

/* A command's agent knows no button, although the kernel of the guest does. */
START_TEST(sigterm_that_no_command_takes_ends_its_machine)
{
	const struct vmm_beside beside = { .fd = eventfd(0, EFD_CLOEXEC), .signal = takes_no_signal };

	kernel_pvh();
	fake.guest = signalled;
	signal_to_send = SIGTERM;
	RIG_OPTIONS("kernel", "--memory=size=4M", "--serial=null");
	rig_make();
	rig.status = vmm_machine_loop_run(&rig.owned, &(struct vmm_machine_loop_config){ .beside = &beside }, &rig.err);
	close(beside.fd);
	assert_ended(VSU_EXIT_FAIL, "ended by signal 15");
}
END_TEST

/* ------------------------------------------------------- a task that outlives */

static unsigned int turns, last_turn;
static int work;		/* readable while the task has work */
static int signal_of_outliving;	/* 0: none */

static bool takes_turn(void *opaque)
{
	(void)opaque;
	return ++turns != last_turn;
}

static bool outlives(void *opaque)
{
	static const uint64_t one = 1;

	(void)opaque;
	ck_assert_uint_eq(turns, 0);
	if (signal_of_outliving)
		kill(getpid(), signal_of_outliving);
	else
		ck_assert_int_eq(write(work, &one, sizeof(one)), sizeof(one));
	return true;
}

static bool must_not_outlive(void *opaque)
{
	(void)opaque;
	ck_abort_msg("the machine was ended, and did not end by itself");
	return false;
}

static int shuts_down(unsigned int cpu, unsigned int n, struct kvm_run *run)
{
	(void)cpu;
	(void)n;
	run->exit_reason = KVM_EXIT_SHUTDOWN;
	return 0;
}

static void run_beside(bool (*outlive)(void *opaque), int (*guest)(unsigned int, unsigned int, struct kvm_run *))
{
	const struct vmm_beside beside = {
		.fd = work = eventfd(0, EFD_CLOEXEC), .turn = takes_turn, .signal = takes_no_signal, .outlive = outlive,
	};

	turns = 0;
	kernel_without_a_button();
	fake.guest = guest;
	RIG_OPTIONS("kernel", "--memory=size=4M", "--serial=null");
	rig_make();
	rig.status = vmm_machine_loop_run(&rig.owned, &(struct vmm_machine_loop_config){ .beside = &beside }, &rig.err);
	close(work);
}

START_TEST(task_outlives_a_machine_that_ended_by_itself)
{
	last_turn = 3;
	signal_of_outliving = 0;
	run_beside(outlives, shuts_down);
	assert_ended(VSU_EXIT_FAIL, "CPU 0: the guest shut down by a triple fault");
	ck_assert_uint_eq(turns, 3);
}
END_TEST

/* Its command has ended, and takes no signal. */
START_TEST(signal_ends_a_task_that_outlives_its_machine)
{
	last_turn = 0;
	signal_of_outliving = SIGINT;
	run_beside(outlives, shuts_down);
	assert_ended(VSU_EXIT_FAIL, "CPU 0: the guest shut down by a triple fault");
}
END_TEST

START_TEST(task_does_not_outlive_a_machine_that_a_signal_ended)
{
	signal_to_send = SIGINT;
	run_beside(must_not_outlive, signalled);
	assert_ended(VSU_EXIT_FAIL, "ended by signal 2");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("machine_loop");
	TCase *tc = tcase_create("run");

	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, rig_init, rig_fini);
	tcase_add_test(tc, operator_reads_that_the_button_was_pressed);
	tcase_add_test(tc, first_sigterm_presses_the_button_and_the_second_ends);
	tcase_add_test(tc, sigterm_that_no_command_takes_ends_its_machine);
	tcase_add_loop_test(tc, other_signals_end_at_once, 0, (int)COUNT(signal_ends));
	tcase_add_test(tc, task_outlives_a_machine_that_ended_by_itself);
	tcase_add_test(tc, signal_ends_a_task_that_outlives_its_machine);
	tcase_add_test(tc, task_does_not_outlive_a_machine_that_a_signal_ended);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
