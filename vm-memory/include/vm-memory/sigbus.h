/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Surviving files that somebody else cuts short.
 *
 * A store or load through a mapping whose file was truncated raises SIGBUS.
 * A program that maps files of a peer allocates one table, gives it to every
 * object that maps (their _set_sigbus() calls), and installs a handler that
 * calls vmem_sigbus_fix(). The handler is the program's: this library
 * installs none.
 *
 * Every block enters the table when it is mapped and leaves it when it is
 * unmapped. Repaired memory reads as zeros (stores to it go nowhere): all that
 * lies behind the end of the file, or the one page that could not be had.
 * After 64 such pages of a mapping, after as many in all mappings as the table
 * has entries or 4096, and where the process may have no more mappings
 * (vm.max_map_count), all of a mapping is. Its block is marked failed; the
 * table's eventfd becomes readable, so that the owner looks for failed blocks
 * and ends what depended on them.
 *
 * A page that the memory hardware lost is replaced alone, too, so that the
 * instruction can end; vmem_block_damaged() tells. A program whose guest can be
 * told of such a page decides so in its handler, before it calls
 * vmem_sigbus_fix().
 *
 * Threads: entering and leaving is done by whatever thread maps and unmaps;
 * vmem_sigbus_fix() is async-signal-safe and runs on any thread.
 */
#ifndef VM_MEMORY_SIGBUS_H
#define VM_MEMORY_SIGBUS_H

#include <stdbool.h>
#include <stddef.h>

#include <vm-memory/attributes.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

struct vmem_sigbus;

/* A table for up to max mappings; full means that mapping fails, -ENOSPC. */
VMEM_API int vmem_sigbus_new(unsigned int max, struct vmem_sigbus **out,
			     struct vsu_error *err) VSU_NODISCARD;

/* Only when no block uses it any more and no handler can run. */
VMEM_API void vmem_sigbus_free(struct vmem_sigbus *table);

/* Readable when a block has failed since it was drained. Borrowed. */
VMEM_API int vmem_sigbus_fd(const struct vmem_sigbus *table);

/*
 * For a SA_SIGINFO handler of SIGBUS: siginfo is its siginfo_t. True when the
 * address belongs to a block and was repaired, so that the instruction may be
 * run again; also for a page of a block that the hardware lost and nobody
 * touched yet (BUS_MCEERR_AO), which is repaired when somebody does. False for
 * any other address or cause: the program should then restore the default
 * action and return. Keeps errno.
 */
VMEM_API bool vmem_sigbus_fix(struct vmem_sigbus *table, const void *siginfo)
	VSU_NODISCARD;

VSU_END_DECLS

#endif
