/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A guest against devices that transfer memory between guest and host: the balloon and the
 * memory device. The first byte selects the device and the queue. The input is a list of
 * requests with bytes and addresses of its own.
 *
 * Invariants: memory that must not be discarded keeps its bytes, the host maps and unmaps
 * whole pieces in turn, used lengths do not exceed the writable length, and each request is
 * returned, except the statistics of a balloon.
 */
#include <config.h>

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <virtio-devices/balloon.h>
#include <virtio-devices/mem.h>
#include <virtio-queue/driver.h>

#include "memory.h"
#include "ring.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define LENT		0x40000u
#define KEPT_GPA	0x100000u	/* must not be discarded */
#define REQUEST_GPA	0x20000u
#define MEM_GPA		(UINT64_C(1) << 32)
#define PIECES		2u

static struct {
	struct vmem_space *space;
	struct vmem_map *map;
	struct vmem_region *regions[2];
	struct vq *q;
	struct vq_driver *driver;
	struct virtdev *dev;
	bool mapped[PIECES];
	bool mem;		/* the memory device, not the balloon */
	uint32_t queue;
} g;

static uint64_t reached[3];

static void print_reach(void)
{
	printf("# reach: %" PRIu64 " answers of the balloon, %" PRIu64 " of memory, %" PRIu64 " bytes given back\n",
	       reached[0], reached[1], reached[2]);
}

static bool may_discard(void *opaque, const struct vmem_region *region)
{
	(void)opaque;
	return region == g.regions[0];
}

static int region_change(void *opaque, bool map,
			 const struct virtdev_mapping *m, uint64_t cookie)
{
	const uint64_t piece = m->offset / VIRTDEV_MEM_PIECE;

	(void)opaque;
	(void)cookie;
	CHECK(m->len == VIRTDEV_MEM_PIECE && piece < PIECES);
	CHECK(m->offset % VIRTDEV_MEM_PIECE == 0 && g.mapped[piece] != map);
	g.mapped[piece] = map;
	return 0;
}

static int region_address(void *opaque, uint8_t region, uint64_t *gpa)
{
	(void)opaque;
	(void)region;
	*gpa = MEM_GPA;
	return 0;
}

static const struct virtdev_server_ops server = {
	.size = sizeof(server), .region_change = region_change,
	.region_address = region_address,
};

static void make_memory(void)
{
	g.regions[0] = memory_region(0, LENT, 0);
	g.regions[1] = memory_region(KEPT_GPA, LENT, 0);
	CHECK(vmem_space_new(&g.space) == 0);
	CHECK(vmem_map_from_regions(g.regions, 2, &g.map, NULL) == 0);
	CHECK(vmem_space_publish(g.space, g.map) == 0);
	memset(vmem_region_hva(g.regions[1]), 0xc5, LENT);
}

static void make_device(void)
{
	const struct virtdev_balloon_config balloon = {
		.size = sizeof(balloon), .space = g.space, .reporting = true,
		.may_discard = may_discard,
	};
	const struct virtdev_mem_config mem = {
		.size = sizeof(mem), .len = PIECES * VIRTDEV_MEM_PIECE,
		.requested = VIRTDEV_MEM_PIECE,
	};

	CHECK((g.mem ? virtdev_mem_new(&mem, &g.dev, NULL) :
			 virtdev_balloon_new(&balloon, &g.dev, NULL)) == 0);
	CHECK(virtdev_set_server(g.dev, &server, NULL) == 0);
}

static void start(bool packed)
{
	const struct vq_driver_config dc = {
		.map = g.map, .size = 16,
		.features = VQ_F_VERSION_1 | (packed ? VQ_F_RING_PACKED : 0),
	};

	CHECK(virtdev_set_features(g.dev, dc.features | (g.mem ? 0 : 0x32),
				   NULL) == 0);
	CHECK(vq_new(&g.q) == 0 && vq_set_space(g.q, g.space) == 0);
	g.driver = queue_begin(g.dev, g.queue, g.q, &dc);
}

