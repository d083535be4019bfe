/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the host bridge of the PCI bus. */
#include <config.h>

#include <vm-arch/pci_host.h>

#include "../util.h"

#define SLOT 3u
#define LEN 0x10000u
#define ECAM(slot, at) (VARCH_PCI_ECAM_GPA + (slot) * 8 * 4096u + (at))

struct seen {
	unsigned int space, registers;
	struct varch_access last;
};

static struct varch_pci_host host;
static struct varch_bus memory, ports;
static struct seen seen;

static void on_space(void *opaque, struct varch_access *access)
{
	struct seen *s = opaque;

	s->space++;
	s->last = *access;
	if (!access->write)
		access->value = 0x5a;
}

static void on_registers(void *opaque, struct varch_access *access)
{
	struct seen *s = opaque;

	s->registers++;
	s->last = *access;
	if (!access->write)
		access->value = 0xa5;
}

static void setup(void)
{
	const struct varch_pci_function f = {
		.space = on_space, .registers = on_registers, .opaque = &seen,
		.len = LEN, .gpa = VARCH_PCI_NOWHERE,
	};

	memset(&host, 0, sizeof(host));
	memset(&memory, 0, sizeof(memory));
	memset(&ports, 0, sizeof(ports));
	memset(&seen, 0, sizeof(seen));
	ck_assert_int_eq(varch_pci_host_init(&host, &memory, &ports, NULL), 0);
	varch_pci_host_set(&host, SLOT, &f);
}

static uint64_t bus_read(const struct varch_bus *bus, uint64_t at, uint32_t len)
{
	struct varch_access access = { .len = len };

	varch_bus_access(bus, at, &access);
	return access.value;
}

static void bus_write(const struct varch_bus *bus, uint64_t at, uint32_t len,
		      uint64_t value)
{
	struct varch_access access = { .len = len, .write = true,
				     .value = value };

	varch_bus_access(bus, at, &access);
}

static bool is_ones(uint64_t value, uint32_t len)
{
	return (uint32_t)value == UINT32_MAX >> (32 - 8 * len) ||
	       value == UINT64_MAX;
}

START_TEST(bridge_is_in_slot_0_and_ignores_stores)
{
	ck_assert_uint_eq(bus_read(&memory, ECAM(0, 0), 4), 0x00081b36);
	ck_assert_uint_eq(bus_read(&memory, ECAM(0, 0x0a), 2), 0x0600);
	bus_write(&memory, ECAM(0, 0), 4, 0);
	ck_assert_uint_eq(bus_read(&memory, ECAM(0, 2), 2), 0x0008);
	ck_assert_uint_eq(bus_read(&memory, ECAM(0, 0x34), 1), 0);
}
END_TEST

START_TEST(configuration_space_is_reached_in_both_ways)
{
	ck_assert_uint_eq(bus_read(&memory, ECAM(SLOT, 0x44), 2), 0x5a);
	ck_assert_uint_eq(seen.last.offset, 0x44);
	ck_assert_uint_eq(seen.last.len, 2);
	bus_write(&ports, VARCH_PCI_PORT, 4, 0x80000000u | SLOT << 11 | 0x48);
	ck_assert_uint_eq(bus_read(&ports, VARCH_PCI_PORT, 4),
			  0x80000000u | SLOT << 11 | 0x48);
	ck_assert_uint_eq(bus_read(&ports, VARCH_PCI_PORT + 4 + 2, 2), 0x5a);
	ck_assert_uint_eq(seen.last.offset, 0x4a);
	bus_write(&ports, VARCH_PCI_PORT + 4, 4, 0x1234);
	ck_assert(seen.last.write);
	ck_assert_uint_eq(seen.last.value, 0x1234);
	ck_assert_uint_eq(seen.space, 3);
}
END_TEST

