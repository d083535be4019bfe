/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A board, and the block of its tables, for the tests of ACPI of each architecture. */
#ifndef VARCH_TESTS_ACPI_TABLES_H
#define VARCH_TESTS_ACPI_TABLES_H

#include <vm-arch/board.h>
#include <vmm-sys-util/endian.h>

#include "../util.h"
#include "acpi/block.h"

static unsigned char block[768 * 1024];
static struct varch_board_device devices[19];
static struct varch_board_window windows[16];
static struct varch_board_slot slots[19];
static struct vsu_error err;

/* Without a bus; its slots are set, too. */
static inline struct varch_board board_of(unsigned int ncpus, unsigned int ndevices, unsigned int nwindows,
					uint64_t device_gpa)
{
	unsigned int i;

	for (i = 0; i < COUNT(devices); i++)
		devices[i] = (struct varch_board_device){ device_gpa + i * 0x1000, 0x1000, 5 + i };
	for (i = 0; i < COUNT(windows); i++)
		windows[i] = (struct varch_board_window){ (i + 4) * GIB, i % 2 ? GIB : 0x10000 };
	for (i = 0; i < COUNT(slots); i++)
		slots[i] = (struct varch_board_slot){ i + 1, 5 + i };
	return (struct varch_board){
		.ncpus = ncpus, .ndevices = ndevices, .devices = devices,
		.nwindows = nwindows, .windows = windows,
	};
}

static inline uint64_t get(size_t at, unsigned int n)
{
	return vsu_le_load(block + at, n);
}

static inline uint8_t sum_of(const struct varch_acpi_table *t)
{
	uint8_t sum = 0;
	size_t i;

	for (i = 0; i < t->len; i++)
		sum = (uint8_t)(sum + block[t->offset + i]);
	return sum;
}

static inline bool table_has(const struct varch_acpi_table *t, const void *want, size_t n)
{
	return memmem(block + t->offset, t->len, want, n);
}

#endif
