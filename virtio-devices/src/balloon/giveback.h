/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Giving pages of the guest back to the host. */
#ifndef VIRTIO_DEVICES_BALLOON_GIVEBACK_H
#define VIRTIO_DEVICES_BALLOON_GIVEBACK_H

#include <stdbool.h>
#include <stdint.h>

#include <vm-memory/map.h>

/* Says what may be given back, and counts; shared by threads. */
struct virtdev_priv_giveback {
	bool (*may_discard)(void *opaque, const struct vmem_region *region);
	void *opaque;
	uint64_t kept;		/* atomic; bytes that stayed */
};

/*
 * The bytes of [gpa, gpa + len) that were given back; the others are counted
 * as kept. Looks at most at one region for each page.
 */
uint64_t virtdev_priv_give_back(struct virtdev_priv_giveback *g,
				const struct vmem_map *map, uint64_t gpa,
				uint64_t len);

/* The same for host addresses of the map. */
uint64_t virtdev_priv_give_back_hva(struct virtdev_priv_giveback *g,
				    const struct vmem_map *map,
				    unsigned char *hva, uint64_t len);

#endif
