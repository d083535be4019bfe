/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about the end of a machine and its console, on the fake
 * KVM; the test plays the guest.
 */
#include <config.h>

#include <errno.h>
#include <poll.h>
#include <sys/stat.h>
#include <pty.h>
#include <signal.h>

#include <vmm-sys-util/exit.h>

#include "machine/events.h"
#include "../virtio/rig.h"
#include "kernels.h"
#include "user.h"

#define I8042 0x64
#define IER (VARCH_PORT_SERIAL + 1)
#define IER_TRANSMITTER 2
#define NOTIFY 0x50

static const struct end {
	uint16_t port;
	uint8_t value;
	int status;
	const char *says;
} ends[] = {
	{ VARCH_PORT_SLEEP_CONTROL, 0x34, VSU_EXIT_OK, "the guest powered off" },
	{ VARCH_PORT_RESET, VARCH_RESET_VALUE, VSU_EXIT_REBOOT,
	  "the guest asked for a reboot" },
	{ I8042, 0xfe, VSU_EXIT_REBOOT, "the guest asked for a reboot" },
	{ VARCH_PORT_PANIC, 1, VSU_EXIT_PANIC, "the guest's kernel panicked" },
	{ VARCH_PORT_POWER, 0, VSU_EXIT_OK, "" },
	{ VARCH_PORT_POWER, 7, VSU_EXIT_FAIL, "the guest ended with status 7" },
};

static const struct end *the_end;

static int end(unsigned int cpu, unsigned int n, struct kvm_run *run)
{
	return cpu || n ? FAKE_COMPUTES :
	       fake_out(run, the_end->port, the_end->value);
}

static void assert_ended(int status, const char *says)
{
	ck_assert_int_eq(rig.status, status);
	ck_assert_str_eq(rig.err.msg, says);
}

/* The other CPU computes and is stopped as well. */
START_TEST(store_to_a_port_ends_the_machine)
{
	kernel_pvh();
	the_end = &ends[_i];
	fake.guest = end;
	RIG_OPTIONS("kernel", "--memory=size=4M", "--serial=null", "--cpus=2");
	rig_run();
	assert_ended(the_end->status, the_end->says);
}
END_TEST

/* Waits for an interrupt; only the test's time limit ends the wait. */
static void wait_for_irq(unsigned int irq)
{
	struct pollfd p = { .fd = fake.irq_fd[irq], .events = POLLIN };
	uint64_t count;

	ck_assert_int_eq(poll(&p, 1, -1), 1);
	ck_assert_int_eq(read(p.fd, &count, sizeof(count)), sizeof(count));
}

static int left_with;
static struct vsu_error left_why;

static void on_abandon(void *opaque, int status, const struct vsu_error *why)
{
	(void)opaque;
	left_with = status;
	left_why = *why;
}

START_TEST(machine_that_cannot_be_freed_is_left_to_its_owner)
{
	static const struct vsu_error why = { .msg = "a thread is blocked" };

	kernel_pvh();
	RIG_OPTIONS("kernel", "--memory=size=4M", "--serial=null");
	rig.owner.stuck = on_abandon;
	rig_make();
	vmm_machine_abandon(&rig.machine, VSU_EXIT_INTERNAL, &why);
	ck_assert_int_eq(left_with, VSU_EXIT_INTERNAL);
	ck_assert_str_eq(left_why.msg, why.msg);
}
END_TEST

/* On each CPU's thread; the limit on rights fails on the second. */
static unsigned int begun;

static int begin_thread(void *opaque, enum cvmm_thread kind, struct vsu_error *err)
{
	(void)opaque;
	if (kind != CVMM_THREAD_CPU || !__atomic_fetch_add(&begun, 1, __ATOMIC_RELAXED))
		return 0;
	return vsu_error_set(err, -EOPNOTSUPP, "no rights to drop");
}

static int computes(unsigned int cpu, unsigned int n, struct kvm_run *run)
{
	(void)cpu;
	(void)n;
	(void)run;
	return FAKE_COMPUTES;
}

START_TEST(machine_ends_if_its_owner_cannot_prepare_a_thread)
{
	kernel_pvh();
	fake.guest = computes;
	RIG_OPTIONS("kernel", "--memory=size=4M", "--serial=null", "--cpus=2");
	rig.owner.begin_thread = begin_thread;
	rig_run();
	assert_ended(VSU_EXIT_HOST, "no rights to drop");
	ck_assert_uint_eq(begun, 2);
}
END_TEST

