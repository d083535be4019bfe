/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about CPUs that are added while the guest runs; the test plays the guest on CPU 0, and
 * its user.
 */
#include <config.h>

#include <errno.h>
#include <poll.h>

#include <vmm-sys-util/exit.h>

#include "../machine/kernels.h"
#include "../machine/plug_rig.h"

#define PRESENT VARCH_PORT_CPU_PLUG
#define CAME_CPUS (VARCH_PORT_CPU_PLUG + 8)
#define NUMBERS(n, max) "\"cpus\":" #n ",\"max_cpus\":" #max ","

static void run(const char *cpus, void (*what)(void))
{
	const char *const words[] = { "kernel", OWN_MEMORY, "--serial=null", cpus, NULL };

	machine_run_words(words, what);
}

/* The command line of the saved machine has these words. */
static void continue_saved(const char *cpus, void (*what)(void))
{
	const char *const words[] = { "kernel", OWN_MEMORY, "--serial=null", cpus,
				      "--from=saved", NULL };
	char json[4096] = "";
	FILE *f = fopen("saved/machine.json", "r");

	ck_assert_ptr_nonnull(f);
	ck_assert_uint_gt(fread(json, 1, sizeof(json) - 1, f), 0);
	fclose(f);
	ck_assert_msg(strstr(json, cpus), "%s", json);
	machine_run_words(words, what);
}

static void teardown(void)
{
	unlink("saved/memory");
	unlink("saved/state");
	unlink("saved/machine.json");
	rmdir("saved");
	rig_fini();
}

static void has(const char *numbers)
{
	ck_assert_ptr_nonnull(strstr(user_says("status\n"), numbers));
}

static void wait_for_event_irq(void)
{
	struct pollfd p = { .fd = fake.irq_fd[VARCH_EVENT_IRQ], .events = POLLIN };
	uint64_t count;

	ck_assert_int_eq(poll(&p, 1, -1), 1);
	ck_assert_int_eq(read(p.fd, &count, sizeof(count)), sizeof(count));
}

/* Until it has entered the guest. */
static void wait_for_cpu(unsigned int cpu)
{
	while (!__atomic_load_n(&fake.cpu[cpu].runs, __ATOMIC_ACQUIRE))
		poll(NULL, 0, 1);
}

static uint32_t apic_id(unsigned int cpu)
{
	unsigned int i = 0;

	while (fake.cpu[cpu].leaves[i].function != 1)
		i++;
	return fake.cpu[cpu].leaves[i].ebx >> 24;
}

static void adding(void)
{
	has(NUMBERS(2, 40));
	ck_assert_uint_eq(fake.ncpus, 2);
	ck_assert_uint_eq(port_in(PRESENT), 3);
	ck_assert_uint_eq(port_in(CAME_CPUS), 0);
	assert_told("cpus 2\n", DONE);
	assert_told("cpus 4\n", DONE);
	wait_for_event_irq();
	ck_assert_uint_eq(port_in(CAME_CPUS), 0xc);
	ck_assert_uint_eq(port_in(CAME_CPUS), 0);
	ck_assert_uint_eq(port_in(PRESENT), 0xf);
	has(NUMBERS(4, 40));
	wait_for_cpu(2);
	wait_for_cpu(3);
	assert_told("cpus 40\n", DONE);
	wait_for_event_irq();
	ck_assert_uint_eq(port_in(CAME_CPUS), 0xfffffff0);
	ck_assert_uint_eq(port_in(CAME_CPUS + 4), 0xff);
	ck_assert_uint_eq(port_in(PRESENT + 4), 0xff);
	wait_for_cpu(39);
}

