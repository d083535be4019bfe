/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the boot information of the built-in protocol. */
#include <config.h>

#include <vm-memory/access.h>

#include "../memory.h"
#include "boot/info.h"

#define INFO UINT64_C(0x1000)

static struct vmem_map *map;
static struct cvmm_boot boot, told;

static const struct vmem_view *view(void)
{
	return vmem_map_view(map);
}

static void add_piece(uint64_t gpa, uint64_t len, uint32_t flags)
{
	struct vmem_block *block = make_block("size=2M");
	const struct vmem_region_desc d = { .block = block, .gpa = gpa,
					    .len = len, .flags = flags };
	struct vmem_region *region;
	struct vmem_map *next;

	ck_assert_int_eq(vmem_region_new(&d, &region, NULL), 0);
	ck_assert_int_eq(vmem_map_add(map, region, &next, NULL), 0);
	vmem_region_unref(region);
	vmem_block_unref(block);
	vmem_map_unref(map);
	map = next;
}

static void setup(void)
{
	map = make_memory(2 * MIB);
	memset(&boot, 0, sizeof(boot));
}

static void teardown(void)
{
	vmem_map_unref(map);
}

static void hand_over(void)
{
	ck_assert_int_eq(varch_builtin_hand_over(&boot, view(), INFO), 0);
	ck_assert_int_eq(vmem_read_exact(view(), INFO, &told, sizeof(told)), 0);
}

START_TEST(guest_finds_magic_version_and_size)
{
	hand_over();
	ck_assert_uint_eq(told.magic, CVMM_BOOT_MAGIC);
	ck_assert_uint_eq(told.version, CVMM_BOOT_VERSION);
	ck_assert_uint_eq(told.size, sizeof(told));
}
END_TEST

START_TEST(information_contains_what_the_machine_filled_in)
{
	boot.ncpus = 3;
	boot.flags = CVMM_BOOT_LEVEL0;
	boot.initrd_gpa = 0x100000;
	boot.initrd_len = 7;
	boot.ndevices = 1;
	boot.devices[0].irq = 5;
	hand_over();
	ck_assert_uint_eq(told.ncpus, 3);
	ck_assert_uint_eq(told.flags, CVMM_BOOT_LEVEL0);
	ck_assert_uint_eq(told.initrd_gpa, 0x100000);
	ck_assert_uint_eq(told.initrd_len, 7);
	ck_assert_uint_eq(told.ndevices, 1);
	ck_assert_uint_eq(told.devices[0].irq, 5);
}
END_TEST

START_TEST(every_piece_of_memory_is_named_in_order)
{
	add_piece(4 * GIB, 2 * MIB, 0);
	add_piece(64 * MIB, 4 * KIB, 0);
	hand_over();
	ck_assert_uint_eq(told.nmemory, 3);
	ck_assert_uint_eq(told.memory[0].gpa, 0);
	ck_assert_uint_eq(told.memory[0].len, 2 * MIB);
	ck_assert_uint_eq(told.memory[1].gpa, 64 * MIB);
	ck_assert_uint_eq(told.memory[1].len, 4 * KIB);
	ck_assert_uint_eq(told.memory[2].gpa, 4 * GIB);
}
END_TEST

START_TEST(information_marks_read_only_memory)
{
	add_piece(64 * MIB, 2 * MIB, VMEM_REGION_ROM);
	hand_over();
	ck_assert_uint_eq(told.memory[0].flags, 0);
	ck_assert_uint_eq(told.memory[1].flags, CVMM_MEMORY_ROM);
}
END_TEST

START_TEST(d2_13_more_pieces_than_the_table_holds_are_left_out)
{
	unsigned int i;

	for (i = 1; i <= CVMM_BOOT_MAX_MEMORY; i++)
		add_piece(i * 64 * MIB, 4 * KIB, 0);
	hand_over();
	ck_assert_uint_eq(told.nmemory, CVMM_BOOT_MAX_MEMORY);
	ck_assert_uint_eq(told.devices[0].gpa, 0);
}
END_TEST

START_TEST(information_outside_memory_is_an_error)
{
	ck_assert_int_eq(varch_builtin_hand_over(&boot, view(), 2 * MIB - 8),
			 -EFAULT);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("info");
	TCase *t = tcase_create("info");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, guest_finds_magic_version_and_size);
	tcase_add_test(t, information_contains_what_the_machine_filled_in);
	tcase_add_test(t, every_piece_of_memory_is_named_in_order);
	tcase_add_test(t, information_marks_read_only_memory);
	tcase_add_test(t, d2_13_more_pieces_than_the_table_holds_are_left_out);
	tcase_add_test(t, information_outside_memory_is_an_error);
	suite_add_tcase(s, t);
	return run_suite(s);
}