static void init(void *opaque, struct input *in)
{
	const uint32_t how = take(in, 1);

	(void)opaque;
	memset(&g, 0, sizeof(g));
	g.mem = how & 4;
	g.queue = g.mem ? 0 : how & 3;
	make_memory();
	make_device();
	start(how & 8);
}

static uint64_t somewhere(struct input *in)
{
	const uint32_t v = take(in, 2);

	switch (v >> 13) {
	case 6:
		return KEPT_GPA + (v & 0x1fff) * 16;
	case 7:
		return UINT64_MAX - (v & 0x1fff);
	}
	return REQUEST_GPA + v;
}

/* The bytes that a memory device reads, mostly for blocks that exist. */
static void put_request(struct input *in)
{
	unsigned char *at = vmem_region_hva(g.regions[0]) + REQUEST_GPA;
	const uint16_t type = take(in, 1) % 6, n = (uint16_t)take(in, 1);
	const uint64_t addr = MEM_GPA + (uint64_t)take(in, 1) *
			      VIRTDEV_MEM_BLOCK + take(in, 1) / 250;

	memcpy(at, &type, 2);
	memcpy(at + 8, &addr, 8);
	memcpy(at + 16, &n, 2);
}

static void put_numbers(struct input *in)
{
	unsigned char *at = vmem_region_hva(g.regions[0]) + REQUEST_GPA;
	unsigned int i;

	for (i = 0; i < 16; i++) {
		const uint32_t v = take(in, 1);
		const uint32_t page = v < 0xc0 ? v : 0x100 + (v & 0x3f);

		memcpy(at + i * 4, &page, 4);
	}
}

static void collect(void)
{
	uint32_t written;
	uint64_t writable;

	while (vq_driver_collect(g.driver, &writable, &written) == 1) {
		CHECK(written <= writable);
		reached[g.mem]++;
	}
}

static void act(void *opaque, struct input *in)
{
	const uint32_t shape = take(in, 1);
	const uint32_t len = shape & 1 ? 64 : take(in, 2);
	const uint32_t room = shape & 2 ? 10 : take(in, 2);
	const struct vq_buffer b[] = {
		{ shape & 4 ? somewhere(in) : REQUEST_GPA, len, false },
		{ shape & 8 ? somewhere(in) : REQUEST_GPA + 0x1000, room, true },
	};
	unsigned int turns = 0;

	(void)opaque;
	if (g.mem)
		put_request(in);
	else
		put_numbers(in);
	if (!vq_driver_add(g.driver, b, 2, room))
		vq_driver_publish(g.driver);
	while (virtdev_queue_serve(g.dev, g.queue))
		CHECK(++turns < 10000);
	collect();
}

static void fini(void *opaque)
{
	/* A balloon stores nothing; the memory device stores responses at addresses of the
	   guest. */
	const unsigned char *kept = vmem_region_hva(g.regions[1]);
	struct virtdev_stat stats[16];
	uint32_t i;

	(void)opaque;
	if (!g.mem && virtdev_stats(g.dev, stats, 16) > 3)
		reached[2] += stats[2].value + stats[3].value;
	CHECK(virtdev_queue_drain(g.dev, g.queue) == 0);
	(void)queue_end(g.dev, g.queue, g.q);
	virtdev_free(g.dev);
	vq_driver_free(g.driver);
	vq_free(g.q);
	for (i = 0; i < LENT; i += 4096)
		CHECK(g.mem || kept[i + 5] == 0xc5);
	vmem_region_unref(g.regions[0]);
	vmem_region_unref(g.regions[1]);
	vmem_map_unref(g.map);
	vmem_space_reclaim(g.space);
	vmem_space_free(g.space);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct play course = { init, act, fini, print_reach };

	return play(&course, NULL, data, size);
}
