/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The tables of machines of four sizes, for the tests of ACPI. */
#ifndef VMM_TESTS_ACPI_MACHINES_H
#define VMM_TESTS_ACPI_MACHINES_H

#include "acpi/tables.h"
#include "../util.h"

#define ROOM (128 * 1024)
#define ACPI_GPA 0xe0000u

static unsigned char block[ROOM];
static struct vmm_acpi_layout layout;
static struct vmm_acpi_device devices[19];
static struct vmm_acpi_window windows[16];
static struct vsu_error err;

static struct vmm_acpi_machine machine_of(unsigned int ncpus,
					  unsigned int ndevices,
					  unsigned int nwindows)
{
	const struct vmm_acpi_machine m = {
		.ncpus = ncpus, .ndevices = ndevices, .devices = devices,
		.nwindows = nwindows, .windows = windows,
	};
	unsigned int i;

	for (i = 0; i < COUNT(devices); i++)
		devices[i] = (struct vmm_acpi_device){
			0xd0000000 + i * 0x1000, 0x1000, 5 + i };
	for (i = 0; i < COUNT(windows); i++)
		windows[i] = (struct vmm_acpi_window){
			(i + 4) * GIB, i % 2 ? GIB : 0x10000 };
	return m;
}

/* Machines small and large. */
static const unsigned int sizes[][3] = {
	{ 1, 0, 0 }, { 2, 1, 1 }, { 8, 2, 0 }, { 64, 19, 16 },
};

static void build(unsigned int i)
{
	const struct vmm_acpi_machine m =
		machine_of(sizes[i][0], sizes[i][1], sizes[i][2]);

	ck_assert_int_eq(vmm_acpi_build(&m, ACPI_GPA, block, ROOM, &layout, &err), 0);
}

#endif
