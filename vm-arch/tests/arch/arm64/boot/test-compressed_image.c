/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about loading a compressed Image of arm64 whose content is hostile. */
#include <config.h>

#include <vm-arch/advice.h>
#include <vm-arch/layout.h>
#include <vm-memory/access.h>

#include "../../../memory.h"
#include "../../../decompress/compress.h"
#include "arch/arm64/boot/compressed_image.h"

#define MEMORY (8 * MIB)
#define BASE (VARCH_HOLE_FIRST > 0 ? UINT64_C(0) : VARCH_HOLE_END)
#define IMAGE 50000u

static unsigned char image[IMAGE], file[2 * IMAGE], copy[IMAGE + 16];
static struct varch_file kernel;
static struct varch_loaded loaded;
static struct vsu_error err;
static struct vmem_map *map;

static void put_le64(unsigned char *at, uint64_t value)
{
	put_le32(at, (uint32_t)value);
	put_le32(at + 4, (uint32_t)(value >> 32));
}

static void setup(void)
{
	struct vmem_block *block;
	unsigned int i;
	char text[32];

	snprintf(text, sizeof(text), "size=%" PRIu64, MEMORY);
	block = make_block(text);
	map = with_piece(empty_map(), block, 0, BASE, MEMORY);
	vmem_block_unref(block);
	for (i = 0; i < IMAGE; i++)
		image[i] = (unsigned char)(i * i >> 7);
	put_le64(image + 8, 0x10000);
	put_le64(image + 16, MIB);
	put_le64(image + 24, 0xa);
	memcpy(image + 56, "ARM\x64", 4);
	kernel = (struct varch_file){ .what = "kernel", .path = "k", .bytes = file };
}

static void teardown(void)
{
	vmem_map_unref(map);
}

static void make_gzip(size_t len)
{
	kernel.size = compress_gzip(image, len, file, sizeof(file));
}

static int load(void)
{
	return varch_compressed_image_load(&kernel, vmem_map_view(map), &loaded, &err);
}

static void assert_loaded(size_t len)
{
	ck_assert_int_eq(vmem_read_exact(vmem_map_view(map), loaded.entry, copy, len), 0);
	ck_assert_mem_eq(copy, image, len);
}

static bool memory_is_untouched(void)
{
	uint64_t value = 1;

	ck_assert_int_eq(vmem_read_exact(vmem_map_view(map), VARCH_INITRD_FIRST + 0x10000, &value, sizeof(value)), 0);
	return !value;
}

START_TEST(image_is_decompressed_to_where_it_would_be_placed)
{
	make_gzip(IMAGE);
	ck_assert(varch_compressed_image_is(&kernel));
	ck_assert_int_eq(load(), 0);
	ck_assert_int_eq(loaded.protocol, VARCH_PROTOCOL_IMAGE);
	ck_assert_uint_eq(loaded.entry % (2 * MIB), 0x10000);
	ck_assert_uint_ge(loaded.entry, VARCH_INITRD_FIRST);
	ck_assert_uint_eq(loaded.end - loaded.first, MIB);
	assert_loaded(IMAGE);
}
END_TEST

START_TEST(image_of_a_zboot_kernel_is_loaded)
{
	const size_t n = compress_gzip(image, IMAGE, file + ZBOOT_HEADER, sizeof(file) - ZBOOT_HEADER);

	zboot_header(file, (uint32_t)n, "gzip");
	kernel.size = ZBOOT_HEADER + n + 100;
	ck_assert(varch_compressed_image_is(&kernel));
	ck_assert_int_eq(load(), 0);
	assert_loaded(IMAGE);
}
END_TEST

/* Lengths around those of the pieces that are decompressed */
static const size_t lens[] = { 64, 65, 64 + 16384, 64 + 2 * 16384, IMAGE };

START_TEST(image_is_as_long_as_its_header_states)
{
	put_le64(image + 16, lens[_i]);
	make_gzip(lens[_i]);
	ck_assert_int_eq(load(), 0);
	assert_loaded(lens[_i]);
}
END_TEST

START_TEST(d2_29_longer_content_is_refused)
{
	char sentence[160];

	put_le64(image + 16, lens[_i] - 1);
	make_gzip(lens[_i]);
	snprintf(sentence, sizeof(sentence), "kernel 'k': its content is longer than the %zu bytes that its header states; copy or build it again", lens[_i] - 1);
	assert_refused(load(), -EBADMSG, sentence, err);
	ck_assert_int_eq(vmem_read_exact(vmem_map_view(map), VARCH_INITRD_FIRST + 0x10000 + lens[_i] - 1, copy, 1), 0);
	ck_assert_uint_eq(copy[0], 0);
}
END_TEST

