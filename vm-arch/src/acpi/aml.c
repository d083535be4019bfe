/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * AML is written from front to back. The length of a container precedes its
 * content, so the content is moved when its end is known.
 */
#include <config.h>

#include <errno.h>
#include <string.h>

#include "acpi/aml.h"

enum {
	OP_ZERO = 0x00, OP_ONE = 0x01, OP_NAME = 0x08, OP_BYTE = 0x0a,
	OP_WORD = 0x0b, OP_DWORD = 0x0c, OP_STRING = 0x0d, OP_QWORD = 0x0e,
	OP_SCOPE = 0x10, OP_BUFFER = 0x11, OP_PACKAGE = 0x12, OP_METHOD = 0x14,
	OP_DUAL_NAME = 0x2e, OP_MULTI_NAME = 0x2f, OP_EXTENDED = 0x5b,
	OP_LOCAL0 = 0x60, OP_ARG0 = 0x68, OP_STORE = 0x70, OP_AND = 0x7b,
	OP_REGION = 0x80, OP_FIELD = 0x81, OP_DEVICE = 0x82, OP_NOTIFY = 0x86,
	OP_EQUAL = 0x93, OP_IF = 0xa0, OP_RETURN = 0xa4,
};

#define BY_DWORDS 0x43		/* a field, whose other bits are stored as 0 */

#define SEGMENT 4
#define MAX_SEGMENTS 255
#define METHOD_SERIALIZED 0x08
#define MAX_ARGS 7
#define NUMBER_MAX 9		/* maximum length of an integer with its prefix */

void varch_aml_init(struct varch_aml *aml, void *bytes, size_t size)
{
	memset(aml, 0, sizeof(*aml));
	aml->bytes = bytes;
	aml->size = size;
}

int varch_aml_finish(const struct varch_aml *aml, size_t *len)
{
	if (aml->error)
		return aml->error;
	if (aml->depth)
		return -EPROTO;
	*len = aml->len;
	return 0;
}

static void aml_fail(struct varch_aml *aml, int code)
{
	if (!aml->error)
		aml->error = code;
}

/* Inserts n bytes at offset at. */
static void aml_insert(struct varch_aml *aml, size_t at, const void *bytes, size_t n)
{
	if (aml->size - aml->len < n)
		aml_fail(aml, -ENOSPC);
	if (aml->error)
		return;
	memmove(aml->bytes + at + n, aml->bytes + at, aml->len - at);
	memcpy(aml->bytes + at, bytes, n);
	aml->len += n;
}

static void aml_append(struct varch_aml *aml, const void *bytes, size_t n)
{
	aml_insert(aml, aml->len, bytes, n);
}

static void append_byte(struct varch_aml *aml, uint8_t byte)
{
	aml_append(aml, &byte, 1);
}

/* The low n bytes of value, the lowest first. */
static void append_le(struct varch_aml *aml, uint64_t value, unsigned int n)
{
	for (; n; n--, value >>= 8)
		append_byte(aml, (uint8_t)value);
}

static void open_container(struct varch_aml *aml, bool resources)
{
	if (aml->depth == VARCH_AML_DEPTH)
		aml_fail(aml, -ELOOP);
	if (aml->error)
		return;
	aml->open[aml->depth].at = aml->len;
	aml->open[aml->depth++].resources = resources;
}

/* PkgLength for the following len bytes; it includes its own length. */
static size_t encode_length(uint8_t *to, size_t len)
{
	size_t n, i;

	if (len + 1 < 1u << 6) {
		to[0] = (uint8_t)(len + 1);
		return 1;
	}
	n = len + 2 < 1u << 12 ? 2 : len + 3 < 1u << 20 ? 3 : 4;
	len += n;
	to[0] = (uint8_t)((n - 1) << 6 | (len & 0xf));
	for (i = 1, len >>= 4; i < n; i++, len >>= 8)
		to[i] = (uint8_t)len;
	return n;
}

