/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A front-end here, an echo server on another thread. */
#include <config.h>

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <vm-memory/block.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "echo_rig.h"

#define MIB (UINT64_C(1) << 20)
#define REGION (2 * MIB)
/* Rings lie in the first region, one behind the other. */
#define RING_STEP 0x8000u

void echo_rig_die(const char *what, const struct vsu_error *err)
{
	fprintf(stderr, "bench: %s%s%s\n", what, err ? ": " : "",
		err ? err->msg : "");
	exit(1);
}

static struct vmem_region *new_region(uint64_t gpa, int seals)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct vmem_fd_desc file = {
		.fd = memfd_create("bench", MFD_CLOEXEC | MFD_ALLOW_SEALING),
		.flags = VMEM_BLOCK_WRITE | VMEM_BLOCK_SHARED, .len = REGION,
	};
	struct vmem_region_desc desc = { .gpa = gpa, .len = REGION };
	struct vmem_region *region;

	if (file.fd < 0 || ftruncate(file.fd, (off_t)REGION) < 0 ||
	    fcntl(file.fd, F_ADD_SEALS, seals) < 0 ||
	    vmem_block_new_fd(&file, &desc.block, &err) < 0 ||
	    vmem_region_new(&desc, &region, &err) < 0)
		echo_rig_die("memory", &err);
	close(file.fd);
	vmem_block_unref(desc.block);
	return region;
}

struct vmem_map *echo_rig_new_map(unsigned int n, int seals)
{
	struct vmem_region *regions[16] = { NULL };
	struct vsu_error err = VSU_ERROR_INIT;
	struct vmem_map *map;
	unsigned int i;

	for (i = 0; i < n; i++)
		regions[i] = new_region(i * 4 * MIB, seals);
	if (vmem_map_from_regions(regions, n, &map, &err) < 0)
		echo_rig_die("map", &err);
	for (i = 0; i < n; i++)
		vmem_region_unref(regions[i]);
	return map;
}

/* ---------------------------------------------------------------- callbacks */

static void on_ready(void *opaque)
{
	struct echo_rig *p = opaque;

	p->ready = true;
}

static void on_started(void *opaque)
{
	struct echo_rig *p = opaque;

	p->started = true;
}

static void on_stopped(void *opaque, const uint32_t *bases, unsigned int n)
{
	struct echo_rig *p = opaque;

	(void)bases;
	(void)n;
	p->stopped = true;
}

static void on_config(void *opaque, uint32_t off, const void *buf, uint32_t len)
{
	struct echo_rig *p = opaque;

	(void)off;
	(void)buf;
	p->config = len > 0;
}

static void on_memory(void *opaque, const struct vsu_error *err)
{
	struct echo_rig *p = opaque;

	if (err)
		echo_rig_die("memory", err);
	p->memory = true;
}

static void on_failed(void *opaque, const struct vsu_error *err)
{
	(void)opaque;
	echo_rig_die("session", err);
}

static const struct vhost_user_frontend_ops ops = {
	.size = sizeof(ops),
	.ready = on_ready,
	.started = on_started,
	.stopped = on_stopped,
	.config = on_config,
	.failed = on_failed,
	.memory = on_memory,
};

/* --------------------------------------------------------------------- life */

static void make_ring(struct echo_rig *p, unsigned int index)
{
	const struct vq_driver_config config = {
		.map = p->map, .gpa = index * RING_STEP,
		.features = ECHO_RIG_FEATURES, .size = ECHO_RIG_RING_SIZE,
	};
	struct vsu_error err = VSU_ERROR_INIT;

	if (vq_driver_new(&config, &p->driver[index], &err) < 0)
		echo_rig_die("ring", &err);
	p->kick_fd[index] = vsu_event_new();
	p->call_fd[index] = vsu_event_new();
}

int echo_rig_open(struct echo_rig *p, unsigned int nrings, struct vmem_map *map)
{
	unsigned int i;
	int pair[2];

	memset(p, 0, sizeof(*p));
	p->nrings = nrings;
	p->map = vmem_map_ref(map);
	for (i = 0; i < nrings; i++)
		make_ring(p, i);
	if (vsu_sock_pair(pair) < 0)
		echo_rig_die("socketpair", NULL);
	echo_server_init(&p->server, pair[1], ECHO_RIG_FEATURES, -1);
	if (pthread_create(&p->thread, NULL, echo_server_thread, &p->server))
		echo_rig_die("thread", NULL);
	return pair[0];
}

void echo_rig_connect(struct echo_rig *p, int sock, uint64_t protocol)
{
	const struct vhost_user_frontend_config config = {
		.size = sizeof(config), .peer = "bench",
		.protocol_features = protocol,
	};
	struct vsu_error err = VSU_ERROR_INIT;

	if (vhost_user_frontend_new_take_fd(sock, &config, &ops, p, &p->fe,
					    &err) < 0)
		echo_rig_die("front-end", &err);
}

void echo_rig_wait(struct echo_rig *p, const bool *flag)
{
	struct pollfd fd = {
		.fd = vhost_user_frontend_fd(p->fe), .events = POLLIN,
	};

	while (!*flag) {
		poll(&fd, 1, -1);
		vhost_user_frontend_dispatch(p->fe);
	}
}

static void describe(struct echo_rig *p, unsigned int index)
{
	const struct vq_driver *driver = p->driver[index];
	const struct vhost_user_ring ring = {
		.size = ECHO_RIG_RING_SIZE,
		.desc_gpa = vq_driver_desc_gpa(driver),
		.driver_gpa = vq_driver_driver_gpa(driver),
		.device_gpa = vq_driver_device_gpa(driver),
		.kick_fd = p->kick_fd[index], .call_fd = p->call_fd[index],
		.err_fd = -1,
	};
	struct vsu_error err = VSU_ERROR_INIT;

	if (vhost_user_frontend_set_ring(p->fe, index, &ring, &err) < 0)
		echo_rig_die("ring", &err);
}

void echo_rig_start(struct echo_rig *p)
{
	struct vsu_error err = VSU_ERROR_INIT;
	unsigned int i;

	echo_rig_wait(p, &p->ready);
	for (i = 0; i < p->nrings; i++)
		describe(p, i);
	if (vhost_user_frontend_set_memory(p->fe, p->map, &err) < 0 ||
	    vhost_user_frontend_start(p->fe, ECHO_RIG_FEATURES, &err) < 0)
		echo_rig_die("start", &err);
	echo_rig_wait(p, &p->started);
}

void echo_rig_stop(struct echo_rig *p)
{
	struct vsu_error err = VSU_ERROR_INIT;

	if (vhost_user_frontend_stop(p->fe, &err) < 0)
		echo_rig_die("stop", &err);
	echo_rig_wait(p, &p->stopped);
}

void echo_rig_close(struct echo_rig *p)
{
	unsigned int i;

	vhost_user_frontend_free(p->fe);
	pthread_join(p->thread, NULL);
	for (i = 0; i < p->nrings; i++) {
		vq_driver_free(p->driver[i]);
		vsu_fd_close(&p->kick_fd[i]);
		vsu_fd_close(&p->call_fd[i]);
	}
	vmem_map_unref(p->map);
}