/* Each has the processor of CPU 0 and waits for the guest; KVM had no vCPU for it before. */
START_TEST(added_cpus_run_and_are_reported_to_the_guest)
{
	run("--cpus=2,max=40", adding);
	ck_assert_uint_eq(fake.ncpus, 40);
	ck_assert_uint_eq(apic_id(0), 0);
	ck_assert_uint_eq(apic_id(39), 39);
	ck_assert_uint_eq(fake.cpu[39].nleaves, fake.cpu[0].nleaves);
	ck_assert(!fake.cpu[39].has_regs);
}
END_TEST

static const struct { const char *line, *why; } refusals[] = {
	{ "cpus 1\n", "cpus: the machine has 2 CPUs and cannot lose any; the guest may put some offline" },
	{ "cpus 0\n", "cannot lose any" },
	{ "cpus 5\n", "cpus: 5 CPUs are more than the maximum of this machine, 4, which is the key 'max' of the option cpus" },
	{ "cpus 4294967295\n", "more than the maximum" },
};

static void refused(void)
{
	unsigned int i;

	for (i = 0; i < COUNT(refusals); i++)
		assert_refusal(refusals[i].line, refusals[i].why);
	has(NUMBERS(2, 4));
	ck_assert_uint_eq(port_in(PRESENT), 3);
	ck_assert_uint_eq(port_in(CAME_CPUS), 0);
}

START_TEST(number_that_the_machine_cannot_have_is_refused)
{
	run("--cpus=2,max=4", refused);
	ck_assert_uint_eq(fake.ncpus, 2);
}
END_TEST

static void fixed(void)
{
	has(NUMBERS(2, 2));
	assert_refusal("cpus 3\n", "more than the maximum of this machine, 2");
}

START_TEST(machine_without_a_maximum_keeps_its_cpus)
{
	run("--cpus=2", fixed);
}
END_TEST

/* Fails the creation of the third CPU, when the second one exists. */
static bool lacks_a_cpu(int code)
{
	(void)code;
	return fake_request == KVM_CREATE_VCPU && fake.ncpus == 2;
}

/* KVM has created it, and does not do so again. */
static void assert_unmapped(void)
{
	const int size = rig.machine.kvm.vcpu_map_size;

	rig.machine.kvm.vcpu_map_size = 0;
	assert_refusal("cpus 4\n", "cpus: cannot map CPU 2: Invalid argument");
	ck_assert_uint_eq(fake.ncpus, 3);
	has(NUMBERS(1, 4));
	rig.machine.kvm.vcpu_map_size = size;
}

static void failing(void)
{
	fake.lacks = lacks_a_cpu;
	assert_refusal("cpus 4\n", "cpus: KVM cannot make CPU 2: Cannot allocate memory");
	has(NUMBERS(1, 4));
	ck_assert_uint_eq(port_in(PRESENT), 1);
	ck_assert_uint_eq(port_in(CAME_CPUS), 0);
	ck_assert_uint_eq(__atomic_load_n(&fake.cpu[1].runs, __ATOMIC_ACQUIRE), 0);
	fake.lacks = NULL;
	assert_unmapped();
	assert_told("cpus 4\n", DONE);
	ck_assert_uint_eq(port_in(CAME_CPUS), 0xe);
	wait_for_cpu(3);
}

START_TEST(failed_addition_adds_none_and_can_be_repeated)
{
	run("--cpus=1,max=4", failing);
	ck_assert_uint_eq(fake.ncpus, 4);
}
END_TEST

static void paused(void)
{
	assert_told("pause\n", DONE);
	assert_told("cpus 2\n", DONE);
	has(NUMBERS(2, 2));
	ck_assert_uint_eq(__atomic_load_n(&fake.cpu[1].runs, __ATOMIC_ACQUIRE), 0);
	assert_told("resume\n", DONE);
	wait_for_cpu(1);
}

START_TEST(cpu_that_is_added_in_a_pause_runs_after_it)
{
	run("--cpus=1,max=2", paused);
}
END_TEST

