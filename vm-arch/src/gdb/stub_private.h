/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Replies of the stub, and its commands for memory and breakpoints (breakpoints.c); at is what
 * follows a command's name.
 *
 * Threads: as stub.h.
 */
#ifndef VARCH_GDB_STUB_PRIVATE_H
#define VARCH_GDB_STUB_PRIVATE_H

#include <vm-arch/gdb.h>

#include "gdb/packet.h"

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

#endif
