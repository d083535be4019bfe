/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The guest's memory: from --memory options to blocks, regions and the
 * published map.
 *
 * Threads: the main thread.
 */
#ifndef VMM_MEMORY_H
#define VMM_MEMORY_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <vm-arch/cpus.h>
#include <vm-arch/places.h>
#include <vm-arch/vm.h>
#include <vm-memory/backend.h>
#include <vm-memory/map.h>
#include <vm-memory/sigbus.h>
#include <vm-memory/space.h>
#include <vmm-sys-util/error.h>

#include "memory/memory_specs.h"

/* The file at mem-path. It is restored unless the machine starts. */
struct vmm_memory_file {
	char *path;		/* NULL: nothing to restore */
	bool was_there, was_empty;
};

/* Shared memory of another process, in place of that of the options. */
struct vmm_memory_given {
	int fd;			/* borrowed until the memory is made */
	uint64_t fd_offset;
	uint64_t len;		/* 0: none */
};

/* Warnings about a piece. */
struct vmm_memory_warn {
	const struct vmm_log *log;	/* or NULL */
	const char *name;	/* of its item */
};

struct vmm_memory {
	struct vmem_space *space;
	struct vmem_sigbus *sigbus;	/* borrowed */
	struct varch_place_item items[VMM_MAX_PIECES];
	struct vmm_memory_warn warn[VMM_MAX_PIECES];
	struct vmem_backend *backends[VMM_MAX_PIECES]; /* until allocated */
	struct vmm_memory_file file[VMM_MAX_PIECES];
	struct vmm_memory_given given[VMM_MAX_PIECES];
	const struct vsu_threads *threads; /* of the owner; or NULL */
	uint64_t parts;			/* blocks that are a part of the memory of an option */
	uint64_t locked, lock_open;	/* pieces of vmm_memory_lock(); valid lock_fd */
	int lock_fd[VMM_MAX_PIECES];
	unsigned int n;			/* number of items and backends */
	struct varch_places layout;
	unsigned int nblocks;
	struct vmem_block *blocks[VMM_MAX_PIECES];
	pthread_mutex_t repairing;	/* guards the following members */
	uint64_t good[VMM_MAX_PIECES];	/* bytes of each block that its file covers */
	uint64_t repairs;
	bool reported[VMM_MAX_PIECES];	/* main thread: its failure was reported */
	uint64_t seen[VARCH_MAX_CPUS];	/* number of repairs at which each CPU last continued */
};

/*
 * Memory with copies of the pieces, and requests for their addresses; nothing is allocated.
 * -EINVAL: a combination of properties that no host accepts, or impossible addresses. Free
 * the memory in both cases.
 */
int vmm_memory_init(struct vmm_memory *memory, const struct vmm_memory_specs *specs,
		    const struct vmm_memory_use *use, struct vsu_error *err);

/* Checks the specs without preparing a memory. Errors of vmm_memory_init(). */
int vmm_memory_specs_check(const struct vmm_memory_specs *specs, const struct vmm_memory_use *use,
			   struct vsu_error *err);

/*
 * True if some of it has a private half, for which the VM needs a special type. After
 * the options were parsed, before and after the allocation.
 */
bool vmm_memory_wants_private(const struct vmm_memory *memory);

/*
 * Allocates and publishes the parsed memory. kvm may be closed (vm_fd -1) if no
 * guest_memfd is requested.
 */
int vmm_memory_make(struct vmm_memory *memory, const struct varch_vm *kvm,
		    struct vmem_sigbus *sigbus, struct vsu_error *err);

/* Keeps created or grown files: the machine starts. */
void vmm_memory_keep_files(struct vmm_memory *memory);

/* Called in any state, also all zero. Restores files unless they are kept. */
void vmm_memory_free(struct vmm_memory *memory);

/* The current map, borrowed. */
struct vmem_map *vmm_memory_map(const struct vmm_memory *memory);

