/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Bytes between ports of a guest and UNIX sockets, through our socket device:
 *
 *	vsock.tx.SIZE		MiB per second from the guest, in packets of SIZE
 *	vsock.rx.SIZE		and to it, into buffers of SIZE
 *	vsock.pingpong.64	round trips of 64 bytes, thousands per second
 *	vsock.connections	made by the host, with greeting, and ended
 *	floor.vsock.*		the same over a UNIX socket that both ends have
 *
 * Both ends are of this thread, as in bench-net.
 */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <virtio-devices/vsock.h>
#include <vmm-sys-util/endian.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "bench.h"
#include "guest_rig.h"

#define RX 0u
#define TX 1u
#define HEADER 44u
#define CHUNK 65536u		/* bytes in flight */
#define MIB (1024.0 * 1024.0)
#define SMALL 64u
#define GUEST_CID 42u
#define HOST_CID 2u
#define GUEST_PORT 1234u
#define GUEST_ROOM (1u << 18)

/* Buffers of the queue to the guest, packets of the one from it. */
#define RX_DATA GUEST_RIG_DATA
#define RX_BYTES 0x4000000u
#define TX_DATA (RX_DATA + RX_BYTES)
#define TX_STRIDE (CHUNK + 4096u)
#define TX_SLOTS 32u
#define MEMORY (TX_DATA + TX_SLOTS * TX_STRIDE)

enum { REQUEST = 1, RESPONSE, RST, SHUTDOWN, RW, CREDIT_UPDATE };

/* A packet's header (VIRTIO 1.3, section 5.10.6). */
struct header {
	struct vsu_le64 src_cid, dst_cid;
	struct vsu_le32 src_port, dst_port, len;
	struct vsu_le16 type, op;
	struct vsu_le32 flags, buf_alloc, fwd_cnt;
};

struct vsock_case {
	struct guest_rig rig;
	char path[64];
	int fd;			/* the host's end */
	uint32_t host_port, taken, slot;
	uint32_t size;		/* of a packet, or a buffer */
	unsigned int seen;	/* recently received operations, as bits */
};

static unsigned char bytes[CHUNK];

/* ------------------------------------------------------------------- the guest */

static void packet_send(struct vsock_case *c, uint16_t op, uint32_t len)
{
	const uint64_t at = TX_DATA + c->slot++ % TX_SLOTS * TX_STRIDE;
	const struct header h = {
		.src_cid = vsu_le64_make(GUEST_CID),
		.dst_cid = vsu_le64_make(HOST_CID),
		.src_port = vsu_le32_make(GUEST_PORT),
		.dst_port = vsu_le32_make(c->host_port),
		.len = vsu_le32_make(len), .type = vsu_le16_make(1),
		.op = vsu_le16_make(op),
		.flags = vsu_le32_make(op == SHUTDOWN ? 3 : 0),
		.buf_alloc = vsu_le32_make(GUEST_ROOM),
		.fwd_cnt = vsu_le32_make(c->taken),
	};

	memcpy(c->rig.memory + at, &h, HEADER);
	guest_rig_give(&c->rig, TX, at, HEADER + len, false);
}

static void packet_take(struct vsock_case *c, uint64_t gpa)
{
	struct header h;

	memcpy(&h, c->rig.memory + gpa, HEADER);
	c->seen |= 1u << vsu_le16_load(h.op);
	c->taken += vsu_le32_load(h.len);
	if (vsu_le16_load(h.op) == REQUEST)
		c->host_port = vsu_le32_load(h.src_port);
}

/* Serves both queues and collects the results. */
static void serve(struct vsock_case *c)
{
	uint64_t gpa;
	uint32_t len;

	guest_rig_serve(&c->rig, TX);
	guest_rig_serve(&c->rig, RX);
	while (vq_driver_collect(c->rig.driver[TX], &gpa, &len) == 1)
		;
	while (vq_driver_collect(c->rig.driver[RX], &gpa, &len) == 1) {
		packet_take(c, gpa);
		guest_rig_give(&c->rig, RX, gpa, HEADER + c->size, true);
	}
}