/* Offset and length */
static const uint64_t too_large[][2] = {
	{ 0x10000, MEMORY }, { 0x10000, UINT64_MAX }, { UINT64_MAX, MIB }, { UINT64_C(1) << 63, UINT64_C(1) << 63 },
};

START_TEST(image_that_does_not_fit_leaves_memory_untouched)
{
	put_le64(image + 8, too_large[_i][0]);
	put_le64(image + 16, too_large[_i][1]);
	make_gzip(IMAGE);
	ck_assert_int_eq(load(), -E2BIG);
	ck_assert_uint_eq(err.arg, VARCH_ADVICE_MEMORY);
	ck_assert(memory_is_untouched());
}
END_TEST

START_TEST(d2_29_image_of_more_than_1_gib_is_refused)
{
	struct vmem_block *block = make_block("size=2G,reserve=off");

	vmem_map_unref(map);
	map = with_piece(empty_map(), block, 0, BASE, UINT64_C(2) << 30);
	vmem_block_unref(block);
	put_le64(image + 16, (UINT64_C(1) << 30) + 1);
	make_gzip(IMAGE);
	assert_refused(load(), -EFBIG, "kernel 'k': its decompressed content states that it needs more than 1 GiB", err);
	ck_assert(memory_is_untouched());
}
END_TEST

START_TEST(content_without_a_length_is_refused)
{
	put_le64(image + 16, (uint64_t)_i);
	make_gzip(IMAGE);
	assert_refused(load(), -EBADMSG, "kernel 'k': its decompressed content does not state how much memory it needs; decompress the file", err);
}
END_TEST

START_TEST(other_content_is_refused)
{
	make_gzip(63);
	assert_refused(load(), -EBADMSG, "kernel 'k': its decompressed content is not an Image for arm64", err);
	image[56] = 'B';
	make_gzip(IMAGE);
	assert_refused(load(), -EBADMSG, "kernel 'k': its decompressed content is not an Image for arm64", err);
}
END_TEST

START_TEST(big_endian_kernels_are_refused)
{
	put_le64(image + 24, 0xb);
	make_gzip(IMAGE);
	assert_refused(load(), -EBADMSG, "kernel 'k': it is big-endian; only little-endian kernels can be booted", err);
}
END_TEST

START_TEST(damaged_file_is_refused)
{
	make_gzip(IMAGE);
	kernel.size--;
	assert_refused(load(), -EBADMSG, "kernel 'k': its gzip data is truncated; copy or build it again", err);
	kernel.size += 2;
	assert_refused(load(), -EBADMSG, "kernel 'k': 1 bytes follow the end of its gzip data; remove them, or decompress it by gunzip", err);
	kernel.size = 12;
	assert_refused(load(), -EBADMSG, "kernel 'k': its gzip data is truncated; copy or build it again", err);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("compressed_image");
	TCase *t = tcase_create("compressed_image");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test_unless(t, NO_ZLIB, image_is_decompressed_to_where_it_would_be_placed);
	tcase_add_test_unless(t, NO_ZLIB, image_of_a_zboot_kernel_is_loaded);
	tcase_add_loop_test_unless(t, NO_ZLIB, image_is_as_long_as_its_header_states, 0, COUNT(lens));
	tcase_add_loop_test_unless(t, NO_ZLIB, d2_29_longer_content_is_refused, 1, COUNT(lens));
	tcase_add_loop_test_unless(t, NO_ZLIB, image_that_does_not_fit_leaves_memory_untouched, 0, COUNT(too_large));
	tcase_add_test_unless(t, NO_ZLIB, d2_29_image_of_more_than_1_gib_is_refused);
	tcase_add_loop_test_unless(t, NO_ZLIB, content_without_a_length_is_refused, 0, 64);
	tcase_add_test_unless(t, NO_ZLIB, other_content_is_refused);
	tcase_add_test_unless(t, NO_ZLIB, big_endian_kernels_are_refused);
	tcase_add_test_unless(t, NO_ZLIB, damaged_file_is_refused);
	suite_add_tcase(s, t);
	return run_suite(s);
}
