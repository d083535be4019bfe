/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The guest's side of a device: memory of two adjacent regions and a read-only
 * one, a virtqueue in it, and a driver that makes requests.
 */
#ifndef VIRTIO_DEVICES_TESTS_GUEST_H
#define VIRTIO_DEVICES_TESTS_GUEST_H

#include <stdbool.h>
#include <stdint.h>

#include <virtio-queue/driver.h>
#include <virtio-queue/queue.h>
#include <vm-memory/space.h>

#include "suite.h"

#define GUEST_HALF	0x100000u	/* size of each of the two regions */
#define GUEST_ROM	0x400000u	/* one read-only page */
#define GUEST_HOLE	0x800000u	/* an address without memory */
#define GUEST_RING	0x1000u
#define GUEST_TABLES	0x10000u	/* for indirect chains */
#define GUEST_DATA	0x80000u	/* from here on, memory is free for buffers */

struct guest {
	struct vmem_space *space;
	struct vmem_map *map;
	unsigned char *half[2];
	struct vq *q;
	struct vq_driver *driver;
	struct vq_config config;
};

/* Creates only the memory: space, map and half. */
void guest_init_memory(struct guest *g);

/*
 * Creates memory and an enabled queue; indirect chains have up to indirect_max
 * entries.
 */
void guest_init(struct guest *g, uint64_t features, uint32_t size,
		uint32_t indirect_max, uint32_t max_chain);
void guest_fini(struct guest *g);

/* The host address of a byte of guest memory. */
unsigned char *guest_at(const struct guest *g, uint64_t gpa);

/*
 * Writes the header of a disk request, in the byte order of the guest:
 * little-endian.
 */
void guest_put_header(unsigned char *at, uint32_t type, uint64_t sector);

/*
 * Numbers of descriptors and shared mappings of this process, to detect leaks.
 */
struct baseline {
	int fds, mappings;
};
struct baseline baseline_take(void);
void baseline_check(struct baseline before);

/*
 * Valgrind manages RLIMIT_NOFILE and SIGBUS itself, and reports invalid
 * pointers.
 */
bool under_valgrind(void);

#endif
