/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A guest against a block device: valid requests with one invalid part,
 * overwritten rings, delayed replies of the disk, stops. Invariants: no access
 * outside the disk or writable buffers (a canary checks), used lengths within
 * the writable part, every request is completed. Prints the results by kind.
 */
#include <config.h>

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <virtio-devices/blk.h>
#include <virtio-queue/driver.h>

#include "memory.h"
#include "ring.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SECTORS		64u
#define QUEUE_SIZE	16u
#define TABLES_GPA	0x4000u
#define HEADERS_GPA	0x10000u
#define MAX_HELD	256u

enum { ENDED_OK, ENDED_IOERR, ENDED_UNSUPP, ENDED_SILENT, BROKEN, NREACHED };

static uint64_t reached[NREACHED];

static void print_reach(void)
{
	printf("# reach: %" PRIu64 " ok, %" PRIu64 " failed, %" PRIu64 " unsupported, %" PRIu64 " without status, %" PRIu64 " broken rings\n",
	       reached[ENDED_OK], reached[ENDED_IOERR], reached[ENDED_UNSUPP],
	       reached[ENDED_SILENT], reached[BROKEN]);
}

struct disk {
	unsigned char bytes[SECTORS * 512];
	bool hold;
	int result;
	struct virtdev_disk_request *waiting, *finished;
};

static int channel_open(void *self, uint32_t depth, void **channel,
			struct vsu_error *err)
{
	(void)depth;
	(void)err;
	*channel = self;
	return 0;
}

static void channel_close(void *self, void *channel)
{
	struct disk *d = self;

	(void)channel;
	CHECK(!d->waiting && !d->finished);
}

static int channel_fd(void *self, void *channel)
{
	(void)self;
	(void)channel;
	return -1;
}

static int submit(void *self, void *channel, struct virtdev_disk_request *r)
{
	struct disk *d = self;

	(void)channel;
	CHECK(r->offset % 512 == 0 && r->len % 512 == 0);
	CHECK(r->op == VIRTDEV_DISK_FLUSH ||
	      (r->len <= sizeof(d->bytes) &&
	       r->offset <= sizeof(d->bytes) - r->len));
	r->next = d->waiting;
	d->waiting = r;
	return 0;
}

static void transfer(struct disk *d, struct virtdev_disk_request *r)
{
	unsigned char *at = d->bytes + r->offset;
	uint32_t i;

	for (i = 0; i < r->niov; i++) {
		if (r->op == VIRTDEV_DISK_READ)
			memcpy(r->iov[i].iov_base, at, r->iov[i].iov_len);
		else
			memcpy(at, r->iov[i].iov_base, r->iov[i].iov_len);
		at += r->iov[i].iov_len;
	}
	CHECK(at == d->bytes + r->offset + r->len);
}

static int kick(void *self, void *channel, uint64_t *budget)
{
	struct disk *d = self;
	struct virtdev_disk_request *r;
	int some = 0;

	(void)channel;
	(void)budget;
	while (!d->hold && (r = d->waiting)) {
		d->waiting = r->next;
		r->result = d->result;
		if (!r->result && r->op <= VIRTDEV_DISK_WRITE)
			transfer(d, r);
		r->next = d->finished;
		d->finished = r;
		some = 1;
	}
	return some;
}

static struct virtdev_disk_request *reap(void *self, void *channel)
{
	struct disk *d = self;
	struct virtdev_disk_request *r = d->finished;

	(void)channel;
	if (r)
		d->finished = r->next;
	return r;
}

static const struct virtdev_disk_ops disk_ops = {
	.size = sizeof(disk_ops),
	.name = "fuzz",
	.channel_open = channel_open,
	.channel_close = channel_close,
	.channel_fd = channel_fd,
	.submit = submit,
	.kick = kick,
	.reap = reap,
};

struct held {
	uint32_t writable;	/* bytes of the request's writable buffers */
	uint64_t status_gpa;
};