static const char *line_to_send;

static void command(int user, const char *line)
{
	user_sends(user, line);
	ck_assert_str_eq(user_hears(user), DONE);
}

static int commanded(unsigned int cpu, unsigned int n, struct kvm_run *run)
{
	int user;

	(void)cpu;
	(void)run;
	if (n)
		return FAKE_COMPUTES;
	user = user_connect();
	command(user, line_to_send);
	if (!strcmp(line_to_send, "power-button\n")) {
		wait_for_irq(VARCH_BUTTON_IRQ);
		command(user, "quit\n");
	}
	close(user);
	return FAKE_COMPUTES;
}

static const struct the_command {
	const char *line;
	int status;
	const char *says;
} the_commands[] = {
	{ "quit\n", VSU_EXIT_OK, "" },
	{ "reset\n", VSU_EXIT_REBOOT, "the command 'reset' ended the guest" },
	{ "power-button\n", VSU_EXIT_OK, "" },
};

START_TEST(commands_end_the_machine_or_press_its_button)
{
	kernel_pvh();
	fake.guest = commanded;
	line_to_send = the_commands[_i].line;
	rig.user = &usual_user;
	RIG_OPTIONS("kernel", "--memory=size=4M", "--serial=null");
	rig_run();
	assert_ended(the_commands[_i].status, the_commands[_i].says);
}
END_TEST

/* Writes "hi" and waits for the interrupt of the empty transmitter. */
static int speaks(unsigned int cpu, unsigned int n, struct kvm_run *run)
{
	(void)cpu;
	switch (n) {
	case 0:
		return fake_out(run, IER, IER_TRANSMITTER);
	case 1:
	case 2:
		wait_for_irq(VARCH_SERIAL_IRQ);
		return fake_out(run, VARCH_PORT_SERIAL, (uint8_t)"hi"[n - 1]);
	default:
		return fake_power_off(run);
	}
}

START_TEST(console_goes_to_its_file_and_interrupts)
{
	char text[8] = "";
	FILE *file;

	kernel_pvh();
	rig_file("console", "what was there", 14);
	fake.guest = speaks;
	RIG_OPTIONS("kernel", "--memory=size=4M", "--serial=console");
	rig_run();
	assert_ended(VSU_EXIT_OK, "the guest powered off");
	rig_free();
	file = fopen("console", "r");
	ck_assert_ptr_nonnull(fgets(text, sizeof(text), file));
	fclose(file);
	ck_assert_str_eq(text, "hi");
}
END_TEST

static const struct {
	const char *serial;
	bool succeeds;
} dry_runs[] = {
	{ "--serial=console", true }, { "--serial=folder/console", true },
	{ "--serial=./folder/inner/console", true }, { "--serial=folder/absent/console", false },
	{ "--serial=absent/console", false },
};

START_TEST(dry_run_requires_the_folder_of_the_console_and_makes_no_file)
{
	const char *name = dry_runs[_i].serial + strlen("--serial=");

	kernel_pvh();
	ck_assert(!mkdir("folder", 0755) && !mkdir("folder/inner", 0755));
	RIG_OPTIONS("kernel", "--memory=size=4M", dry_runs[_i].serial);
	rig.options.start.dry_run = true;
	rig.status = rig_try(NULL);
	ck_assert_msg(!rig.status == dry_runs[_i].succeeds, "%s", rig.err.msg);
	ck_assert_int_lt(access(name, F_OK), 0);
	rmdir("folder/inner");
	rmdir("folder");
}
END_TEST

/* More than a pipe holds, but no more than pipe and machine together. */
#define FLOOD 100000u

static int out[2];
static unsigned int nread;

/* The reader starts after the guest has written everything. */
static int floods(unsigned int cpu, unsigned int n, struct kvm_run *run)
{
	unsigned char byte;

	(void)cpu;
	if (n < FLOOD)
		return fake_out(run, VARCH_PORT_SERIAL, (uint8_t)n);
	while (nread < FLOOD && read(out[0], &byte, 1) == 1 &&
	       byte == (nread & 0xff))
		nread++;
	ck_assert_uint_eq(nread, FLOOD);
	return fake_power_off(run);
}

