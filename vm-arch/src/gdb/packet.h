/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Packets of gdb's remote serial protocol: $DATA#SUM, with the acknowledgements + and - until
 * the client switches them off, and byte 3, an interrupt.
 *
 * The client is hostile: a packet has a maximum, a wrong checksum is refused.
 *
 * Threads: one at a time.
 */
#ifndef VARCH_GDB_PACKET_H
#define VARCH_GDB_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of a packet's data. */
#define VARCH_GDB_PACKET 4096u

struct varch_gdb_reader {
	enum { VARCH_GDB_IDLE, VARCH_GDB_DATA, VARCH_GDB_ESCAPE, VARCH_GDB_SUM, VARCH_GDB_SUM_END } state;
	unsigned char data[VARCH_GDB_PACKET + 1];	/* ends with a zero byte, as a packet is complete */
	size_t len;
	bool too_long;
	unsigned char sum;	/* of what was received */
	unsigned char expected;
	bool bad_digit;
};

/* A packet that is written: begin, text and bytes, end. What exceeds the maximum is left out. */
struct varch_gdb_writer {
	char bytes[2 * VARCH_GDB_PACKET + 8];
	size_t len;
	unsigned char sum;
};

enum varch_gdb_event {
	VARCH_GDB_NOTHING,
	VARCH_GDB_COMPLETE,	/* data and len are a packet */
	VARCH_GDB_REFUSED,	/* wrong checksum, or too long */
	VARCH_GDB_REPEAT,		/* the client requests the last packet again */
	VARCH_GDB_INTERRUPT,
};

enum varch_gdb_event varch_gdb_read_byte(struct varch_gdb_reader *r, unsigned char byte);
void varch_gdb_write_begin(struct varch_gdb_writer *w);
void varch_gdb_write_text(struct varch_gdb_writer *w, const char *text);
/* Escaped where the protocol requires it. */
void varch_gdb_write_binary(struct varch_gdb_writer *w, const char *bytes, size_t n);
void varch_gdb_write_hex(struct varch_gdb_writer *w, const void *bytes, size_t n);
void varch_gdb_write_number(struct varch_gdb_writer *w, uint64_t n);
void varch_gdb_write_end(struct varch_gdb_writer *w);
/* -1: no hexadecimal digit. */
int varch_gdb_digit(char c);
/* A hexadecimal number of 1 to 16 digits; moves *at behind it. */
bool varch_gdb_number(const char **at, uint64_t *out);
/* 2 n digits; moves *at behind them. */
bool varch_gdb_bytes(const char **at, void *bytes, size_t n);

#endif
