/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Cost for a back-end to put a piece of a file into a shared memory region
 * and take it away again; the front-end, on another thread, maps it.
 *
 *	vu.shmem_map_unmap_pair.S.mmap	one at a time, each awaited
 *	vu.shmem_map_unmap_16.S.mmap	16 maps together, then 16 unmaps
 *	vu.shmem_map_unmap_pair.4k.heldN	a pair beside N mappings that stay
 *	floor.shmem_map_unmap_pair	the bare system calls of a pair of 4k
 *
 * The figure is requests per second. S is 4k or 2M.
 */
#include <config.h>

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <vhost/backend.h>
#include <vhost/shmem.h>
#include <vmm-sys-util/sock.h>

#include "bench.h"
#include "echo_rig.h"
#include "memory_floor.h"

#define MIB (UINT64_C(1) << 20)
#define WINDOW (64 * MIB)
#define PAGE UINT64_C(4096)
/*
 * Mappings kept during the last rows; only every second page, to prevent
 * merging.
 */
#define HELD 4000u

/* The back-end, on this thread. */
static struct {
	struct vhost_user_backend *b;
	bool running, gone;
	unsigned int answers;
	int file;
} server;

/* The front-end, on its own. */
static struct {
	struct vhost_user_frontend *fe;
	struct vmem_map *map;
	bool dead;
} client;

/* ---------------------------------------------------------------- front-end */

static void on_ready(void *opaque)
{
	const struct vhost_user_ring ring = {
		.size = 64, .driver_gpa = 0x1000, .device_gpa = 0x2000,
		.kick_fd = -1, .call_fd = -1, .err_fd = -1,
	};
	struct vsu_error err = VSU_ERROR_INIT;

	(void)opaque;
	if (vhost_user_frontend_set_memory(client.fe, client.map, &err) < 0 ||
	    vhost_user_frontend_set_ring(client.fe, 0, &ring, &err) < 0 ||
	    vhost_user_frontend_start(client.fe, UINT64_C(1) << 32, &err) < 0)
		echo_rig_die("start", &err);
}

/* Accepts each map and unmap; holds nothing. */
static void on_shmem(void *opaque, struct vhost_user_shmem_change *changes,
		     unsigned int n)
{
	(void)opaque;
	bench_use(&changes[n - 1]);
}

static void on_failed(void *opaque, const struct vsu_error *err)
{
	(void)opaque;
	(void)err;
	client.dead = true;
}

static const struct vhost_user_frontend_ops client_ops = {
	.size = sizeof(client_ops),
	.ready = on_ready,
	.failed = on_failed,
	.shmem = on_shmem,
};

static void *run_client(void *opaque)
{
	struct pollfd fd = {
		.fd = vhost_user_frontend_fd(client.fe), .events = POLLIN,
	};

	(void)opaque;
	while (!client.dead) {
		poll(&fd, 1, -1);
		vhost_user_frontend_dispatch(client.fe);
	}
	return NULL;
}

/* ----------------------------------------------------------------- back-end */

static void on_run(void *opaque, uint32_t ring)
{
	(void)opaque;
	(void)ring;
	server.running = true;
}

static void on_quiesce(void *opaque, uint32_t ring, bool drain, uint64_t token)
{
	(void)opaque;
	(void)ring;
	(void)drain;
	vhost_user_backend_done(server.b, token);
}

static void on_gone(void *opaque, const struct vsu_error *err)
{
	(void)opaque;
	(void)err;
	server.gone = true;
}

static void on_result(void *opaque, uint64_t cookie, int result)
{
	(void)opaque;
	(void)cookie;
	if (result < 0 && !server.gone)
		echo_rig_die("a mapping was refused", NULL);
	server.answers++;
}

static const struct vhost_user_backend_ops server_ops = {
	.size = sizeof(server_ops),
	.run = on_run,
	.quiesce = on_quiesce,
	.gone = on_gone,
	.shmem_result = on_result,
};

static void serve(void)
{
	struct pollfd fd = {
		.fd = vhost_user_backend_fd(server.b), .events = POLLIN,
	};

	poll(&fd, 1, -1);
	vhost_user_backend_dispatch(server.b);
}

static void await(unsigned int answers)
{
	while (server.answers < answers)
		serve();
	server.answers = 0;
}

