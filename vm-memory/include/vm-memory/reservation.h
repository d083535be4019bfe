/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A reservation: a range of host addresses, initially without memory, in which pieces
 * of files are mapped at given offsets.
 *
 * Used for windows of shared memory: pieces that are adjacent in the window are
 * adjacent in this process too. Each piece is a block with its own file, protection
 * and lifetime. A piece never replaces or changes another one. After its last
 * reference is dropped its range is empty again, and no other mapping of this process
 * can be placed there while the reservation exists. An access to an empty range
 * faults.
 *
 * Threads: confined to one thread, except that a block in it may lose its
 * last reference on any thread.
 */
#ifndef VM_MEMORY_RESERVATION_H
#define VM_MEMORY_RESERVATION_H

#include <stdbool.h>
#include <stdint.h>

#include <vm-memory/attributes.h>
#include <vm-memory/block.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

struct vmem_reservation;

/*
 * Reserves len bytes, a multiple of the page size, at a host address that is a
 * multiple of align (a power of two; 0: the page size).
 */
VMEM_API int vmem_reservation_new(uint64_t len, uint64_t align,
				  struct vmem_reservation **out,
				  struct vsu_error *err) VSU_NODISCARD;

/*
 * Releases the reservation. Its addresses remain reserved until the last block in it
 * is freed.
 */
VMEM_API void vmem_reservation_free(struct vmem_reservation *reservation);

VMEM_API unsigned char *
vmem_reservation_hva(const struct vmem_reservation *reservation);
VMEM_API uint64_t
vmem_reservation_len(const struct vmem_reservation *reservation);

/*
 * Maps a piece of a file, as vmem_block_new_fd() does, at offset off of the reservation.
 * off, desc->fd_offset and desc->len are multiples of the page size of the fd. The last
 * page may extend beyond the end of the file. -EINVAL: not such multiples, or the
 * piece exceeds the reservation; -EEXIST: the range overlaps a block.
 */
VMEM_API int vmem_block_new_fd_at(struct vmem_reservation *reservation,
				  uint64_t off, const struct vmem_fd_desc *desc,
				  struct vmem_block **out,
				  struct vsu_error *err) VSU_NODISCARD;

/* vmem_block_new_fd_at() for a block that owns desc->fd on success, and closes it. */
VMEM_API int vmem_block_new_take_fd_at(struct vmem_reservation *reservation,
				       uint64_t off,
				       const struct vmem_fd_desc *desc,
				       struct vmem_block **out,
				       struct vsu_error *err) VSU_NODISCARD;

/* True while a block overlaps [off, off + len). */
VMEM_API bool vmem_reservation_busy(const struct vmem_reservation *reservation,
				    uint64_t off, uint64_t len);

/*
 * For callers that wait until a range is empty: a borrowed eventfd, readable after a
 * block was freed since vmem_reservation_busy() last returned true. Then call
 * vmem_reservation_busy() again. -1: no descriptor is available.
 */
VMEM_API int vmem_reservation_fd(const struct vmem_reservation *reservation);

VSU_END_DECLS

#endif
