/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Finds the compressed bytes of a kernel, and passes them to their method in pieces. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <vmm-sys-util/checked.h>
#include <vmm-sys-util/endian.h>
#include <vmm-sys-util/fd.h>

#include "decompress/decompress.h"
#include "decompress/method.h"

/* The header of a zboot kernel (Linux's drivers/firmware/efi/libstub/zboot-header.S). */
#define ZBOOT_MAGIC_AT 4u
#define ZBOOT_START_AT 8u
#define ZBOOT_LEN_AT 12u
#define ZBOOT_TYPE_AT 24u
#define ZBOOT_TYPE_LEN 32u
#define HEADER_LEN 64u

/* Compressed bytes: many can have no content, and the time to read them is the caller's. */
#define MOST (UINT64_C(1) << 30)

static const struct varch_method *const methods[] = { &varch_method_gzip };

#define NMETHODS (sizeof(methods) / sizeof(methods[0]))

#define PIECE 16384u

struct varch_decompressor {
	struct varch_compressed source;
	uint64_t at, end;	/* in the source: bytes that are not read yet */
	const struct varch_method *method;
	struct varch_method_data data;
	bool ended;
	unsigned char piece[PIECE];
};

static int read_source(const struct varch_compressed *c, uint64_t at, void *buf, size_t len,
		       struct vsu_error *err)
{
	ssize_t n;

	if (c->bytes) {
		memcpy(buf, c->bytes + at, len);
		return 0;
	}
	n = vsu_fd_pread_full(c->fd, buf, len, at);
	if (n < 0)
		return vsu_error_sys(err, (int)n, "cannot be read");
	return (size_t)n == len ? 0 : vsu_error_set(err, -EBADMSG, "it was truncated while it was read");
}

/* Zeros follow the bytes of a shorter file. */
static int read_header(const struct varch_compressed *c, unsigned char header[HEADER_LEN],
		       struct vsu_error *err)
{
	memset(header, 0, HEADER_LEN);
	return read_source(c, 0, header, c->size < HEADER_LEN ? (size_t)c->size : HEADER_LEN, err);
}

static bool is_zboot(const unsigned char *header)
{
	return !memcmp(header, "MZ", 2) && !memcmp(header + ZBOOT_MAGIC_AT, "zimg", 4);
}

static const struct varch_method *method_of_file(const unsigned char *header)
{
	unsigned int i;

	for (i = 0; i < NMETHODS; i++)
		if (!memcmp(header, methods[i]->magic, methods[i]->magic_len))
			return methods[i];
	return NULL;
}

static const struct varch_method *method_of_type(const char *type)
{
	unsigned int i;

	for (i = 0; i < NMETHODS; i++)
		if (!strncmp(type, methods[i]->type, strlen(methods[i]->type)))
			return methods[i];
	return NULL;
}

static uint32_t get_le32(const unsigned char *at)
{
	struct vsu_le32 value;

	memcpy(&value, at, sizeof(value));
	return vsu_le32_load(value);
}

/* The name is printed as far as it is one. */
static int refuse_type(const char *type, struct vsu_error *err)
{
	const int n = (int)strspn(type, "abcdefghijklmnopqrstuvwxyz0123456789");

	return vsu_error_set(err, -EOPNOTSUPP, "it is a zboot kernel for EFI compressed by '%.*s', which is not supported; name an uncompressed one", n, type);
}

static int find_in_zboot(struct varch_decompressor *d, const unsigned char *header, struct vsu_error *err)
{
	const uint64_t len = get_le32(header + ZBOOT_LEN_AT);
	char type[ZBOOT_TYPE_LEN + 1] = "";

	memcpy(type, header + ZBOOT_TYPE_AT, ZBOOT_TYPE_LEN);
	d->at = get_le32(header + ZBOOT_START_AT);
	d->end = d->at + len;
	d->method = method_of_type(type);
	if (!d->method)
		return refuse_type(type, err);
	return vsu_range_exceeds(d->at, len, d->source.size) ?
	       vsu_error_set(err, -EBADMSG, "truncated within its compressed part") : 0;
}

