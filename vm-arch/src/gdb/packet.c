/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Reads and writes packets of gdb's protocol. */
#include <config.h>

#include <string.h>

#include <vm-arch/gdb_packet.h>

#define INTERRUPT 3

static const char digits[] = "0123456789abcdef";

int vmm_gdb_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* ------------------------------------------------------------------------ reading */

static void data_begin(struct vmm_gdb_reader *r)
{
	r->state = VMM_GDB_DATA;
	r->len = 0;
	r->sum = 0;
	r->too_long = r->bad_digit = false;
}

static void data_add(struct vmm_gdb_reader *r, unsigned char byte)
{
	if (r->len == VMM_GDB_PACKET)
		r->too_long = true;
	else
		r->data[r->len++] = byte;
}

static enum vmm_gdb_event read_idle(struct vmm_gdb_reader *r, unsigned char byte)
{
	if (byte == '$')
		data_begin(r);
	return byte == INTERRUPT ? VMM_GDB_INTERRUPT : byte == '-' ? VMM_GDB_REPEAT : VMM_GDB_NOTHING;
}

static enum vmm_gdb_event read_data(struct vmm_gdb_reader *r, unsigned char byte)
{
	if (byte == '#') {
		r->state = VMM_GDB_SUM;
		return VMM_GDB_NOTHING;
	}
	if (byte == '$') {	/* the end of the former packet is lost */
		data_begin(r);
		return VMM_GDB_NOTHING;
	}
	r->sum = (unsigned char)(r->sum + byte);
	if (byte == '}')
		r->state = VMM_GDB_ESCAPE;
	else
		data_add(r, byte);
	return VMM_GDB_NOTHING;
}

static enum vmm_gdb_event read_escape(struct vmm_gdb_reader *r, unsigned char byte)
{
	r->sum = (unsigned char)(r->sum + byte);
	r->state = VMM_GDB_DATA;
	data_add(r, byte ^ 0x20);
	return VMM_GDB_NOTHING;
}

static void read_digit(struct vmm_gdb_reader *r, unsigned char byte)
{
	const int digit = vmm_gdb_digit((char)byte);

	r->bad_digit = r->bad_digit || digit < 0;
	r->expected = (unsigned char)(r->expected << 4 | (digit & 15));
}

static enum vmm_gdb_event read_sum(struct vmm_gdb_reader *r, unsigned char byte)
{
	read_digit(r, byte);
	r->state = VMM_GDB_SUM_END;
	return VMM_GDB_NOTHING;
}

static enum vmm_gdb_event read_end(struct vmm_gdb_reader *r, unsigned char byte)
{
	read_digit(r, byte);
	r->state = VMM_GDB_IDLE;
	r->data[r->len] = 0;
	return r->too_long || r->bad_digit || r->sum != r->expected ? VMM_GDB_REFUSED : VMM_GDB_COMPLETE;
}

enum vmm_gdb_event vmm_gdb_read_byte(struct vmm_gdb_reader *r, unsigned char byte)
{
	static enum vmm_gdb_event (*const readers[])(struct vmm_gdb_reader *, unsigned char) = {
		[VMM_GDB_IDLE] = read_idle, [VMM_GDB_DATA] = read_data,
		[VMM_GDB_ESCAPE] = read_escape, [VMM_GDB_SUM] = read_sum, [VMM_GDB_SUM_END] = read_end,
	};

	return readers[r->state](r, byte);
}

/* ------------------------------------------------------------------------ writing */

/* Leaves room for the checksum. */
static void put_char(struct vmm_gdb_writer *w, char c)
{
	if (w->len + 3 >= sizeof(w->bytes))
		return;
	w->bytes[w->len++] = c;
	w->sum = (unsigned char)(w->sum + (unsigned char)c);
}

void vmm_gdb_write_begin(struct vmm_gdb_writer *w)
{
	w->bytes[0] = '$';
	w->len = 1;
	w->sum = 0;
}

void vmm_gdb_write_text(struct vmm_gdb_writer *w, const char *text)
{
	while (*text)
		put_char(w, *text++);
}

void vmm_gdb_write_binary(struct vmm_gdb_writer *w, const char *bytes, size_t n)
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

void vmm_gdb_write_hex(struct vmm_gdb_writer *w, const void *bytes, size_t n)
{
	const unsigned char *at = bytes;

	for (; n--; at++) {
		put_char(w, digits[*at >> 4]);
		put_char(w, digits[*at & 15]);
	}
}

void vmm_gdb_write_number(struct vmm_gdb_writer *w, uint64_t n)
{
	int shift = 60;

	while (shift && !(n >> shift))
		shift -= 4;
	for (; shift >= 0; shift -= 4)
		put_char(w, digits[n >> shift & 15]);
}

void vmm_gdb_write_end(struct vmm_gdb_writer *w)
{
	const unsigned char sum = w->sum;

	w->bytes[w->len++] = '#';
	w->bytes[w->len++] = digits[sum >> 4];
	w->bytes[w->len++] = digits[sum & 15];
}

/* ------------------------------------------------------------------------ numbers */

bool vmm_gdb_number(const char **at, uint64_t *out)
{
	unsigned int n;
	int digit;

	*out = 0;
	for (n = 0; (digit = vmm_gdb_digit(**at)) >= 0; n++, (*at)++) {
		if (n == 16)
			return false;
		*out = *out << 4 | (unsigned int)digit;
	}
	return n;
}

bool vmm_gdb_bytes(const char **at, void *bytes, size_t n)
{
	unsigned char *to = bytes;
	int high, low;

	for (; n--; *at += 2) {
		high = vmm_gdb_digit((*at)[0]);
		low = high < 0 ? -1 : vmm_gdb_digit((*at)[1]);
		if (low < 0)
			return false;
		*to++ = (unsigned char)(high << 4 | low);
	}
	return true;
}
