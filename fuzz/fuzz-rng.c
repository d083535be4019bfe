/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A guest against an entropy device: chains of any shape, several at once, between which
 * its queue stops and starts. The first byte selects the ring's format and the number of
 * bytes per second.
 *
 * Invariants: a chain receives no more bytes than it has room for, and no more than the
 * limit of a chain; all chains together receive no more than the rate permits; without a
 * rate each chain is returned at once, a valid one with bytes.
 */
#include <config.h>

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <virtio-devices/rng.h>
#include <virtio-queue/driver.h>
#include <vmm-sys-util/event.h>

#include "memory.h"
#include "ring.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define RING		32u
#define MAX_PIECES	4u
#define NS_PER_S	UINT64_C(1000000000)

/* The cookie of a chain: its writable length, and whether it is valid. */
#define SOUND		(UINT64_C(1) << 32)

static struct {
	struct memory memory;
	struct vq_driver_config ring;
	struct vq *q;
	struct vq_driver *driver;
	struct virtdev *dev;
	uint64_t rate, begun, given;
	bool full;		/* the ring was full when a chain was added last */
	bool poked;		/* the input has stored into the ring without the driver's
				   knowledge */
} g;

static uint64_t reached[3];

static void print_reach(void)
{
	printf("# reach: %" PRIu64 " chains, %" PRIu64 " of them filled, %" PRIu64 " broken rings\n",
	       reached[0], reached[1], reached[2]);
}

static void start(void)
{
	CHECK(virtdev_set_features(g.dev, g.ring.features, NULL) == 0);
	CHECK(vq_new(&g.q) == 0 && vq_set_space(g.q, g.memory.space) == 0);
	g.driver = queue_begin(g.dev, 0, g.q, &g.ring);
	g.poked = false;
}

static void init(void *opaque, struct input *in)
{
	static const uint64_t rates[] = { 0, 1, 100000, UINT64_MAX };
	const uint32_t how = take(in, 1);
	const struct virtdev_rng_config config = {
		.size = sizeof(config), .queue_size_max = RING,
		.rate = rates[how >> 1 & 3],
	};

	(void)opaque;
	memset(&g, 0, sizeof(g));
	memory_init(&g.memory);
	g.rate = config.rate == UINT64_MAX ? 0 : config.rate;
	g.begun = vsu_now_ns();
	CHECK(virtdev_rng_new(&config, &g.dev, NULL) == 0);
	g.ring = (struct vq_driver_config){
		.map = g.memory.map, .size = RING,
		.features = VQ_F_VERSION_1 | (how & 1 ? VQ_F_RING_PACKED : 0),
	};
	start();
}

/* All buffers of a valid chain are in memory that the device may write. */
static void add_chain(struct input *in)
{
	const uint32_t shape = take(in, 1), n = 1 + shape % MAX_PIECES;
	const bool odd = shape & 0x80;
	struct vq_buffer b[MAX_PIECES];
	uint64_t writable = 0;
	uint32_t i;

	for (i = 0; i < n; i++) {
		b[i].gpa = odd ? place(in) : DATA_GPA + 0x1000u * i;
		b[i].len = take(in, 2) % 0x1000u + !odd;
		b[i].writable = !odd || (shape >> 3 & 7) <= i;
		writable += b[i].writable ? b[i].len : 0;
	}
	g.full = vq_driver_add(g.driver, b, n, writable | (odd ? 0 : SOUND)) < 0;
}

static void collect(void)
{
	uint32_t written;
	uint64_t cookie;

	while (vq_driver_collect(g.driver, &cookie, &written) == 1) {
		reached[0]++;
		reached[1] += written != 0;
		g.given += written;
		if (g.poked)
			continue;
		CHECK(written <= (uint32_t)cookie && written <= VIRTDEV_RNG_MAX);
		CHECK(written || g.rate || !(cookie & SOUND));
	}
	/* The allowance of one second may have accumulated before. */
	CHECK(!g.rate || g.poked ||
	      g.given <= g.rate + (vsu_now_ns() - g.begun) * g.rate / NS_PER_S + 1);
}

static void serve(void)
{
	unsigned int turns = 0;

	vq_driver_publish(g.driver);
	while (virtdev_queue_serve(g.dev, 0))
		CHECK(++turns < 1000);
	collect();
}

static void stop(void)
{
	serve();
	CHECK(virtdev_queue_drain(g.dev, 0) == 0);
	if (queue_end(g.dev, 0, g.q))
		reached[2]++;
	else
		CHECK(!vq_driver_inflight(g.driver) || g.rate || g.poked);
	vq_driver_free(g.driver);
	vq_free(g.q);
}

static void act(void *opaque, struct input *in)
{
	const uint32_t what = take(in, 1);

	(void)opaque;
	if (what < 0xe0)
		add_chain(in);
	if (what % 4 == 0 || g.full)
		serve();
	if (what == 0xee) {
		g.poked = true;
		*memory_at(&g.memory, take(in, 2) % 0x400) =
			(unsigned char)take(in, 1);
	}
	if (what == 0xef) {
		stop();
		start();
	}
}

static void fini(void *opaque)
{
	struct virtdev_stat stat;

	(void)opaque;
	stop();
	CHECK(virtdev_stats(g.dev, &stat, 1) == 1);
	virtdev_free(g.dev);
	memory_check(&g.memory);
	memory_fini(&g.memory);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct play course = { init, act, fini, print_reach };

	return play(&course, NULL, data, size);
}