static void serve_until(struct vsock_case *c, unsigned int op)
{
	unsigned int turns = 0;

	for (c->seen = 0; !(c->seen & 1u << op); turns++) {
		if (turns == 1000)
			guest_rig_die("a packet did not come", NULL);
		serve(c);
	}
}

/* -------------------------------------------------------------------- the host */

static void read_all(int fd, uint32_t len)
{
	ssize_t n;

	for (; len; len -= (uint32_t)n) {
		n = recv(fd, bytes, len, MSG_DONTWAIT);
		if (n <= 0)
			guest_rig_die("bytes are missing", NULL);
	}
}

static void write_all(int fd, uint32_t len)
{
	if (send(fd, bytes, len, MSG_DONTWAIT) != (ssize_t)len)
		guest_rig_die("a socket has no room", NULL);
}

static void connect_guest(struct vsock_case *c)
{
	char line[64];
	int n = snprintf(line, sizeof(line), "CONNECT %u\n", GUEST_PORT);

	c->fd = vsu_sock_connect(c->path, NULL);
	if (c->fd < 0 || send(c->fd, line, (size_t)n, MSG_NOSIGNAL) != n)
		guest_rig_die("connection", NULL);
	c->taken = 0;
	serve_until(c, REQUEST);
	packet_send(c, RESPONSE, 0);
	serve(c);
	if (recv(c->fd, line, sizeof(line), MSG_DONTWAIT) < 4)
		guest_rig_die("the connection was not taken", NULL);
}

static void disconnect(struct vsock_case *c)
{
	vsu_fd_close(&c->fd);
	serve_until(c, SHUTDOWN);
	packet_send(c, RST, 0);
	serve(c);
}

/* ----------------------------------------------------------------------- cases */

static void send_bytes(void *opaque, uint64_t n)
{
	struct vsock_case *c = opaque;
	uint32_t done;

	for (; n; n--) {
		for (done = 0; done < CHUNK; done += c->size)
			packet_send(c, RW, c->size);
		serve(c);
		read_all(c->fd, CHUNK);
	}
}

static void receive_bytes(void *opaque, uint64_t n)
{
	struct vsock_case *c = opaque;
	uint32_t before;
	unsigned int turns;

	for (; n; n--) {
		before = c->taken;
		write_all(c->fd, CHUNK);
		for (turns = 0; c->taken - before < CHUNK; turns++) {
			if (turns == 1000)
				guest_rig_die("bytes were lost", NULL);
			serve(c);
		}
		packet_send(c, CREDIT_UPDATE, 0);
	}
}

static void ping_pong(void *opaque, uint64_t n)
{
	struct vsock_case *c = opaque;

	for (; n; n--) {
		write_all(c->fd, SMALL);
		serve_until(c, RW);
		packet_send(c, RW, SMALL);
		serve(c);
		read_all(c->fd, SMALL);
	}
}

static void connections(void *opaque, uint64_t n)
{
	struct vsock_case *c = opaque;

	for (; n; n--) {
		disconnect(c);
		connect_guest(c);
	}
}

/* ---------------------------------------------------------------------- floors */

struct floor {
	int pair[2], listener;
	const char *path;
	uint32_t size;
};

static void floor_bytes(void *opaque, uint64_t n)
{
	const struct floor *f = opaque;
	uint32_t done;

	for (; n; n--) {
		for (done = 0; done < CHUNK; done += f->size)
			write_all(f->pair[0], f->size);
		read_all(f->pair[1], CHUNK);
	}
}

static void floor_bytes_out(void *opaque, uint64_t n)
{
	const struct floor *f = opaque;
	uint32_t done;

	for (; n; n--) {
		write_all(f->pair[0], CHUNK);
		for (done = 0; done < CHUNK; done += f->size)
			read_all(f->pair[1], f->size);
	}
}