START_TEST(slow_reader_of_the_console_gets_every_byte_in_order)
{
	kernel_pvh();
	ck_assert_int_eq(pipe(out), 0);
	ck_assert_int_eq(dup2(out[1], STDOUT_FILENO), STDOUT_FILENO);
	fake.guest = floods;
	RIG_OPTIONS("kernel", "--memory=size=4M");
	rig_run();
	assert_ended(VSU_EXIT_OK, "the guest powered off");
	ck_assert_uint_eq(nread, FLOOD);
	ck_assert_uint_eq(vmm_console_dropped(rig.machine.console), 0);
}
END_TEST

/* Reads the typed input and its end, then powers off. */
static int in[2];
static char heard[4];

static int listens(unsigned int cpu, unsigned int n, struct kvm_run *run)
{
	const uint8_t *data = (const uint8_t *)run + run->io.data_offset;

	(void)cpu;
	if (!n)
		return fake_in(run, VARCH_PORT_SERIAL + 5);
	if (run->io.port == VARCH_PORT_SERIAL)
		heard[strlen(heard)] = (char)*data;
	else if (*data & 1)
		return fake_in(run, VARCH_PORT_SERIAL);
	return strlen(heard) == 2 ? fake_power_off(run) :
	       fake_in(run, VARCH_PORT_SERIAL + 5);
}

START_TEST(guest_reads_all_input_before_its_end)
{
	kernel_pvh();
	ck_assert_int_eq(pipe(in), 0);
	ck_assert_int_eq(write(in[1], "ok", 2), 2);
	ck_assert_int_eq(dup2(in[0], STDIN_FILENO), STDIN_FILENO);
	close(in[1]);
	fake.guest = listens;
	RIG_OPTIONS("kernel", "--memory=size=4M");
	rig_run();
	assert_ended(VSU_EXIT_OK, "the guest powered off");
	ck_assert_str_eq(heard, "ok");
}
END_TEST

/* The user requests the description of the machine, which has a free slot, and leaves it. */
START_TEST(keys_on_a_terminal_print_statistics_and_end_the_machine)
{
	int terminal, side, told[2];
	char line[128] = "";

	kernel_pvh();
	ck_assert_int_eq(openpty(&terminal, &side, NULL, NULL, NULL), 0);
	ck_assert_int_eq(pipe(told), 0);
	ck_assert_int_eq(dup2(side, STDIN_FILENO), STDIN_FILENO);
	ck_assert_int_eq(dup2(told[1], STDERR_FILENO), STDERR_FILENO);
	fake.has_msi = true;
	RIG_OPTIONS("kernel", "--memory=size=4M", "--cpus=2", "--transport=pci", "--device=none", "--device=rng");
	rig_make();
	ck_assert_int_eq(write(terminal, "\1c\1x", 4), 4);
	rig_run_made();
	assert_ended(VSU_EXIT_OK, "");
	ck_assert_int_gt(read(told[0], line, sizeof(line) - 1), 0);
	ck_assert_str_eq(line, "cvmm: 2 CPUs, 1 devices, 0 bytes of the "
			 "console lost; Ctrl-A x ends the machine\n");
}
END_TEST

/* KVM usually handles such a store itself; a store that exits must also kick. */
START_TEST(store_to_the_notify_register_kicks_its_queue)
{
	struct varch_access access = { .len = 4, .write = true };
	struct pollfd kick = { .events = POLLIN };
	struct vmm_virtio *virtio;

	kernel_pvh();
	RIG_OPTIONS("kernel", "--memory=size=4M", "--device=rng");
	rig_make();
	virtio = rig.machine.devices[0].virtio;
	kick.fd = vmm_virtio_kick_fd(virtio, 0);
	varch_bus_access(&rig.machine.mmio, VARCH_TRANSPORTS_GPA + NOTIFY,
		       &access);
	ck_assert_int_eq(poll(&kick, 1, 0), 0);	/* the driver is not ready */
	rig_start(virtio);
	varch_bus_access(&rig.machine.mmio, VARCH_TRANSPORTS_GPA + NOTIFY,
		       &access);
	ck_assert_int_eq(poll(&kick, 1, 0), 1);
	access.value = 1;	/* a queue that does not exist */
	varch_bus_access(&rig.machine.mmio, VARCH_TRANSPORTS_GPA + NOTIFY,
		       &access);
}
END_TEST

