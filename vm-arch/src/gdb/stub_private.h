/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The stub, its replies, and its commands for memory and breakpoints (breakpoints.c); at is what
 * follows a command's name.
 *
 * Threads: as <vm-arch/gdb.h>.
 */
#ifndef VARCH_GDB_STUB_PRIVATE_H
#define VARCH_GDB_STUB_PRIVATE_H

#include <vm-arch/gdb.h>

#include "gdb/packet.h"

#define VARCH_GDB_MAX_SOFTWARE 64u	/* breakpoints in memory */

enum varch_gdb_state { VARCH_GDB_STOPPED, VARCH_GDB_RUNNING, VARCH_GDB_DETACHED };

struct varch_gdb_stub {
	struct varch_gdb_target target;
	struct varch_gdb_ops ops;
	void *opaque;
	unsigned int cpus;
	size_t register_bytes;	/* of all registers of a CPU */
	enum varch_gdb_state state;
	bool no_ack;
	unsigned int cpu;	/* of registers and memory */
	struct varch_gdb_stop last;
	struct varch_gdb_reader reader;
	struct varch_gdb_writer writer;
	bool has_reply;		/* writer has a packet, for a repetition */
	char out[2 * VARCH_GDB_PACKET + 256];	/* the last packet, repeated, and a stop */
	size_t out_at, out_len;
	struct { uint64_t address, gpa; unsigned char byte; } software[VARCH_GDB_MAX_SOFTWARE];
	unsigned int nsoftware;
	struct varch_gdb_breakpoint hardware[VARCH_GDB_MAX_HARDWARE];
	unsigned int nhardware;
};

/* reply.c: adds bytes to what the client receives; those without room are dropped. */
void varch_gdb_out(struct varch_gdb_stub *s, const char *bytes, size_t n);
/* Sends the packet in writer. */
void varch_gdb_reply_end(struct varch_gdb_stub *s);
void varch_gdb_reply_text(struct varch_gdb_stub *s, const char *text);
/* OK, or an error number of the protocol. */
void varch_gdb_reply_result(struct varch_gdb_stub *s, int rc);

/* "ADDRESS,LENGTH" */
bool varch_gdb_range(const char **at, uint64_t *address, uint64_t *len);

void varch_gdb_on_read(struct varch_gdb_stub *s, const char *at);
void varch_gdb_on_write(struct varch_gdb_stub *s, const char *at);
void varch_gdb_on_write_binary(struct varch_gdb_stub *s, const char *at);
void varch_gdb_on_insert(struct varch_gdb_stub *s, const char *at);
void varch_gdb_on_remove(struct varch_gdb_stub *s, const char *at);

/* breakpoints.c: removes all of them, of both kinds. */
void varch_gdb_end(struct varch_gdb_stub *s);

#endif
