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

#endif
