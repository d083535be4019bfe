/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Random requests to disks behind a vhost-user socket, thousands per second:
 *
 *	vub.blk.DISK.rr4k.qdN	reads of 4 KiB; DISK: null, measured (the same, and
 *				the device measures latency), mmap, uring, sync
 *				(an image on tmpfs), N: 1, 32, 128
 *	vub.blk.DISK.rw4k.qdN	writes of 4 KiB
 *	vub.blk.DISK.rr128k.qdN	reads of 128 KiB; N: 1, 16
 *	vub.blk.DISK.rw128k.qdN	writes of 128 KiB
 *	floor.blk.WHAT.rr4k	the same without device, queue and socket; WHAT:
 *				copy (a mapped image), call (pread, pwrite)
 *
 * The server has a thread of its own. With BLK_SOCKET in the environment the
 * disk of the server at that socket is measured instead, as DISK "socket"; it
 * requires a queue of 128 and indirect descriptors. Its writes destroy data.
 */
#include <config.h>

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

#include <vhost/frontend.h>
#include <virtio-devices/blk.h>
#include <virtio-devices/blk_layout.h>
#include <virtio-devices/latency.h>
#include <virtio-devices/vhost_user_server.h>
#include <virtio-queue/driver.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "bench.h"
#include "blk_floor.h"
#include "guest_rig.h"

#define MIB (UINT64_C(1) << 20)
#define RING 128u
/* With FLUSH writes are not written through. */
#define FEATURES (VQ_F_VERSION_1 | VQ_F_INDIRECT_DESC | VQ_F_EVENT_IDX | \
		  VIRTDEV_BLK_F_FLUSH)
/* Guest addresses: rings, tables, headers with status bytes, data. */
#define TABLES_GPA 0x10000u
#define HEADERS_GPA 0x20000u
#define DATA_GPA MIB

/* A device and the thread that serves it. */
struct side {
	struct virtdev *dev;
	struct virtdev_measured measured;	/* its one queue */
	struct virtdev_vhost_user_server *server;
	pthread_t thread;
	int sock;		/* the client's end */
};

static struct vmem_sigbus *table;

static void *serve(void *opaque)
{
	struct side *s = opaque;

	while (virtdev_vhost_user_server_wait(s->server, -1, -1) >= 0)
		;
	return NULL;
}

static struct virtdev_disk *open_image(uint32_t engine)
{
	struct virtdev_disk_file how = {
		.size = sizeof(how), .engine = engine, .sigbus = table,
	};
	struct vsu_error err = VSU_ERROR_INIT;
	struct virtdev_disk *disk;
	unsigned char *bytes;
	char path[32];
	int fd = blk_floor_image(&bytes);

	munmap(bytes, BLK_IMAGE);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	how.path = path;
	if (virtdev_disk_file_open(&how, &disk, &err) < 0) {
		fprintf(stderr, "bench: left out: %s\n", err.msg);
		disk = NULL;
	}
	close(fd);
	return disk;
}

static struct virtdev_disk *open_null(uint32_t engine)
{
	struct virtdev_disk *disk;

	(void)engine;
	if (virtdev_disk_null_new(BLK_IMAGE, &disk, NULL) < 0)
		guest_rig_die("null disk", NULL);
	return disk;
}

static void start_server(struct side *s, struct virtdev_disk *disk, bool measured)
{
	struct virtdev_vhost_user_server_config config = {
		.size = sizeof(config), .sigbus = table,
	};
	const struct virtdev_blk_config blk = { .size = sizeof(blk),
						.disk = disk };
	struct vsu_error err = VSU_ERROR_INIT;
	int pair[2];

	if (virtdev_blk_new(&blk, &s->dev, &err) < 0 ||
	    (measured && virtdev_measure(s->dev, &s->measured) < 0) ||
	    vsu_sock_pair(pair) < 0)
		guest_rig_die("device", &err);
	config.dev = s->dev;
	if (virtdev_vhost_user_server_new(&config, pair[1],
						    &s->server, &err) < 0)
		guest_rig_die("server", &err);
	close(pair[1]);
	s->sock = pair[0];
	if (pthread_create(&s->thread, NULL, serve, s))
		guest_rig_die("thread", NULL);
}

