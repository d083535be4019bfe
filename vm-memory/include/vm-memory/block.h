/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A block: one host mapping of memory, with an owner and usually an fd.
 *
 *   fd, fd_offset   its file, and the position of its first byte in the file
 *   hva, len        its host address and length
 *   kind            its memory back-end (backend.h)
 *
 * Code that maps, sends, punches or remaps the file of a block computes file
 * positions only by vmem_block_file_pos().
 *
 * A block is reference counted and lives as long as a region, a memory slot,
 * a request in flight or a mapping of a peer needs it. Its last reference
 * unmaps it and closes its fd.
 *
 * Threads: immutable after construction, shareable; ref and unref from any
 * thread. populate, find_missing and discard are system calls on the mapping and may
 * be called from any thread too.
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
struct vsu_threads;

enum vmem_kind {
	VMEM_KIND_ANON,
	VMEM_KIND_FILE,
	VMEM_KIND_MEMFD,
	VMEM_KIND_SHM,
	VMEM_KIND_GUEST_MEMFD,
	VMEM_KIND_FD,		/* an fd of a peer, by vmem_block_new_fd() */
};

/* Bits of vmem_block_flags() and of struct vmem_fd_desc. */
#define VMEM_BLOCK_WRITE	0x1u	/* this process may store to it */
#define VMEM_BLOCK_SHARED	0x2u	/* MAP_SHARED: other users of the fd see stores */
#define VMEM_BLOCK_ROM		0x4u	/* the guest may not store to it */

/*
 * Only for struct vmem_fd_desc: the file cannot grow. The caller checked F_SEAL_GROW
 * before it read the file's size. The library can then map one page beyond the end of
 * the file as the guard page, which saves a system call; an access to it raises SIGBUS
 * instead of SIGSEGV. Only used for a piece that ends at the end of the file and at a
 * multiple of the range of one page table (2 MiB with pages of 4 KiB).
 */
#define VMEM_FD_CANNOT_GROW	0x8u

/* A piece of a received or opened file that is to be mapped. Fixed layout. */
struct vmem_fd_desc {
	int fd;			/* borrowed; duplicated, unless _take_ */
	uint32_t flags;		/* VMEM_BLOCK_*, VMEM_FD_CANNOT_GROW */
	uint64_t fd_offset;	/* bytes; need not be page aligned, see below */
	uint64_t len;		/* bytes; need not be a multiple of the page */
	struct vmem_sigbus *sigbus; /* the table to enter, or NULL */
	struct vsu_closer *closer; /* closes the block's fd, if a peer sent it
				   (foreign.h); NULL: the thread that drops
				   the last reference closes it */
};

/*
 * Maps a piece of a file. The mapping starts at the beginning of the page (or huge
 * page) that contains fd_offset; hva points to the byte at fd_offset. Fails with
 *
 *   -EINVAL   len 0, an overflow, a file that ends before the piece (for regular
 *             files, memfds and block devices, whose size is known), unknown flags
 *   -EACCES   the fd does not allow the protection
 *   -ENODEV   the fd cannot be mapped
 *   -ENOSPC   the sigbus table is full
 *   -ENOMEM
 *
 * or with the error of fstat() or dup().
 */
VMEM_API int vmem_block_new_fd(const struct vmem_fd_desc *desc,
			       struct vmem_block **out, struct vsu_error *err)
	VSU_NODISCARD;

/* Facts about an open file at one moment. Fixed layout. */
struct vmem_fd_facts {
	uint64_t dev, ino;	/* identity of the file */
	uint64_t size;		/* mappable bytes; UINT64_MAX: unknown, mmap()
				   decides */
	uint64_t block_size;	/* of the file system, bytes */
};

/* Reads the facts: one fstat(), for a block device also its size. */
VMEM_API int vmem_fd_look(int fd, struct vmem_fd_facts *facts) VSU_NODISCARD;

/*
 * Maps a piece of a file, as vmem_block_new_fd() does, with facts that the caller has just
 * read from desc->fd. On success the block owns desc->fd.
 */
VMEM_API int vmem_block_new_take_known_fd(const struct vmem_fd_desc *desc,
					  const struct vmem_fd_facts *facts,
					  struct vmem_block **out,
					  struct vsu_error *err) VSU_NODISCARD;

VMEM_API struct vmem_block *vmem_block_ref(struct vmem_block *block);
VMEM_API struct vmem_block *vmem_block_unref(struct vmem_block *block);
/*
 * Drops a reference to each of n blocks. Unreferenced neighbours are unmapped by one
 * system call.
 */
VMEM_API void vmem_blocks_unref(struct vmem_block *const *blocks, size_t n);

/* The word of the property "backend" for a kind; VMEM_KIND_FD, which has none, is "fd". */
VMEM_API const char *vmem_kind_name(enum vmem_kind kind);

VMEM_API enum vmem_kind vmem_block_kind(const struct vmem_block *block);
VMEM_API uint32_t vmem_block_flags(const struct vmem_block *block);
VMEM_API unsigned char *vmem_block_hva(const struct vmem_block *block);
VMEM_API uint64_t vmem_block_len(const struct vmem_block *block);

