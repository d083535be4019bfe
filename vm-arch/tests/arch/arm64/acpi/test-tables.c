/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the tables of ACPI of an arm64 machine, also those of iasl. */
#include <config.h>

#include <vm-arch/layout.h>

#include "../../../acpi/iasl.h"
#include "arch/arm64/acpi/tables.h"

#define GPA 0x40030000u

static struct varch_arm64_acpi_layout layout;
static const struct varch_board_pci bus = {
	.ecam_gpa = 0x3f000000, .ecam_len = 0x100000, .window_gpa = 0x10000000, .window_len = 0x1000000,
	.nslots = 19, .slots = slots,
};

/* CPUs, version of the GIC, whether there is a bus, devices without it, windows */
static const struct size {
	unsigned int ncpus, gic;
	bool has_bus;
	unsigned int ndevices, nwindows;
} sizes[] = {
	{ 1, 3, true, 0, 0 }, { 2, 3, false, 1, 1 }, { 8, 2, false, 19, 0 }, { 64, 3, true, 0, 16 },
	{ 64, 3, false, 19, 16 },
};

static uint64_t mpidr_of(unsigned int number)
{
	return (uint64_t)(number / 16) << 8 | number % 16;
}

/* The caches of a CPU: split first caches, one of its own and one of all CPUs. */
static const struct varch_arm64_caches all_caches = { 4, {
	{ 1, VARCH_ARM64_DATA, 65536, 256, 64, 4, false }, { 1, VARCH_ARM64_INSTRUCTION, 32768, 128, 64, 4, false },
	{ 2, VARCH_ARM64_UNIFIED, 1 << 20, 2048, 64, 8, false }, { 3, VARCH_ARM64_UNIFIED, 32 << 20, 32768, 64, 16, true },
} };
static const struct varch_arm64_caches no_caches;
static const struct varch_arm64_caches *caches = &all_caches;

static int build(const struct size *s, size_t room)
{
	struct varch_board board = board_of(s->ncpus, s->ndevices, s->nwindows, 0x0a000000);
	const struct varch_arm64_acpi machine = { .board = &board, .gic = s->gic, .mpidr = mpidr_of, .caches = caches };

	board.pci = s->has_bus ? &bus : NULL;
	board.generation_gpa = VARCH_GENERATION_GPA;
	return varch_arm64_acpi_build(&machine, GPA, block, room, &layout, &err);
}

START_TEST(tables_sum_up_to_zero_and_are_found_from_the_root)
{
	const struct { const struct varch_acpi_table *table; const char *signature; bool of_bus; } rows[] = {
		{ &layout.fadt, "FACP", false }, { &layout.madt, "APIC", false }, { &layout.gtdt, "GTDT", false },
		{ &layout.pptt, "PPTT", false }, { &layout.spcr, "SPCR", false }, { &layout.mcfg, "MCFG", true }, { &layout.iort, "IORT", true },
	};
	const unsigned int n = sizes[_i].has_bus ? COUNT(rows) : COUNT(rows) - 2;
	unsigned int i;

	ck_assert_int_eq(build(&sizes[_i], sizeof(block)), 0);
	ck_assert_mem_eq(block, "RSD PTR ", 8);
	ck_assert_uint_eq(sum_of(&layout.rsdp), 0);
	ck_assert_uint_eq(get(24, 8), GPA + layout.xsdt.offset);
	ck_assert_uint_eq(sum_of(&layout.xsdt), 0);
	ck_assert_uint_eq(layout.xsdt.len, 36 + 8 * n);
	for (i = 0; i < n; i++) {
		ck_assert_uint_eq(get(layout.xsdt.offset + 36 + 8 * i, 8), GPA + rows[i].table->offset);
		ck_assert_mem_eq(block + rows[i].table->offset, rows[i].signature, 4);
		ck_assert_uint_eq(get(rows[i].table->offset + 4, 4), rows[i].table->len);
		ck_assert_uint_eq(sum_of(rows[i].table), 0);
	}
	ck_assert_uint_eq(get(layout.fadt.offset + 140, 8), GPA + layout.dsdt.offset);
	ck_assert_uint_eq(sum_of(&layout.dsdt), 0);
	ck_assert_int_eq(layout.mcfg.len && layout.iort.len, sizes[_i].has_bus);
}
END_TEST

