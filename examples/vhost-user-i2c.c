/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * An I2C adapter behind a vhost-user socket, by the chapter of VIRTIO 1.3 about it. Its bus has
 * one chip: a memory of 256 bytes at address 0x50, as a small EEPROM.
 */
#include <stdio.h>
#include <string.h>
#include <virtio-devices/vhost_user_server.h>
#include <virtio-queue/cursor.h>
#include <vmm-sys-util/endian.h>

enum { ADAPTER = 34, CHIP = 0x50, MAX_BYTES = 4096, FAIL_NEXT = 1,
       STATUS_OK = 0, STATUS_ERR = 1 };
#define F_ZERO_LENGTH_REQUEST 1u	/* drivers require it */

/* In front of each request. The last writable byte is its status. */
struct request {
	struct vsu_le16 addr;		/* the 7 bits of the address stand above bit 0 */
	struct vsu_le16 padding;
	struct vsu_le32 flags;
};

struct bus {
	struct virtdev *dev;
	struct vq *q;			/* while the driver uses it */
	bool failing;			/* a request failed that others depend on */
	uint8_t at;			/* where the chip continues; wraps */
	uint8_t bytes[256];
};

/* The first byte that is written is the position; reads continue there. */
static void write_chip(struct bus *bus, struct vq_cursor *in)
{
	uint8_t byte;

	vq_cursor_read(in, &bus->at, 1);
	while (vq_cursor_read(in, &byte, 1))
		bus->bytes[bus->at++] = byte;
}

static void read_chip(struct bus *bus, struct vq_cursor *out)
{
	while (vq_cursor_write(out, &bus->bytes[bus->at], 1))
		bus->at++;
}

/* How many bytes were written into the request's buffers. */
static uint32_t transfer(void *self, struct vq *q, struct vq_chain *chain)
{
	struct bus *bus = self;
	struct vq_cursor in, out, tail;
	struct request request = { .flags = vsu_le32_make(0) };
	uint8_t status = STATUS_ERR;

	vq_reader_init(&in, q, chain);
	vq_writer_init(&out, q, chain);
	if (!vq_cursor_split_tail(&out, 1, &tail))
		return 0;
	if (vq_cursor_read_exact(&in, &request, sizeof(request)) && !bus->failing &&
	    vsu_le16_load(request.addr) >> 1 == CHIP && vq_cursor_left(&in) <= MAX_BYTES &&
	    vq_cursor_left(&out) <= MAX_BYTES) {
		write_chip(bus, &in);
		read_chip(bus, &out);
		status = STATUS_OK;
	} else {
		vq_cursor_zero(&out, vq_cursor_left(&out));
	}
	bus->failing = status == STATUS_ERR && vsu_le32_load(request.flags) & FAIL_NEXT;
	vq_cursor_write(&tail, &status, 1);
	return chain->writable_len;
}

static int start(void *self, uint32_t queue, struct vq *q, struct vsu_error *err)
{
	struct bus *bus = self;

	(void)queue;
	(void)err;
	bus->q = q;
	bus->failing = false;
	return 0;
}

static int serve(void *self, uint32_t queue)
{
	struct bus *bus = self;
	const struct vq_turn turn = { .size = sizeof(turn), .serve = transfer, .opaque = bus };

	return bus->q ? virtdev_queue_turn(bus->dev, queue, bus->q, &turn) : 0;
}

static void stop(void *bus, uint32_t queue)
{
	(void)queue;
	((struct bus *)bus)->q = NULL;
}

static void report(void *opaque, struct virtdev *dev, const struct vsu_error *what)
{
	(void)opaque;
	(void)dev;
	fprintf(stderr, "vhost-user-i2c: %s\n", what->msg);
}

int main(int argc, char **argv)
{
	static const struct virtdev_ops ops = { .size = sizeof(ops), .name = "i2c",
		.queue_start = start, .queue_serve = serve, .queue_stop = stop };
	const struct virtdev_info info = { .id = ADAPTER, .nqueues = 1, .queue_size_max = 256,
		.features = VQ_F_VERSION_1 | VQ_F_INDIRECT_DESC | F_ZERO_LENGTH_REQUEST };
	struct vsu_error err = { .msg = "use: vhost-user-i2c SOCKET" };
	struct bus bus = { .at = 0 };
	int rc = argc == 2 ? virtdev_new(&ops, &info, &bus, &bus.dev, &err) : -1;

	if (rc == 0)
		rc = virtdev_vhost_user_serve(bus.dev, argv[1], -1, report, NULL, &err);
	if (rc < 0)
		fprintf(stderr, "vhost-user-i2c: %s\n", err.msg);
	virtdev_free(bus.dev);
	return rc < 0 ? 69 : 0;
}
