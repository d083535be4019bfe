/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Replies of the stub, and its commands for memory and breakpoints (breakpoints.c); at is what
 * follows a command's name.
 *
 * Threads: as stub.h.
 */
#ifndef VMM_GDB_STUB_PRIVATE_H
#define VMM_GDB_STUB_PRIVATE_H

#include <vm-arch/gdb.h>

/* reply.c: adds bytes to what the client receives; those without room are dropped. */
void vmm_gdb_out(struct vmm_gdb_stub *s, const char *bytes, size_t n);
/* Sends the packet in writer. */
void vmm_gdb_reply_end(struct vmm_gdb_stub *s);
void vmm_gdb_reply_text(struct vmm_gdb_stub *s, const char *text);
/* OK, or an error number of the protocol. */
void vmm_gdb_reply_result(struct vmm_gdb_stub *s, int rc);

/* "ADDRESS,LENGTH" */
bool vmm_gdb_range(const char **at, uint64_t *address, uint64_t *len);

void vmm_gdb_on_read(struct vmm_gdb_stub *s, const char *at);
void vmm_gdb_on_write(struct vmm_gdb_stub *s, const char *at);
void vmm_gdb_on_write_binary(struct vmm_gdb_stub *s, const char *at);
void vmm_gdb_on_insert(struct vmm_gdb_stub *s, const char *at);
void vmm_gdb_on_remove(struct vmm_gdb_stub *s, const char *at);

#endif