/* The guest has not looked for the new CPU. */
static void saving(void)
{
	assert_told("cpus 3\n", DONE);
	ck_assert_uint_eq(port_in(CAME_CPUS), 4);
	assert_told("cpus 4\n", DONE);
	assert_told("save saved\n", DONE);
}

static void continued(void)
{
	has(NUMBERS(4, 5));
	ck_assert_uint_eq(port_in(PRESENT), 0xf);
	ck_assert_uint_eq(port_in(CAME_CPUS), 8);
	assert_told("cpus 5\n", DONE);
	ck_assert_uint_eq(port_in(CAME_CPUS), 0x10);
	wait_for_cpu(4);
}

START_TEST(saved_machine_continues_with_the_cpus_that_it_had)
{
	run("--cpus=2,max=5", saving);
	rig_free();
	fake_kvm_init();
	continue_saved("--cpus=4,max=5", continued);
	ck_assert_uint_eq(fake.ncpus, 5);
}
END_TEST

/* Each width at each offset of the registers and beside them, in both directions. */
static void probing(void)
{
	uint16_t port;
	uint32_t len;

	assert_told("cpus 4\n", DONE);
	for (port = PRESENT; port < PRESENT + VARCH_PORT_CPU_PLUG_LEN + 4; port++)
		for (len = 1; len <= 4; len *= 2) {
			access_of(&rig.machine.ports, port, len, true, UINT32_MAX);
			access_of(&rig.machine.ports, port, len, true, 0);
			if (len != 4 || port % 4)
				access_of(&rig.machine.ports, port, len, false, 0);
		}
	ck_assert_uint_eq(port_in(PRESENT), 0xf);
	ck_assert_uint_eq(port_in(CAME_CPUS), 0xc);
	has(NUMBERS(4, 4));
}

START_TEST(a3_23_registers_of_cpus_take_whole_reads_alone)
{
	run("--cpus=2,max=4", probing);
}
END_TEST

static int begun;

static int begin_thread(void *opaque, enum cvmm_thread kind, struct vsu_error *err)
{
	(void)opaque;
	(void)err;
	if (kind == CVMM_THREAD_CPU)
		__atomic_fetch_add(&begun, 1, __ATOMIC_RELAXED);
	return 0;
}

/* Its rights are those of the threads of other CPUs. */
START_TEST(thread_of_an_added_cpu_is_prepared_by_the_owner)
{
	rig.owner.begin_thread = begin_thread;
	run("--cpus=1,max=2", paused);
	ck_assert_int_eq(begun, 2);
}
END_TEST

START_TEST(maximum_beyond_that_of_kvm_is_refused)
{
	kernel_pvh();
	fake.max_cpus = 7;
	RIG_OPTIONS("kernel", OWN_MEMORY, "--serial=null", "--cpus=2,max=8");
	ck_assert_int_eq(rig_try(NULL), VSU_EXIT_HOST);
	ck_assert_str_eq(rig.err.msg, "--cpus '2,max=8': KVM supports 7 CPUs on this host; use max=7 or less");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("cpu_plug");
	TCase *tc = tcase_create("cpu_plug");

	tcase_add_checked_fixture(tc, rig_init, teardown);
	tcase_add_test(tc, added_cpus_run_and_are_reported_to_the_guest);
	tcase_add_test(tc, number_that_the_machine_cannot_have_is_refused);
	tcase_add_test(tc, machine_without_a_maximum_keeps_its_cpus);
	tcase_add_test(tc, failed_addition_adds_none_and_can_be_repeated);
	tcase_add_test(tc, cpu_that_is_added_in_a_pause_runs_after_it);
	tcase_add_test(tc, saved_machine_continues_with_the_cpus_that_it_had);
	tcase_add_test(tc, a3_23_registers_of_cpus_take_whole_reads_alone);
	tcase_add_test(tc, thread_of_an_added_cpu_is_prepared_by_the_owner);
	tcase_add_test(tc, maximum_beyond_that_of_kvm_is_refused);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
