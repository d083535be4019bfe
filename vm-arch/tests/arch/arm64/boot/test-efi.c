/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the tables of EFI: what they name, and that their map is the memory of the guest. */
#include <config.h>

#include <vmm-sys-util/endian.h>

#include "../../../util.h"
#include "arch/arm64/boot/efi.h"

#define GPA 0x40020000u
#define RSDP 0x40030000u

static unsigned char block[16384];
static struct varch_efi_layout layout;
static struct vsu_error err;

static int build(const struct vmem_range *ranges, uint32_t n, size_t room)
{
	const struct vmem_view view = { .n = n, .ranges = ranges };
	const struct varch_efi efi = {
		.memory = &view, .gpa = GPA, .rsdp_gpa = RSDP,
		.tables = { GPA, 0xd0000 }, .reserved = { 0x400f0000, 0x10000 },
	};

	return varch_efi_build(&efi, block, room, &layout, &err);
}

static uint64_t get(size_t at, unsigned int n)
{
	return vsu_le_load(block + at, n);
}

static const struct vmem_range small[] = {
	{ .first = GIB, .span = 64 * MIB - 1, .flags = VMEM_READ | VMEM_WRITE },
};

START_TEST(system_table_names_acpi_and_no_services)
{
	static const unsigned char acpi[] = {
		0x71, 0xe8, 0x68, 0x88, 0xf1, 0xe4, 0xd3, 0x11, 0xbc, 0x22, 0x00, 0x80, 0xc7, 0x3c, 0x88, 0x81,
	};
	size_t tables, services;

	ck_assert_int_eq(build(small, 1, sizeof(block)), 0);
	ck_assert_mem_eq(block, "IBI SYST", 8);
	ck_assert_uint_eq(get(12, 4), 120);
	ck_assert_uint_eq(get(88, 8), 0);
	ck_assert_uint_eq(get(96, 8), 0);
	ck_assert_uint_eq(get(104, 8), 3);
	tables = get(112, 8) - GPA;
	ck_assert_uint_le(tables + 72, layout.map);
	ck_assert_mem_eq(block + tables, acpi, sizeof(acpi));
	ck_assert_uint_eq(get(tables + 16, 8), RSDP);
	services = get(tables + 40, 8) - GPA;
	ck_assert_uint_eq(get(services, 8), 1 | 8u << 16);
	ck_assert_uint_eq(get(get(tables + 64, 8) - GPA, 8), 0);
	ck_assert_uint_eq(get(get(tables + 64, 8) - GPA + 8, 8), 0);
	ck_assert_mem_eq(block + (get(24, 8) - GPA), "c\0-\0v\0m\0m\0\0\0", 12);
}
END_TEST

/* Bit by bit, over the table with a checksum of 0. */
START_TEST(system_table_has_its_checksum)
{
	static const unsigned char zeros[4];
	uint32_t sum, crc = UINT32_MAX;
	size_t i, bit;

	ck_assert_int_eq(build(small, 1, sizeof(block)), 0);
	sum = (uint32_t)get(16, 4);
	memcpy(block + 16, zeros, 4);
	for (i = 0; i < 120 * 8; i++) {
		bit = (crc ^ block[i / 8] >> i % 8) & 1;
		crc = crc >> 1 ^ (bit ? 0xedb88320u : 0);
	}
	ck_assert_uint_eq(sum, ~crc);
}
END_TEST

static void assert_part(unsigned int i, uint64_t type, uint64_t first, uint64_t end)
{
	const size_t at = layout.map + i * VARCH_EFI_DESCRIPTOR_LEN;

	ck_assert_uint_lt(i * VARCH_EFI_DESCRIPTOR_LEN, layout.map_len);
	ck_assert_uint_eq(get(at, 4), type);
	ck_assert_uint_eq(get(at + 8, 8), first);
	ck_assert_uint_eq(get(at + 24, 8) * 4096, end - first);
	ck_assert_uint_eq(get(at + 32, 8), 8);
}

START_TEST(map_is_the_memory_with_tables_and_what_devices_use)
{
	const struct vmem_range ranges[] = {
		{ .first = GIB, .span = 64 * MIB - 1, .flags = VMEM_READ | VMEM_WRITE },
		{ .first = 2 * GIB, .span = MIB - 1, .flags = VMEM_READ },
		{ .first = 4 * GIB, .span = GIB - 1, .flags = VMEM_READ | VMEM_WRITE },
	};

	ck_assert_int_eq(build(ranges, 3, sizeof(block)), 0);
	ck_assert_uint_eq(layout.map_len, 5 * VARCH_EFI_DESCRIPTOR_LEN);
	assert_part(0, 7, GIB, GPA);
	assert_part(1, 9, GPA, 0x400f0000);
	assert_part(2, 0, 0x400f0000, 0x40100000);
	assert_part(3, 7, 0x40100000, GIB + 64 * MIB);
	assert_part(4, 7, 4 * GIB, 5 * GIB);
	ck_assert_uint_eq(layout.len, layout.map + layout.map_len);
}
END_TEST

/* Between two regions at any place: the tables, and what devices use, are of the same type on both sides. */
START_TEST(tables_that_two_regions_hold_are_no_free_memory)
{
	const uint64_t border = GIB + (uint64_t)_i * 0x8000;
	const struct vmem_range ranges[] = {
		{ .first = GIB, .span = border - GIB - 1, .flags = VMEM_READ | VMEM_WRITE },
		{ .first = border, .span = GIB - 1, .flags = VMEM_READ | VMEM_WRITE },
	};
	uint64_t expected = GIB, first, end;
	size_t at;

	ck_assert_int_eq(build(ranges, 2, sizeof(block)), 0);
	for (at = layout.map; at < layout.map + layout.map_len; at += VARCH_EFI_DESCRIPTOR_LEN) {
		first = get(at + 8, 8);
		end = first + get(at + 24, 8) * 4096;
		ck_assert_uint_eq(first, expected);
		expected = end;
		ck_assert_uint_eq(get(at, 4), first < GPA || first >= 0x40100000 ? 7 : first < 0x400f0000 ? 9 : 0);
		ck_assert(end <= GPA || first >= GPA);
		ck_assert(end <= 0x400f0000 || first >= 0x400f0000);
		ck_assert(end <= 0x40100000 || first >= 0x40100000);
	}
	ck_assert_uint_eq(expected, border + GIB);
}
END_TEST

START_TEST(map_that_does_not_fit_is_refused)
{
	size_t room;

	ck_assert_int_eq(build(small, 1, sizeof(block)), 0);
	for (room = 0; room < layout.len; room++) {
		memset(block, 0xee, sizeof(block));
		ck_assert_int_eq(build(small, 1, room), -ENOSPC);
		ck_assert_ptr_nonnull(strstr(err.msg, "fewer pieces of memory"));
		ck_assert_uint_eq(block[room], 0xee);
	}
	ck_assert_int_eq(build(small, 1, layout.len), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("efi");
	TCase *tc = tcase_create("efi");

	tcase_add_test(tc, system_table_names_acpi_and_no_services);
	tcase_add_test(tc, system_table_has_its_checksum);
	tcase_add_test(tc, map_is_the_memory_with_tables_and_what_devices_use);
	tcase_add_loop_test(tc, tables_that_two_regions_hold_are_no_free_memory, 1, 40);
	tcase_add_test(tc, map_that_does_not_fit_is_refused);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
