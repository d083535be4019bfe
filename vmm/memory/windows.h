/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Windows: the shared memory regions of devices in the guest's address space,
 * and the file ranges that back-ends map there.
 *
 * A window is initially empty: reads return all-ones, writes are dropped. Each
 * mapping becomes a region of the guest's map and, merged with neighbours, a
 * memory slot; a read-only one drops writes.
 *
 * Threads: the main thread.
 */
#ifndef VMM_WINDOWS_H
#define VMM_WINDOWS_H

#include <stdbool.h>
#include <stdint.h>

#include <vhost/shmem.h>
#include <vm-arch/slots.h>
#include <vm-memory/map.h>
#include <vmm-sys-util/error.h>

#include "memory/memory.h"

#define VMM_MAX_WINDOWS 256	/* limit for all devices together */

struct vmm_window {
	uint64_t gpa, len;
	uint64_t room;		/* bytes from gpa on that are reserved for it; 0: inside the room of
				 * another window */
	const void *owner;	/* the device that maps into it */
	const char *name;	/* name of the owner, for messages; borrowed */
	uint8_t shmid;
	bool apart;		/* the guest uses it as memory: neither a BAR nor in ACPI, and
				 * announced to every back-end */
	bool plugged;		/* its mappings have content that is nowhere else */
	uint8_t reported;		/* bit mask of reasons that were reported */
};

/* Why a mapping is removed without a request of its back-end. */
enum vmm_window_drop_reason {
	VMM_WINDOW_SHORT,	/* its file no longer covers it */
	VMM_WINDOW_MISSING,	/* its file cannot provide a page */
	VMM_WINDOW_FAILED,	/* this process got SIGBUS for such a page */
	VMM_WINDOW_UNSEALED,	/* its file can be truncated at any time */
};

struct vmm_windows {
	struct vmm_memory *memory;
	struct vmem_space *devices;	/* of private memory: what devices may access; or NULL */
	struct varch_slots *slots;
	unsigned int phys_bits;
	uint64_t next;		/* first possible address of the next window */
	bool closed;		/* the guest has seen the list of windows */
	struct vmm_window windows[VMM_MAX_WINDOWS];
	unsigned int n;
	uint64_t changes;	/* number of maps published */
	/* The map changed: queues release the previous one. */
	void (*changed)(void *opaque);
	/* A mapping at gpa was removed; why is a clause. May be NULL. */
	void (*dropped)(void *opaque, const struct vmm_window *window,
			uint64_t gpa, const char *why);
	void *opaque;
};

/* A window to be created. */
struct vmm_window_size {
	uint64_t len;
	uint8_t shmid;
	bool apart, plugged;	/* as in struct vmm_window */
};

/*
 * Creates n windows in one range whose length is a power of two and which is
 * aligned to that length, as a PCI BAR requires. -EOPNOTSUPP after closed is
 * set.
 */
int vmm_window_add_range(struct vmm_windows *s, const void *owner,
			  const char *name, const struct vmm_window_size *sizes,
			  unsigned int n, struct vsu_error *err);

/*
 * The owner and its mappings are gone; its windows are never reused. s may be
 * NULL.
 */
void vmm_window_disown(struct vmm_windows *s, const void *owner);

/* -EOPNOTSUPP: a machine without the removed devices would have other addresses. */
int vmm_window_check_order(const struct vmm_windows *s, struct vsu_error *err);

/* The owner's window of that id, or NULL. */
const struct vmm_window *vmm_window_find(const struct vmm_windows *s,
					  const void *owner, uint8_t shmid);

/*
 * Executes changes that a back-end requested and sets their results. They are
 * visible to the guest on return.
 */
void vmm_window_change(struct vmm_windows *s, const void *owner,
		      struct vhost_user_shmem_change *changes, unsigned int n);

/*
 * Maps the first len bytes of block to [offset, offset + len) of a window, or
 * empties the range if block is NULL. Mappings that extend beyond the range are
 * cut. -ENOENT: no such window. On failure the window is unchanged.
 */
int vmm_window_set(struct vmm_windows *s, const void *owner, uint8_t shmid,
		  uint64_t offset, uint64_t len, struct vmem_block *block);

/*
 * Removes the mappings to which the reason applies, because an access by a CPU
 * would fail inside KVM. Their back-end may still unmap them.
 */
void vmm_window_drop(struct vmm_windows *s, enum vmm_window_drop_reason reason);

/* The window that contains a region of the map; NULL: the region is memory. */
const struct vmm_window *vmm_window_of(const struct vmm_windows *s,
				       const struct vmem_region *region);

/*
 * The guest's memory as announced to a back-end: without its own windows, with
 * windows that are memory, and optionally with the others. The caller releases
 * the map.
 */
int vmm_window_map_for(const struct vmm_windows *s, const void *owner,
		      bool with_others, struct vmem_map **out);

/*
 * The guest's memory that a saved machine contains: all but windows, and plugged
 * ones. The caller releases the map.
 */
int vmm_window_map_saved(const struct vmm_windows *s, struct vmem_map **out);

#endif
