/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The driver side of a virtqueue in a client: the ring, its eventfds, and memory
 * shared with the back-end.
 */
#ifndef TOOLS_RING_H
#define TOOLS_RING_H

#include <stdint.h>

#include <virtio-queue/driver.h>
#include <vm-memory/map.h>

#include "client.h"

struct ring {
	struct vq_driver *driver;
	uint32_t size, base;	/* base: initial index */
	int kick_fd, call_fd;
};

#define RING_NONE ((struct ring){ NULL, 0, 0, -1, -1 })

/*
 * Replaces *map by one with size more bytes at gpa, in a memfd sealed against
 * shrinking by the back-end. 0 or a negative errno.
 */
int ring_memory(struct vmem_map **map, uint64_t gpa, uint64_t size,
		struct vsu_error *err);

/* 0 or a negative errno; call ring_close() in either case. */
int ring_open(struct ring *r, const struct vq_driver_config *config,
	      struct vsu_error *err);
void ring_close(struct ring *r);

/* Describes ring index to the back-end, before its start. */
int ring_describe(const struct ring *r, struct client *c, uint32_t index,
		  struct vsu_error *err);

/* Makes added requests visible and kicks if necessary. */
void ring_kick(struct ring *r);

/*
 * Fetches the next completed request and serves the session while waiting. Returns
 * 1; 0: none within ms; negative: the ring is broken or the session has ended, with
 * the reason in err.
 */
int ring_wait(struct ring *r, struct client *c, int ms, uint64_t *cookie,
	      uint32_t *written, struct vsu_error *err);

#endif
