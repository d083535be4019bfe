/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about compressed kernels whose bytes are hostile. */
#define _GNU_SOURCE
#include <config.h>

#include <sys/mman.h>

#include "decompress/decompress.h"

#include "../util.h"
#include "compress.h"

#define CONTENT 100000u

static unsigned char content[CONTENT], file[2 * CONTENT + 1024], got[CONTENT + 1];
static struct varch_compressed compressed;
static struct varch_decompressor *decompressor;
static struct vsu_error err;
static unsigned int allocations;

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size)
{
	return allocations && !--allocations ? NULL : __real_calloc(n, size);
}

/* Text and numbers: neither of one byte nor at random. */
static void setup(void)
{
	unsigned int i;

	for (i = 0; i < CONTENT; i++)
		content[i] = (unsigned char)(i % 251 * (i / 1000) + i / 7);
	compressed = (struct varch_compressed){ .bytes = file, .fd = -1 };
	decompressor = NULL;
	vsu_error_clear(&err);
}

static void teardown(void)
{
	varch_decompressor_free(decompressor);
}

static void make_gzip(size_t len)
{
	compressed.size = compress_gzip(content, len, file, sizeof(file));
}

static void make_zboot(size_t len)
{
	const size_t n = compress_gzip(content, len, file + ZBOOT_HEADER, sizeof(file) - ZBOOT_HEADER);

	zboot_header(file, (uint32_t)n, "gzip");
	compressed.size = ZBOOT_HEADER + n;
}

/* All content in pieces, up to the length of got. */
static ssize_t read_pieces(size_t piece)
{
	size_t done = 0, wanted;
	ssize_t n;

	do {
		wanted = sizeof(got) - done < piece ? sizeof(got) - done : piece;
		n = varch_decompressor_read(decompressor, got + done, wanted, &err);
		done += n > 0 ? (size_t)n : 0;
	} while (n > 0 && (size_t)n == wanted);
	return n < 0 ? n : (ssize_t)done;
}

static ssize_t read_all(size_t piece)
{
	ssize_t n;
	const int rc = varch_decompressor_new(&decompressor, &compressed, &err);

	if (rc < 0)
		return rc;
	n = read_pieces(piece);
	varch_decompressor_free(decompressor);
	decompressor = NULL;
	return n;
}

static const size_t pieces[] = { 1, 7, 4096, 16384, CONTENT, CONTENT + 1 };

START_TEST(gzip_file_has_its_content_in_pieces_of_any_length)
{
	make_gzip(CONTENT);
	ck_assert(varch_is_compressed(&compressed));
	ck_assert_int_eq(read_all(pieces[_i]), CONTENT);
	ck_assert_mem_eq(got, content, CONTENT);
}
END_TEST

START_TEST(zboot_kernel_has_the_content_of_its_compressed_part)
{
	make_zboot(CONTENT);
	memset(file + compressed.size, 0x5a, 1000);
	compressed.size += 1000;
	ck_assert(varch_is_compressed(&compressed));
	ck_assert_int_eq(read_all(pieces[_i]), CONTENT);
	ck_assert_mem_eq(got, content, CONTENT);
}
END_TEST

START_TEST(empty_content_ends_at_once)
{
	make_gzip(0);
	ck_assert_int_eq(read_all(4096), 0);
	make_gzip(CONTENT);
	ck_assert_int_eq(varch_decompressor_new(&decompressor, &compressed, &err), 0);
	ck_assert_int_eq(varch_decompressor_read(decompressor, got, 0, &err), 0);
	ck_assert_int_eq(read_pieces(CONTENT), CONTENT);
	ck_assert_int_eq(varch_decompressor_read(decompressor, got, 1, &err), 0);
}
END_TEST

static int in_memory(size_t len)
{
	const int fd = memfd_create("kernel", MFD_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pwrite(fd, file, len, 0), (ssize_t)len);
	return fd;
}

START_TEST(file_is_read_from_its_begin_without_its_position)
{
	make_gzip(CONTENT);
	compressed.bytes = NULL;
	compressed.fd = in_memory(compressed.size);
	ck_assert_int_eq(lseek(compressed.fd, 11, SEEK_SET), 11);
	ck_assert(varch_is_compressed(&compressed));
	ck_assert_int_eq(read_all(4096), CONTENT);
	ck_assert_mem_eq(got, content, CONTENT);
	ck_assert_int_eq(lseek(compressed.fd, 0, SEEK_CUR), 11);
	close(compressed.fd);
}
END_TEST

