/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Discarding guest pages, which returns them to the host. */
#ifndef VIRTIO_DEVICES_BALLOON_GIVEBACK_H
#define VIRTIO_DEVICES_BALLOON_GIVEBACK_H

#include <stdbool.h>
#include <stdint.h>

#include <vm-memory/map.h>

/* Selects which pages may be discarded, and counts; shared by threads. */
struct virtdev_priv_giveback {
	bool (*may_discard)(void *opaque, const struct vmem_region *region);
	void *opaque;
	uint64_t kept;		/* atomic; bytes not discarded */
};

/*
 * Discards the whole pages of [gpa, gpa + len). Returns the bytes discarded; the
 * others are counted as kept. Translates at most once per page.
 */
uint64_t virtdev_priv_give_back(struct virtdev_priv_giveback *g,
				const struct vmem_map *map, uint64_t gpa,
				uint64_t len);

/* Discards the whole pages of a range of host addresses of the map, in the same way. */
uint64_t virtdev_priv_give_back_hva(struct virtdev_priv_giveback *g,
				    const struct vmem_map *map,
				    unsigned char *hva, uint64_t len);

#endif
