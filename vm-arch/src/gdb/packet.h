/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Reads and writes packets.
 *
 * Threads: one at a time.
 */
#ifndef VARCH_GDB_PACKET_PRIVATE_H
#define VARCH_GDB_PACKET_PRIVATE_H

#include <vm-arch/gdb_packet.h>

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
