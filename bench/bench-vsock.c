/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Bytes between ports of a guest and UNIX sockets, through our socket device:
 *
 *	vsock.tx.SIZE		MiB per second from the guest, in packets of SIZE
 *	vsock.rx.SIZE		MiB per second to the guest, into buffers of SIZE
 *	vsock.pingpong.64	round trips of 64 bytes, thousands per second
 *	vsock.connections	connections of the host, with greeting and end, thousands
 *				per second
 *	floor.vsock.*		the same bytes over a pair of UNIX sockets
 *
 * One thread serves both ends, as in bench-net.
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
#include "vsock_rig.h"

#define MIB (1024.0 * 1024.0)
#define SMALL 64u
/* ----------------------------------------------------------------------- cases */

static void send_bytes(void *opaque, uint64_t n)
{
	struct vsock_rig *c = opaque;
	uint32_t done;

	for (; n; n--) {
		for (done = 0; done < VSOCK_RIG_CHUNK; done += c->size)
			vsock_rig_send(c, VSOCK_RW, c->size);
		vsock_rig_serve(c);
		vsock_rig_read(c->fd, VSOCK_RIG_CHUNK);
	}
}

static void receive_bytes(void *opaque, uint64_t n)
{
	struct vsock_rig *c = opaque;
	uint32_t before;
	unsigned int turns;

	for (; n; n--) {
		before = c->taken;
		vsock_rig_write(c->fd, VSOCK_RIG_CHUNK);
		for (turns = 0; c->taken - before < VSOCK_RIG_CHUNK; turns++) {
			if (turns == 1000)
				guest_rig_die("bytes were lost", NULL);
			vsock_rig_serve(c);
		}
		vsock_rig_send(c, VSOCK_CREDIT_UPDATE, 0);
	}
}

static void ping_pong(void *opaque, uint64_t n)
{
	for (; n; n--)
		vsock_rig_round_trip(opaque);
}

static void connections(void *opaque, uint64_t n)
{
	struct vsock_rig *c = opaque;

	for (; n; n--) {
		vsock_rig_disconnect(c);
		vsock_rig_connect(c);
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
		for (done = 0; done < VSOCK_RIG_CHUNK; done += f->size)
			vsock_rig_write(f->pair[0], f->size);
		vsock_rig_read(f->pair[1], VSOCK_RIG_CHUNK);
	}
}

static void floor_bytes_out(void *opaque, uint64_t n)
{
	const struct floor *f = opaque;
	uint32_t done;

	for (; n; n--) {
		vsock_rig_write(f->pair[0], VSOCK_RIG_CHUNK);
		for (done = 0; done < VSOCK_RIG_CHUNK; done += f->size)
			vsock_rig_read(f->pair[1], f->size);
	}
}

static void floor_ping_pong(void *opaque, uint64_t n)
{
	const struct floor *f = opaque;

	for (; n; n--) {
		vsock_rig_write(f->pair[0], SMALL);
		vsock_rig_read(f->pair[1], SMALL);
		vsock_rig_write(f->pair[1], SMALL);
		vsock_rig_read(f->pair[0], SMALL);
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
	{ "vsock.tx.4k", send_bytes, floor_bytes, 4096, MIB / VSOCK_RIG_CHUNK, "MiB/s" },
	{ "vsock.tx.64k", send_bytes, floor_bytes, VSOCK_RIG_CHUNK, MIB / VSOCK_RIG_CHUNK,
	  "MiB/s" },
	{ "vsock.rx.4k", receive_bytes, floor_bytes_out, 4096, MIB / VSOCK_RIG_CHUNK,
	  "MiB/s" },
	{ "vsock.rx.64k", receive_bytes, floor_bytes_out, VSOCK_RIG_CHUNK, MIB / VSOCK_RIG_CHUNK,
	  "MiB/s" },
	{ "vsock.pingpong.64", ping_pong, floor_ping_pong, 4096, 1e3, "k/s" },
	{ "vsock.connections", connections, floor_connections, 4096, 1e3,
	  "k/s" },
};

static void measure(const struct row *row, const char *folder)
{
	struct vsock_rig c;
	struct floor f;
	char path[64], name[64];

	snprintf(name, sizeof(name), "floor.%s", row->name);
	if (!bench_selected(name))
		return;
	snprintf(path, sizeof(path), "%s/v", folder);
	vsock_rig_open(&c, path, row->size, 0);
	vsock_rig_connect(&c);
	bench_rate(row->name, row->fn, &c, row->scale, row->unit);
	vsock_rig_disconnect(&c);
	vsock_rig_close(&c);
	floor_open(&f, path, row->size);
	bench_rate(name, row->floor, &f, row->scale, row->unit);
	floor_close(&f);
}

int main(int argc, char **argv)
{
	char folder[] = "/tmp/bench-vsock.XXXXXX";
	size_t i;

	bench_init(argc, argv);
	bench_count_cpu();
	if (!mkdtemp(folder))
		guest_rig_die(folder, NULL);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		measure(&rows[i], folder);
	rmdir(folder);
	return 0;
}
