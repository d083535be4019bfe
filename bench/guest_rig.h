/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A guest for benchmarks: memory, and a driver for each queue of a device. */
#ifndef BENCH_GUEST_RIG_H
#define BENCH_GUEST_RIG_H

#include <stdint.h>

#include <virtio-devices/device.h>
#include <virtio-queue/driver.h>
#include <vm-memory/space.h>

#define GUEST_RIG_QUEUES 3u
#define GUEST_RIG_SIZE 256u		/* entries of each queue */
#define GUEST_RIG_DATA UINT64_C(0x100000) /* free from here on */

struct guest_rig {
	struct vmem_map *map;
	struct vmem_space *space;
	unsigned char *memory;		/* host address of guest address 0 */
	struct virtdev *dev;
	struct vq *q[GUEST_RIG_QUEUES];
	struct vq_driver *driver[GUEST_RIG_QUEUES];
};

/* Prints the error and ends the program. */
_Noreturn void guest_rig_die(const char *what, const struct vsu_error *err);

/* Creates a map of len bytes from guest address 0; memory: its host address. */
struct vmem_map *guest_rig_memory(uint64_t len, unsigned char **memory);

/*
 * A device in this process, freed with the rig. Negotiates the offered features
 * of wanted and starts the queues.
 */
void guest_rig_open(struct guest_rig *r, uint64_t len, struct virtdev *dev,
		    uint64_t wanted);
void guest_rig_close(struct guest_rig *r);

/* Adds one buffer, whose address is the cookie. */
void guest_rig_give(struct guest_rig *r, uint32_t queue, uint64_t gpa,
		    uint32_t len, bool writable);
/* Publishes the buffers, and serves until the device has no more work. */
void guest_rig_serve(struct guest_rig *r, uint32_t queue);

#endif
