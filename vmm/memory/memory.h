/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The guest's memory: from --memory options to blocks, regions and the map
 * that is published.
 *
 * Threads: the main thread.
 */
#ifndef VMM_MEMORY_H
#define VMM_MEMORY_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <vm-memory/backend.h>
#include <vm-memory/map.h>
#include <vm-memory/sigbus.h>
#include <vm-memory/space.h>
#include <vmm-sys-util/error.h>

#include "cpu/cpus.h"
#include "kvm/kvm.h"
#include "memory/layout.h"
#include "memory/memory_options.h"

/* The file at mem-path, which stays as it was unless the machine begins. */
struct vmm_memory_file {
	char *path;		/* NULL: nothing is */
	bool was_there, was_empty;
};

struct vmm_memory {
	struct vmem_space *space;
	struct vmem_sigbus *sigbus;	/* borrowed */
	struct vmm_layout_request requests[VMM_MAX_MEMORY];
	struct vmem_backend *backends[VMM_MAX_MEMORY]; /* until made */
	struct vmm_memory_file file[VMM_MAX_MEMORY];
	unsigned int n;			/* requests and backends */
	struct vmm_layout layout;
	unsigned int nblocks;
	struct vmem_block *blocks[VMM_MAX_MEMORY];
	pthread_mutex_t repairing;	/* guards what follows */
	uint64_t good[VMM_MAX_MEMORY];	/* bytes of a block that have a file */
	uint64_t repairs;
	bool told[VMM_MAX_MEMORY];	/* main thread: its failure is known */
	uint64_t seen[VMM_MAX_CPUS];	/* repairs that each CPU ran on with */
};

/* Some of it is to have two layers: the VM must know what is private. */
bool vmm_memory_wants_private(const struct vmm_memory *memory);

/*
 * Allocates what was read and publishes it. kvm may be closed (vm_fd -1)
 * where no guest_memfd is asked for.
 */
int vmm_memory_make(struct vmm_memory *memory, const struct vmm_kvm *kvm,
		    struct vmem_sigbus *sigbus, struct vsu_error *err);

/* The files that were made or grown for it stay so: the machine begins. */
void vmm_memory_keep_files(struct vmm_memory *memory);

/* From any state, also all zero. Undoes to files what nobody kept. */
void vmm_memory_free(struct vmm_memory *memory);

/* The current map, borrowed. */
struct vmem_map *vmm_memory_map(const struct vmm_memory *memory);

/* Whether a region shows a piece of it, and no window. Any thread. */
bool vmm_memory_has(const struct vmm_memory *memory,
		    const struct vmem_region *region);

/* -EINVAL, naming the property, when a part of it cannot be shared. */
int vmm_memory_check_shared(const struct vmm_memory *memory, const char *who,
			    struct vsu_error *err);

/*
 * -EINVAL when a disk image is also the file of a piece of memory, and one of
 * the two is stored to.
 */
int vmm_memory_check_disk(const struct vmm_memory *memory, const char *path,
			  bool read_only, struct vsu_error *err);

/* Why a part of it is gone. */
enum vmm_memory_loss {
	VMM_MEMORY_CUT,		/* the file was cut short */
	VMM_MEMORY_NO_ROOM,	/* the file cannot give a page that it should */
	VMM_MEMORY_DAMAGED,	/* the hardware lost a page */
};

/* A clause about it, to end a sentence. */
const char *vmm_memory_loss_text(enum vmm_memory_loss loss);

/*
 * The guest address of a piece that was repaired, by whomever, and that was
 * not told of before; false when there is none.
 */
bool vmm_memory_take_failure(struct vmm_memory *memory, uint64_t *gpa,
			     enum vmm_memory_loss *loss);

/*
 * A page behind it may have been lost under a CPU: repairs what was. True when
 * that CPU may go on, because something was repaired now or, by another CPU,
 * since this one last asked. probe: also asks files for pages that are not
 * there yet, some of which are there afterwards. Any thread.
 */
bool vmm_memory_repair(struct vmm_memory *memory, unsigned int cpu,
		       bool probe);

/* Repairs the blocks whose files were cut, whoever noticed it. Any thread. */
void vmm_memory_mend(struct vmm_memory *memory);

/* As above, but nothing is repaired: what is lost, if anything. Any thread. */
bool vmm_memory_find_loss(struct vmm_memory *memory, bool probe, uint64_t *gpa,
			  enum vmm_memory_loss *loss);

#endif