/* Size of its pages: of the host, or the huge page size. */
VMEM_API uint64_t vmem_block_page_size(const struct vmem_block *block);

/* The fd, borrowed; -1: memory without an fd, which cannot be shared. */
VMEM_API int vmem_block_fd(const struct vmem_block *block);

/* File position of byte off of the block. No other code computes it. */
VMEM_API uint64_t vmem_block_file_pos(const struct vmem_block *block,
				      uint64_t off);

/* F_SEAL_* bits of the file; 0: none, or not supported. */
VMEM_API uint32_t vmem_block_seals(const struct vmem_block *block);

/*
 * Whether the content of the file belongs to this process. A block of
 * vmem_backend_alloc() is an owner, others are not. With discard-data=on only an owner
 * frees the file's pages at its end: a process that has passed the descriptor to
 * another one, which now uses the content, must not. Any thread.
 */
VMEM_API void vmem_block_set_owner(struct vmem_block *block, bool owner);

/*
 * True if it was allocated with prealloc=on: discarding its pages would undo that.
 */
VMEM_API bool vmem_block_is_prealloc(const struct vmem_block *block);

/* True after vmem_sigbus_fix() has repaired the block; permanent. */
VMEM_API bool vmem_block_failed(const struct vmem_block *block);

/*
 * True if a page lost by the memory hardware was replaced by zeros (BUS_MCEERR_AR):
 * users of the block must not trust its data. *off is the offset of the last such
 * page in the block. vmem_block_failed() is true as well.
 */
VMEM_API bool vmem_block_damaged(const struct vmem_block *block,
				 uint64_t *off);

/*
 * Bytes of its pages that are in the host's memory. Private memory: the block's own pages, without
 * those of the file that it still reads. Shared and read-only memory: the file's pages in the page
 * cache. Reads files of /proc/self, in a time that does not depend on the block's length.
 */
VMEM_API uint64_t vmem_block_present(const struct vmem_block *block);

/*
 * Populates [off, off + len); by reads if the block is read-only. Different pieces may
 * be populated on different threads concurrently.
 */
VMEM_API int vmem_block_populate(struct vmem_block *block, uint64_t off,
				 uint64_t len, struct vsu_error *err)
	VSU_NODISCARD;

/*
 * Populates the whole block in slices, on nthreads threads with the calling one; the others
 * have ended on return. threads is the program's hook for them, or NULL. If one cannot be
 * started, the rest populate its slices. Returns the first failure of vmem_block_populate(), or
 * -ENOMEM.
 */
VMEM_API int vmem_block_prealloc(struct vmem_block *block, unsigned int nthreads,
				 const struct vsu_threads *threads, struct vsu_error *err)
	VSU_NODISCARD;

/*
 * Finds a page in [off, off + len) that its file cannot provide, although the file is long
 * enough: its file system is full, its pool of huge pages is empty, or its disk reports errors.
 * *missing is the page's offset in the block. Requests only missing pages, at most 128: pages of
 * one file have one source, and each request allocates space there. The range must stay mapped.
 */
VMEM_API bool vmem_block_find_missing(const struct vmem_block *block, uint64_t off,
				      uint64_t len, uint64_t *missing);

/*
 * Returns the pages of [off, off + len) to the host; the range reads as zeros
 * afterwards. off and len are multiples of the page size. A shared block punches its
 * file. -EOPNOTSUPP: a read-only block, a private mapping of a file other than a memfd,
 * or not supported by the file system.
 */
VMEM_API int vmem_block_discard(struct vmem_block *block, uint64_t off,
				uint64_t len, struct vsu_error *err)
	VSU_NODISCARD;

/*
 * Replaces the mapping of [off, off + len), whole pages, by a new one at the same
 * address: after the hardware lost a page, or to discard changes of a private mapping.
 * Anonymous memory then reads as zeros there, a private file as the file. -EBUSY:
 * vmem_sigbus_fix() has repaired the block, which is not changed.
 */
VMEM_API int vmem_block_remap(struct vmem_block *block, uint64_t off,
			      uint64_t len, struct vsu_error *err) VSU_NODISCARD;

/*
 * Locks the mapped bytes of the file. The lock is exclusive if stores to the block
 * reach the file, and shared otherwise (templates, ROM). It is held until the last
 * duplicate of the descriptor is closed. While it is exclusive, the programs of this
 * project and QEMU do not open the file as a disk; while it is shared, they do not open
 * it as a writable disk. Locks are advisory and intended for programs that open files by
 * name. Returns 0 for a block without an fd.
 *
 *   -EBUSY       locked by another process or block, or in use as a disk
 *   -EOPNOTSUPP  the lock failed otherwise, usually because the file system does not
 *                support locks; the block remains usable
 */
VMEM_API int vmem_block_lock(const struct vmem_block *block,
			     struct vsu_error *err) VSU_NODISCARD;

/*
 * True if both map common bytes of one file, compared by device, inode and range.
 * Blocks without an fd never overlap.
 */
VMEM_API bool vmem_blocks_overlap(const struct vmem_block *a,
				  const struct vmem_block *b);

VSU_END_DECLS

#endif
