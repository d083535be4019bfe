/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about devices that come and go while the guest runs; the test plays
 * the guest on its CPUs, and the user at the control socket.
 */
#include <config.h>

#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/exit.h>
#include <vmm-sys-util/fd.h>

#include "kernels.h"
#include "rig.h"

#define SLOT1 2u		/* its bit */
#define CAME VMM_PORT_PLUG
#define GOES (VMM_PORT_PLUG + 4)
#define EJECT (VMM_PORT_PLUG + 8)
#define ABSENT 0xffffffffu
#define COMMAND 0x04
#define STATUS 0x14		/* of the common configuration */
#define ROUNDS 100u

/* ------------------------------------------------------- the user's commands */

static int user = -1;
static char said[8192];

static void user_connect(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX, .sun_path = "control" };

	user = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_ge(user, 0);
	ck_assert_int_eq(connect(user, (const struct sockaddr *)&addr, sizeof(addr)), 0);
}

static const char *user_says(const char *line)
{
	size_t n = 0;

	if (user < 0)
		user_connect();
	ck_assert_int_eq(write(user, line, strlen(line)), (ssize_t)strlen(line));
	do {
		ck_assert_uint_lt(n, sizeof(said) - 1);
		ck_assert_int_eq(read(user, said + n, 1), 1);
	} while (said[n++] != '\n');
	said[n] = '\0';
	return said;
}

static void assert_told(const char *line, const char *answer)
{
	ck_assert_str_eq(user_says(line), answer);
}

static void assert_refusal(const char *line, const char *why)
{
	user_says(line);
	ck_assert_msg(strstr(said, "\"ok\":false") && strstr(said, why), "%s: %s", line, said);
}

static bool has_device(unsigned int number)
{
	char want[32];

	snprintf(want, sizeof(want), "{\"device\":%u,", number);
	return strstr(user_says("status\n"), want);
}

/* The loop gives the machine its turns between the answers. */
static void wait_until_gone(unsigned int number)
{
	while (has_device(number))
		;
}

/* ------------------------------------------------------------ the guest's acts */

/* An access that CPU 0 is to make: the test's story has a thread of its own. */
static struct {
	const struct vmm_bus *bus;
	uint64_t at;
	struct vmm_access access;
	int wanted, made;	/* eventfds: nobody waits by asking again */
} act;

static pthread_t teller;
static void (*story)(void);
static bool is_over;		/* atomic: the story is */

static void *tell(void *arg)
{
	(void)arg;
	story();
	__atomic_store_n(&is_over, true, __ATOMIC_RELEASE);
	vsu_event_signal_own(act.wanted);
	return NULL;
}

/* As KVM_RUN does, it ends when somebody wants the CPU's attention. */
static int obedient(unsigned int cpu, unsigned int n, struct kvm_run *run)
{
	struct pollfd wanted = { .fd = act.wanted, .events = POLLIN };

	if (cpu)
		return FAKE_COMPUTES;
	if (!n)
		ck_assert_int_eq(pthread_create(&teller, NULL, tell, NULL), 0);
	while (poll(&wanted, 1, 1) != 1)
		if (__atomic_load_n(&run->immediate_exit, __ATOMIC_RELAXED))
			return -EINTR;
	if (__atomic_load_n(&is_over, __ATOMIC_ACQUIRE))
		return fake_power_off(run);
	vsu_event_drain(act.wanted, NULL);
	vmm_bus_access(act.bus, act.at, &act.access);
	vsu_event_signal_own(act.made);
	return fake_in(run, VMM_PORT_SLEEP_STATUS);
}

static uint32_t access_of(const struct vmm_bus *bus, uint64_t at, uint32_t len, bool write,
			  uint32_t value)
{
	const struct vmm_access access = { .len = len, .write = write, .value = value };
	struct pollfd made = { .fd = act.made, .events = POLLIN };

	act.bus = bus;
	act.at = at;
	act.access = access;
	vsu_event_signal_own(act.wanted);
	ck_assert_int_eq(poll(&made, 1, -1), 1);
	vsu_event_drain(act.made, NULL);
	return (uint32_t)act.access.value;
}

