/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The floors of disks in RAM: the same requests without device, queue and socket. */
#include <config.h>

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

#include "bench.h"
#include "blk_floor.h"
#include "guest_rig.h"

#define MIB (UINT64_C(1) << 20)

const struct blk_row blk_rows[BLK_ROWS] = {
	{ "rr4k", 4096, false, { 1, 32, 128 } },
	{ "rw4k", 4096, true, { 1, 32, 128 } },
	{ "rr128k", 128 << 10, false, { 1, 16, 0 } },
	{ "rw128k", 128 << 10, true, { 1, 16, 0 } },
};

int blk_floor_image(unsigned char **bytes)
{
	int fd = memfd_create("image", MFD_CLOEXEC);
	void *mapping;

	if (fd < 0 || ftruncate(fd, (off_t)BLK_IMAGE) < 0)
		guest_rig_die("image", NULL);
	mapping = mmap(NULL, BLK_IMAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (mapping == MAP_FAILED)
		guest_rig_die("image", NULL);
	memset(mapping, 0x5a, BLK_IMAGE);
	*bytes = mapping;
	return fd;
}

uint64_t blk_floor_offset(uint64_t *random, uint32_t len)
{
	*random ^= *random << 13;
	*random ^= *random >> 7;
	*random ^= *random << 17;
	return *random % (BLK_IMAGE / len) * len;
}

/* A request of a floor: an image, a buffer and a row. */
struct bare {
	const struct blk_row *row;
	unsigned char *image, *buffer;
	int fd;
	uint64_t random;
};

static void run_copies(void *opaque, uint64_t n)
{
	struct bare *b = opaque;
	const uint32_t len = b->row->len;

	while (n--) {
		unsigned char *at = b->image + blk_floor_offset(&b->random, len);
		unsigned char *mine = b->buffer + n % 16 * len;

		memcpy(b->row->write ? at : mine, b->row->write ? mine : at, len);
		bench_use(b);
	}
}

static void run_calls(void *opaque, uint64_t n)
{
	struct bare *b = opaque;
	const uint32_t len = b->row->len;

	while (n--) {
		off_t at = (off_t)blk_floor_offset(&b->random, len);
		unsigned char *mine = b->buffer + n % 16 * len;
		ssize_t done = b->row->write ? pwrite(b->fd, mine, len, at) :
			       pread(b->fd, mine, len, at);

		if (done != (ssize_t)len)
			guest_rig_die("a bare request failed", NULL);
	}
}

void bench_blk_floors(void)
{
	struct bare b = { .random = UINT64_C(0x9e3779b97f4a7c15) };
	struct vmem_map *map = guest_rig_memory(4 * MIB, &b.buffer);
	char name[64];
	size_t i;

	b.fd = blk_floor_image(&b.image);
	for (i = 0; i < BLK_ROWS; i++) {
		b.row = &blk_rows[i];
		snprintf(name, sizeof(name), "floor.blk.copy.%s", b.row->name);
		bench_rate(name, run_copies, &b, 1e3, "k/s");
		snprintf(name, sizeof(name), "floor.blk.call.%s", b.row->name);
		bench_rate(name, run_calls, &b, 1e3, "k/s");
	}
	munmap(b.image, BLK_IMAGE);
	close(b.fd);
	vmem_map_unref(map);
}
