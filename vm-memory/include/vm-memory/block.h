/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A block: one host mapping of memory, with an owner and usually an fd.
 *
 *   fd, fd_offset   the file behind it and where in the file it begins
 *   hva, len        where this process sees it
 *   kind            what made it (see backend.h for the makers)
 *
 * Everything that maps, sends, punches or remaps the file of a block computes
 * the position with vmem_block_file_pos() and nothing else.
 *
 * A block is reference counted and lives as long as a region, a memory slot,
 * a request in flight or a mapping of a peer needs it. Its last reference
 * unmaps it and closes its fd.
 *
 * Threads: immutable after construction, shareable; ref and unref from any
 * thread. populate and discard are system calls on the mapping and may be
 * called from any thread too.
 */
#ifndef VM_MEMORY_BLOCK_H
#define VM_MEMORY_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vm-memory/attributes.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

struct vmem_block;
struct vmem_sigbus;
struct vsu_closer;

enum vmem_kind {
	VMEM_KIND_ANON,
	VMEM_KIND_FILE,
	VMEM_KIND_MEMFD,
	VMEM_KIND_SHM,
	VMEM_KIND_GUEST_MEMFD,
	VMEM_KIND_FD,		/* somebody else's fd, by vmem_block_new_fd() */
};

/* Bits of vmem_block_flags() and of struct vmem_fd_desc. */
#define VMEM_BLOCK_WRITE	0x1u	/* this process may store to it */
#define VMEM_BLOCK_SHARED	0x2u	/* MAP_SHARED: others with the fd see stores */
#define VMEM_BLOCK_ROM		0x4u	/* the guest may not store to it */

/*
 * Of struct vmem_fd_desc alone: F_SEAL_GROW was seen on the file before it was
 * looked at, so that it never becomes longer. Where it ends with the piece, on
 * a border of what one table of pages maps (2 MiB with pages of 4 KiB), the
 * guard behind the block is a page of the file that never comes to be: an
 * access there is a SIGBUS and not a SIGSEGV, and a system call is saved.
 */
#define VMEM_FD_CANNOT_GROW	0x8u

/* A piece of a received or opened file that is to be mapped. Frozen. */
struct vmem_fd_desc {
	int fd;			/* borrowed; duplicated, or taken */
	uint32_t flags;		/* VMEM_BLOCK_*, VMEM_FD_CANNOT_GROW */
	uint64_t fd_offset;	/* bytes; need not be page aligned, see below */
	uint64_t len;		/* bytes; need not be a multiple of the page */
	struct vmem_sigbus *sigbus; /* the table to enter, or NULL */
	struct vsu_closer *closer; /* closes the block's fd in the end, where it
				   is a peer's (foreign.h); NULL: the thread
				   that drops the last reference */
};

/*
 * Maps a piece of a file. An offset inside a page is rounded down for the
 * mapping and the rest is kept, so that hva is where the caller's byte is; for
 * huge pages likewise, with their size. Fails with
 *
 *   -EINVAL   len 0, a sum that wraps, a file that ends before the piece (for
 *             regular files, memfds and block devices, which know their size)
 *   -EACCES   the fd does not allow the protection
 *   -ENODEV   the fd cannot be mapped
 *   -ENOSPC   the sigbus table is full
 *   -ENOMEM
 */
VMEM_API int vmem_block_new_fd(const struct vmem_fd_desc *desc,
			       struct vmem_block **out, struct vsu_error *err)
	VSU_NODISCARD;

/* As vmem_block_new_fd(); on success desc->fd is the block's, which closes it. */
VMEM_API int vmem_block_new_take_fd(const struct vmem_fd_desc *desc,
				    struct vmem_block **out,
				    struct vsu_error *err) VSU_NODISCARD;

/* An open file, as the kernel describes it at one moment. Frozen. */
struct vmem_fd_facts {
	uint64_t dev, ino;	/* which file it is */
	uint64_t size;		/* bytes that there are to map; UINT64_MAX: the
				   kernel knows no size, mapping decides */
	uint64_t block_size;	/* as the file system says, bytes */
};

/* Looks at fd: one fstat(), of a block device its size, too. */
VMEM_API int vmem_fd_look(int fd, struct vmem_fd_facts *facts) VSU_NODISCARD;

