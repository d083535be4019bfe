/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the file of an initrd and where it goes. */
#include <config.h>

#include <errno.h>
#include <string.h>

#include <vm-memory/access.h>

#include "boot/initrd.h"
#include "../memory.h"

static struct varch_loaded kernel = { .first = MIB, .end = MIB + 0x1234 };
static unsigned char bytes[64 * 1024];
static struct varch_file initrd = { .bytes = bytes, .size = 5000 };
static struct vsu_error err;
static uint64_t gpa;

static int place(const struct vmem_map *map)
{
	vsu_error_clear(&err);
	return varch_initrd_load(&initrd, vmem_map_view(map), &kernel, &gpa,
			       &err);
}

START_TEST(initrd_lies_page_aligned_at_the_end_of_memory)
{
	struct vmem_map *map = make_memory(4 * MIB);
	unsigned char last;

	bytes[4999] = 0x77;
	ck_assert_int_eq(place(map), 0);
	ck_assert_uint_eq(gpa, 4 * MIB - 8192);
	ck_assert_int_eq(vmem_read_exact(vmem_map_view(map), gpa + 4999, &last,
					 1), 0);
	ck_assert_uint_eq(last, 0x77);
	vmem_map_unref(map);
}
END_TEST

START_TEST(d2_11_larger_than_the_memory_is_refused)
{
	struct vmem_map *map = make_memory(MIB + 64 * KIB);

	initrd.size = sizeof(bytes);
	ck_assert_int_eq(place(map), -E2BIG);
	ck_assert_str_eq(err.msg, "initrd: its 65536 bytes do not fit into the guest's "
		"memory beside the kernel");
	vmem_map_unref(map);
}
END_TEST

START_TEST(d2_11_kernel_is_never_overlapped)
{
	struct vmem_map *map = make_memory(2 * MIB);
	uint64_t at;

	initrd.size = sizeof(bytes);
	for (at = MIB; at < 2 * MIB; at += 16 * KIB) {
		kernel.first = at;
		kernel.end = at + 16 * KIB;
		ck_assert_int_eq(place(map), 0);
		ck_assert_uint_ge(gpa, MIB);
		ck_assert_uint_le(gpa + initrd.size, 2 * MIB);
		ck_assert(gpa >= kernel.end || gpa + initrd.size <= at);
	}
	vmem_map_unref(map);
}
END_TEST

START_TEST(d2_11_initrd_stays_below_3_gib_and_off_read_only_memory)
{
	struct vmem_block *low = make_block("size=2M");
	struct vmem_block *high = make_block("size=2M,reserve=off");
	struct vmem_map *map = with_piece(empty_map(), low, 0, 0, 2 * MIB);

	map = with_piece(map, high, 0, 4 * GIB, 2 * MIB);
	ck_assert_int_eq(place(map), 0);
	ck_assert_uint_lt(gpa, 2 * MIB);
	vmem_block_unref(low);
	vmem_block_unref(high);
	vmem_map_unref(map);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("initrd");
	TCase *tc = tcase_create("place");

	tcase_add_test(tc, initrd_lies_page_aligned_at_the_end_of_memory);
	tcase_add_test(tc, d2_11_larger_than_the_memory_is_refused);
	tcase_add_test(tc, d2_11_kernel_is_never_overlapped);
	tcase_add_test(tc,
		       d2_11_initrd_stays_below_3_gib_and_off_read_only_memory);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
