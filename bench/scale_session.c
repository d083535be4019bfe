/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Curves of a vhost-user session: regions, queues, sessions one after another. */
#define _GNU_SOURCE
#include <config.h>

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <vhost/frontend.h>
#include <virtio-devices/blk.h>
#include <virtio-devices/disk.h>
#include <virtio-devices/vhost_user_server.h>
#include <virtio-queue/driver.h>
#include <vm-memory/block.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "bench.h"
#include "guest_rig.h"
#include "scale.h"

#define MIB (UINT64_C(1) << 20)
#define STEP (4 * MIB)		/* between regions, of half of it */
#define MAX_REGIONS 509u
#define MAX_QUEUES 256u
#define RING 16u
#define RING_STEP 0x1000u
#define FEATURES (VQ_F_VERSION_1 | VQ_F_EVENT_IDX)
#define FINDS 100000u
#define SAMPLES 20u		/* per run, of a cost that is short */

/* ---------------------------------------------------------------- the server */

struct server {
	struct virtdev *dev;
	struct virtdev_vhost_user_server *server;
	pthread_t thread;
	char folder[32], path[48];
	int stop;
};

static void *serve(void *opaque)
{
	struct server *s = opaque;

	while (virtdev_vhost_user_server_wait(s->server, s->stop, -1) == 0)
		;
	return NULL;
}

static void server_open(struct server *s, uint32_t queues)
{
	struct virtdev_vhost_user_server_config config = { .size = sizeof(config) };
	struct virtdev_blk_config blk = { .size = sizeof(blk), .nqueues = queues };
	struct vsu_error err = VSU_ERROR_INIT;
	int fd;

	strcpy(s->folder, "/tmp/bench-scale.XXXXXX");
	if (!mkdtemp(s->folder) || virtdev_disk_null_new(MIB, &blk.disk, &err) < 0 ||
	    virtdev_blk_new(&blk, &s->dev, &err) < 0)
		guest_rig_die("device", &err);
	snprintf(s->path, sizeof(s->path), "%s/s", s->folder);
	fd = vsu_sock_listen(s->path, 16, NULL);
	s->stop = vsu_event_new();
	config.dev = s->dev;
	if (fd < 0 || virtdev_vhost_user_server_new(&config, fd, &s->server, &err) < 0 ||
	    pthread_create(&s->thread, NULL, serve, s))
		guest_rig_die("server", &err);
	close(fd);
}

static void server_close(struct server *s)
{
	vsu_event_signal_own(s->stop);
	pthread_join(s->thread, NULL);
	while (virtdev_vhost_user_server_stop(s->server) != 0)
		virtdev_vhost_user_server_dispatch(s->server);
	virtdev_vhost_user_server_free(s->server);
	virtdev_free(s->dev);
	vsu_fd_close(&s->stop);
	unlink(s->path);
	rmdir(s->folder);
}

/* ----------------------------------------------------------------- front-end */

struct client {
	struct vhost_user_frontend *fe;
	bool ready, started, memory;
};

static void on_ready(void *opaque)
{
	((struct client *)opaque)->ready = true;
}

static void on_started(void *opaque)
{
	((struct client *)opaque)->started = true;
}

static void on_memory(void *opaque, const struct vsu_error *err)
{
	if (err)
		guest_rig_die("memory", err);
	((struct client *)opaque)->memory = true;
}

static void on_failed(void *opaque, const struct vsu_error *err)
{
	(void)opaque;
	guest_rig_die("session", err);
}

static const struct vhost_user_frontend_ops ops = {
	.size = sizeof(ops), .ready = on_ready, .started = on_started,
	.failed = on_failed, .memory = on_memory,
};

static void wait_for(struct client *c, const bool *flag)
{
	struct pollfd p = { vhost_user_frontend_fd(c->fe), POLLIN, 0 };

	while (!*flag) {
		poll(&p, 1, -1);
		vhost_user_frontend_dispatch(c->fe);
	}
}