/*
 * As vmem_block_new_take_fd(), for a caller who has looked at desc->fd a moment
 * ago, so that it is not looked at again.
 */
VMEM_API int vmem_block_new_take_known_fd(const struct vmem_fd_desc *desc,
					  const struct vmem_fd_facts *facts,
					  struct vmem_block **out,
					  struct vsu_error *err) VSU_NODISCARD;

VMEM_API struct vmem_block *vmem_block_ref(struct vmem_block *block);
VMEM_API struct vmem_block *vmem_block_unref(struct vmem_block *block);
/*
 * Lets n of them go at once: those that nobody has any more are unmapped
 * together, neighbours by one system call.
 */
VMEM_API void vmem_blocks_unref(struct vmem_block *const *blocks, size_t n);

VMEM_API enum vmem_kind vmem_block_kind(const struct vmem_block *block);
VMEM_API uint32_t vmem_block_flags(const struct vmem_block *block);
VMEM_API unsigned char *vmem_block_hva(const struct vmem_block *block);
VMEM_API uint64_t vmem_block_len(const struct vmem_block *block);

/* Size of the pages behind it: of the host, or the huge page size. */
VMEM_API uint64_t vmem_block_page_size(const struct vmem_block *block);

/* The fd, borrowed; -1 for memory that has none and cannot be shared. */
VMEM_API int vmem_block_fd(const struct vmem_block *block);

/* Position in the file of byte off of the block. The only such sum. */
VMEM_API uint64_t vmem_block_file_pos(const struct vmem_block *block,
				      uint64_t off);

/* F_SEAL_* bits on the file, 0 where it takes none. */
VMEM_API uint32_t vmem_block_seals(const struct vmem_block *block);

/* True after vmem_sigbus_fix() had to repair it. Never becomes false again. */
VMEM_API bool vmem_block_failed(const struct vmem_block *block);

/*
 * True when the repair was of a page that the memory hardware lost
 * (BUS_MCEERR_AR): its content is gone and zeros stand in its place, so that
 * whoever goes on as if nothing had happened works with wrong data. *off is
 * where in the block the last such page begins. vmem_block_failed() is true,
 * too.
 */
VMEM_API bool vmem_block_damaged(const struct vmem_block *block,
				 uint64_t *off);

/*
 * Makes [off, off + len) present, reading for a block that may not be stored
 * to. Calls for different pieces may run on different threads at once.
 */
VMEM_API int vmem_block_populate(struct vmem_block *block, uint64_t off,
				 uint64_t len, struct vsu_error *err)
	VSU_NODISCARD;

/*
 * Gives the pages of [off, off + len) back to the host: the range reads as
 * zeros afterwards. off and len are multiples of the page size. Punches the
 * file where the block is shared. -EOPNOTSUPP where the kind cannot.
 */
VMEM_API int vmem_block_discard(struct vmem_block *block, uint64_t off,
				uint64_t len, struct vsu_error *err)
	VSU_NODISCARD;

/*
 * Maps [off, off + len), whole pages, anew in place: after the hardware lost
 * a page, or to look at the file again where a private mapping had changed
 * pages. Private and anonymous memory loses its content there. -EBUSY for a
 * block that was repaired by vmem_sigbus_fix(): it stays as it is.
 */
VMEM_API int vmem_block_remap(struct vmem_block *block, uint64_t off,
			      uint64_t len, struct vsu_error *err) VSU_NODISCARD;

/*
 * Locks the bytes of the file that the block maps, for as long as somebody
 * has the descriptor: alone where stores reach the file, together with other
 * readers otherwise (templates, ROM). Stored-to bytes also keep the file from
 * being a disk of this family's programs or QEMU's at the same time. Blocks
 * that are not locked are not held to anything: this is for programs that
 * open files by name. Nothing to do, and 0, for a block without an fd.
 *
 *   -EBUSY       in use by somebody else
 *   -EOPNOTSUPP  the file system has no locks; the block is as usable as ever
 */
VMEM_API int vmem_block_lock(const struct vmem_block *block,
			     struct vsu_error *err) VSU_NODISCARD;

/*
 * True when the two share bytes of one file, told by device, inode and range;
 * blocks without an fd never do.
 */
VMEM_API bool vmem_blocks_overlap(const struct vmem_block *a,
				  const struct vmem_block *b);

VSU_END_DECLS

#endif
