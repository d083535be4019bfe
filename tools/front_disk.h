/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The device that "check-frontend" plays: the memory and the rings of a front-end, and a
 * disk of zeros. A request gets zeros in all its writable bytes, and status 0 is a zero as
 * well. Chains without readable bytes stay in their ring: they wait for input.
 *
 * Threads: confined to one.
 */
#ifndef TOOLS_FRONT_DISK_H
#define TOOLS_FRONT_DISK_H

#include <stdbool.h>

#include <vhost/protocol.h>
#include <virtio-queue/queue.h>

#define FRONT_RINGS	16u
#define FRONT_SLOTS	32u

struct front_ring {
	struct vq *q;		/* NULL before the first message about the ring */
	struct vq_config config;
	int kick, call;		/* -1: none */
	bool started, enabled;
};

struct front_disk {
	struct vmem_space *space;
	struct vmem_region *regions[FRONT_SLOTS];
	struct vhost_user_mem_region wire[FRONT_SLOTS];	/* of the regions */
	unsigned int nregions;
	struct front_ring rings[FRONT_RINGS];
	bool stalls;		/* takes requests, and completes none */
	int area_fd;		/* of requests in flight; -1: none */
	unsigned char *area;
	uint64_t area_size;
	unsigned int area_queue_size;
};

/* False: no memory. */
bool front_disk_open(struct front_disk *d);
/* At the end of a connection: everything that it has set. The area in flight stays. */
void front_disk_reset(struct front_disk *d);
void front_disk_close(struct front_disk *d);

/* Adds a region, whose descriptor it takes, or removes it: fd is -1. False: it cannot. */
bool front_disk_region(struct front_disk *d, const struct vhost_user_mem_region *r, int fd);
/* Removes all regions. */
void front_disk_forget(struct front_disk *d);

/* The ring, or NULL beyond the last. */
struct front_ring *front_disk_ring(struct front_disk *d, uint32_t index);
/* The addresses of SET_VRING_ADDR, as guest addresses. */
void front_disk_addr(struct front_disk *d, struct front_ring *r,
		     const struct vhost_user_vring_addr *addr);
/* Begins to serve a ring that is started and enabled, once; and serves its requests. */
void front_disk_serve(struct front_disk *d, uint32_t index);
/* Returns its base. */
uint32_t front_disk_stop(struct front_ring *r);

/* A new area for requests in flight; its descriptor, borrowed, or -1. */
int front_disk_area(struct front_disk *d, unsigned int rings, unsigned int queue_size,
		    uint64_t *size);

#endif