START_TEST(d2_25_file_that_becomes_shorter_is_refused)
{
	make_gzip(CONTENT);
	compressed.bytes = NULL;
	compressed.fd = in_memory(compressed.size - 1);
	assert_refused(read_all(4096), -EBADMSG, "it was truncated while it was read", err);
	ck_assert_int_eq(ftruncate(compressed.fd, 3), 0);
	ck_assert(!varch_is_compressed(&compressed));
	assert_refused(read_all(4096), -EBADMSG, "it was truncated while it was read", err);
	close(compressed.fd);
	compressed.fd = -1;
	ck_assert(!varch_is_compressed(&compressed));
	assert_refused(read_all(4096), -EBADF, "cannot be read: Bad file descriptor", err);
}
END_TEST

START_TEST(d2_25_truncated_stream_is_refused_at_each_length)
{
	make_gzip(300);
	while (--compressed.size > 2)
		assert_refused(read_all(4096), -EBADMSG, "its gzip data is truncated; copy or build it again", err);
	ck_assert(!varch_is_compressed(&compressed));
	assert_refused(read_all(4096), -EBADMSG, "it is not compressed", err);
	compressed.size = 0;
	ck_assert(!varch_is_compressed(&compressed));
}
END_TEST

/* Few bits have no meaning, such as those of the time in the header. */
START_TEST(d2_26_flipped_bit_never_changes_content)
{
	size_t bit, refused = 0;
	ssize_t n;

	make_gzip(300);
	for (bit = 0; bit < 8 * compressed.size; bit++) {
		file[bit / 8] ^= (unsigned char)(1u << bit % 8);
		vsu_error_clear(&err);
		n = read_all(4096);
		ck_assert(n == 300 || (n == -EBADMSG && err.msg[0]));
		ck_assert(n < 0 || !memcmp(got, content, 300));
		refused += n < 0;
		file[bit / 8] ^= (unsigned char)(1u << bit % 8);
	}
	ck_assert_uint_gt(refused, 8 * (compressed.size - 18));
}
END_TEST

START_TEST(d2_26_wrong_checksum_and_length_are_refused)
{
	make_gzip(CONTENT);
	file[compressed.size - 8] ^= 1;
	assert_refused(read_all(4096), -EBADMSG, "its gzip data is damaged (incorrect data check); copy or build it again", err);
	file[compressed.size - 8] ^= 1;
	file[compressed.size - 1] ^= 1;
	assert_refused(read_all(4096), -EBADMSG, "its gzip data is damaged (incorrect length check); copy or build it again", err);
}
END_TEST

START_TEST(d2_27_bytes_after_the_end_are_refused)
{
	static const size_t more[] = { 1, 16384, 40000 };
	char sentence[128];

	make_gzip(CONTENT);
	memset(file + compressed.size, 0, more[_i]);
	compressed.size += more[_i];
	snprintf(sentence, sizeof(sentence), "%zu bytes follow the end of its gzip data; remove them, or decompress it by gunzip", more[_i]);
	assert_refused(read_all(4096), -EBADMSG, sentence, err);
	make_zboot(CONTENT);
	zboot_header(file, (uint32_t)(compressed.size - ZBOOT_HEADER + more[_i]), "gzip");
	compressed.size += more[_i];
	assert_refused(read_all(4096), -EBADMSG, sentence, err);
}
END_TEST

/* The begin and the length of the compressed part, in a file of 4096 bytes. */
static const uint32_t ranges[][2] = {
	{ 128, 4000 }, { 4096, 1 }, { 4097, 0 }, { UINT32_MAX, 1 }, { UINT32_MAX, UINT32_MAX }, { 0, 4097 },
};

START_TEST(d2_28_zboot_kernel_is_refused_if_its_part_is_outside)
{
	zboot_header(file, ranges[_i][1], "gzip");
	put_le32(file + 8, ranges[_i][0]);
	compressed.size = 4096;
	assert_refused(read_all(4096), -EBADMSG, "truncated within its compressed part", err);
}
END_TEST