/*
 * Another CPU of the same process probes whether the guest is at privilege
 * level 0.
 */
static uint32_t crash_reason, probe_reason;

static int crashing(unsigned int cpu, unsigned int n, struct kvm_run *run)
{
	(void)n;
	run->exit_reason = cpu ? probe_reason : crash_reason;
	run->internal.suberror = 1;
	return 0;
}

static const struct crash {
	uint32_t crash, probe;
	int status;
	const char *says;
} crashes[] = {
	{ KVM_EXIT_INTERNAL_ERROR, KVM_EXIT_INTERNAL_ERROR, VSU_EXIT_HOST,
	  "this host's KVM does not run privilege level 0 on the processor, which Linux requires; use a host with VT-x or AMD-V (CPU 0: KVM internal error 1 (an instruction that it cannot emulate))" },
	{ KVM_EXIT_SHUTDOWN, KVM_EXIT_INTERNAL_ERROR, VSU_EXIT_HOST,
	  "this host's KVM does not run privilege level 0 on the processor, which Linux requires; use a host with VT-x or AMD-V (CPU 0: the guest shut down by a triple fault)" },
	{ KVM_EXIT_INTERNAL_ERROR, KVM_EXIT_HLT, VSU_EXIT_INTERNAL,
	  "CPU 0: KVM internal error 1 (an instruction that it cannot emulate)" },
	{ KVM_EXIT_SHUTDOWN, KVM_EXIT_HLT, VSU_EXIT_FAIL,
	  "CPU 0: the guest shut down by a triple fault" },
};

START_TEST(crash_of_linux_on_a_kvm_without_level_0_names_the_kvm)
{
	kernel_pvh();
	crash_reason = crashes[_i].crash;
	probe_reason = crashes[_i].probe;
	fake.guest = crashing;
	RIG_OPTIONS("kernel", "--memory=size=4M", "--serial=null");
	rig_run();
	assert_ended(crashes[_i].status, crashes[_i].says);
}
END_TEST

/* Simulates page tables of the guest in the truncated part. */
static int crashing_without_memory(unsigned int cpu, unsigned int n,
				   struct kvm_run *run)
{
	(void)cpu;
	(void)n;
	ck_assert_int_eq(truncate("memory", 4096), 0);
	run->exit_reason = KVM_EXIT_SHUTDOWN;
	return 0;
}

START_TEST(crash_in_memory_whose_file_was_truncated_names_the_file)
{
	kernel_pvh();
	fake.guest = crashing_without_memory;
	RIG_OPTIONS("kernel", "--memory=size=4M,backend=file,share=on,mem-path=memory",
		    "--serial=null");
	rig_run();
	ck_assert_int_eq(rig.status, VSU_EXIT_HOST);
	ck_assert_msg(strstr(rig.err.msg, "memory at 0 is lost: ") &&
		      strstr(rig.err.msg, "; the guest crashed (CPU 0: the guest shut down by a triple fault)"),
		      "%s", rig.err.msg);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("life");
	TCase *tc = tcase_create("life");

	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, rig_init, rig_fini);
	tcase_add_loop_test(tc, store_to_a_port_ends_the_machine, 0,
			    COUNT(ends));
	tcase_add_test(tc, machine_that_cannot_be_freed_is_left_to_its_owner);
	tcase_add_test(tc, machine_ends_if_its_owner_cannot_prepare_a_thread);
	tcase_add_loop_test(tc, commands_end_the_machine_or_press_its_button, 0,
			    (int)COUNT(the_commands));
	tcase_add_test(tc, console_goes_to_its_file_and_interrupts);
	tcase_add_loop_test(tc, dry_run_requires_the_folder_of_the_console_and_makes_no_file, 0,
			    COUNT(dry_runs));
	tcase_add_test(tc, slow_reader_of_the_console_gets_every_byte_in_order);
	tcase_add_test(tc, guest_reads_all_input_before_its_end);
	tcase_add_test(tc, keys_on_a_terminal_print_statistics_and_end_the_machine);
	tcase_add_test(tc, store_to_the_notify_register_kicks_its_queue);
	tcase_add_loop_test(tc, crash_of_linux_on_a_kvm_without_level_0_names_the_kvm,
			    0, COUNT(crashes));
	tcase_add_test(tc, crash_in_memory_whose_file_was_truncated_names_the_file);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