/* The rings of all clients are at the same addresses of region 0, and empty. */
static void set_ring(struct client *c, uint32_t i, const int *fds)
{
	const uint64_t gpa = i * RING_STEP;
	const struct vhost_user_ring ring = {
		.size = RING, .desc_gpa = gpa, .driver_gpa = gpa + 0x400,
		.device_gpa = gpa + 0x800, .kick_fd = fds[0], .call_fd = fds[1],
		.err_fd = -1,
	};
	struct vsu_error err = VSU_ERROR_INIT;

	if (vhost_user_frontend_set_ring(c->fe, i, &ring, &err) < 0)
		guest_rig_die("ring", &err);
}

/* From connect() until the device runs. All rings have the same eventfds. */
static void client_open(struct client *c, const struct server *s, struct vmem_map *map,
			uint32_t queues, const int *fds)
{
	const struct vhost_user_frontend_config config = {
		.size = sizeof(config), .peer = "bench",
	};
	struct vsu_error err = VSU_ERROR_INIT;
	int sock = vsu_sock_connect(s->path, NULL);
	uint32_t i;

	memset(c, 0, sizeof(*c));
	if (sock < 0 || vhost_user_frontend_new_take_fd(sock, &config, &ops, c, &c->fe,
							 &err) < 0)
		guest_rig_die("front-end", &err);
	wait_for(c, &c->ready);
	for (i = 0; i < queues; i++)
		set_ring(c, i, fds);
	if (vhost_user_frontend_set_memory(c->fe, map, &err) < 0 ||
	    vhost_user_frontend_start(c->fe, FEATURES & vhost_user_frontend_features(c->fe),
				      &err) < 0)
		guest_rig_die("start", &err);
	wait_for(c, &c->started);
}

static void client_close(struct client *c)
{
	vhost_user_frontend_free(c->fe);
}

/* -------------------------------------------------------------------- regions */

static struct vmem_region *regions[MAX_REGIONS];

static struct vmem_region *new_region(uint64_t gpa)
{
	struct vmem_fd_desc file = {
		.fd = memfd_create("bench", MFD_CLOEXEC),
		.flags = VMEM_BLOCK_WRITE | VMEM_BLOCK_SHARED, .len = STEP / 2,
	};
	struct vmem_region_desc desc = { .gpa = gpa, .len = STEP / 2 };
	struct vsu_error err = VSU_ERROR_INIT;
	struct vmem_region *region;

	if (file.fd < 0 || ftruncate(file.fd, (off_t)file.len) < 0 ||
	    vmem_block_new_fd(&file, &desc.block, &err) < 0 ||
	    vmem_region_new(&desc, &region, &err) < 0)
		guest_rig_die("region", &err);
	close(file.fd);
	vmem_block_unref(desc.block);
	return region;
}

static struct vmem_map *make_map(uint32_t n)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct vmem_map *map;

	if (vmem_map_from_regions(regions, n, &map, &err) < 0)
		guest_rig_die("map", &err);
	return map;
}

static void make_regions(void)
{
	uint32_t i;

	for (i = 0; i < MAX_REGIONS; i++)
		regions[i] = new_region(i * STEP);
}

static void drop_regions(void)
{
	uint32_t i;

	for (i = 0; i < MAX_REGIONS; i++)
		vmem_region_unref(regions[i]);
}

static double best(double a, double b)
{
	return a && a < b ? a : b;
}

static double time_finds(const struct vmem_map *map, uint32_t n)
{
	const double start = bench_now();
	uint32_t i, random = 12345;

	for (i = 0; i < FINDS; i++) {
		random = random * 1664525u + 1013904223u;
		bench_use(vmem_map_find(map, (random >> 8) % n * STEP));
	}
	return (bench_now() - start) / FINDS;
}

static double time_builds(uint32_t n)
{
	const double start = bench_now();
	uint32_t i;

	for (i = 0; i < 100; i++)
		vmem_map_unref(make_map(n));
	return (bench_now() - start) / 100 / 1e3;
}

