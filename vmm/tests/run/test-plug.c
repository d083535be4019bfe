/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about devices that are added and removed while the guest runs; the
 * test plays the guest on its CPUs, and its user.
 */
#include <config.h>

#include <vmm-sys-util/fd.h>

#include "../machine/plug_rig.h"

#define ADD "device-add blk,path=disk\n"

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

START_TEST(plugged_device_is_ejected_and_its_slot_is_free)
{
	machine_run("--transport=pci", OWN_MEMORY, coming);
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

/* Accesses registers in other widths, between their offsets and behind them. */
static void probing(void)
{
	uint16_t port;

	assert_told(ADD, ADDED(0));
	for (port = CAME; port < CAME + VARCH_PORT_PLUG_LEN; port++) {
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
	machine_run("--transport=pci", OWN_MEMORY, probing);
}
END_TEST

START_TEST(a3_21_device_not_requested_cannot_be_ejected)
{
	machine_run("--transport=pci", OWN_MEMORY, ejecting);
}
END_TEST

static void taken(void)
{
	assert_told(ADD, ADDED(0));
	ck_assert_uint_eq(port_in(CAME), SLOT1);
	status_out(1, 1);
	assert_told("device-del 0 force\n", DONE);
	ck_assert_uint_eq(config_in(1, 0), ABSENT);
	ck_assert_uint_eq(access_of(&rig.machine.mmio, VARCH_PCI_WINDOW_GPA + STATUS, 1, false, 0), 0);
	ck_assert_uint_eq(port_in(CAME), 0);
	ck_assert_uint_eq(port_in(GOES), SLOT1);
	wait_until_gone(0);
	assert_told(ADD, ADDED(0));
	port_out(EJECT, SLOT1);
	ck_assert(has_device(0));
}

START_TEST(a3_24_device_of_an_unresponsive_guest_can_be_removed)
{
	machine_run("--transport=pci", OWN_MEMORY, taken);
}
END_TEST

static const struct { const char *line, *why; } refusals[] = {
	{ "device-add blk\n", "needs 'path=FILE'" },
	{ "device-add block,path=disk\n", "did you mean 'blk'" },
	{ "device-add blk,path=nowhere\n", "nowhere" },
	{ "device-add none\n", "device-add: 'none' is a free slot of the bus and no device; begin with a kind, such as 'rng'" },
	{ "device-add console,stdio\n", "standard input and output are in use" },
	{ "device-add mem,size=128M\n", "cannot be hot-plugged" },
	{ "device-add blk,backend=user:nowhere\n", "needs memory that can be shared" },
	{ "device-del 0\n", "no device '0'; 'status' lists them" },
	{ "device-del 2147483647\n", "no device" },
};

static void refused(void)
{
	unsigned int i;

	for_rows(i, COUNT(refusals))
		assert_refusal(refusals[i].line, refusals[i].why);
	assert_told(ADD, ADDED(0));
	for (i = 1; i < VMM_DEVICE_PLACES; i++)
		ck_assert_ptr_nonnull(strstr(user_says("device-add rng\n"), "\"ok\":true"));
	assert_refusal("device-add rng\n", "all 19 slots of the bus are in use");
	assert_told("device-del 7\n", DONE);
	ck_assert_uint_eq(port_in(GOES), 1u << 8);
	port_out(EJECT, 1u << 8);
	wait_until_gone(7);
	assert_told("device-add rng\n", ADDED(7));
}

START_TEST(impossible_plug_or_unplug_is_refused_with_its_reason)
{
	machine_run("--transport=pci", OWN_MEMORY, refused);
}
END_TEST

/* Refusals of each kind, repeatedly; the user connected before. */
static void failing(void)
{
	unsigned int before, i;

	user_says("status\n");
	before = vsu_fd_count();
	for (i = 0; i < 20 * COUNT(refusals); i++)
		assert_refusal(refusals[i % COUNT(refusals)].line, refusals[i % COUNT(refusals)].why);
	ck_assert_ptr_nonnull(strstr(user_says("status\n"), "\"devices\":[],"));
	ck_assert_uint_eq(vsu_fd_count(), before);
	ck_assert_uint_eq(port_in(CAME), 0);
	assert_told(ADD, ADDED(0));
}

START_TEST(d3_04_failed_plugs_leave_nothing)
{
	machine_run("--transport=pci", OWN_MEMORY, failing);
}
END_TEST

/* A removed device releases its resources. */
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

START_TEST(d3_05_unplugged_devices_leave_no_descriptor)
{
	machine_run("--transport=pci", OWN_MEMORY, changing);
}
END_TEST

static void busless(void)
{
	assert_refusal("device-add rng\n", "start it with --transport=pci");
	assert_refusal("device-del 0\n", "no device");
}

START_TEST(plug_without_a_bus_is_refused)
{
	machine_run("--transport=mmio", OWN_MEMORY, busless);
}
END_TEST

/* The main thread alone reads the protocol of a machine that runs. */
static void finding_nothing(void)
{
	rig.machine.loaded.protocol = VARCH_PROTOCOL_IMAGE;
	assert_refusal("device-add rng\n", "does not support adding and removing devices");
	assert_refusal("power-button\n", "has no power button");
}

START_TEST(guest_that_finds_neither_plug_nor_power_button_is_refused_both)
{
	machine_run("--transport=pci", OWN_MEMORY, finding_nothing);
}
END_TEST

/*
 * CPU 0 ejects devices that the user adds and removes. The other CPU resets and
 * starts the device, and stores to every slot register, all the time.
 */
static int storming(unsigned int cpu, unsigned int n, struct kvm_run *run)
{
	const struct row {
		const struct varch_bus *bus;
		uint64_t at;
		uint32_t len, value;
		bool write;
	} rows[] = {
		{ &rig.machine.mmio, VARCH_PCI_ECAM_GPA + 0x8000 + COMMAND, 2, 6, true },
		{ &rig.machine.mmio, VARCH_PCI_WINDOW_GPA + STATUS, 1, n % 4, true },
		{ &rig.machine.mmio, VARCH_PCI_WINDOW_GPA, 4, 0, false },
		{ &rig.machine.ports, CAME, 4, 0, false },
		{ &rig.machine.ports, EJECT, 4, ABSENT & ~SLOT1, true },
		{ &rig.machine.mmio, VARCH_PCI_WINDOW_GPA + STATUS, 1, 0, true },
	};
	const struct row *row = &rows[n % COUNT(rows)];
	struct varch_access access = { .len = row->len, .write = row->write, .value = row->value };

	if (!cpu)
		return obedient(cpu, n, run);
	varch_bus_access(row->bus, row->at, &access);
	return fake_in(run, VARCH_PORT_SLEEP_STATUS);
}

static void racing(void)
{
	unsigned int i, n = scaled(100);

	for (i = 0; i < n; i++) {
		assert_told(ADD, ADDED(0));
		status_out(1, 1);
		assert_told(i % 2 ? "device-del 0 force\n" : "device-del 0\n", DONE);
		port_out(EJECT, SLOT1);
		wait_until_gone(0);
	}
}

START_TEST(a3_22_devices_are_plugged_while_cpus_access_registers)
{
	fake.guest = storming;
	machine_run("--transport=pci", OWN_MEMORY, racing);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("plug");
	TCase *tc = tcase_create("plug");

	tcase_add_checked_fixture(tc, rig_init, rig_fini);
	tcase_add_test(tc, plugged_device_is_ejected_and_its_slot_is_free);
	tcase_add_test(tc, a3_21_device_not_requested_cannot_be_ejected);
	tcase_add_test(tc, a3_23_registers_of_slots_take_whole_accesses_alone);
	tcase_add_test(tc, a3_24_device_of_an_unresponsive_guest_can_be_removed);
	tcase_add_test(tc, d3_04_failed_plugs_leave_nothing);
	tcase_add_test(tc, d3_05_unplugged_devices_leave_no_descriptor);
	tcase_add_test(tc, impossible_plug_or_unplug_is_refused_with_its_reason);
	tcase_add_test(tc, plug_without_a_bus_is_refused);
	tcase_add_test(tc, guest_that_finds_neither_plug_nor_power_button_is_refused_both);
	tcase_add_test(tc, a3_22_devices_are_plugged_while_cpus_access_registers);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
