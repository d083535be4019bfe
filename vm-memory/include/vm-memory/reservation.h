/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A reservation: a stretch of address space that is empty at first, and in
 * which pieces of files are mapped at chosen places.
 *
 * A window of shared memory needs that: each piece is a block of its own,
 * with its own file, protection and life, and pieces that lie side by
 * side in the window lie side by side in this process too. A piece never
 * replaces or changes another one, and when its last reference goes the place
 * is empty again: nothing else of this process can come to lie there while
 * the reservation lives. An empty stretch faults when it is touched.
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
 * len bytes, a multiple of the page size, at a host address that is a multiple
 * of align (a power of two; 0: the page size).
 */
VMEM_API int vmem_reservation_new(uint64_t len, uint64_t align,
				  struct vmem_reservation **out,
				  struct vsu_error *err) VSU_NODISCARD;

/*
 * The owner is done with it. The address space stays taken until the last
 * block in it is gone too.
 */
VMEM_API void vmem_reservation_free(struct vmem_reservation *reservation);

VMEM_API unsigned char *
vmem_reservation_hva(const struct vmem_reservation *reservation);
VMEM_API uint64_t
vmem_reservation_len(const struct vmem_reservation *reservation);

/*
 * As vmem_block_new_fd(), mapped at byte off of the reservation. off,
 * desc->fd_offset and desc->len are multiples of the page size of the fd
 * (-EINVAL otherwise, or when the piece exceeds the reservation); the file's
 * last page is there as a whole, though the file may end within it. -EEXIST
 * when a block that still lives has a part of that place.
 */
VMEM_API int vmem_block_new_fd_at(struct vmem_reservation *reservation,
				  uint64_t off, const struct vmem_fd_desc *desc,
				  struct vmem_block **out,
				  struct vsu_error *err) VSU_NODISCARD;

/* The same; on success desc->fd is the block's, which closes it. */
VMEM_API int vmem_block_new_take_fd_at(struct vmem_reservation *reservation,
				       uint64_t off,
				       const struct vmem_fd_desc *desc,
				       struct vmem_block **out,
				       struct vsu_error *err) VSU_NODISCARD;

/* True while a block that still lives has a part of [off, off + len). */
VMEM_API bool vmem_reservation_busy(const struct vmem_reservation *reservation,
				    uint64_t off, uint64_t len);

/*
 * An eventfd, borrowed, that becomes readable when a block has left since
 * vmem_reservation_busy() last said true, for whoever waits for a place to
 * become empty and then asks again. -1 when there is no descriptor to be had.
 */
VMEM_API int vmem_reservation_fd(const struct vmem_reservation *reservation);

VSU_END_DECLS

#endif