struct guest {
	struct memory memory;
	struct vq *q;
	struct vq_driver *driver;
	struct virtdev *dev;
	struct disk disk;
	uint64_t features;
	struct held held[MAX_HELD];
	unsigned int nheld;
};

static void start_queue(struct guest *g)
{
	const struct vq_driver_config dc = {
		.map = g->memory.map,
		.features = g->features,
		.size = QUEUE_SIZE,
		.indirect_max = g->features & VQ_F_INDIRECT_DESC ? 16 : 0,
		.indirect_gpa = TABLES_GPA,
	};

	g->driver = queue_begin(g->dev, 0, g->q, &dc);
	g->nheld = 0;
}

static void init(void *guest, struct input *in)
{
	struct guest *g = guest;
	uint32_t how = take(in, 1);
	struct virtdev_disk_info info = {
		.capacity = sizeof(g->disk.bytes),
		.block_size = 512,
		.can_discard = !(how & 1),
		.can_zero = !(how & 2),
		.read_only = how >> 2 & 1,
		.blocks = how >> 3 & 1,
	};
	struct virtdev_blk_config config = { .size = sizeof(config),
					     .serial = "fuzz" };

	memset(g, 0, sizeof(*g));
	CHECK(virtdev_disk_new(&disk_ops, &info, &g->disk, &config.disk) == 0);
	CHECK(virtdev_blk_new(&config, &g->dev, NULL) == 0);
	memory_init(&g->memory);
	g->features = VQ_F_VERSION_1 | (how & 0x10 ? VQ_F_INDIRECT_DESC : 0) |
		      (how & 0x20 ? VQ_F_EVENT_IDX : 0) |
		      (how & 0x40 ? VQ_F_RING_PACKED : 0);
	CHECK(virtdev_set_features(g->dev, g->features | (how & 0x80 ? 0x200 :
							  0), NULL) == 0);
	CHECK(vq_new(&g->q) == 0 && vq_set_space(g->q, g->memory.space) == 0);
	start_queue(g);
}

/* Interesting lengths: few bytes, sectors, off by one, many. */
static uint32_t length(struct input *in)
{
	uint32_t v = take(in, 1);

	switch (v >> 6) {
	case 0:
		return v;
	case 1:
		return (v & 7) * 512;
	case 2:
		return (v & 7) * 512 + 1 + (v >> 3 & 7);
	}
	return v << 6;
}

static uint64_t sector(struct input *in)
{
	uint32_t v = take(in, 1);

	switch (v >> 6) {
	case 0:
		return v;
	case 1:
		return SECTORS - (v & 7);
	case 2:
		return UINT64_MAX - (v & 63);
	}
	return UINT64_C(1) << (v & 63);
}

static void put_header(struct guest *g, uint64_t gpa, struct input *in)
{
	static const uint32_t types[] = { 0, 1, 4, 8, 11, 13, 0, 1 };
	uint32_t choice = take(in, 1);
	uint32_t type = choice < 0xe0 ? types[choice % 8] : take(in, 4);
	uint64_t s = sector(in);

	memcpy(memory_at(&g->memory, gpa), &type, 4);
	memcpy(memory_at(&g->memory, gpa) + 8, &s, 8);
}

/* Ranges for discard and write-zeroes, where data often lies. */
static void put_ranges(struct guest *g, struct input *in)
{
	uint32_t n = take(in, 1) % 20, i;

	for (i = 0; i < n; i++) {
		uint64_t s = sector(in);
		uint32_t count = length(in), flags = take(in, 1) % 4;

		memcpy(memory_at(&g->memory, DATA_GPA + i * 16), &s, 8);
		memcpy(memory_at(&g->memory, DATA_GPA + i * 16) + 8, &count, 4);
		memcpy(memory_at(&g->memory, DATA_GPA + i * 16) + 12, &flags, 4);
	}
}

