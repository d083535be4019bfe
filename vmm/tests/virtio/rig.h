/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Common part of the tests of virtio devices in the machine. */
#ifndef VMM_TESTS_VIRTIO_RIG_H
#define VMM_TESTS_VIRTIO_RIG_H

#include <sys/mman.h>
#include <unistd.h>

#include "../turns.h"

#include "../util.h"
#include "virtio/virtio.h"

#define RIG_MEMORY 0x10000u

static int said_fd = -1;	/* former standard error, or -1: not replaced */

/* Captures the lines that are logged from here on. */
static inline void listen_to_stderr(void)
{
	said_fd = memfd_create("stderr", MFD_CLOEXEC);
	ck_assert_int_ge(said_fd, 0);
	ck_assert_int_ge(dup2(said_fd, STDERR_FILENO), 0);
}

static inline unsigned int times_said(const char *words)
{
	static char text[4096];
	ssize_t len = pread(said_fd, text, sizeof(text) - 1, 0);
	unsigned int n = 0;
	const char *at;

	ck_assert_int_ge(len, 0);
	text[len] = '\0';
	for (at = text; (at = strstr(at, words)); at++)
		n++;
	return n;
}

/* Guest memory from 0 that can be shared. */
static inline struct vmem_map *rig_map(void)
{
	int fd = memfd_create("guest", MFD_CLOEXEC);
	struct vmem_fd_desc file = { fd, VMEM_BLOCK_WRITE | VMEM_BLOCK_SHARED,
				     0, RIG_MEMORY, NULL, NULL };
	struct vmem_region_desc desc = { .len = RIG_MEMORY };
	struct vmem_region *region;
	struct vmem_map *map;

	ck_assert_int_eq(ftruncate(fd, RIG_MEMORY), 0);
	ck_assert_int_eq(vmem_block_new_fd(&file, &desc.block, NULL), 0);
	close(fd);
	ck_assert_int_eq(vmem_region_new(&desc, &region, NULL), 0);
	vmem_block_unref(desc.block);
	ck_assert_int_eq(vmem_map_from_regions(&region, 1, &map, NULL), 0);
	vmem_region_unref(region);
	return map;
}

static inline struct vmem_space *rig_space(void)
{
	struct vmem_map *map = rig_map();
	struct vmem_space *space;

	ck_assert_int_eq(vmem_space_new(&space), 0);
	ck_assert_int_eq(vmem_space_publish(space, map), 0);
	vmem_map_unref(map);
	return space;
}

/*
 * A driver up to its DRIVER_OK, with one queue of 16 entries, whose used ring is there; on
 * the main thread.
 */
static inline void rig_prepare(struct vmm_virtio *v, uint64_t features,
			       uint32_t device_gpa)
{
	struct virtdev_transport *t = vmm_virtio_transport(v);

	vmm_virtio_lock(v);
	virtdev_transport_set_status(t, 1);
	virtdev_transport_set_status(t, 3);
	virtdev_transport_set_features(t, 1, (uint32_t)
				       ((features | VQ_F_VERSION_1) >> 32));
	virtdev_transport_set_status(t, 11);
	virtdev_transport_set_queue_size(t, 0, 16);
	virtdev_transport_set_queue_area(t, 0, VIRTDEV_QUEUE_DESC, 0, 0x1000);
	virtdev_transport_set_queue_area(t, 0, VIRTDEV_QUEUE_DRIVER, 0,
					 0x2000);
	virtdev_transport_set_queue_area(t, 0, VIRTDEV_QUEUE_DEVICE, 0,
					 device_gpa);
	virtdev_transport_set_queue_ready(t, 0, true);
	vmm_virtio_unlock(v);
}

/* Starts the device as well. */
static inline void rig_start_with(struct vmm_virtio *v, uint64_t features,
				  uint32_t device_gpa)
{
	rig_prepare(v, features, device_gpa);
	vmm_virtio_lock(v);
	virtdev_transport_set_status(vmm_virtio_transport(v), 15);
	vmm_virtio_unlock(v);
}

static inline void rig_start_at(struct vmm_virtio *v, uint32_t device_gpa)
{
	rig_start_with(v, 0, device_gpa);
}

static inline uint32_t rig_status(struct vmm_virtio *v)
{
	uint32_t status;

	vmm_virtio_lock(v);
	status = virtdev_transport_status(vmm_virtio_transport(v));
	vmm_virtio_unlock(v);
	return status;
}

static inline void rig_start(struct vmm_virtio *v)
{
	rig_start_at(v, 0x3000);
	ck_assert_uint_eq(rig_status(v), 15);
}

#endif
