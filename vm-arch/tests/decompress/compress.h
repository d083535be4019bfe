/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Compressed kernels for tests. */
#ifndef VARCH_TESTS_DECOMPRESS_COMPRESS_H
#define VARCH_TESTS_DECOMPRESS_COMPRESS_H

#include <check.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef HAVE_ZLIB
#include <zlib.h>

#define NO_ZLIB NULL

/* The length of the gzip file. */
static inline size_t compress_gzip(const void *bytes, size_t len, unsigned char *out, size_t room)
{
	z_stream z = { .next_in = (Bytef *)(uintptr_t)bytes, .avail_in = (uInt)len,
		       .next_out = out, .avail_out = (uInt)room };

	ck_assert_int_eq(deflateInit2(&z, 6, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
	ck_assert_int_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
	deflateEnd(&z);
	return room - z.avail_out;
}
#else
#define NO_ZLIB "this build has no zlib"

static inline size_t compress_gzip(const void *bytes, size_t len, unsigned char *out, size_t room)
{
	(void)bytes;
	(void)len;
	(void)out;
	(void)room;
	ck_abort_msg(NO_ZLIB);
	return 0;
}
#endif

#define ZBOOT_HEADER 128u

static inline void put_le32(unsigned char *at, uint32_t value)
{
	unsigned int i;

	for (i = 0; i < 4; i++, value >>= 8)
		at[i] = (unsigned char)value;
}

/* Writes the header of a zboot kernel, whose compressed part follows it. */
static inline void zboot_header(unsigned char *out, uint32_t len, const char *type)
{
	memset(out, 0, ZBOOT_HEADER);
	memcpy(out, "MZ\0\0zimg", 8);
	put_le32(out + 8, ZBOOT_HEADER);
	put_le32(out + 12, len);
	memcpy(out + 24, type, strlen(type));
}

#endif