static void floor_ping_pong(void *opaque, uint64_t n)
{
	const struct floor *f = opaque;

	for (; n; n--) {
		write_all(f->pair[0], SMALL);
		read_all(f->pair[1], SMALL);
		write_all(f->pair[1], SMALL);
		read_all(f->pair[0], SMALL);
	}
}

static void floor_connections(void *opaque, uint64_t n)
{
	const struct floor *f = opaque;
	int a, b;

	for (; n; n--) {
		a = vsu_sock_connect(f->path, NULL);
		b = vsu_sock_accept(f->listener);
		if (a < 0 || b < 0)
			guest_rig_die("connection", NULL);
		vsu_fd_close(&a);
		vsu_fd_close(&b);
	}
}

static void floor_open(struct floor *f, const char *path, uint32_t size)
{
	f->path = path;
	f->size = size;
	f->listener = vsu_sock_listen(path, 128, NULL);
	if (f->listener < 0 || vsu_sock_pair(f->pair) < 0)
		guest_rig_die("sockets", NULL);
}

static void floor_close(struct floor *f)
{
	unlink(f->path);
	vsu_fd_close(&f->listener);
	vsu_fd_close(&f->pair[0]);
	vsu_fd_close(&f->pair[1]);
}

/* ------------------------------------------------------------------------ main */

static const struct row {
	const char *name;
	bench_fn fn, floor;
	uint32_t size;
	double scale;		/* operations that make a unit */
	const char *unit;
} rows[] = {
	{ "vsock.tx.4k", send_bytes, floor_bytes, 4096, MIB / CHUNK, "MiB/s" },
	{ "vsock.tx.64k", send_bytes, floor_bytes, CHUNK, MIB / CHUNK,
	  "MiB/s" },
	{ "vsock.rx.4k", receive_bytes, floor_bytes_out, 4096, MIB / CHUNK,
	  "MiB/s" },
	{ "vsock.rx.64k", receive_bytes, floor_bytes_out, CHUNK, MIB / CHUNK,
	  "MiB/s" },
	{ "vsock.pingpong.64", ping_pong, floor_ping_pong, 4096, 1e3, "k/s" },
	{ "vsock.connections", connections, floor_connections, 4096, 1e3,
	  "k/s" },
};

static void device_open(struct vsock_case *c, const char *path)
{
	const struct virtdev_vsock_config config = {
		.size = sizeof(config), .path = path, .cid = GUEST_CID,
	};
	struct vsu_error err = VSU_ERROR_INIT;
	struct virtdev *dev;
	uint64_t i;

	if (virtdev_vsock_new(&config, &dev, &err) < 0)
		guest_rig_die("device", &err);
	guest_rig_open(&c->rig, MEMORY, dev, VQ_F_VERSION_1 | VQ_F_EVENT_IDX);
	snprintf(c->path, sizeof(c->path), "%s", path);
	for (i = 0; i < GUEST_RIG_SIZE; i++)
		guest_rig_give(&c->rig, RX,
			       RX_DATA + i * (RX_BYTES / GUEST_RIG_SIZE),
			       HEADER + c->size, true);
}

static void measure(const struct row *row, const char *folder)
{
	struct vsock_case c = { .size = row->size };
	struct floor f;
	char path[64], name[64];

	snprintf(name, sizeof(name), "floor.%s", row->name);
	if (!bench_selected(name))
		return;
	snprintf(path, sizeof(path), "%s/v", folder);
	device_open(&c, path);
	connect_guest(&c);
	bench_rate(row->name, row->fn, &c, row->scale, row->unit);
	disconnect(&c);
	guest_rig_close(&c.rig);
	floor_open(&f, path, row->size);
	bench_rate(name, row->floor, &f, row->scale, row->unit);
	floor_close(&f);
}

int main(int argc, char **argv)
{
	char folder[] = "/tmp/bench-vsock.XXXXXX";
	size_t i;

	bench_init(argc, argv);
	if (!mkdtemp(folder))
		guest_rig_die(folder, NULL);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		measure(&rows[i], folder);
	rmdir(folder);
	return 0;
}
