/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Both sides of a shared memory region. */
#include <config.h>

#include <poll.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include <vhost/backend.h>
#include <vhost/shmem.h>
#include <vmm-sys-util/sock.h>

#include "bench.h"
#include "echo_rig.h"
#include "shmem_rig.h"

#define MIB (UINT64_C(1) << 20)
#define WINDOW (64 * MIB)

/* The back-end, on this thread. */
static struct {
	struct vhost_user_backend *b;
	bool running, gone;
	unsigned int answers;
	int file;
	unsigned int held;
} server;

/* The front-end, on its own. */
static struct {
	struct vhost_user_frontend *fe;
	struct vmem_map *map;
	bool dead;
	pthread_t thread;
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

void shmem_rig_run(void *opaque, uint64_t n)
{
	const struct shmem_requests *r = opaque;
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

void shmem_rig_open(void)
{
	const uint64_t window = WINDOW;
	const struct vhost_user_backend_config back = {
		.size = sizeof(back), .features = UINT64_C(1) << 32,
		.nrings = 1, .shmem_sizes = &window, .nshmem = 1,
	};
	const struct vhost_user_frontend_config front = {
		.size = sizeof(front), .peer = "bench",
		.max_shmem_maps = SHMEM_RIG_HELD + 64,
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
	    pthread_create(&client.thread, NULL, run_client, NULL))
		echo_rig_die("session", &err);
	while (!server.running)
		serve();
}

void shmem_rig_close(void)
{
	vhost_user_backend_close(server.b);
	while (!server.gone)
		serve();
	vhost_user_backend_free(server.b);
	pthread_join(client.thread, NULL);
	vhost_user_frontend_free(client.fe);
	vmem_map_unref(client.map);
	close(server.file);
}

/* Pauses for replies, so that no queue is full. */
void shmem_rig_hold(unsigned int n)
{
	for (; server.held < n; server.held++) {
		request(true, 2 * server.held, SHMEM_RIG_PAGE);
		await(1);
	}
}
