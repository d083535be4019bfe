/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about loading an Image of arm64 whose header is hostile. */
#include <config.h>

#include <vm-arch/advice.h>
#include <vm-arch/layout.h>
#include <vm-memory/access.h>

#include "../../../memory.h"
#include "arch/arm64/boot/linux_image.h"

#define MEMORY (8 * MIB)
#define BASE (VARCH_HOLE_FIRST > 0 ? UINT64_C(0) : VARCH_HOLE_END)

static unsigned char file[4096];
static struct varch_file kernel;
static struct varch_loaded loaded;
static struct vsu_error err;
static struct vmem_map *map;

static void put_le(size_t at, uint64_t value)
{
	unsigned int i;

	for (i = 0; i < 8; i++, value >>= 8)
		file[at + i] = (unsigned char)value;
}

static void setup(void)
{
	char text[32];
	struct vmem_block *block;

	snprintf(text, sizeof(text), "size=%" PRIu64, MEMORY);
	block = make_block(text);
	map = with_piece(empty_map(), block, 0, BASE, MEMORY);
	vmem_block_unref(block);
	memset(file, 0x5a, sizeof(file));
	put_le(8, 0);
	put_le(16, MIB);
	put_le(24, 0xa);
	memcpy(file + 56, "ARM\x64", 4);
	kernel = (struct varch_file){ .what = "kernel", .path = "k", .bytes = file, .size = sizeof(file) };
}

static void teardown(void)
{
	vmem_map_unref(map);
}

static int load(void)
{
	return varch_linux_image_load(&kernel, vmem_map_view(map), &loaded, &err);
}

START_TEST(kernel_is_placed_at_a_multiple_of_2_mib_and_its_offset)
{
	unsigned char copy[sizeof(file)];

	put_le(8, 0x80000);
	ck_assert(varch_linux_image_is(&kernel));
	ck_assert_int_eq(load(), 0);
	ck_assert_uint_eq(loaded.entry % (2 * MIB), 0x80000);
	ck_assert_uint_ge(loaded.entry, VARCH_INITRD_FIRST);
	ck_assert_uint_eq(loaded.end, loaded.entry + MIB);
	ck_assert_int_eq(loaded.protocol, VARCH_PROTOCOL_IMAGE);
	ck_assert_int_eq(vmem_read_exact(vmem_map_view(map), loaded.entry, copy, sizeof(copy)), 0);
	ck_assert_mem_eq(copy, file, sizeof(copy));
}
END_TEST

START_TEST(kernel_without_a_length_has_the_offset_of_old_ones)
{
	put_le(8, UINT64_C(0x1000000000000080));
	put_le(16, 0);
	ck_assert_int_eq(load(), 0);
	ck_assert_uint_eq(loaded.entry % (2 * MIB), 0x80000);
	ck_assert_uint_eq(loaded.end - loaded.entry, sizeof(file));
}
END_TEST

START_TEST(other_files_are_no_image)
{
	file[56] = 'B';
	ck_assert(!varch_linux_image_is(&kernel));
	assert_refused(load(), -EBADMSG, "kernel 'k': not an Image for arm64", err);
	kernel.size = 63;
	ck_assert(!varch_linux_image_is(&kernel));
	assert_refused(load(), -EBADMSG, "kernel 'k': truncated within its header", err);
}
END_TEST

START_TEST(big_endian_kernels_are_refused)
{
	put_le(24, 0xb);
	assert_refused(load(), -EBADMSG, "kernel 'k': it is big-endian; only little-endian kernels can be booted", err);
}
END_TEST

/* Offset and length */
static const uint64_t too_large[][2] = {
	{ 0, MEMORY }, { 0, UINT64_MAX }, { UINT64_MAX, MIB }, { MEMORY, 4096 },
	{ UINT64_MAX - 4 * MIB, 8 * MIB }, { UINT64_C(1) << 63, UINT64_C(1) << 63 },
};

START_TEST(kernel_that_does_not_fit_is_refused)
{
	put_le(8, too_large[_i][0]);
	put_le(16, too_large[_i][1]);
	ck_assert_int_eq(load(), -E2BIG);
	ck_assert_uint_eq(err.arg, VARCH_ADVICE_MEMORY);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("linux_image");
	TCase *t = tcase_create("linux_image");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, kernel_is_placed_at_a_multiple_of_2_mib_and_its_offset);
	tcase_add_test(t, kernel_without_a_length_has_the_offset_of_old_ones);
	tcase_add_test(t, other_files_are_no_image);
	tcase_add_test(t, big_endian_kernels_are_refused);
	tcase_add_loop_test(t, kernel_that_does_not_fit_is_refused, 0, COUNT(too_large));
	suite_add_tcase(s, t);
	return run_suite(s);
}