static size_t encode_number(uint8_t *to, uint64_t value)
{
	const unsigned int bytes = value > UINT32_MAX ? 8 :
		value > UINT16_MAX ? 4 : value > UINT8_MAX ? 2 : 1;
	unsigned int i;

	if (value < 2) {
		to[0] = value ? OP_ONE : OP_ZERO;
		return 1;
	}
	to[0] = bytes == 8 ? OP_QWORD : bytes == 4 ? OP_DWORD :
		bytes == 2 ? OP_WORD : OP_BYTE;
	for (i = 1; i <= bytes; i++, value >>= 8)
		to[i] = (uint8_t)value;
	return bytes + 1;
}

/* A buffer of descriptors has an end tag, and its size before its content. */
static void close_resources(struct varch_aml *aml, size_t at)
{
	const uint8_t end[] = { 0x79, 0 };
	uint8_t size[NUMBER_MAX];

	aml_append(aml, end, sizeof(end));
	aml_insert(aml, at, size, encode_number(size, aml->len - at));
}

void varch_aml_end(struct varch_aml *aml)
{
	uint8_t length[4];
	size_t at;

	if (!aml->depth)
		aml_fail(aml, -EPROTO);
	if (aml->error)
		return;
	at = aml->open[--aml->depth].at;
	if (aml->open[aml->depth].resources)
		close_resources(aml, at);
	if (aml->len - at >= (1u << 28) - sizeof(length))
		aml_fail(aml, -ENOSPC);
	aml_insert(aml, at, length, encode_length(length, aml->len - at));
}

static bool is_name_byte(char c, bool first)
{
	return (c >= 'A' && c <= 'Z') || c == '_' ||
	       (!first && c >= '0' && c <= '9');
}

/* Length of the name segment at s; 0: invalid. */
static unsigned int segment_length(const char *s)
{
	unsigned int n = 0;

	while (n < SEGMENT && is_name_byte(s[n], !n))
		n++;
	return n;
}

/* Number of segments; 0: not a valid path. */
static unsigned int count_segments(const char *path)
{
	unsigned int n, count = 0;

	do {
		n = segment_length(path);
		path += n;
		count++;
	} while (n && count < MAX_SEGMENTS && *path++ == '.');
	return n && !path[-1] ? count : 0;
}

static void append_segments(struct varch_aml *aml, const char *path)
{
	unsigned int n;

	do {
		n = segment_length(path);
		aml_append(aml, path, n);
		aml_append(aml, "____", SEGMENT - n);
		path += n;
	} while (*path++ == '.');
}

static void append_path(struct varch_aml *aml, const char *path)
{
	const bool root = *path == '\\';
	const unsigned int n = count_segments(path + root);

	if (!n)
		aml_fail(aml, -EINVAL);
	if (aml->error)
		return;
	if (root)
		append_byte(aml, '\\');
	if (n == 2)
		append_byte(aml, OP_DUAL_NAME);
	if (n > 2) {
		append_byte(aml, OP_MULTI_NAME);
		append_byte(aml, (uint8_t)n);
	}
	append_segments(aml, path + root);
}

void varch_aml_scope(struct varch_aml *aml, const char *name)
{
	append_byte(aml, OP_SCOPE);
	open_container(aml, false);
	append_path(aml, name);
}

void varch_aml_device(struct varch_aml *aml, const char *name)
{
	append_byte(aml, OP_EXTENDED);
	append_byte(aml, OP_DEVICE);
	open_container(aml, false);
	append_path(aml, name);
}

void varch_aml_method(struct varch_aml *aml, const char *name, unsigned int args)
{
	if (args > MAX_ARGS)
		aml_fail(aml, -EINVAL);
	append_byte(aml, OP_METHOD);
	open_container(aml, false);
	append_path(aml, name);
	append_byte(aml, (uint8_t)(args | METHOD_SERIALIZED));
}