/* Called after the client has disconnected. */
static void stop_server(struct side *s)
{
	pthread_join(s->thread, NULL);
	virtdev_vhost_user_server_free(s->server);
	virtdev_free(s->dev);
}

struct client {
	struct vhost_user_frontend *fe;
	struct vmem_map *map;
	unsigned char *memory;
	struct vq_driver *driver;
	int kick, call;
	const struct blk_row *row;
	unsigned int depth, inflight;
	uint64_t random;
	bool ready, started;
};

static void on_ready(void *opaque)
{
	((struct client *)opaque)->ready = true;
}

static void on_started(void *opaque)
{
	((struct client *)opaque)->started = true;
}

static void on_failed(void *opaque, const struct vsu_error *err)
{
	(void)opaque;
	guest_rig_die("session", err);
}

static void wait_for(struct client *c, const bool *flag)
{
	struct pollfd p = { vhost_user_frontend_fd(c->fe), POLLIN, 0 };

	while (!*flag) {
		poll(&p, 1, -1);
		vhost_user_frontend_dispatch(c->fe);
	}
}

static void make_ring(struct client *c)
{
	const struct vq_driver_config dc = {
		.map = c->map, .features = FEATURES, .size = RING,
		.indirect_max = 3, .indirect_gpa = TABLES_GPA,
	};
	struct vhost_user_ring ring = { .size = RING, .err_fd = -1 };
	struct vsu_error err = VSU_ERROR_INIT;

	if (vq_driver_new(&dc, &c->driver, &err) < 0)
		guest_rig_die("ring", &err);
	ring.desc_gpa = vq_driver_desc_gpa(c->driver);
	ring.driver_gpa = vq_driver_driver_gpa(c->driver);
	ring.device_gpa = vq_driver_device_gpa(c->driver);
	ring.kick_fd = c->kick = vsu_event_new();
	ring.call_fd = c->call = vsu_event_new();
	if (vhost_user_frontend_set_ring(c->fe, 0, &ring, &err) < 0)
		guest_rig_die("ring", &err);
}

static void client_open(struct client *c, int sock)
{
	static const struct vhost_user_frontend_ops ops = {
		.size = sizeof(ops), .ready = on_ready, .started = on_started,
		.failed = on_failed,
	};
	const struct vhost_user_frontend_config config = {
		.size = sizeof(config), .peer = "bench",
	};
	struct vsu_error err = VSU_ERROR_INIT;

	memset(c, 0, sizeof(*c));
	c->random = UINT64_C(0x9e3779b97f4a7c15);
	c->map = guest_rig_memory(4 * MIB, &c->memory);
	if (vhost_user_frontend_new_take_fd(sock, &config, &ops, c, &c->fe,
					    &err) < 0)
		guest_rig_die("front-end", &err);
	wait_for(c, &c->ready);
	make_ring(c);
	if (vhost_user_frontend_set_memory(c->fe, c->map, &err) < 0 ||
	    vhost_user_frontend_start(c->fe, FEATURES &
				      vhost_user_frontend_features(c->fe),
				      &err) < 0)
		guest_rig_die("start", &err);
	wait_for(c, &c->started);
}

static void client_close(struct client *c)
{
	vhost_user_frontend_free(c->fe);
	vq_driver_free(c->driver);
	vmem_map_unref(c->map);
	vsu_fd_close(&c->kick);
	vsu_fd_close(&c->call);
}

static void add_request(struct client *c, uint64_t slot)
{
	const uint32_t len = c->row->len;
	const uint64_t header = HEADERS_GPA + slot * 64;
	const struct vq_buffer b[] = {
		{ header, 16, 0 },
		{ DATA_GPA + slot * len, len, !c->row->write },
		{ header + 32, 1, 1 },
	};
	const uint64_t sector = blk_floor_offset(&c->random, len) / 512;
	const uint64_t type = c->row->write ? VIRTDEV_BLK_T_OUT :
			      VIRTDEV_BLK_T_IN;

	memcpy(c->memory + header, &type, 8);
	memcpy(c->memory + header + 8, &sector, 8);
	if (vq_driver_add(c->driver, b, 3, slot) < 0)
		guest_rig_die("a request does not fit", NULL);
	c->inflight++;
}