static void request(bool map, uint64_t index, uint64_t len)
{
	const struct vhost_user_shmem_request r = {
		.offset = index * len, .len = len, .fd_offset = index * len,
		.fd = server.file, .writable = true,
	};
	struct vsu_error err = VSU_ERROR_INIT;
	int rc = map ? vhost_user_backend_shmem_map(server.b, &r, 0, &err) :
		       vhost_user_backend_shmem_unmap(server.b, &r, 0, &err);

	if (rc < 0)
		echo_rig_die("request", &err);
}

struct requests {
	uint64_t len;
	unsigned int batch;
	unsigned int first;	/* pieces before it are held */
};

static void run_requests(void *opaque, uint64_t n)
{
	const struct requests *r = opaque;
	unsigned int i;
	uint64_t done;

	for (done = 0; done < n; done += 2 * r->batch) {
		for (i = 0; i < r->batch; i++)
			request(true, r->first + i, r->len);
		await(r->batch);
		vhost_user_backend_shmem_hold(server.b);
		for (i = 0; i < r->batch; i++)
			request(false, r->first + i, r->len);
		vhost_user_backend_shmem_release(server.b);
		await(r->batch);
	}
}

/* -------------------------------------------------------------------- cases */

static void open_both(pthread_t *thread)
{
	const uint64_t window = WINDOW;
	const struct vhost_user_backend_config back = {
		.size = sizeof(back), .features = UINT64_C(1) << 32,
		.nrings = 1, .shmem_sizes = &window, .nshmem = 1,
	};
	const struct vhost_user_frontend_config front = {
		.size = sizeof(front), .peer = "bench",
		.max_shmem_maps = HELD + 64,
	};
	struct vsu_error err = VSU_ERROR_INIT;
	int socks[2];

	client.map = echo_rig_new_map(1, ECHO_RIG_SEALS);
	server.file = memfd_create("bench", MFD_CLOEXEC);
	if (vsu_sock_pair(socks) < 0 || server.file < 0 ||
	    ftruncate(server.file, (off_t)WINDOW) < 0 ||
	    vhost_user_backend_new_take_fd(socks[1], &back, &server_ops, NULL,
					   &server.b, &err) < 0 ||
	    vhost_user_frontend_new_take_fd(socks[0], &front, &client_ops, NULL,
					    &client.fe, &err) < 0 ||
	    pthread_create(thread, NULL, run_client, NULL))
		echo_rig_die("session", &err);
	while (!server.running)
		serve();
}

static void close_both(pthread_t thread)
{
	vhost_user_backend_close(server.b);
	while (!server.gone)
		serve();
	vhost_user_backend_free(server.b);
	pthread_join(thread, NULL);
	vhost_user_frontend_free(client.fe);
	vmem_map_unref(client.map);
	close(server.file);
}

/* Pauses for replies, so that no queue is full. */
static void hold_mappings(unsigned int *held, unsigned int n)
{
	for (; *held < n; ++*held) {
		request(true, 2 * *held, PAGE);
		await(1);
	}
}

static void measure_held(unsigned int n, unsigned int *held)
{
	struct requests r = { PAGE, 1, 2 * HELD };
	char name[64];

	snprintf(name, sizeof(name), "vu.shmem_map_unmap_pair.4k.held%u", n);
	if (!bench_selected(name))
		return;
	hold_mappings(held, n);
	bench_rate(name, run_requests, &r, 1e3, "k/s");
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		struct requests r;
	} cases[] = {
		{ "vu.shmem_map_unmap_pair.4k.mmap", { PAGE, 1, 0 } },
		{ "vu.shmem_map_unmap_pair.2M.mmap", { 2 * MIB, 1, 0 } },
		{ "vu.shmem_map_unmap_16.4k.mmap", { PAGE, 16, 0 } },
		{ "vu.shmem_map_unmap_16.2M.mmap", { 2 * MIB, 16, 0 } },
	};
	unsigned int held = 0;
	pthread_t thread;
	unsigned int i;

	bench_init(argc, argv);
	bench_shmem_floor();
	open_both(&thread);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct requests r = cases[i].r;

		bench_rate(cases[i].name, run_requests, &r, 1e3, "k/s");
	}
	measure_held(0, &held);
	measure_held(HELD, &held);
	close_both(thread);
	return 0;
}
