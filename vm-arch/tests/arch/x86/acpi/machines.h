/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The tables of machines of several sizes, for the tests of ACPI. */
#ifndef VARCH_TESTS_ACPI_MACHINES_H
#define VARCH_TESTS_ACPI_MACHINES_H

#include "../../../acpi/tables.h"
#include "arch/x86/acpi/tables.h"

#define ROOM (128 * 1024)
#define ACPI_GPA 0xe0000u

static struct varch_acpi_layout layout;
static const struct varch_board_pci bus = {
	.ecam_gpa = 0xe0000000, .ecam_len = 0x100000,
	.window_gpa = 0xe1000000, .window_len = 0x1000000,
	.nslots = 19, .slots = slots,
};

static struct varch_board machine_of(unsigned int ncpus, unsigned int ndevices, unsigned int nwindows)
{
	struct varch_board m = board_of(ncpus, ndevices, nwindows, 0xd0000000);

	m.generation_gpa = 0xff000;
	return m;
}

/*
 * Machines small and large: CPUs, devices, windows, a bus with the devices, CPUs that are added
 * later.
 */
static const unsigned int sizes[][5] = {
	{ 1, 0, 0, 0 }, { 2, 1, 1, 0 }, { 8, 2, 0, 0 }, { 64, 19, 16, 0 },
	{ 1, 0, 0, 1 }, { 64, 0, 16, 1 }, { 1, 0, 0, 0, 1 }, { 1, 19, 16, 0, 63 },
	{ 31, 0, 0, 1, 2 }, { 33, 0, 16, 1, 31 },
};

static void build(unsigned int i)
{
	struct varch_board m =
		machine_of(sizes[i][0], sizes[i][1], sizes[i][2]);

	m.pci = sizes[i][3] ? &bus : NULL;
	m.nlater = sizes[i][4];
	ck_assert_int_eq(varch_acpi_build(&m, ACPI_GPA, block, ROOM, &layout, &err), 0);
}

#endif