static uint32_t port_in(uint16_t port)
{
	return access_of(&rig.machine.ports, port, 4, false, 0);
}

static void port_out(uint16_t port, uint32_t value)
{
	access_of(&rig.machine.ports, port, 4, true, value);
}

static uint32_t config_in(unsigned int slot, uint32_t at)
{
	return access_of(&rig.machine.mmio, VMM_PCI_ECAM_GPA + slot * 0x8000 + at, 4, false, 0);
}

/* Behind registers that are switched on. */
static void status_out(unsigned int slot, uint8_t value)
{
	access_of(&rig.machine.mmio, VMM_PCI_ECAM_GPA + slot * 0x8000 + COMMAND, 2, true, 6);
	access_of(&rig.machine.mmio, VMM_PCI_WINDOW_GPA + (slot - 1) * UINT64_C(0x4000) + STATUS,
		  1, true, value);
}

/* Given away as the guest's ACPI does it. */
static void assert_given(unsigned int slot)
{
	ck_assert_uint_eq(port_in(GOES), 1u << slot);
	port_out(EJECT, 1u << slot);
	ck_assert_uint_eq(config_in(slot, 0), ABSENT);
}

/* ------------------------------------------------------------------- machines */

#define ADD "device-add blk,path=disk\n"
#define ADDED(n) "{\"ok\":true,\"device\":" #n "}\n"
#define DONE "{\"ok\":true}\n"

static void machine_run(const char *transport, void (*what)(void))
{
	static const char sectors[65536];

	kernel_pvh();
	rig_file("disk", sectors, sizeof(sectors));
	if (!fake.guest)
		fake.guest = obedient;
	fake.nroutes = 1024;
	act.wanted = vsu_event_new();
	act.made = vsu_event_new();
	story = what;
	RIG_OPTIONS("kernel", "--memory=size=4M", "--serial=null", "--cpus=2",
		    transport, "--control=control");
	rig_run();
	ck_assert_int_eq(pthread_join(teller, NULL), 0);
	close(act.wanted);
	close(act.made);
	ck_assert_msg(rig.status == VSU_EXIT_OK, "%s", rig.err.msg);
}

static void coming(void)
{
	ck_assert_uint_eq(config_in(1, 0), ABSENT);
	assert_told(ADD, ADDED(0));
	ck_assert_uint_eq(port_in(CAME), SLOT1);
	ck_assert_uint_eq(port_in(CAME), 0);
	ck_assert_uint_eq(config_in(1, 0), 0x10421af4);
	assert_told("device-del 0\n", DONE);
	ck_assert_ptr_nonnull(strstr(user_says("status\n"), "\"leaving\":true"));
	assert_given(1);
	wait_until_gone(0);
	assert_told(ADD, ADDED(0));
}

START_TEST(a_device_comes_is_asked_for_goes_and_its_place_is_free)
{
	machine_run("--transport=pci", coming);
}
END_TEST

static void ejecting(void)
{
	port_out(EJECT, ABSENT);
	assert_told(ADD, ADDED(0));
	port_out(EJECT, ABSENT);
	ck_assert(has_device(0));
	ck_assert_uint_eq(config_in(1, 0), 0x10421af4);
	assert_told("device-del 0\n", DONE);
	access_of(&rig.machine.ports, EJECT, 1, true, SLOT1);
	port_out(EJECT, ~SLOT1);
	ck_assert(has_device(0));
	assert_given(1);
	port_out(EJECT, ABSENT);
	wait_until_gone(0);
	port_out(EJECT, ABSENT);
	ck_assert_uint_eq(config_in(0, 0), 0x00081b36);
}