/* Linux requires 5.1 at least, reduced hardware, and PSCI by HVC. */
START_TEST(fadt_names_psci_and_no_hardware)
{
	ck_assert_int_eq(build(&sizes[0], sizeof(block)), 0);
	ck_assert_uint_eq(block[layout.fadt.offset + 8], 6);
	ck_assert_uint_eq(get(layout.fadt.offset + 112, 4), 1u << 20 | 1u << 12 | 1u << 5 | 1u << 4 | 1);
	ck_assert_uint_eq(get(layout.fadt.offset + 129, 2), 3);
}
END_TEST

/* Offset of the next structure of this type in the MADT, from *at on, which is then behind it; 0: none. */
static size_t next_of(unsigned int type, size_t *at)
{
	size_t here;

	while (*at < layout.madt.offset + layout.madt.len) {
		here = *at;
		ck_assert_uint_ge(block[here + 1], 2);
		*at += block[here + 1];
		if (block[here] == type)
			return here;
	}
	ck_assert_uint_eq(*at, layout.madt.offset + layout.madt.len);
	return 0;
}

static size_t only_of(unsigned int type)
{
	size_t at = layout.madt.offset + 44, here = next_of(type, &at);

	ck_assert(!here || !next_of(type, &at));
	return here;
}

START_TEST(every_cpu_has_its_interface)
{
	const struct size *s = &sizes[_i];
	size_t at, here;
	unsigned int i;

	ck_assert_int_eq(build(s, sizeof(block)), 0);
	at = layout.madt.offset + 44;
	for (i = 0; i < s->ncpus; i++) {
		here = next_of(0xb, &at);
		ck_assert_uint_ne(here, 0);
		ck_assert_uint_eq(get(here + 8, 4), i);
		ck_assert_uint_eq(get(here + 12, 4), 1);
		ck_assert_uint_eq(get(here + 32, 8), s->gic == 2 ? VARCH_GICV2_CPUS_GPA : 0);
		ck_assert_uint_eq(get(here + 68, 8), mpidr_of(i));
	}
	ck_assert_uint_eq(next_of(0xb, &at), 0);
}
END_TEST

START_TEST(interrupt_controllers_are_those_of_the_machine)
{
	const struct size *s = &sizes[_i];
	size_t here;

	ck_assert_int_eq(build(s, sizeof(block)), 0);
	here = only_of(0xc);
	ck_assert_uint_ne(here, 0);
	ck_assert_uint_eq(get(here + 8, 8), VARCH_GIC_GPA);
	ck_assert_uint_eq(block[here + 20], s->gic);
	here = only_of(0xe);
	ck_assert_int_eq(here != 0, s->gic == 3);
	if (here) {
		ck_assert_uint_eq(get(here + 4, 8), VARCH_GIC_CPUS_GPA);
		ck_assert_uint_eq(get(here + 12, 4), s->ncpus * VARCH_GIC_CPU_LEN);
	}
	here = only_of(0xf);
	ck_assert_int_eq(here != 0, s->has_bus);
	if (here)
		ck_assert_uint_eq(get(here + 8, 8), VARCH_ITS_GPA);
}
END_TEST

START_TEST(timer_serial_port_and_mapping_of_messages)
{
	size_t at;

	ck_assert_int_eq(build(&sizes[0], sizeof(block)), 0);
	at = layout.gtdt.offset;
	ck_assert_uint_eq(get(at + 48, 4), 29);
	ck_assert_uint_eq(get(at + 56, 4), 30);
	ck_assert_uint_eq(get(at + 64, 4), 27);
	ck_assert_uint_eq(get(at + 68, 4), 4);
	ck_assert_uint_eq(get(at + 72, 4), 26);
	at = layout.spcr.offset;
	ck_assert_uint_eq(block[at + 36], 0);
	ck_assert_uint_eq(get(at + 44, 8), VARCH_SERIAL_AT);
	ck_assert_uint_eq(get(at + 54, 4), 32 + VARCH_SERIAL_IRQ);
	at = layout.iort.offset;
	ck_assert_uint_eq(get(at + 36, 4), 2);
	ck_assert_uint_eq(get(at + 40, 4), 48);
	ck_assert_uint_eq(block[at + 48], 0);
	ck_assert_uint_eq(block[at + 72], 2);
	ck_assert_uint_eq(get(at + 72 + 36 + 4, 4), 0xffff);	/* all requester IDs, unchanged */
	ck_assert_uint_eq(get(at + 72 + 36 + 8, 4), 0);
	ck_assert_uint_eq(get(at + 72 + 36 + 12, 4), 48);	/* to the group of the ITS */
}
END_TEST

