/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Windows: the shared memory regions of devices in the guest's address space,
 * and the pieces of files that back-ends put there.
 *
 * A window is empty until something is mapped: a read gives all-ones, a store
 * is dropped. Each mapping becomes a region of the guest's map and, neighbours
 * merged, a memory slot; a read-only one drops stores.
 *
 * Threads: the main thread.
 */
#ifndef VMM_WINDOWS_H
#define VMM_WINDOWS_H

#include <stdbool.h>
#include <stdint.h>

#include <vhost/shmem.h>
#include <vm-memory/map.h>
#include <vmm-sys-util/error.h>

#include "memory/memory.h"
#include "memory/slots.h"

#define VMM_MAX_WINDOWS 256	/* of all devices together */

struct vmm_window {
	uint64_t gpa, len;
	uint64_t room;		/* bytes from gpa on that no one else has; 0: it
				   lies in the room of another one */
	const void *owner;	/* whoever maps into it */
	const char *name;	/* of the owner, for people; borrowed */
	uint8_t shmid;
	bool apart;		/* the guest takes it for memory: neither a
				   BAR nor in ACPI, and every back-end's */
	uint8_t told;		/* bits of reasons for drops that were told */
};

/* Why a mapping is taken away without its back-end. */
enum vmm_window_drop_reason {
	VMM_WINDOW_SHORT,	/* its file no longer reaches to its end */
	VMM_WINDOW_MISSING,	/* its file cannot give a page */
	VMM_WINDOW_FAILED,	/* this process met such a page */
	VMM_WINDOW_UNSEALED,	/* its file may be cut at any time */
};

struct vmm_windows {
	struct vmm_memory *memory;
	struct vmm_slots *slots;
	unsigned int phys_bits;
	uint64_t next;		/* where the next window may begin */
	bool closed;		/* the guest was told of all that there are */
	struct vmm_window windows[VMM_MAX_WINDOWS];
	unsigned int n;
	uint64_t changes;	/* of the map, ever */
	/* The map changed: queues let go of the former one. */
	void (*changed)(void *opaque);
	/* A mapping at gpa is taken away; why is a clause. May be NULL. */
	void (*dropped)(void *opaque, const struct vmm_window *window,
			uint64_t gpa, const char *why);
	void *opaque;
};

/* A window that is wanted. */
struct vmm_window_wish {
	uint64_t len;
	uint8_t shmid;
};

/*
 * Makes n windows that lie in one range, whose length is a power of two and
 * which begins at a multiple of that: what a BAR of PCI has to be. -EOPNOTSUPP
 * once they are closed.
 */
int vmm_window_add_range(struct vmm_windows *s, const void *owner,
			  const char *name, const struct vmm_window_wish *wishes,
			  unsigned int n, struct vsu_error *err);

/* Makes one of len bytes. */
int vmm_window_add(struct vmm_windows *s, const void *owner,
			 const char *name, uint8_t shmid, uint64_t len,
			 struct vsu_error *err);

/* From now on what the owner maps in that window is memory to everybody. */
void vmm_window_set_apart(struct vmm_windows *s, const void *owner,
			 uint8_t shmid);

/*
 * The owner is gone, and its mappings: nobody uses its windows again. Nothing
 * where s is NULL.
 */
void vmm_window_disown(struct vmm_windows *s, const void *owner);

/* The owner's window of that id, or NULL. */
const struct vmm_window *vmm_window_find(const struct vmm_windows *s,
					  const void *owner, uint8_t shmid);

/*
 * Carries out changes that a back-end asked for and sets their results. The
 * guest sees them when this returns.
 */
void vmm_window_change(struct vmm_windows *s, const void *owner,
		      struct vhost_user_shmem_change *changes, unsigned int n);

/*
 * [offset, offset + len) of a window shows the first len bytes of block, or
 * becomes a hole if block is NULL. Mappings that reach beyond the range are cut.
 * -ENOENT: no such window. After a failure the window shows what it did before.
 */
int vmm_window_set(struct vmm_windows *s, const void *owner, uint8_t shmid,
		  uint64_t offset, uint64_t len, struct vmem_block *block);

/*
 * Takes the mappings away to which the reason applies: what a CPU would fault
 * on inside KVM becomes a hole. Their back-end may unmap them all the same.
 */
void vmm_window_drop(struct vmm_windows *s, enum vmm_window_drop_reason reason);

/*
 * The guest's memory as a back-end is told about it: without the windows of
 * its own (owner), with those that are memory, and with or without the others.
 * The caller drops it.
 */
int vmm_window_map_for(const struct vmm_windows *s, const void *owner,
		      bool with_others, struct vmem_map **out);

#endif
