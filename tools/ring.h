/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A virtqueue of a client: the driver's side of the ring, the descriptors
 * that both sides signal, and memory that a back-end can share.
 */
#ifndef TOOLS_RING_H
#define TOOLS_RING_H

#include <stdint.h>

#include <virtio-queue/driver.h>
#include <vm-memory/map.h>

#include "client.h"

struct ring {
	struct vq_driver *driver;
	uint32_t size, base;	/* base: where it stood at first */
	int kick_fd, call_fd;
};

#define RING_NONE ((struct ring){ NULL, 0, 0, -1, -1 })

/*
 * Replaces *map by one with size more bytes at gpa, in a memfd that is sealed,
 * so that the back-end cannot shrink it under our feet. 0 or a negative errno.
 */
int ring_memory(struct vmem_map **map, uint64_t gpa, uint64_t size,
		struct vsu_error *err);

/* 0 or a negative errno; ring_close() is for both. */
int ring_open(struct ring *r, const struct vq_driver_config *config,
	      struct vsu_error *err);
void ring_close(struct ring *r);

/* Describes it to the back-end, as number index, before a start. */
int ring_describe(const struct ring *r, struct client *c, uint32_t index,
		  struct vsu_error *err);

/* The back-end sees what was added. */
void ring_kick(struct ring *r);

/*
 * The next finished request, serving the session meanwhile: 1; 0: none came in
 * ms; negative: the ring is broken or the session has ended, for the reason in
 * err.
 */
int ring_wait(struct ring *r, struct client *c, int ms, uint64_t *cookie,
	      uint32_t *written, struct vsu_error *err);

#endif