/* The offset of a CPU's node, or of the package's. */
static size_t node_of(unsigned int cpu)
{
	const size_t package = layout.pptt.offset + 36 + 24 * caches->n;

	return cpu == UINT32_MAX ? package : package + block[package + 1] + cpu * block[package + block[package + 1] + 1];
}

START_TEST(topology_is_a_package_of_cores_with_caches)
{
	const struct size *s = &sizes[_i];
	size_t package, at;
	unsigned int i;

	ck_assert_int_eq(build(s, sizeof(block)), 0);
	package = node_of(UINT32_MAX);
	ck_assert_uint_eq(block[layout.pptt.offset + 8], 2);
	ck_assert_uint_eq(get(package + 4, 4), 1 | 1 << 4);
	ck_assert_uint_eq(get(package + 16, 4), 1);
	ck_assert_uint_eq(get(package + 20, 4), 36 + 3 * 24);	/* the cache of all */
	for (i = 0; i < s->ncpus; i++) {
		at = node_of(i);
		ck_assert_uint_eq(block[at], 0);
		ck_assert_uint_eq(get(at + 4, 4), 1 << 1 | 1 << 3);
		ck_assert_uint_eq(get(at + 8, 4), package - layout.pptt.offset);
		ck_assert_uint_eq(get(at + 12, 4), i);
		ck_assert_uint_eq(get(at + 16, 4), 2);
		ck_assert_uint_eq(get(at + 20, 4), 36);
		ck_assert_uint_eq(get(at + 24, 4), 36 + 24);
	}
	ck_assert_uint_eq(node_of(s->ncpus), layout.pptt.offset + layout.pptt.len);
}
END_TEST

/* Up to the last one that is the CPU's own: Linux takes what a CPU's caches lead to for its own. */
START_TEST(caches_lead_to_the_next_level)
{
	size_t at;

	ck_assert_int_eq(build(&sizes[0], sizeof(block)), 0);
	at = layout.pptt.offset + 36;
	ck_assert_uint_eq(block[at], 1);
	ck_assert_uint_eq(block[at + 1], 24);
	ck_assert_uint_eq(get(at + 4, 4), 0x7f);
	ck_assert_uint_eq(get(at + 8, 4), 36 + 2 * 24);
	ck_assert_uint_eq(get(at + 12, 4), 65536);
	ck_assert_uint_eq(get(at + 16, 4), 256);
	ck_assert_uint_eq(block[at + 20], 4);
	ck_assert_uint_eq(block[at + 21], 2);
	ck_assert_uint_eq(get(at + 22, 2), 64);
	ck_assert_uint_eq(block[at + 24 + 21], 2 | 1 << 2);
	ck_assert_uint_eq(get(at + 24 + 8, 4), 36 + 2 * 24);
	ck_assert_uint_eq(block[at + 48 + 21], 2 | 2 << 2);
	ck_assert_uint_eq(get(at + 48 + 8, 4), 0);
	ck_assert_uint_eq(get(at + 72 + 8, 4), 0);
}
END_TEST

START_TEST(shared_caches_lead_to_each_other)
{
	static const struct varch_arm64_caches cluster = { 4, {
		{ 1, VARCH_ARM64_DATA, 65536, 256, 64, 4, false }, { 1, VARCH_ARM64_INSTRUCTION, 65536, 256, 64, 4, false },
		{ 2, VARCH_ARM64_UNIFIED, 1 << 20, 2048, 64, 8, true }, { 3, VARCH_ARM64_UNIFIED, 32 << 20, 32768, 64, 16, true },
	} };
	size_t package, at;

	caches = &cluster;
	ck_assert_int_eq(build(&sizes[0], sizeof(block)), 0);
	package = node_of(UINT32_MAX);
	at = layout.pptt.offset + 36;
	ck_assert_uint_eq(get(package + 16, 4), 1);
	ck_assert_uint_eq(get(package + 20, 4), 36 + 2 * 24);
	ck_assert_uint_eq(get(at + 8, 4), 0);
	ck_assert_uint_eq(get(at + 48 + 8, 4), 36 + 3 * 24);
	caches = &all_caches;
}
END_TEST