static double time_session(const struct server *s, struct vmem_map *map, uint32_t queues,
			   const int *fds)
{
	const double start = bench_now();
	struct client c;
	double taken;

	client_open(&c, s, map, queues, fds);
	taken = (bench_now() - start) / 1e3;
	client_close(&c);
	return taken;
}

static void change_memory(struct client *c, struct vmem_map *map)
{
	struct vsu_error err = VSU_ERROR_INIT;

	c->memory = false;
	if (vhost_user_frontend_set_memory(c->fe, map, &err) < 0)
		guest_rig_die("memory", &err);
	wait_for(c, &c->memory);
}

/* One more region, and one less. */
static double time_adds(struct client *c, uint32_t n)
{
	struct vmem_map *less = make_map(n), *more = make_map(n + 1);
	const double start = bench_now();

	change_memory(c, more);
	change_memory(c, less);
	vmem_map_unref(less);
	vmem_map_unref(more);
	return (bench_now() - start) / 2 / 1e3;
}

static void measure_regions(const struct server *s, uint32_t n, const int *fds)
{
	struct vmem_map *map = make_map(n);
	double find = 0, build = 0, session = 0, add = 0;
	struct client c;
	unsigned int i;

	for (i = 0; i < scale_runs(); i++) {
		find = best(find, time_finds(map, n));
		build = best(build, time_builds(n));
		session = best(session, time_session(s, map, 1, fds));
	}
	client_open(&c, s, map, 1, fds);
	for (i = 0; i < SAMPLES * scale_runs(); i++)
		add = best(add, time_adds(&c, n));
	client_close(&c);
	vmem_map_unref(map);
	scale_print("regions.find", n, find, "ns");
	scale_print("regions.build", n, build, "us");
	scale_print("regions.session", n, session, "us");
	scale_print("regions.add", n, add, "us");
}

void scale_regions(const uint32_t *x, unsigned int n)
{
	const int fds[] = { vsu_event_new(), vsu_event_new() };
	struct server s;
	unsigned int i;

	make_regions();
	server_open(&s, 1);
	for (i = 0; i < n; i++)
		measure_regions(&s, x[i], fds);
	server_close(&s);
	drop_regions();
	close(fds[0]);
	close(fds[1]);
}

/* ------------------------------------------------------- queues and sessions */

struct setting {
	struct server s;
	unsigned char *memory;
	struct vmem_map *map;
	int fds[2];
};

static void setting_open(struct setting *t, uint32_t queues)
{
	t->map = guest_rig_memory(2 * MIB, &t->memory);
	t->fds[0] = vsu_event_new();
	t->fds[1] = vsu_event_new();
	server_open(&t->s, queues);
}

static void setting_close(struct setting *t)
{
	server_close(&t->s);
	vmem_map_unref(t->map);
	close(t->fds[0]);
	close(t->fds[1]);
}

void scale_queues(const uint32_t *x, unsigned int n)
{
	struct scale_usage before;
	struct setting t;
	struct client c;
	unsigned int i, k;
	double us;

	setting_open(&t, MAX_QUEUES);
	for (i = 0; i < n; i++) {
		before = scale_usage();
		for (us = 0, k = 0; k < scale_runs(); k++)
			us = best(us, time_session(&t.s, t.map, x[i], t.fds));
		scale_print("queues.session", x[i], us, "us");
		client_open(&c, &t.s, t.map, x[i], t.fds);
		scale_print_usage("queues", x[i], &before);
		client_close(&c);
	}
	setting_close(&t);
}

/* The best of the last sessions, so that one that was disturbed does not count. */
void scale_sessions(const uint32_t *x, unsigned int n)
{
	struct scale_usage before;
	struct setting t;
	uint32_t done = 0;
	unsigned int i;
	double us;

	setting_open(&t, 1);
	before = scale_usage();
	for (i = 0; i < n; i++) {
		for (us = 0; done < x[i]; done++)
			us = best(us, time_session(&t.s, t.map, 1, t.fds));
		scale_print("sessions.session", x[i], us, "us");
		scale_print_usage("sessions", x[i], &before);
	}
	setting_close(&t);
}