/* Addresses, selections and widths without a function. */
static const uint64_t absent[][2] = {
	{ ECAM(SLOT + 1, 0), 4 }, { ECAM(SLOT, 4096), 4 },
	{ ECAM(SLOT, 1), 2 }, { ECAM(SLOT, 0), 8 },
	{ ECAM(VARCH_PCI_SLOTS - 1, 7 * 4096), 4 },
};

START_TEST(a3_11_absent_function_reads_ones)
{
	ck_assert(is_ones(bus_read(&memory, absent[_i][0],
				   (uint32_t)absent[_i][1]),
			  absent[_i][1] > 4 ? 4 : (uint32_t)absent[_i][1]));
	bus_write(&memory, absent[_i][0], (uint32_t)absent[_i][1], 0);
	ck_assert_uint_eq(seen.space, 0);
}
END_TEST

static const uint32_t selections[] = {
	0, SLOT << 11, 0x80000000u | 1 << 16 | SLOT << 11,
	0x80000000u | SLOT << 11 | 1 << 8, 0x80000000u | (SLOT + 1) << 11,
};

START_TEST(a3_11_unselected_data_port_reads_ones)
{
	bus_write(&ports, VARCH_PCI_PORT, 4, selections[_i]);
	ck_assert(is_ones(bus_read(&ports, VARCH_PCI_PORT + 4, 4), 4));
	bus_write(&ports, VARCH_PCI_PORT + 4, 4, 0);
	bus_write(&ports, VARCH_PCI_PORT, 2, 0xffff);
	bus_write(&ports, VARCH_PCI_PORT + 1, 1, 0xff);
	ck_assert_uint_eq(bus_read(&ports, VARCH_PCI_PORT, 4), selections[_i]);
	ck_assert_uint_eq(seen.space, 0);
}
END_TEST

START_TEST(registers_answer_where_they_were_moved)
{
	const uint64_t first = VARCH_PCI_WINDOW_GPA + 0x20000;

	ck_assert(is_ones(bus_read(&memory, first, 4), 4));
	varch_pci_function_move(&host.functions[SLOT], first);
	ck_assert_uint_eq(bus_read(&memory, first + 0x10, 4), 0xa5);
	ck_assert_uint_eq(seen.last.offset, 0x10);
	bus_read(&memory, first + LEN - 4, 4);
	bus_read(&memory, first + LEN - 2, 4);
	bus_read(&memory, first + LEN, 4);
	bus_read(&memory, first - 1, 1);
	ck_assert_uint_eq(seen.registers, 2);
	varch_pci_function_move(&host.functions[SLOT], VARCH_PCI_NOWHERE);
	bus_read(&memory, first, 4);
	ck_assert_uint_eq(seen.registers, 2);
}
END_TEST

/* Linux identifies the ports by the word that it stores there. */
START_TEST(ports_without_a_bus_keep_the_selection_and_have_no_function)
{
	struct varch_pci_host empty = { 0 };

	memset(&ports, 0, sizeof(ports));
	ck_assert_int_eq(varch_pci_host_init(&empty, NULL, &ports, NULL), 0);
	bus_write(&ports, VARCH_PCI_PORT + 3, 1, 1);
	bus_write(&ports, VARCH_PCI_PORT, 4, 0x80000000u);
	ck_assert_uint_eq(bus_read(&ports, VARCH_PCI_PORT, 4), 0x80000000u);
	ck_assert(is_ones(bus_read(&ports, VARCH_PCI_PORT + 4, 4), 4));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("pci_host");
	TCase *tc = tcase_create("pci_host");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, bridge_is_in_slot_0_and_ignores_stores);
	tcase_add_test(tc, configuration_space_is_reached_in_both_ways);
	tcase_add_loop_test(tc, a3_11_absent_function_reads_ones, 0,
			    (int)COUNT(absent));
	tcase_add_loop_test(tc, a3_11_unselected_data_port_reads_ones, 0,
			    (int)COUNT(selections));
	tcase_add_test(tc, registers_answer_where_they_were_moved);
	tcase_add_test(tc, ports_without_a_bus_keep_the_selection_and_have_no_function);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