START_TEST(unknown_caches_are_not_described)
{
	caches = &no_caches;
	ck_assert_int_eq(build(&sizes[1], sizeof(block)), 0);
	ck_assert_uint_eq(layout.pptt.len, 36 + 3 * 20);
	caches = &all_caches;
}
END_TEST

START_TEST(dsdt_has_the_devices_of_the_machine)
{
	const struct size *s = &sizes[_i];
	char name[16];
	unsigned int i;

	ck_assert_int_eq(build(s, sizeof(block)), 0);
	for (i = 0; i < 65; i++) {
		snprintf(name, sizeof(name), "C%03X\x08_HID\x0d" "ACPI0", i);
		ck_assert_msg(table_has(&layout.dsdt, name, 14) == (i < s->ncpus), "CPU %u", i);
		snprintf(name, sizeof(name), "V%03X\x08_HID\x0d" "LNRO0", i);
		ck_assert_msg(table_has(&layout.dsdt, name, 14) == (i < s->ndevices), "device %u", i);
	}
	ck_assert_int_eq(table_has(&layout.dsdt, "PCI0", 4), s->has_bus);
	ck_assert_int_eq(table_has(&layout.dsdt, "_DSM", 4), s->has_bus);
	/* 32-bit fields in memory, and the events of button and slots */
	ck_assert_int_eq(table_has(&layout.dsdt, "PLUG\0\x0c\x24\0\x01\x09", 10), s->has_bus);
	ck_assert(table_has(&layout.dsdt, "\x93\x68\x0a\x23", 4));
	ck_assert(table_has(&layout.dsdt, "\x93\x68\x0a\x21", 4));
}
END_TEST

START_TEST(tables_that_do_not_fit_are_refused_at_every_size)
{
	size_t size, need;

	ck_assert_int_eq(build(&sizes[3], sizeof(block)), 0);
	need = layout.len;
	for (size = 0; size < need; size += size < 600 ? 1 : 37) {
		ck_assert_int_eq(build(&sizes[3], size), -ENOSPC);
		ck_assert_ptr_nonnull(strstr(err.msg, "use fewer CPUs"));
	}
	ck_assert_int_eq(build(&sizes[3], need), 0);
}
END_TEST

START_TEST(iasl_accepts_the_tables_without_remarks)
{
	static const struct iasl_table tables[] = {
		{ "dsdt", &layout.dsdt }, { "facp", &layout.fadt }, { "apic", &layout.madt },
		{ "gtdt", &layout.gtdt }, { "pptt", &layout.pptt }, { "spcr", &layout.spcr }, { "mcfg", &layout.mcfg },
		{ "iort", &layout.iort }, { "xsdt", &layout.xsdt },
	};

	ck_assert_int_eq(build(&sizes[_i], sizeof(block)), 0);
	assert_iasl_accepts(tables, COUNT(tables));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("arm64_acpi");
	TCase *tc = tcase_create("arm64_acpi");

	tcase_add_loop_test(tc, tables_sum_up_to_zero_and_are_found_from_the_root, 0, (int)COUNT(sizes));
	tcase_add_test(tc, fadt_names_psci_and_no_hardware);
	tcase_add_loop_test(tc, every_cpu_has_its_interface, 0, (int)COUNT(sizes));
	tcase_add_loop_test(tc, interrupt_controllers_are_those_of_the_machine, 0, (int)COUNT(sizes));
	tcase_add_test(tc, timer_serial_port_and_mapping_of_messages);
	tcase_add_loop_test(tc, topology_is_a_package_of_cores_with_caches, 0, (int)COUNT(sizes));
	tcase_add_test(tc, caches_lead_to_the_next_level);
	tcase_add_test(tc, shared_caches_lead_to_each_other);
	tcase_add_test(tc, unknown_caches_are_not_described);
	tcase_add_loop_test(tc, dsdt_has_the_devices_of_the_machine, 0, (int)COUNT(sizes));
	tcase_add_test(tc, tables_that_do_not_fit_are_refused_at_every_size);
	tcase_add_loop_test_unless(tc, iasl_lack(), iasl_accepts_the_tables_without_remarks, 0, (int)COUNT(sizes));
	suite_add_tcase(s, tc);
	return run_suite(s);
}