static void publish(struct client *c)
{
	if (vq_driver_publish(c->driver))
		vsu_event_signal_own(c->kick);
}

static void sleep_for_call(struct client *c)
{
	struct pollfd p = { c->call, POLLIN, 0 };
	uint64_t n;

	if (vq_driver_enable_call(c->driver))
		return;
	poll(&p, 1, -1);
	vsu_event_drain(c->call, &n);
}

/* n requests, up to depth in parallel. */
static void requests(void *opaque, uint64_t n)
{
	struct client *c = opaque;
	uint64_t begun, done = 0, slot;
	uint32_t written;

	for (begun = 0; begun < n && begun < c->depth; begun++)
		add_request(c, begun);
	publish(c);
	while (done < n) {
		uint64_t before = done;

		vq_driver_disable_call(c->driver);
		while (vq_driver_collect(c->driver, &slot, &written) == 1) {
			if (c->memory[HEADERS_GPA + slot * 64 + 32])
				guest_rig_die("a request failed", NULL);
			c->inflight--;
			done++;
			if (begun < n) {
				add_request(c, slot);
				begun++;
			}
		}
		publish(c);
		if (done == before)
			sleep_for_call(c);
	}
}

static void row_name(char *name, size_t size, const char *disk,
		     const struct blk_row *row, unsigned int depth)
{
	snprintf(name, size, "vub.blk.%s.%s.qd%u", disk, row->name, depth);
}

static void measure(const char *disk, int sock)
{
	struct client c;
	char name[64];
	size_t i, j;

	client_open(&c, sock);
	for (i = 0; i < BLK_ROWS; i++)
		for (j = 0; j < 3 && blk_rows[i].depths[j]; j++) {
			c.row = &blk_rows[i];
			c.depth = blk_rows[i].depths[j];
			row_name(name, sizeof(name), disk, c.row, c.depth);
			bench_rate(name, requests, &c, 1e3, "k/s");
		}
	client_close(&c);
}

static const struct {
	const char *name;
	struct virtdev_disk *(*open)(uint32_t engine);
	uint32_t engine;
	bool measured;
} disks[] = {
	{ "null", open_null, 0, false },
	{ "measured", open_null, 0, true },
	{ "mmap", open_image, VIRTDEV_DISK_ENGINE_MMAP, false },
	{ "uring", open_image, VIRTDEV_DISK_ENGINE_IO_URING, false },
	{ "sync", open_image, VIRTDEV_DISK_ENGINE_SYNC, false },
};

/* A case of this disk was selected. */
static bool wanted(const char *disk)
{
	char name[64];
	size_t i, j;

	for (i = 0; i < BLK_ROWS; i++)
		for (j = 0; j < 3 && blk_rows[i].depths[j]; j++) {
			row_name(name, sizeof(name), disk, &blk_rows[i],
				 blk_rows[i].depths[j]);
			if (bench_selected(name))
				return true;
		}
	return false;
}

static void measure_own(size_t i)
{
	struct virtdev_disk *disk = disks[i].open(disks[i].engine);
	struct side s = { .sock = -1 };

	if (!disk)
		return;
	start_server(&s, disk, disks[i].measured);
	measure(disks[i].name, s.sock);
	stop_server(&s);
}

int main(int argc, char **argv)
{
	const char *socket = getenv("BLK_SOCKET");
	struct vsu_error err = VSU_ERROR_INIT;
	size_t i;
	int sock;

	bench_init(argc, argv);
	if (socket) {
		sock = vsu_sock_connect(socket, &err);
		if (sock < 0)
			guest_rig_die("BLK_SOCKET", &err);
		measure("socket", sock);
		return 0;
	}
	if (vmem_sigbus_new(64, &table, &err) < 0)
		guest_rig_die("table", &err);
	for (i = 0; i < sizeof(disks) / sizeof(*disks); i++)
		if (wanted(disks[i].name))
			measure_own(i);
	vmem_sigbus_free(table);
	bench_blk_floors();
	return 0;
}
