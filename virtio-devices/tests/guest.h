/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Shared by the tests of this folder: the guest's half of a device. Memory in
 * two regions that touch and one that is read-only, a virtqueue in it, and a
 * driver that makes requests.
 */
#ifndef VIRTIO_DEVICES_TESTS_GUEST_H
#define VIRTIO_DEVICES_TESTS_GUEST_H

#include <stdbool.h>
#include <stdint.h>

#include <virtio-queue/driver.h>
#include <virtio-queue/queue.h>
#include <vm-memory/space.h>

#include "suite.h"

#define GUEST_HALF	0x100000u	/* bytes of each of the two regions */
#define GUEST_ROM	0x400000u	/* one page that may only be read */
#define GUEST_HOLE	0x800000u	/* where there is nothing */
#define GUEST_RING	0x1000u
#define GUEST_TABLES	0x10000u	/* for indirect chains */
#define GUEST_DATA	0x80000u	/* free for buffers, and all behind it */

struct guest {
	struct vmem_space *space;
	struct vmem_map *map;
	unsigned char *half[2];
	struct vq *q;
	struct vq_driver *driver;
	struct vq_config config;
};

/* Only memory: space, map and half. */
void guest_init_memory(struct guest *g);

/* A queue that is enabled; indirect chains have up to indirect_max entries. */
void guest_init(struct guest *g, uint64_t features, uint32_t size,
		uint32_t indirect_max, uint32_t max_chain);
void guest_fini(struct guest *g);

/* The host address of a byte of guest memory. */
unsigned char *guest_at(const struct guest *g, uint64_t gpa);

/* The header of a request to a disk: little-endian, as all that a driver writes. */
void guest_put_header(unsigned char *at, uint32_t type, uint64_t sector);

/* Descriptors and shared mappings of this process: that none is left. */
struct baseline {
	int fds, mappings;
};
struct baseline baseline_take(void);
void baseline_check(struct baseline before);

/* Valgrind keeps RLIMIT_NOFILE and SIGBUS to itself, and minds wild pointers. */
bool under_valgrind(void);

#endif