/* A request; header, data and status byte may be missing or misplaced. */
static void add_request(struct guest *g, struct input *in)
{
	struct vq_buffer b[QUEUE_SIZE];
	uint64_t header = HEADERS_GPA + (g->nheld % 64) * 64;
	struct held *h = &g->held[g->nheld];
	uint32_t shape = take(in, 1), n = 0, i, data = shape & 7;

	if (g->nheld == MAX_HELD)
		return;
	put_header(g, header, in);
	*memory_at(&g->memory, header + 32) = 0xee;
	h->writable = 0;
	h->status_gpa = header + 32;
	b[n++] = (struct vq_buffer) { shape & 0x80 ? place(in) : header,
				      shape & 0x40 ? length(in) : 16, 0 };
	for (i = 0; i < data; i++) {
		bool writable = shape & 0x20 && i >= (shape >> 3 & 3);

		b[n++] = (struct vq_buffer) { place(in), length(in),
					      writable };
	}
	if (shape != 0x3f)
		b[n++] = (struct vq_buffer) { header + 32, 1, 1 };
	for (i = 0; i < n; i++)
		h->writable += b[i].writable ? b[i].len : 0;
	if (vq_driver_add(g->driver, b, n, g->nheld) == 0) {
		g->nheld++;
		vq_driver_publish(g->driver);
	}
}

static void note(struct guest *g, const struct held *h, uint32_t written)
{
	uint8_t status = *memory_at(&g->memory, h->status_gpa);

	CHECK(written <= h->writable);
	if (status <= 2)
		reached[ENDED_OK + status]++;
	else
		reached[ENDED_SILENT]++;
}

static void collect(struct guest *g)
{
	uint32_t written;
	uint64_t cookie;

	while (vq_driver_collect(g->driver, &cookie, &written) == 1) {
		CHECK(cookie < g->nheld);
		note(g, &g->held[cookie], written);
	}
}

static void serve(struct guest *g)
{
	unsigned int turns = 0;

	while (virtdev_queue_serve(g->dev, 0) && !g->disk.hold)
		CHECK(++turns < 10000);
	collect(g);
}

/* Overwrites bytes of the ring or of an indirect table. */
static void spoil(struct guest *g, struct input *in)
{
	uint32_t where = take(in, 2) % 0x5000;

	*memory_at(&g->memory, where) = (unsigned char)take(in, 1);
}

static void stop_queue(struct guest *g)
{
	unsigned int turns = 0;

	g->disk.hold = false;
	while (virtdev_queue_drain(g->dev, 0))
		CHECK(++turns < 10000);
	reached[BROKEN] += queue_end(g->dev, 0, g->q);
	collect(g);
	vq_driver_free(g->driver);
}

static void act(void *guest, struct input *in)
{
	struct guest *g = guest;
	static const int results[] = { 0, 0, -5, -28, -95 };
	uint32_t what = take(in, 1);
	uint8_t writeback = what & 1;

	switch (what % 16) {
	case 8:
	case 9:
		serve(g);
		break;
	case 10:
		g->disk.hold = !g->disk.hold;
		break;
	case 11:
		g->disk.result = results[what / 16 % 5];
		break;
	case 12:
		stop_queue(g);
		start_queue(g);
		break;
	case 13:
		(void)!virtdev_config_write(g->dev, 32, &writeback, 1);
		break;
	case 14:
		spoil(g, in);
		break;
	case 15:
		put_ranges(g, in);
		break;
	default:
		add_request(g, in);
		break;
	}
}

static void fini(void *guest)
{
	struct guest *g = guest;
	serve(g);
	stop_queue(g);
	virtdev_reset(g->dev);
	virtdev_free(g->dev);
	vq_free(g->q);
	memory_check(&g->memory);
	memory_fini(&g->memory);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct play course = { init, act, fini, print_reach };
	static struct guest guest;

	return play(&course, &guest, data, size);
}