/* The registers in other widths, beside their places, and behind them. */
static void probing(void)
{
	uint16_t port;

	assert_told(ADD, ADDED(0));
	for (port = CAME; port < CAME + VMM_PORT_PLUG_LEN; port++) {
		access_of(&rig.machine.ports, port, 1, false, 0);
		access_of(&rig.machine.ports, port, 2, false, 0);
		access_of(&rig.machine.ports, port, 1, true, 0xff);
		if (port % 4)
			port_in(port);
	}
	port_out(CAME, 0);
	port_out(GOES, ABSENT);
	ck_assert_uint_eq(port_in(EJECT), 0);
	ck_assert_uint_eq(port_in(GOES), 0);
	ck_assert_uint_eq(port_in(CAME), SLOT1);
	ck_assert(has_device(0));
	ck_assert_uint_eq(config_in(1, 0), 0x10421af4);
}

START_TEST(a3_23_registers_of_slots_take_whole_accesses_alone)
{
	machine_run("--transport=pci", probing);
}
END_TEST

START_TEST(a3_21_what_nobody_asked_for_cannot_be_ejected)
{
	machine_run("--transport=pci", ejecting);
}
END_TEST

static void taken(void)
{
	assert_told(ADD, ADDED(0));
	ck_assert_uint_eq(port_in(CAME), SLOT1);
	status_out(1, 1);
	assert_told("device-del blk force\n", DONE);
	ck_assert_uint_eq(config_in(1, 0), ABSENT);
	ck_assert_uint_eq(access_of(&rig.machine.mmio, VMM_PCI_WINDOW_GPA + STATUS, 1, false, 0), 0);
	ck_assert_uint_eq(port_in(CAME), 0);
	ck_assert_uint_eq(port_in(GOES), SLOT1);
	wait_until_gone(0);
	assert_told(ADD, ADDED(0));
	port_out(EJECT, SLOT1);
	ck_assert(has_device(0));
}

START_TEST(a3_24_a_device_can_be_taken_from_a_guest_that_does_not_answer)
{
	machine_run("--transport=pci", taken);
}
END_TEST

static const struct { const char *line, *why; } refusals[] = {
	{ "device-add\n", "expected is 'device-add KIND,OPTIONS'" },
	{ "device-add blk\n", "needs 'path=FILE'" },
	{ "device-add block,path=disk\n", "did you mean 'blk'" },
	{ "device-add blk,path=nowhere\n", "nowhere" },
	{ "device-add console,stdio\n", "standard input and output are not free" },
	{ "device-add mem,size=128M\n", "cannot come while the guest runs" },
	{ "device-add blk,backend=user:nowhere\n", "needs memory that can be shared" },
	{ "device-del 0\n", "no device '0'; 'status' names them" },
	{ "device-del 18446744073709551615\n", "no device" },
	{ "device-del blk now\n", "no device" },
};

static void refused(void)
{
	unsigned int i;

	for (i = 0; i < COUNT(refusals); i++)
		assert_refusal(refusals[i].line, refusals[i].why);
	assert_told(ADD, ADDED(0));
	assert_refusal("device-del 0 now\n", "expected is 'force' or nothing");
	for (i = 1; i < VMM_DEVICE_PLACES; i++)
		ck_assert_ptr_nonnull(strstr(user_says("device-add rng\n"), "\"ok\":true"));
	assert_refusal("device-add rng\n", "each of the bus's 19 slots has a device");
	assert_told("device-del 7\n", DONE);
	ck_assert_uint_eq(port_in(GOES), 1u << 8);
	port_out(EJECT, 1u << 8);
	wait_until_gone(7);
	assert_told("device-add rng\n", ADDED(7));
}

START_TEST(what_cannot_come_or_go_is_refused_with_its_reason)
{
	machine_run("--transport=pci", refused);
}
END_TEST

/* Refusals, of each kind and again and again; the user's socket is there before. */
static void failing(void)
{
	unsigned int before, i;

	user_says("status\n");
	before = vsu_fd_count();
	for (i = 0; i < 20 * COUNT(refusals); i++)
		assert_refusal(refusals[i % COUNT(refusals)].line, refusals[i % COUNT(refusals)].why);
	ck_assert_str_eq(user_says("status\n"),
			 "{\"ok\":true,\"cpus\":2,\"paused\":false,\"devices\":[]}\n");
	ck_assert_uint_eq(vsu_fd_count(), before);
	ck_assert_uint_eq(port_in(CAME), 0);
	assert_told(ADD, ADDED(0));
}

