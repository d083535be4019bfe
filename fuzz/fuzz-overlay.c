/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * An overlay disk. The first byte of the input selects one of two tests.
 *
 * Even: the input is a list of requests. The disk contains what they wrote, before and
 * after it is opened again.
 *
 * Odd: the input changes a valid file, three bytes each: position and bits to flip. Bit 1
 * of the first byte repairs the sum of the header afterwards, bit 2 truncates the file at a
 * position of two more bytes. The file is refused with a message, or the whole disk can be
 * read and written. The base never changes.
 */
#include <config.h>

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <virtio-devices/disk.h>

#include "disk/priv.h"
#include "play.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SECTOR 512u
#define CLUSTER 4096u
#define SIZE (66 * SECTOR)	/* ends within a cluster */
#define SUMMED 48u		/* bytes of the header before their sum */
#define MAX_KICKS 1000u

struct guest {
	int base_fd, fd;
	char base[32], path[32];
	struct virtdev_disk *disk;
	void *channel;
	unsigned char model[SIZE];
};

static unsigned char base[SIZE], buf[SIZE];
static uint64_t requests, refused, accepted;

static void print_reach(void)
{
	fprintf(stderr, "%" PRIu64 " requests, %" PRIu64 " changed files refused, %" PRIu64 " accepted\n",
		requests, refused, accepted);
}

/* ------------------------------------------------------------------- the disk */

static bool disk_open(struct guest *g)
{
	const struct virtdev_disk_overlay how = {
		.size = sizeof(how), .base = g->base, .path = g->path,
		.may_init = true, .unlocked = true,
	};
	struct vsu_error err = VSU_ERROR_INIT;

	if (virtdev_disk_overlay_open(&how, &g->disk, &err) < 0) {
		CHECK(err.code < 0 && err.msg[0]);
		return false;
	}
	CHECK(g->disk->info.capacity >= SIZE);
	CHECK(!g->disk->ops.channel_open(g->disk->self, 1, &g->channel, NULL));
	return true;
}

static void disk_close(struct guest *g)
{
	g->disk->ops.channel_close(g->disk->self, g->channel);
	virtdev_disk_free(g->disk);
}

static int request(struct guest *g, uint32_t op, uint64_t at, uint64_t len,
		   bool may_unmap)
{
	struct iovec iov = { buf, len };
	struct virtdev_disk_request r = {
		.op = op, .iov = &iov, .niov = op <= VIRTDEV_DISK_WRITE,
		.offset = at, .len = len, .may_unmap = may_unmap,
	};
	uint64_t budget = UINT64_MAX;
	unsigned int i;

	requests++;
	CHECK(!g->disk->ops.submit(g->disk->self, g->channel, &r));
	for (i = 0; i < MAX_KICKS; i++) {
		(void)g->disk->ops.kick(g->disk->self, g->channel, &budget);
		if (g->disk->ops.reap(g->disk->self, g->channel))
			return r.result;
	}
	abort();
}

static void check_content(struct guest *g)
{
	memset(buf, 0xee, SIZE);
	CHECK(!request(g, VIRTDEV_DISK_READ, 0, SIZE, false));
	CHECK(!memcmp(buf, g->model, SIZE));
}

/* ------------------------------------------------------------------- requests */

static void act(struct guest *g, struct input *in)
{
	const uint32_t what = take(in, 1);
	const uint64_t at = take(in, 1) % (SIZE / SECTOR) * SECTOR;
	const uint64_t left = SIZE - at;
	uint64_t len = (take(in, 1) % (SIZE / SECTOR) + 1) * SECTOR;

	len = len < left ? len : left;
	switch (what % 6) {
	case 0:
		memset(buf, (int)(what >> 3) + 1, len);
		memcpy(g->model + at, buf, len);
		CHECK(!request(g, VIRTDEV_DISK_WRITE, at, len, false));
		break;
	case 1:
		memset(g->model + at, 0, len);
		CHECK(!request(g, VIRTDEV_DISK_ZERO, at, len, what & 0x80));
		break;
	case 2:
		memset(g->model + at, 0, len);
		CHECK(!request(g, VIRTDEV_DISK_DISCARD, at, len, true));
		break;
	case 3:
		CHECK(!request(g, VIRTDEV_DISK_FLUSH, 0, 0, false));
		break;
	case 4:
		CHECK(!request(g, VIRTDEV_DISK_READ, at, len, false));
		CHECK(!memcmp(buf, g->model + at, len));
		break;
	default:
		disk_close(g);
		CHECK(disk_open(g));
	}
}

