/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about queues that are served in this process, without a CPU. */
#include <config.h>

#include <sys/mman.h>
#include <unistd.h>

#include "../util.h"
#include "virtio/virtio.h"

#define MEMORY 0x10000u

enum { DRIVER_FEATURES = 0x020, DRIVER_FEATURES_SEL = 0x024,
       QUEUE_NUM = 0x038, QUEUE_READY = 0x044, STATUS = 0x070,
       QUEUE_DESC = 0x080, QUEUE_DRIVER = 0x090, QUEUE_DEVICE = 0x0a0 };

/* A device with one queue that takes some calls until it is drained. */
struct slow {
	int left;
	unsigned int stopped_early, stopped;
};

static int slow_drain(void *self, uint32_t queue)
{
	struct slow *s = self;

	(void)queue;
	s->left -= s->left > 0;
	return s->left ? -EAGAIN : 0;
}

static void slow_stop(void *self, uint32_t queue)
{
	struct slow *s = self;

	(void)queue;
	s->stopped++;
	s->stopped_early += s->left != 0;
}

static struct vmem_space *make_space(void)
{
	int fd = memfd_create("guest", MFD_CLOEXEC);
	struct vmem_fd_desc file = { fd, VMEM_BLOCK_WRITE | VMEM_BLOCK_SHARED,
				     0, MEMORY, NULL };
	struct vmem_region_desc desc = { .len = MEMORY };
	struct vmem_region *region;
	struct vmem_space *space;
	struct vmem_map *map;

	ck_assert_int_eq(ftruncate(fd, MEMORY), 0);
	ck_assert_int_eq(vmem_block_new_fd(&file, &desc.block, NULL), 0);
	close(fd);
	ck_assert_int_eq(vmem_region_new(&desc, &region, NULL), 0);
	vmem_block_unref(desc.block);
	ck_assert_int_eq(vmem_map_from_regions(&region, 1, &map, NULL), 0);
	vmem_region_unref(region);
	ck_assert_int_eq(vmem_space_new(&space), 0);
	ck_assert_int_eq(vmem_space_publish(space, map), 0);
	vmem_map_unref(map);
	return space;
}

static void start(struct virtdev_mmio *m)
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
	unsigned int i;

	for (i = 0; i < sizeof(writes) / sizeof(writes[0]); i++)
		virtdev_mmio_write(m, writes[i].reg, 4, writes[i].value);
	ck_assert_uint_eq(virtdev_mmio_status(m), 15);
}

START_TEST(a_queue_is_stopped_when_nothing_is_left_in_flight)
{
	static const struct virtdev_ops ops = {
		.size = sizeof(ops), .name = "slow",
		.queue_drain = slow_drain, .queue_stop = slow_stop,
	};
	const struct virtdev_info info = {
		.id = 42, .nqueues = 1, .queue_max = 16,
		.features = VQ_F_VERSION_1,
	};
	struct vmm_virtio_place place = { .loop = ev_loop_new(0) };
	struct slow slow = { 3, 0, 0 };
	struct vmm_virtio *v;
	struct virtdev *dev;

	place.space = make_space();
	ck_assert_int_eq(virtdev_new(&ops, &info, &slow, &dev), 0);
	ck_assert_int_eq(vmm_virtio_local(&place, dev, &v, NULL), 0);
	start(vmm_virtio_mmio(v));
	vmm_virtio_free(v);
	ck_assert_uint_eq(slow.stopped, 1);
	ck_assert_uint_eq(slow.stopped_early, 0);
	vmem_space_reclaim(place.space);
	vmem_space_free(place.space);
	ev_loop_destroy(place.loop);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("virtio");
	TCase *tc = tcase_create("local");

	tcase_add_test(tc, a_queue_is_stopped_when_nothing_is_left_in_flight);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