START_TEST(d3_04_devices_that_cannot_be_made_leave_nothing_however_often)
{
	machine_run("--transport=pci", failing);
}
END_TEST

/* A device takes along what it had. */
static void changing(void)
{
	unsigned int before = 0, i;

	for (i = 0; i < 40; i++) {
		assert_told(ADD, ADDED(0));
		status_out(1, 1);
		assert_told(i % 2 ? "device-del 0 force\n" : "device-del 0\n", DONE);
		port_out(EJECT, SLOT1);
		wait_until_gone(0);
		if (!i)
			before = vsu_fd_count();
		ck_assert_uint_eq(vsu_fd_count(), before);
	}
}

START_TEST(d3_05_devices_that_went_keep_no_descriptor_however_often)
{
	machine_run("--transport=pci", changing);
}
END_TEST

static void busless(void)
{
	assert_refusal("device-add rng\n", "start it with --transport=pci");
	assert_refusal("device-del 0\n", "no device");
}

START_TEST(a_machine_without_a_bus_says_so)
{
	machine_run("--transport=mmio", busless);
}
END_TEST

/*
 * CPU 0 ejects what the user adds and removes; the other one resets the device,
 * begins with it, and stores to every register of slots, all the time.
 */
static int storming(unsigned int cpu, unsigned int n, struct kvm_run *run)
{
	const struct row {
		const struct vmm_bus *bus;
		uint64_t at;
		uint32_t len, value;
		bool write;
	} rows[] = {
		{ &rig.machine.mmio, VMM_PCI_ECAM_GPA + 0x8000 + COMMAND, 2, 6, true },
		{ &rig.machine.mmio, VMM_PCI_WINDOW_GPA + STATUS, 1, n % 4, true },
		{ &rig.machine.mmio, VMM_PCI_WINDOW_GPA, 4, 0, false },
		{ &rig.machine.ports, CAME, 4, 0, false },
		{ &rig.machine.ports, EJECT, 4, ABSENT & ~SLOT1, true },
		{ &rig.machine.mmio, VMM_PCI_WINDOW_GPA + STATUS, 1, 0, true },
	};
	const struct row *row = &rows[n % COUNT(rows)];
	struct vmm_access access = { .len = row->len, .write = row->write, .value = row->value };

	if (!cpu)
		return obedient(cpu, n, run);
	vmm_bus_access(row->bus, row->at, &access);
	return fake_in(run, VMM_PORT_SLEEP_STATUS);
}

static void racing(void)
{
	unsigned int i;

	for (i = 0; i < ROUNDS; i++) {
		assert_told(ADD, ADDED(0));
		status_out(1, 1);
		assert_told(i % 2 ? "device-del 0 force\n" : "device-del 0\n", DONE);
		port_out(EJECT, SLOT1);
		wait_until_gone(0);
	}
}

START_TEST(a3_22_devices_come_and_go_while_cpus_are_in_their_registers)
{
	fake.guest = storming;
	machine_run("--transport=pci", racing);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("plug");
	TCase *tc = tcase_create("plug");

	tcase_add_checked_fixture(tc, rig_init, rig_fini);
	tcase_add_test(tc, a_device_comes_is_asked_for_goes_and_its_place_is_free);
	tcase_add_test(tc, a3_21_what_nobody_asked_for_cannot_be_ejected);
	tcase_add_test(tc, a3_23_registers_of_slots_take_whole_accesses_alone);
	tcase_add_test(tc, a3_24_a_device_can_be_taken_from_a_guest_that_does_not_answer);
	tcase_add_test(tc, d3_04_devices_that_cannot_be_made_leave_nothing_however_often);
	tcase_add_test(tc, d3_05_devices_that_went_keep_no_descriptor_however_often);
	tcase_add_test(tc, what_cannot_come_or_go_is_refused_with_its_reason);
	tcase_add_test(tc, a_machine_without_a_bus_says_so);
	tcase_add_test(tc, a3_22_devices_come_and_go_while_cpus_are_in_their_registers);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