void varch_aml_package(struct varch_aml *aml, uint8_t n)
{
	append_byte(aml, OP_PACKAGE);
	open_container(aml, false);
	append_byte(aml, n);
}

void varch_aml_resources(struct varch_aml *aml)
{
	append_byte(aml, OP_BUFFER);
	open_container(aml, true);
}

/* The second operand of the condition follows. */
static void begin_if_arg(struct varch_aml *aml, unsigned int arg)
{
	if (arg >= MAX_ARGS)
		aml_fail(aml, -EINVAL);
	append_byte(aml, OP_IF);
	open_container(aml, false);
	append_byte(aml, OP_EQUAL);
	append_byte(aml, (uint8_t)(OP_ARG0 + arg));
}

void varch_aml_if_arg_is(struct varch_aml *aml, unsigned int arg, uint64_t value)
{
	begin_if_arg(aml, arg);
	varch_aml_integer(aml, value);
}

void varch_aml_if_arg0_is_bytes(struct varch_aml *aml, const void *bytes, uint8_t n)
{
	begin_if_arg(aml, 0);
	varch_aml_bytes(aml, bytes, n);
}

void varch_aml_if_local0_has(struct varch_aml *aml, uint32_t bits)
{
	append_byte(aml, OP_IF);
	open_container(aml, false);
	append_byte(aml, OP_AND);
	append_byte(aml, OP_LOCAL0);
	varch_aml_integer(aml, bits);
	append_byte(aml, OP_ZERO);	/* no further target for the result */
}

void varch_aml_region(struct varch_aml *aml, const char *name, enum varch_aml_space space, uint64_t first,
		    uint8_t len)
{
	append_byte(aml, OP_EXTENDED);
	append_byte(aml, OP_REGION);
	append_path(aml, name);
	append_byte(aml, (uint8_t)space);
	varch_aml_integer(aml, first);
	varch_aml_integer(aml, len);
}

void varch_aml_fields(struct varch_aml *aml, const char *region)
{
	append_byte(aml, OP_EXTENDED);
	append_byte(aml, OP_FIELD);
	open_container(aml, false);
	append_path(aml, region);
	append_byte(aml, BY_DWORDS);
}

void varch_aml_field32(struct varch_aml *aml, const char *name)
{
	append_path(aml, name);
	append_byte(aml, 32);
}

void varch_aml_load_local0(struct varch_aml *aml, const char *name)
{
	append_byte(aml, OP_STORE);
	append_path(aml, name);
	append_byte(aml, OP_LOCAL0);
}

void varch_aml_store(struct varch_aml *aml, uint64_t value, const char *name)
{
	append_byte(aml, OP_STORE);
	varch_aml_integer(aml, value);
	append_path(aml, name);
}

void varch_aml_call(struct varch_aml *aml, const char *name)
{
	append_path(aml, name);
}

void varch_aml_return(struct varch_aml *aml, uint64_t value)
{
	append_byte(aml, OP_RETURN);
	varch_aml_integer(aml, value);
}

void varch_aml_return_bytes(struct varch_aml *aml, const void *bytes, uint8_t n)
{
	append_byte(aml, OP_RETURN);
	varch_aml_bytes(aml, bytes, n);
}

void varch_aml_name(struct varch_aml *aml, const char *name)
{
	append_byte(aml, OP_NAME);
	append_path(aml, name);
}

void varch_aml_integer(struct varch_aml *aml, uint64_t value)
{
	uint8_t number[NUMBER_MAX];

	aml_append(aml, number, encode_number(number, value));
}

void varch_aml_string(struct varch_aml *aml, const char *text)
{
	const char *c;

	for (c = text; *c; c++)
		if ((unsigned char)*c > 0x7f)
			aml_fail(aml, -EINVAL);
	append_byte(aml, OP_STRING);
	aml_append(aml, text, strlen(text) + 1);
}

