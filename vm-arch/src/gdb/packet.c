/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Reads and writes packets of gdb's protocol. */
#include <config.h>

#include <string.h>

#include "gdb/packet.h"

#define INTERRUPT 3

static const char digits[] = "0123456789abcdef";

int varch_gdb_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* ------------------------------------------------------------------------ reading */

static void data_begin(struct varch_gdb_reader *r)
{
	r->state = VARCH_GDB_DATA;
	r->len = 0;
	r->sum = 0;
	r->too_long = r->bad_digit = false;
}

static void data_add(struct varch_gdb_reader *r, unsigned char byte)
{
	if (r->len == VARCH_GDB_PACKET)
		r->too_long = true;
	else
		r->data[r->len++] = byte;
}

static enum varch_gdb_event read_idle(struct varch_gdb_reader *r, unsigned char byte)
{
	if (byte == '$')
		data_begin(r);
	return byte == INTERRUPT ? VARCH_GDB_INTERRUPT : byte == '-' ? VARCH_GDB_REPEAT : VARCH_GDB_NOTHING;
}

static enum varch_gdb_event read_data(struct varch_gdb_reader *r, unsigned char byte)
{
	if (byte == '#') {
		r->state = VARCH_GDB_SUM;
		return VARCH_GDB_NOTHING;
	}
	if (byte == '$') {	/* the end of the former packet is lost */
		data_begin(r);
		return VARCH_GDB_NOTHING;
	}
	r->sum = (unsigned char)(r->sum + byte);
	if (byte == '}')
		r->state = VARCH_GDB_ESCAPE;
	else
		data_add(r, byte);
	return VARCH_GDB_NOTHING;
}

static enum varch_gdb_event read_escape(struct varch_gdb_reader *r, unsigned char byte)
{
	r->sum = (unsigned char)(r->sum + byte);
	r->state = VARCH_GDB_DATA;
	data_add(r, byte ^ 0x20);
	return VARCH_GDB_NOTHING;
}

static void read_digit(struct varch_gdb_reader *r, unsigned char byte)
{
	const int digit = varch_gdb_digit((char)byte);

	r->bad_digit = r->bad_digit || digit < 0;
	r->expected = (unsigned char)(r->expected << 4 | (digit & 15));
}

static enum varch_gdb_event read_sum(struct varch_gdb_reader *r, unsigned char byte)
{
	read_digit(r, byte);
	r->state = VARCH_GDB_SUM_END;
	return VARCH_GDB_NOTHING;
}

static enum varch_gdb_event read_end(struct varch_gdb_reader *r, unsigned char byte)
{
	read_digit(r, byte);
	r->state = VARCH_GDB_IDLE;
	r->data[r->len] = 0;
	return r->too_long || r->bad_digit || r->sum != r->expected ? VARCH_GDB_REFUSED : VARCH_GDB_COMPLETE;
}

enum varch_gdb_event varch_gdb_read_byte(struct varch_gdb_reader *r, unsigned char byte)
{
	static enum varch_gdb_event (*const readers[])(struct varch_gdb_reader *, unsigned char) = {
		[VARCH_GDB_IDLE] = read_idle, [VARCH_GDB_DATA] = read_data,
		[VARCH_GDB_ESCAPE] = read_escape, [VARCH_GDB_SUM] = read_sum, [VARCH_GDB_SUM_END] = read_end,
	};

	return readers[r->state](r, byte);
}

/* ------------------------------------------------------------------------ writing */

/* Leaves room for the checksum. */
static void put_char(struct varch_gdb_writer *w, char c)
{
	if (w->len + 3 >= sizeof(w->bytes))
		return;
	w->bytes[w->len++] = c;
	w->sum = (unsigned char)(w->sum + (unsigned char)c);
}

void varch_gdb_write_begin(struct varch_gdb_writer *w)
{
	w->bytes[0] = '$';
	w->len = 1;
	w->sum = 0;
}

void varch_gdb_write_text(struct varch_gdb_writer *w, const char *text)
{
	while (*text)
		put_char(w, *text++);
}

void varch_gdb_write_binary(struct varch_gdb_writer *w, const char *bytes, size_t n)
{
	for (; n--; bytes++) {
		if (!memchr("#$}*", *bytes, 4)) {
			put_char(w, *bytes);
			continue;
		}
		put_char(w, '}');
		put_char(w, (char)(*bytes ^ 0x20));
	}
}

void varch_gdb_write_hex(struct varch_gdb_writer *w, const void *bytes, size_t n)
{
	const unsigned char *at = bytes;

	for (; n--; at++) {
		put_char(w, digits[*at >> 4]);
		put_char(w, digits[*at & 15]);
	}
}

void varch_gdb_write_number(struct varch_gdb_writer *w, uint64_t n)
{
	int shift = 60;

	while (shift && !(n >> shift))
		shift -= 4;
	for (; shift >= 0; shift -= 4)
		put_char(w, digits[n >> shift & 15]);
}

void varch_gdb_write_end(struct varch_gdb_writer *w)
{
	const unsigned char sum = w->sum;

	w->bytes[w->len++] = '#';
	w->bytes[w->len++] = digits[sum >> 4];
	w->bytes[w->len++] = digits[sum & 15];
}

/* ------------------------------------------------------------------------ numbers */

bool varch_gdb_number(const char **at, uint64_t *out)
{
	unsigned int n;
	int digit;

	*out = 0;
	for (n = 0; (digit = varch_gdb_digit(**at)) >= 0; n++, (*at)++) {
		if (n == 16)
			return false;
		*out = *out << 4 | (unsigned int)digit;
	}
	return n;
}

bool varch_gdb_bytes(const char **at, void *bytes, size_t n)
{
	unsigned char *to = bytes;
	int high, low;

	for (; n--; *at += 2) {
		high = varch_gdb_digit((*at)[0]);
		low = high < 0 ? -1 : varch_gdb_digit((*at)[1]);
		if (low < 0)
			return false;
		*to++ = (unsigned char)(high << 4 | low);
	}
	return true;
}
