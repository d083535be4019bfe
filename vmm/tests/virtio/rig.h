/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* What the tests of virtio devices in the machine share. */
#ifndef VMM_TESTS_VIRTIO_RIG_H
#define VMM_TESTS_VIRTIO_RIG_H

#include <sys/mman.h>
#include <unistd.h>

#include <ev.h>

#include "../util.h"
#include "virtio/virtio.h"

#define RIG_MEMORY 0x10000u

enum { DRIVER_FEATURES = 0x020, DRIVER_FEATURES_SEL = 0x024,
       QUEUE_NUM = 0x038, QUEUE_READY = 0x044, INTERRUPT_STATUS = 0x060,
       STATUS = 0x070, QUEUE_DESC = 0x080, QUEUE_DRIVER = 0x090,
       QUEUE_DEVICE = 0x0a0, GENERATION = 0x0fc };

/* Guest memory from 0 that can be shared. */
static inline struct vmem_map *rig_map(void)
{
	int fd = memfd_create("guest", MFD_CLOEXEC);
	struct vmem_fd_desc file = { fd, VMEM_BLOCK_WRITE | VMEM_BLOCK_SHARED,
				     0, RIG_MEMORY, NULL };
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

/* As a driver does, with one queue of 16; on the main thread. */
static inline void rig_start(struct vmm_virtio *v)
{
	static const struct {
		uint32_t reg, value;
	} writes[] = {
		{ STATUS, 1 }, { STATUS, 3 }, { DRIVER_FEATURES_SEL, 1 },
		{ DRIVER_FEATURES, VQ_F_VERSION_1 >> 32 }, { STATUS, 11 },
		{ QUEUE_NUM, 16 }, { QUEUE_DESC, 0x1000 },
		{ QUEUE_DRIVER, 0x2000 }, { QUEUE_DEVICE, 0x3000 },
		{ QUEUE_READY, 1 }, { STATUS, 15 },
	};
	struct virtdev_mmio *m = vmm_virtio_mmio(v);
	unsigned int i;

	vmm_virtio_lock(v);
	for (i = 0; i < sizeof(writes) / sizeof(writes[0]); i++)
		virtdev_mmio_write(m, writes[i].reg, 4, writes[i].value);
	ck_assert_uint_eq(virtdev_mmio_status(m), 15);
	vmm_virtio_unlock(v);
}

static inline uint32_t rig_read(struct vmm_virtio *v, uint32_t reg)
{
	uint32_t value;

	vmm_virtio_lock(v);
	value = (uint32_t)virtdev_mmio_read(vmm_virtio_mmio(v), reg, 4);
	vmm_virtio_unlock(v);
	return value;
}

#endif
