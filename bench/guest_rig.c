/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Guest memory and queues of a device in this process. */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <vm-memory/block.h>

#include "guest_rig.h"

#define RING(i) (0x1000u + 0x8000u * (i))

void guest_rig_die(const char *what, const struct vsu_error *err)
{
	fprintf(stderr, "bench: %s%s%s\n", what, err ? ": " : "",
		err ? err->msg : "");
	exit(1);
}

struct vmem_map *guest_rig_memory(uint64_t len, unsigned char **memory)
{
	struct vmem_fd_desc file = {
		.fd = memfd_create("bench", MFD_CLOEXEC),
		.flags = VMEM_BLOCK_WRITE | VMEM_BLOCK_SHARED, .len = len,
	};
	struct vmem_region_desc desc = { .len = len };
	struct vsu_error err = VSU_ERROR_INIT;
	struct vmem_region *region;
	struct vmem_map *map;

	if (file.fd < 0 || ftruncate(file.fd, (off_t)len) < 0 ||
	    vmem_block_new_fd(&file, &desc.block, &err) < 0 ||
	    vmem_region_new(&desc, &region, &err) < 0 ||
	    vmem_map_from_regions(&region, 1, &map, &err) < 0)
		guest_rig_die("memory", &err);
	close(file.fd);
	*memory = vmem_region_hva(region);
	vmem_block_unref(desc.block);
	vmem_region_unref(region);
	return map;
}

static void queue_open(struct guest_rig *r, uint32_t i, uint64_t features)
{
	const struct vq_driver_config dc = {
		.map = r->map, .gpa = RING(i), .features = features,
		.size = GUEST_RIG_SIZE,
	};
	struct vq_config config = {
		.features = features, .size = GUEST_RIG_SIZE, .index = i,
		.base = vq_initial_base(features),
	};
	struct vsu_error err = VSU_ERROR_INIT;

	if (vq_driver_new(&dc, &r->driver[i], &err) < 0)
		guest_rig_die("ring", &err);
	config.desc_gpa = vq_driver_desc_gpa(r->driver[i]);
	config.driver_gpa = vq_driver_driver_gpa(r->driver[i]);
	config.device_gpa = vq_driver_device_gpa(r->driver[i]);
	if (vq_new(&r->q[i]) < 0 || vq_set_space(r->q[i], r->space) < 0 ||
	    vq_enable(r->q[i], &config, &err) < 0 ||
	    virtdev_queue_start(r->dev, i, r->q[i], &err) < 0)
		guest_rig_die("queue", &err);
}

void guest_rig_open(struct guest_rig *r, uint64_t len, struct virtdev *dev,
		    uint64_t wanted)
{
	const uint64_t features = wanted & virtdev_get_info(dev)->features;
	struct vsu_error err = VSU_ERROR_INIT;
	uint32_t i;

	memset(r, 0, sizeof(*r));
	r->dev = dev;
	r->map = guest_rig_memory(len, &r->memory);
	if (vmem_space_new(&r->space) < 0 ||
	    vmem_space_publish(r->space, r->map) < 0 ||
	    virtdev_set_features(dev, features, &err) < 0)
		guest_rig_die("device", &err);
	for (i = 0; i < GUEST_RIG_QUEUES; i++)
		queue_open(r, i, features);
}

void guest_rig_close(struct guest_rig *r)
{
	uint32_t i;

	for (i = 0; i < GUEST_RIG_QUEUES; i++) {
		(void)!virtdev_queue_drain(r->dev, i);
		virtdev_queue_stop(r->dev, i);
		vq_free(r->q[i]);
		vq_driver_free(r->driver[i]);
	}
	virtdev_free(r->dev);
	vmem_map_unref(r->map);
	vmem_space_reclaim(r->space);
	vmem_space_free(r->space);
}

void guest_rig_give(struct guest_rig *r, uint32_t queue, uint64_t gpa,
		    uint32_t len, bool writable)
{
	const struct vq_buffer buffer = { gpa, len, writable };

	if (vq_driver_add(r->driver[queue], &buffer, 1, gpa) < 0)
		guest_rig_die("a buffer does not fit", NULL);
}

void guest_rig_serve(struct guest_rig *r, uint32_t queue)
{
	vq_driver_publish(r->driver[queue]);
	while (virtdev_queue_serve(r->dev, queue) > 0)
		;
}