void varch_aml_bytes(struct varch_aml *aml, const void *bytes, uint8_t n)
{
	append_byte(aml, OP_BUFFER);
	open_container(aml, false);
	varch_aml_integer(aml, n);
	aml_append(aml, bytes, n);
	varch_aml_end(aml);
}

static int hex_digit(char c)
{
	static const char digits[] = "0123456789ABCDEF";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* Five bits for each letter, four for each digit, the highest first. */
void varch_aml_eisa_id(struct varch_aml *aml, const char *id)
{
	uint32_t value = 0;
	unsigned int i;
	int digit;

	if (strlen(id) != 7) {
		aml_fail(aml, -EINVAL);
		return;
	}
	for (i = 0; i < 7; i++) {
		digit = i < 3 ? id[i] - 'A' + 1 : hex_digit(id[i]);
		if (digit < (i < 3) || digit > 26)
			aml_fail(aml, -EINVAL);
		value = value << (i < 3 ? 5 : 4) | ((uint32_t)digit & 0x1f);
	}
	append_byte(aml, OP_DWORD);
	append_le(aml, __builtin_bswap32(value), 4);
}

void varch_aml_notify(struct varch_aml *aml, const char *name, uint64_t event)
{
	append_byte(aml, OP_NOTIFY);
	append_path(aml, name);
	varch_aml_integer(aml, event);
}

/* ----------------- resource descriptors of devices (ACPI 6.4, section 6.4) */

void varch_aml_memory32(struct varch_aml *aml, uint32_t base, uint32_t len)
{
	append_byte(aml, 0x86);
	append_le(aml, 9, 2);
	append_byte(aml, 1);		/* writable */
	append_le(aml, base, 4);
	append_le(aml, len, 4);
}

#define FIXED_ENDS 0x0cu
#define USED_HERE 0x01u		/* consumed by the device, not forwarded */

static void append_memory64(struct varch_aml *aml, uint8_t flags, uint64_t base,
			    uint64_t len)
{
	append_byte(aml, 0x8a);
	append_le(aml, 43, 2);
	append_byte(aml, 0);		/* memory */
	append_byte(aml, flags);
	append_byte(aml, 1);		/* writable */
	append_le(aml, 0, 8);
	append_le(aml, base, 8);
	append_le(aml, base + len - 1, 8);
	append_le(aml, 0, 8);
	append_le(aml, len, 8);
}

void varch_aml_memory64(struct varch_aml *aml, uint64_t base, uint64_t len)
{
	append_memory64(aml, FIXED_ENDS | USED_HERE, base, len);
}

void varch_aml_bridge_memory(struct varch_aml *aml, uint64_t base, uint64_t len)
{
	append_memory64(aml, FIXED_ENDS, base, len);
}

void varch_aml_buses(struct varch_aml *aml, uint16_t first, uint16_t last)
{
	append_byte(aml, 0x88);
	append_le(aml, 13, 2);
	append_byte(aml, 2);		/* bus numbers */
	append_byte(aml, FIXED_ENDS);
	append_byte(aml, 0);
	append_le(aml, 0, 2);
	append_le(aml, first, 2);
	append_le(aml, last, 2);
	append_le(aml, 0, 2);
	append_le(aml, last - first + 1u, 2);
}

void varch_aml_io(struct varch_aml *aml, uint16_t port, uint8_t len)
{
	append_byte(aml, 0x47);
	append_byte(aml, 1);		/* all 16 bits are decoded */
	append_le(aml, port, 2);
	append_le(aml, port, 2);
	append_byte(aml, 1);
	append_byte(aml, len);
}

void varch_aml_interrupt(struct varch_aml *aml, uint32_t irq)
{
	append_byte(aml, 0x89);
	append_le(aml, 6, 2);
	append_byte(aml, 0x03);		/* consumer, edge, active high, exclusive */
	append_byte(aml, 1);
	append_le(aml, irq, 4);
}
