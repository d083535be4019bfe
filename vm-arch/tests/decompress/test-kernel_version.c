/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the versions of kernels' files. */
#include <config.h>

#include <stdbool.h>

#include <vm-arch/advice.h>
#include <vm-arch/kernel_version.h>

#include "../tree.h"
#include "../util.h"
#include "compress.h"

static struct vsu_error err;
static char version[VARCH_KERNEL_VERSION];

/* A file whose header has a text at a position; 0: none. */
static void write_kernel(const char *name, unsigned int at, const char *text)
{
	unsigned char bytes[0x400] = { 0 };

	memcpy(bytes + 0x202, "HdrS", 4);
	bytes[0x20e] = (unsigned char)at;
	bytes[0x20f] = (unsigned char)(at >> 8);
	if (at && at < 0x180)
		memcpy(bytes + 0x200 + at, text, strlen(text) + 1);
	tree_write(name, bytes, sizeof(bytes));
}

static int version_of(const char *name)
{
	char file[128];

	snprintf(file, sizeof(file), "%s/%s", tree, name);
	return varch_kernel_version(file, version, &err);
}

START_TEST(version_is_the_first_word_of_the_text)
{
	write_kernel("bzImage", 0x100, "6.1.0-13-amd64 (debian-kernel@lists) #1 SMP");
	ck_assert_int_eq(version_of("bzImage"), 0);
	ck_assert_str_eq(version, "6.1.0-13-amd64");
}
END_TEST

/* An Image for arm64 with a text at its end. */
static unsigned char *make_image(size_t len, const char *text)
{
	unsigned char *bytes = calloc(1, len);

	ck_assert_ptr_nonnull(bytes);
	memcpy(bytes + 56, "ARM\x64", 4);
	memcpy(bytes + len - strlen(text), text, strlen(text));
	return bytes;
}

static void write_image(size_t len, const char *text)
{
	unsigned char *bytes = make_image(len, text);

	tree_write("Image", bytes, len);
	free(bytes);
}

/* Compressed, and cut by some bytes. */
static void write_compressed(size_t len, const char *text, bool zboot, size_t cut)
{
	static unsigned char out[ZBOOT_HEADER + 32768];
	const size_t header = zboot ? ZBOOT_HEADER : 0;
	unsigned char *bytes = make_image(len, text);
	const size_t n = compress_gzip(bytes, len, out + header, sizeof(out) - header);

	if (zboot)
		zboot_header(out, (uint32_t)n, "gzip");
	tree_write("compressed", out, header + n - cut);
	free(bytes);
}

#define MESSAGE "Linux version 6.1.0-13-arm64 (debian-kernel@lists) #1 SMP"

/* Lengths at which the text begins in each part of the pieces that are read. */
static const size_t lens[] = {
	128, 16384, 16384 + 20, 16384 + 50, 2 * 16384 - 141, 2 * 16384 - 100, 2 * 16384 - 85, 100000,
};

START_TEST(version_of_an_image_is_in_its_first_message)
{
	write_image(lens[_i], MESSAGE);
	ck_assert_int_eq(version_of("Image"), 0);
	ck_assert_str_eq(version, "6.1.0-13-arm64");
}
END_TEST

START_TEST(version_of_a_compressed_image_is_found)
{
	write_compressed(lens[_i], MESSAGE, _i % 2, 0);
	ck_assert_int_eq(version_of("compressed"), 0);
	ck_assert_str_eq(version, "6.1.0-13-arm64");
}
END_TEST

START_TEST(first_message_has_the_version)
{
	write_image(50000, "Linux version 6.1 (first) Linux version 6.2 (second)");
	ck_assert_int_eq(version_of("Image"), 0);
	ck_assert_str_eq(version, "6.1");
}
END_TEST

static const char *const no_versions[] = { "", "Linux version ", "Linux version  6.1", "Linux versio" };

START_TEST(d2_24_rejects_an_image_without_a_version)
{
	write_image(20000, no_versions[_i]);
	ck_assert_int_eq(version_of("Image"), -EBADMSG);
	ck_assert_uint_eq(err.arg, VARCH_ADVICE_MODULES);
}
END_TEST

START_TEST(rejects_a_compressed_image_without_a_version)
{
	write_compressed(20000, no_versions[_i], _i % 2, 0);
	ck_assert_int_eq(version_of("compressed"), -EBADMSG);
	ck_assert_uint_eq(err.arg, VARCH_ADVICE_MODULES);
}
END_TEST

START_TEST(damaged_kernel_is_named)
{
	write_compressed(100000, "", false, 1);
	ck_assert_int_eq(version_of("compressed"), -EBADMSG);
	ck_assert_ptr_nonnull(strstr(err.msg, "the kernel '/tmp/"));
	ck_assert_ptr_nonnull(strstr(err.msg, "': its gzip data is truncated"));
}
END_TEST

START_TEST(kernel_of_an_unknown_method_is_named)
{
	unsigned char header[ZBOOT_HEADER];

	zboot_header(header, 0, "lzma");
	tree_write("compressed", header, sizeof(header));
	ck_assert_int_eq(version_of("compressed"), -EOPNOTSUPP);
	ck_assert_ptr_nonnull(strstr(err.msg, "compressed by 'lzma', which is not supported; name an uncompressed one"));
}
END_TEST

START_TEST(d2_24_rejects_a_kernel_without_a_version)
{
	static const struct {
		unsigned int at;
		const char *text;
	} rows[] = { { 0, "" }, { 0x100, "" }, { 0x100, " 6.1" }, { 0x200, "" }, { 0xffff, "" } };

	write_kernel("bzImage", rows[_i].at, rows[_i].text);
	ck_assert_int_eq(version_of("bzImage"), -EBADMSG);
	tree_text("short", "\177ELF");
	ck_assert_int_eq(version_of("short"), -EBADMSG);
	ck_assert_int_eq(version_of("kernel"), -EBADMSG);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("kernel_version");
	TCase *tc = tcase_create("kernel_version");

	tcase_add_checked_fixture(tc, tree_make, tree_remove);
	tcase_add_test(tc, version_is_the_first_word_of_the_text);
	tcase_add_loop_test(tc, version_of_an_image_is_in_its_first_message, 0, COUNT(lens));
	tcase_add_test(tc, first_message_has_the_version);
	tcase_add_loop_test_unless(tc, NO_ZLIB, version_of_a_compressed_image_is_found, 0, COUNT(lens));
	tcase_add_loop_test_unless(tc, NO_ZLIB, rejects_a_compressed_image_without_a_version, 0, 4);
	tcase_add_test_unless(tc, NO_ZLIB, damaged_kernel_is_named);
	tcase_add_test(tc, kernel_of_an_unknown_method_is_named);
	tcase_add_loop_test(tc, d2_24_rejects_an_image_without_a_version, 0, 4);
	tcase_add_loop_test(tc, d2_24_rejects_a_kernel_without_a_version, 0, 5);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