/*
 * Two processes can have the same shared memory after a migration: the one that runs the
 * guest in it holds the locks. pieces are bits of the numbers of blocks. -EBUSY: another
 * process holds one of them; then no lock is added.
 */
int vmm_memory_lock(struct vmm_memory *memory, uint64_t pieces, struct vsu_error *err);
void vmm_memory_unlock(struct vmm_memory *memory);
/* Opens what vmm_memory_lock() needs, so that a sandbox cannot refuse it later. */
int vmm_memory_open_locks(struct vmm_memory *memory, uint64_t pieces,
			  struct vsu_error *err);
void vmm_memory_close_locks(struct vmm_memory *memory);

/* The pieces that are memory of another process. */
uint64_t vmm_memory_given(const struct vmm_memory *memory);

/*
 * Whether this process runs the guest, and so frees the content with discard-data=on.
 * The other process is the owner of given memory until this is called.
 */
void vmm_memory_set_owner(const struct vmm_memory *memory, uint64_t pieces, bool owner);

/* True if the region is memory, not part of a window. Any thread. */
bool vmm_memory_has(const struct vmm_memory *memory,
		    const struct vmem_region *region);
/* The number of its piece, or -1. */
int vmm_memory_piece(const struct vmm_memory *memory,
		     const struct vmem_region *region);

/* Checks that all of it can be shared; else -EINVAL, with the property. */
int vmm_memory_check_shared(const struct vmm_memory *memory, const char *who,
			    struct vsu_error *err);

/*
 * Called before vmm_memory_make(), unless the files contain memory of the guest. -EINVAL: the guest would
 * write to a file that begins like an image of a disk (<device-kinds/disk.h>).
 */
int vmm_memory_check_images(const struct vmm_memory *memory, struct vsu_error *err);

/*
 * -EINVAL: a disk image (<vmm-sys-util/file_value.h>) is also the file of a piece of memory, and at
 * least one of them is written. A disk is locked as a whole, so other bytes of the file are
 * no exception.
 */
int vmm_memory_check_disk(const struct vmm_memory *memory, const char *text,
			  bool read_only, struct vsu_error *err);

/* Why a part of it is lost. */
enum vmm_memory_loss {
	VMM_MEMORY_CUT,		/* the file was truncated */
	VMM_MEMORY_NO_ROOM,	/* the file system cannot allocate a page */
	VMM_MEMORY_DAMAGED,	/* the hardware lost a page */
};

/* A clause with the reason, for the end of a sentence. */
const char *vmm_memory_loss_text(enum vmm_memory_loss loss);

/*
 * The guest address of a repaired piece that was not reported before; false:
 * none.
 */
bool vmm_memory_next_failure(struct vmm_memory *memory, uint64_t *gpa,
			     enum vmm_memory_loss *loss);

/*
 * A CPU has failed to access memory: repairs lost pages. True if the CPU may
 * continue, because pages were repaired now, or by another CPU since this CPU's
 * last call. probe: also requests missing pages from files, which allocates
 * some of them. Any thread.
 */
bool vmm_memory_repair(struct vmm_memory *memory, unsigned int cpu,
		       bool probe);

/* Whether another process can truncate a file behind the memory. */
bool vmm_memory_may_shrink(const struct vmm_memory *memory);

/* Repairs blocks whose files were truncated. Any thread. */
void vmm_memory_mend(struct vmm_memory *memory);

/* Finds lost memory without repairing it. Any thread. */
bool vmm_memory_find_loss(struct vmm_memory *memory, bool probe, uint64_t *gpa,
			  enum vmm_memory_loss *loss);

/* The pieces that were repaired, as bits of their numbers. Any thread. */
uint64_t vmm_memory_failed(const struct vmm_memory *memory);

/*
 * Called after the memory was read. -EFAULT if a part of it is lost now, beside the loss of
 * pieces in failed, of which the user knows. Any thread.
 */
int vmm_memory_check_loss(struct vmm_memory *memory, uint64_t failed,
			  struct vsu_error *err);

#endif
