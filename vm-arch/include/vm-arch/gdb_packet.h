/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Packets of gdb's remote serial protocol: $DATA#SUM, with the acknowledgements + and - until
 * the client switches them off, and byte 3, an interrupt.
 *
 * The client is hostile: a packet has a maximum, a wrong checksum is refused.
 *
 * Threads: one at a time.
 */
#ifndef VMM_GDB_PACKET_H
#define VMM_GDB_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of a packet's data. */
#define VMM_GDB_PACKET 4096u

struct vmm_gdb_reader {
	enum { VMM_GDB_IDLE, VMM_GDB_DATA, VMM_GDB_ESCAPE, VMM_GDB_SUM, VMM_GDB_SUM_END } state;
	unsigned char data[VMM_GDB_PACKET + 1];	/* ends with a zero byte, as a packet is complete */
	size_t len;
	bool too_long;
	unsigned char sum;	/* of what was received */
	unsigned char expected;
	bool bad_digit;
};

enum vmm_gdb_event {
	VMM_GDB_NOTHING,
	VMM_GDB_COMPLETE,	/* data and len are a packet */
	VMM_GDB_REFUSED,	/* wrong checksum, or too long */
	VMM_GDB_REPEAT,		/* the client requests the last packet again */
	VMM_GDB_INTERRUPT,
};

enum vmm_gdb_event vmm_gdb_read_byte(struct vmm_gdb_reader *r, unsigned char byte);

/* A packet that is written: begin, text and bytes, end. What exceeds the maximum is left out. */
struct vmm_gdb_writer {
	char bytes[2 * VMM_GDB_PACKET + 8];
	size_t len;
	unsigned char sum;
};

void vmm_gdb_write_begin(struct vmm_gdb_writer *w);
void vmm_gdb_write_text(struct vmm_gdb_writer *w, const char *text);
/* Escaped where the protocol requires it. */
void vmm_gdb_write_binary(struct vmm_gdb_writer *w, const char *bytes, size_t n);
void vmm_gdb_write_hex(struct vmm_gdb_writer *w, const void *bytes, size_t n);
void vmm_gdb_write_number(struct vmm_gdb_writer *w, uint64_t n);
void vmm_gdb_write_end(struct vmm_gdb_writer *w);

/* -1: no hexadecimal digit. */
int vmm_gdb_digit(char c);
/* A hexadecimal number of 1 to 16 digits; moves *at behind it. */
bool vmm_gdb_number(const char **at, uint64_t *out);
/* 2 n digits; moves *at behind them. */
bool vmm_gdb_bytes(const char **at, void *bytes, size_t n);

#endif