static void play_requests(struct guest *g, struct input *in)
{
	CHECK(disk_open(g));
	while (in->p < in->end)
		act(g, in);
	check_content(g);
	disk_close(g);
	CHECK(disk_open(g));
	check_content(g);
	disk_close(g);
}

/* -------------------------------------------------------------- changed files */

/* FNV-1a, as docs/overlay-format.md requires. */
static void repair_sum(int fd)
{
	uint64_t sum = UINT64_C(0xcbf29ce484222325);
	unsigned char bytes[SUMMED + sizeof(sum)];
	unsigned int i;

	CHECK(pread(fd, bytes, SUMMED, 0) == SUMMED);
	for (i = 0; i < SUMMED; i++)
		sum = (sum ^ bytes[i]) * UINT64_C(0x100000001b3);
	for (i = 0; i < sizeof(sum); i++)
		bytes[SUMMED + i] = (unsigned char)(sum >> 8 * i);
	CHECK(pwrite(fd, bytes, sizeof(bytes), 0) == sizeof(bytes));
}

/* Changes bytes of the header, or the first bytes of the map. */
static void change(int fd, struct input *in)
{
	const uint32_t where = take(in, 2);
	const off_t at = where & 0x8000 ? CLUSTER + (where & 0xfff) : where % 64;
	unsigned char byte;

	if (pread(fd, &byte, 1, at) != 1)
		return;
	byte ^= (unsigned char)take(in, 1);
	CHECK(pwrite(fd, &byte, 1, at) == 1);
}

static void use_as_a_whole(struct guest *g)
{
	accepted++;
	(void)request(g, VIRTDEV_DISK_READ, 0, SIZE, false);
	memset(buf, 0x5a, SIZE);
	if (request(g, VIRTDEV_DISK_WRITE, 0, SIZE, false) == 0) {
		memset(g->model, 0x5a, SIZE);
		check_content(g);
	}
	(void)request(g, VIRTDEV_DISK_ZERO, SECTOR, SIZE - SECTOR, true);
	(void)request(g, VIRTDEV_DISK_FLUSH, 0, 0, false);
	disk_close(g);
}

static void play_changes(struct guest *g, struct input *in, uint32_t how)
{
	off_t end;

	CHECK(disk_open(g));
	memset(buf, 0xa5, CLUSTER);
	CHECK(!request(g, VIRTDEV_DISK_WRITE, 2 * CLUSTER, CLUSTER, false));
	disk_close(g);
	if (how & 4) {
		end = (off_t)take(in, 2) << (how >> 4);
		CHECK(!ftruncate(g->fd, end));
	}
	while (in->p < in->end)
		change(g->fd, in);
	if (how & 2 && lseek(g->fd, 0, SEEK_END) >= CLUSTER)
		repair_sum(g->fd);
	if (disk_open(g))
		use_as_a_whole(g);
	else
		refused++;
}

/* ----------------------------------------------------------------- its course */

static int make_file(const char *name, char *path, size_t room)
{
	int fd = memfd_create(name, MFD_CLOEXEC);

	CHECK(fd >= 0);
	snprintf(path, room, "/proc/self/fd/%d", fd);
	return fd;
}

static void guest_init(struct guest *g)
{
	unsigned int i;

	memset(g, 0, sizeof(*g));
	for (i = 0; i < SIZE; i++)
		base[i] = (unsigned char)(i * 7 + i / SECTOR + 1);
	memcpy(g->model, base, SIZE);
	g->base_fd = make_file("base", g->base, sizeof(g->base));
	g->fd = make_file("overlay", g->path, sizeof(g->path));
	CHECK(write(g->base_fd, base, SIZE) == SIZE);
}

static void guest_fini(struct guest *g)
{
	CHECK(pread(g->base_fd, buf, SIZE, 0) == SIZE);
	CHECK(!memcmp(buf, base, SIZE));
	close(g->base_fd);
	close(g->fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool reports;
	static struct guest g;
	struct input in = { data, data + size };
	uint32_t how;

	if (!reports)
		atexit(print_reach);
	reports = true;
	guest_init(&g);
	how = take(&in, 1);
	if (how & 1)
		play_changes(&g, &in, how);
	else
		play_requests(&g, &in);
	guest_fini(&g);
	return 0;
}
