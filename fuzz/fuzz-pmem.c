/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A guest against persistent memory: requests of any shape for flushes, several at once,
 * between which its queue stops and starts. The first byte selects the ring's format and
 * the kind of disk.
 *
 * Invariants: each request is returned, with at most four bytes stored, a valid one with
 * success; the file is mapped once and unchanged; the number of flushes does not exceed the
 * number of requests.
 */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <virtio-devices/pmem.h>
#include <virtio-queue/driver.h>
#include <vm-memory/sigbus.h>

#include "memory.h"
#include "ring.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define RING		32u
#define ANSWER_GPA	0x8000u	/* four bytes for each request */
#define TYPE_GPA	0x9000u
#define SOUND		UINT64_C(0x100)	/* in a cookie: valid */

static struct {
	struct memory memory;
	struct vq_driver_config ring;
	struct vq *q;
	struct vq_driver *driver;
	struct virtdev *dev;
	uint64_t added, answered;
	bool poked;		/* the input has stored into the ring without the driver's
				   knowledge */
	unsigned int maps;
} g;

static uint64_t reached[3];

static void print_reach(void)
{
	printf("# reach: %" PRIu64 " requests, %" PRIu64 " of them well formed, %" PRIu64 " broken rings\n",
	       reached[0], reached[1], reached[2]);
}

static int region_change(void *opaque, bool map,
			 const struct virtdev_mapping *m, uint64_t cookie)
{
	(void)opaque;
	(void)cookie;
	CHECK(map && m->len == VIRTDEV_PMEM_ALIGN && !m->offset);
	return g.maps++ ? -EEXIST : 0;
}

static int region_address(void *opaque, uint8_t region, uint64_t *gpa)
{
	(void)opaque;
	CHECK(region == 0);
	*gpa = UINT64_C(1) << 32;
	return 0;
}

static const struct virtdev_server_ops server = {
	.size = sizeof(server), .region_change = region_change,
	.region_address = region_address,
};

/* Required by disks that map their file. */
static struct vmem_sigbus *table;

static struct virtdev_disk *open_disk(uint32_t engine)
{
	int fd = memfd_create("pmem", MFD_CLOEXEC);
	char path[32];
	const struct virtdev_disk_file how = {
		.size = sizeof(how), .path = path, .engine = engine,
		.unlocked = true, .sigbus = table,
	};
	struct virtdev_disk *disk;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	CHECK(fd >= 0 && ftruncate(fd, (off_t)VIRTDEV_PMEM_ALIGN) == 0);
	CHECK(virtdev_disk_file_open(&how, &disk, NULL) == 0);
	close(fd);
	return disk;
}

static void start(void)
{
	CHECK(virtdev_set_features(g.dev, g.ring.features, NULL) == 0);
	CHECK(vq_new(&g.q) == 0 && vq_set_space(g.q, g.memory.space) == 0);
	g.driver = queue_begin(g.dev, 0, g.q, &g.ring);
}

static void init(void *opaque, struct input *in)
{
	const uint32_t how = take(in, 1);
	struct virtdev_pmem_config config = {
		.size = sizeof(config), .queue_size_max = RING,
	};

	(void)opaque;
	CHECK(table || vmem_sigbus_new(4, &table, NULL) == 0);
	config.disk = open_disk(how & 2 ? VIRTDEV_DISK_ENGINE_SYNC :
					  VIRTDEV_DISK_ENGINE_MMAP);
	memset(&g, 0, sizeof(g));
	memory_init(&g.memory);
	CHECK(virtdev_pmem_new(&config, &g.dev, NULL) == 0);
	CHECK(virtdev_set_server(g.dev, &server, NULL) == 0);
	g.ring = (struct vq_driver_config){
		.map = g.memory.map, .size = RING,
		.features = VQ_F_VERSION_1 | (how & 1 ? VQ_F_RING_PACKED : 0),
	};
	start();
}

static void add_request(struct input *in)
{
	const uint32_t shape = take(in, 1);
	const uint64_t slot = g.added % RING; /* half of them are in flight */
	const uint32_t type = shape & 0x20 ? take(in, 1) : 0;
	const bool odd = shape & 0xc0;
	const struct vq_buffer b[] = {
		{ shape & 0x40 ? place(in) : TYPE_GPA + slot * 4,
		  odd ? take(in, 2) : 4, false },
		{ shape & 0x80 ? place(in) : ANSWER_GPA + slot * 4,
		  odd ? take(in, 2) : 4, true },
	};
	const uint64_t sound = odd || type ? 0 : SOUND;

	memcpy(memory_at(&g.memory, TYPE_GPA + slot * 4), &type, 4);
	if (vq_driver_add(g.driver, b, 2, slot | sound) == 0) {
		memset(memory_at(&g.memory, ANSWER_GPA + slot * 4), 0xee, 4);
		g.added++;
		reached[1] += sound != 0;
	}
}

static void collect(void)
{
	uint32_t written, answer;
	uint64_t cookie;

	while (vq_driver_collect(g.driver, &cookie, &written) == 1) {
		g.answered++;
		reached[0]++;
		if (g.poked)
			continue;
		CHECK(written <= 4);
		if (!(cookie & SOUND))
			continue;
		memcpy(&answer, memory_at(&g.memory, ANSWER_GPA + cookie % RING * 4), 4);
		CHECK(written == 4 && !answer);
	}
}

static void serve(void)
{
	unsigned int turns = 0;

	while (virtdev_queue_serve(g.dev, 0))
		CHECK(++turns < 1000);
	collect();
}

/* All requests have been returned, unless the ring is broken. */
static void stop(void)
{
	serve();
	CHECK(virtdev_queue_drain(g.dev, 0) == 0);
	collect();
	if (queue_end(g.dev, 0, g.q))
		reached[2]++;
	else
		CHECK(g.answered == g.added || g.poked);
	vq_driver_free(g.driver);
	vq_free(g.q);
}

static void read_config(struct input *in)
{
	unsigned char bytes[16];
	const uint32_t off = take(in, 1) % sizeof(bytes);

	virtdev_config_read(g.dev, off, bytes, (uint32_t)sizeof(bytes) - off);
}

static void poke_ring(struct input *in)
{
	const uint64_t at = take(in, 2) % 0x400;

	g.poked = true;
	*memory_at(&g.memory, at) = (unsigned char)take(in, 1);
}

static void act(void *opaque, struct input *in)
{
	const uint32_t what = take(in, 1);

	(void)opaque;
	if (what < 0xe0)
		add_request(in);
	if (what % 4 == 0 && vq_driver_publish(g.driver))
		serve();
	if (what >= 0xf0)
		read_config(in);
	if (what == 0xee)
		poke_ring(in);
	if (what != 0xef)
		return;
	vq_driver_publish(g.driver);
	stop();
	g.added = g.answered = 0;
	g.poked = false;
	start();
}

static void fini(void *opaque)
{
	struct virtdev_stat stats[4];

	(void)opaque;
	vq_driver_publish(g.driver);
	stop();
	CHECK(virtdev_stats(g.dev, stats, 4) >= 2);
	CHECK(stats[1].value <= stats[0].value && g.maps >= 1);
	virtdev_free(g.dev);
	memory_check(&g.memory);
	memory_fini(&g.memory);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct play course = { init, act, fini, print_reach };

	return play(&course, NULL, data, size);
}
