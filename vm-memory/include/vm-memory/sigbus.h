/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Recovery from truncated files.
 *
 * An access through a mapping beyond the end of its truncated file raises SIGBUS.
 * A program that maps files of a peer allocates one table, passes it to every object
 * that maps (their _set_sigbus() functions), and installs a signal handler that calls
 * vmem_sigbus_fix(). This library installs no handler.
 *
 * A block with a table is in it while it is mapped. The handler replaces everything
 * beyond the end of the file, or one unavailable page, by zeros that discard stores. At a
 * limit of single pages (64 in one mapping, the smaller of max and 4096 in all) it
 * replaces the rest of the mapping from the page on, and the whole mapping if the process
 * has reached vm.max_map_count. The block is marked failed and the table's eventfd is
 * signalled; the owner then finds the failed blocks (vmem_block_failed()) and ends their
 * users.
 *
 * A page lost by the memory hardware is replaced as well, so that the instruction can
 * complete; vmem_block_damaged() reports it. A program that can report the page to
 * its guest instead does so in its handler, before it calls vmem_sigbus_fix().
 *
 * Threads: any thread may map and unmap; vmem_sigbus_fix() is async-signal-safe and
 * may run on any thread.
 */
#ifndef VM_MEMORY_SIGBUS_H
#define VM_MEMORY_SIGBUS_H

#include <stdbool.h>
#include <stddef.h>

#include <vm-memory/attributes.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

struct vmem_sigbus;

/* A table for up to max mappings; further mappings fail with -ENOSPC. */
VMEM_API int vmem_sigbus_new(unsigned int max, struct vmem_sigbus **out,
			     struct vsu_error *err) VSU_NODISCARD;

/* Free it only if no block uses it and no handler can run. */
VMEM_API void vmem_sigbus_free(struct vmem_sigbus *table);

/* Readable if a block has failed since the last drain. Borrowed. */
VMEM_API int vmem_sigbus_fd(const struct vmem_sigbus *table);

/*
 * For a SA_SIGINFO handler of SIGBUS: siginfo is its siginfo_t. Returns true if the
 * handler may return: the address belongs to a block, and was repaired, or was lost
 * before any access (BUS_MCEERR_AO) and is repaired on access. Returns false for any other
 * address or cause: the program should then restore the default action and return. Keeps
 * errno.
 */
VMEM_API bool vmem_sigbus_fix(struct vmem_sigbus *table, const void *siginfo)
	VSU_NODISCARD;

VSU_END_DECLS

#endif
