/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Memory with a private half (private=on): which half the guest uses.
 *
 * All of it starts shared. The guest changes the half by the hypercall
 * KVM_HC_MAP_GPA_RANGE. If the processor itself distinguishes both, KVM stops a
 * CPU at its first access to the other half (KVM_EXIT_MEMORY_FAULT). Contents
 * are not copied, and the unused half is returned to the host: a huge page of the
 * shared half when all of it has become private. Until then, its private parts are cleared.
 *
 * Devices use the shared half, by a map of their own without the private pages:
 * a request with a buffer there fails as one outside of memory does. A conversion
 * to private has two steps. Between them, the caller waits until no device uses the
 * previous map:
 *
 *   begin    devices get a map without the range
 *   finish   KVM converts the range, and its shared half is released; or
 *   cancel   devices have the range again
 *
 * Threads: the main thread.
 */
#ifndef VMM_MEMORY_PRIVATE_MEMORY_H
#define VMM_MEMORY_PRIVATE_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#include <vm-arch/cpus.h>
#include <vm-arch/places.h>
#include <vm-memory/gpa_set.h>
#include <vm-memory/map.h>
#include <vm-memory/space.h>
#include <vmm-sys-util/error.h>


/* A region of memory with a private half. */
struct vmm_private_piece {
	uint64_t gpa, len;
	uint64_t conversions;	/* that included pages of it */
	uint64_t failed;	/* that began in it, and were refused or failed */
	uint64_t released;	/* bytes of its unused halves that were given back */
};

struct vmm_private {
	struct vmem_space *space;	/* memory of devices; NULL: none of it is private */
	struct vmem_gpa_set ranges;	/* private pages */
	struct vmem_gpa_set before;	/* those before the last begin */
	bool early;		/* devices pause for each conversion: see begin */
	uint64_t changes;	/* number of changes of ranges */
	uint64_t conversions;	/* number of conversions */
	uint64_t failed;	/* conversions that were refused or failed */
	struct vmm_private_piece pieces[VARCH_MAX_PLACES];
	unsigned int npieces;
	uint64_t seen[VARCH_MAX_CPUS];	/* changes + 1 at each CPU's last fault; 0: none */
};

/* Publishes a copy of the map for devices. *p must be zeroed. */
int vmm_private_init(struct vmm_private *p, const struct vmem_map *map,
		     struct vsu_error *err);
/* Called in any state, after all readers of the space. */
void vmm_private_free(struct vmm_private *p);

/* The guest's map has changed: devices get it without the private pages. */
int vmm_private_publish(struct vmm_private *p, const struct vmem_map *map);

/* The piece that contains gpa, or NULL. */
const struct vmm_private_piece *vmm_private_find(const struct vmm_private *p,
						 uint64_t gpa);

/* True if no device uses a map with pages that have become private. */
bool vmm_private_is_quiet(const struct vmm_private *p);

/*
 * Begins the conversion of a range, which may cover several regions.
 *
 *   1         devices may use the range: finish when they are quiet; with p->early also
 *             for a conversion to shared: devices get the range while they are paused
 *   0         finish
 *   -EINVAL   not whole pages of private memory
 *   -E2BIG    the private pages would be in too many separate ranges
 *   -EPROTO   KVM repeats a fault although nothing has changed since
 *   -ENOMEM   devices may have lost the range
 *
 * After the other failures nothing is changed.
 */
int vmm_private_begin(struct vmm_private *p, const struct vmem_map *map,
		      unsigned int cpu, const struct varch_conversion *c,
		      struct vsu_error *err);

/*
 * Called instead of finish, after a begin that returned 1. Counts the failure; -ENOMEM: devices
 * may have lost the range.
 */
int vmm_private_cancel(struct vmm_private *p, const struct vmem_map *map,
		       const struct varch_conversion *c);

/* Fails as vmem_kvm_convert(). */
int vmm_private_finish(struct vmm_private *p, int vm_fd,
		       const struct vmem_map *map,
		       const struct varch_conversion *c, struct vsu_error *err);

#endif