static int find_stream(struct varch_decompressor *d, struct vsu_error *err)
{
	unsigned char header[HEADER_LEN];
	int rc = read_header(&d->source, header, err);

	if (rc < 0)
		return rc;
	if (is_zboot(header))
		return find_in_zboot(d, header, err);
	d->method = method_of_file(header);
	d->end = d->source.size;
	return d->method ? 0 : vsu_error_set(err, -EBADMSG, "it is not compressed");
}

static int begin_method(struct varch_decompressor *d, struct vsu_error *err)
{
	if (!d->method->begin)
		return vsu_error_set(err, -EOPNOTSUPP, "it is compressed by %s, which this build does not support; decompress it by %s, or name another kernel",
				     d->method->name, d->method->command);
	return d->method->begin(&d->data) < 0 ? vsu_error_sys(err, -ENOMEM, "no memory to decompress it") : 0;
}

bool varch_is_compressed(const struct varch_compressed *c)
{
	unsigned char header[HEADER_LEN];

	return !read_header(c, header, NULL) && (is_zboot(header) || method_of_file(header));
}

int varch_decompressor_new(struct varch_decompressor **out, const struct varch_compressed *c,
			 struct vsu_error *err)
{
	struct varch_decompressor *d = calloc(1, sizeof(*d));
	int rc;

	if (!d)
		return vsu_error_sys(err, -ENOMEM, "no memory to decompress it");
	d->source = *c;
	rc = find_stream(d, err);
	if (!rc && d->end - d->at > MOST)
		rc = vsu_error_set(err, -EFBIG, "its compressed part has more than 1 GiB");
	if (!rc)
		rc = begin_method(d, err);
	if (rc < 0) {
		free(d);
		return rc;
	}
	*out = d;
	return 0;
}

void varch_decompressor_free(struct varch_decompressor *d)
{
	if (d)
		d->method->end(&d->data);
	free(d);
}

static int refill_piece(struct varch_decompressor *d, struct vsu_error *err)
{
	const uint64_t left = d->end - d->at;
	const size_t n = left < sizeof(d->piece) ? (size_t)left : sizeof(d->piece);
	int rc;

	if (!n)
		return vsu_error_set(err, -EBADMSG, "its %s data is truncated; copy or build it again", d->method->name);
	rc = read_source(&d->source, d->at, d->piece, n, err);
	if (rc < 0)
		return rc;
	d->at += n;
	d->data.in = d->piece;
	d->data.in_len = n;
	return 0;
}

static int check_end(struct varch_decompressor *d, struct vsu_error *err)
{
	const uint64_t left = d->data.in_len + (d->end - d->at);

	d->ended = true;
	return left ? vsu_error_set(err, -EBADMSG, "%" PRIu64 " bytes follow the end of its %s data; remove them, or decompress it by %s",
				    left, d->method->name, d->method->command) : 0;
}

static int report_failure(const struct varch_decompressor *d, int rc, const char *why, struct vsu_error *err)
{
	return rc == -ENOMEM ? vsu_error_sys(err, rc, "no memory to decompress it") :
	       vsu_error_set(err, rc, "its %s data is damaged (%s); copy or build it again", d->method->name, why);
}

/* A method can have content left when all input is consumed: only one without progress needs more. */
static int advance_method(struct varch_decompressor *d, struct vsu_error *err)
{
	const struct varch_method_data before = d->data;
	const char *why = "no progress";
	const int rc = d->method->step(&d->data, &why);

	if (rc < 0)
		return report_failure(d, rc, why, err);
	if (rc > 0)
		return check_end(d, err);
	if (d->data.in_len < before.in_len || d->data.out_len < before.out_len)
		return 0;
	return before.in_len ? report_failure(d, -EBADMSG, why, err) : refill_piece(d, err);
}

ssize_t varch_decompressor_read(struct varch_decompressor *d, void *buf, size_t len,
			      struct vsu_error *err)
{
	int rc = 0;

	d->data.out = buf;
	d->data.out_len = len;
	while (!rc && !d->ended && d->data.out_len)
		rc = advance_method(d, err);
	return rc < 0 ? rc : (ssize_t)(len - d->data.out_len);
}