static const char *const types[][2] = {
	{ "lzma", "lzma" }, { "xzkern", "xzkern" }, { "", "" }, { "\033[31m", "" }, { "gz", "gz" }, { "lz4\n", "lz4" },
	{ "12345678901234567890123456789012tail", "12345678901234567890123456789012" },
};

START_TEST(d2_28_other_methods_of_zboot_are_refused_by_their_printable_names)
{
	char sentence[256];

	snprintf(sentence, sizeof(sentence), "it is a zboot kernel for EFI compressed by '%s', which is not supported; name an uncompressed one", types[_i][1]);
	zboot_header(file, 64, types[_i][0]);
	compressed.size = 4096;
	ck_assert(varch_is_compressed(&compressed));
	assert_refused(read_all(4096), -EOPNOTSUPP, sentence, err);
}
END_TEST

/* Names and empty pieces have no content, however many there are. */
START_TEST(d2_30_file_of_more_than_1_gib_is_refused)
{
	make_gzip(CONTENT);
	compressed.size = (UINT64_C(1) << 30) + 1;
	assert_refused(varch_decompressor_new(&decompressor, &compressed, &err), -EFBIG, "its compressed part has more than 1 GiB", err);
}
END_TEST

START_TEST(other_files_are_not_compressed)
{
	static const char *const rows[] = { "\177ELF", "MZ  zimh", "MY  zimg", "\x1f\x8b\x07", "\x1f\x8b" };

	memset(file, 0, 4096);
	memcpy(file, rows[_i], strlen(rows[_i]));
	compressed.size = 4096;
	ck_assert(!varch_is_compressed(&compressed));
	assert_refused(read_all(4096), -EBADMSG, "it is not compressed", err);
}
END_TEST

START_TEST(lack_of_memory_is_reported)
{
	make_gzip(CONTENT);
	allocations = (unsigned int)_i;
	assert_refused(read_all(4096), -ENOMEM, "no memory to decompress it: Cannot allocate memory", err);
}
END_TEST

START_TEST(build_without_a_library_names_it)
{
	memcpy(file, "\x1f\x8b\x08", 3);
	compressed.size = 4096;
	ck_assert(varch_is_compressed(&compressed));
	assert_refused(read_all(4096), -EOPNOTSUPP, "it is compressed by gzip, which this build does not support; decompress it by gunzip, or name another kernel", err);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("decompress");
	TCase *t = tcase_create("decompress");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test_unless(t, NO_ZLIB, gzip_file_has_its_content_in_pieces_of_any_length, 0, COUNT(pieces));
	tcase_add_loop_test_unless(t, NO_ZLIB, zboot_kernel_has_the_content_of_its_compressed_part, 0, COUNT(pieces));
	tcase_add_test_unless(t, NO_ZLIB, empty_content_ends_at_once);
	tcase_add_test_unless(t, NO_ZLIB, file_is_read_from_its_begin_without_its_position);
	tcase_add_test_unless(t, NO_ZLIB, d2_25_file_that_becomes_shorter_is_refused);
	tcase_add_test_unless(t, NO_ZLIB, d2_25_truncated_stream_is_refused_at_each_length);
	tcase_add_test_unless(t, NO_ZLIB, d2_26_flipped_bit_never_changes_content);
	tcase_add_test_unless(t, NO_ZLIB, d2_26_wrong_checksum_and_length_are_refused);
	tcase_add_loop_test_unless(t, NO_ZLIB, d2_27_bytes_after_the_end_are_refused, 0, 3);
	tcase_add_loop_test(t, d2_28_zboot_kernel_is_refused_if_its_part_is_outside, 0, COUNT(ranges));
	tcase_add_loop_test(t, d2_28_other_methods_of_zboot_are_refused_by_their_printable_names, 0, COUNT(types));
	tcase_add_test_unless(t, NO_ZLIB, d2_30_file_of_more_than_1_gib_is_refused);
	tcase_add_loop_test(t, other_files_are_not_compressed, 0, 5);
	tcase_add_loop_test_unless(t, NO_ZLIB, lack_of_memory_is_reported, 1, 3);
	if (NO_ZLIB)
		tcase_add_test(t, build_without_a_library_names_it);
	suite_add_tcase(s, t);
	return run_suite(s);
}
