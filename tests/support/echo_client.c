/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The driver of an echo device. */
#include <config.h>

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <vm-memory/block.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>

#include "echo_client.h"

/* Each ring has its own window for areas and buffers. */
#define WINDOW UINT64_C(0x40000)
#define BUFFERS UINT64_C(0x10000)
#define STRIDE 256u

/* ------------------------------------------------------------------ callbacks */

static void on_ready(void *opaque)
{
	struct echo_client *c = opaque;

	c->ready = true;
}

static void on_started(void *opaque)
{
	struct echo_client *c = opaque;

	c->started = true;
}

static void on_stopped(void *opaque, const uint32_t *bases, unsigned int n)
{
	struct echo_client *c = opaque;

	memcpy(c->bases, bases, n * sizeof(*bases));
	c->stopped = true;
}

static void on_config(void *opaque, uint32_t off, const void *buf, uint32_t len)
{
	struct echo_client *c = opaque;

	(void)off;
	c->config = true;
	c->config_len = len;
	if (len)
		memcpy(c->config_bytes, buf, len);
}

static void on_changed(void *opaque)
{
	struct echo_client *c = opaque;

	c->changed = true;
}

static void on_failed(void *opaque, const struct vsu_error *err)
{
	struct echo_client *c = opaque;

	c->failed = true;
	c->err = *err;
}

static void on_memory(void *opaque, const struct vsu_error *err)
{
	struct echo_client *c = opaque;

	c->memory = true;
	c->memory_code = err ? err->code : 0;
}

static void drop_mapping(struct echo_client *c)
{
	c->mapping = vmem_block_unref(c->mapping);
	c->mapped = false;
}

static void on_shmem(void *opaque, struct vhost_user_shmem_change *changes,
		     unsigned int n)
{
	struct echo_client *c = opaque;
	unsigned int i;

	for (i = 0; i < n; i++) {
		if (!changes[i].map && !c->hold) {
			drop_mapping(c);
		} else if (changes[i].map) {
			c->mapping = vmem_block_ref(changes[i].block);
			c->mapping_at = changes[i].offset;
			c->mapped = true;
		}
	}
}

static const struct vhost_user_frontend_ops ops = {
	.size = sizeof(ops),
	.ready = on_ready,
	.started = on_started,
	.stopped = on_stopped,
	.config = on_config,
	.config_changed = on_changed,
	.failed = on_failed,
	.memory = on_memory,
	.shmem = on_shmem,
};

/* ----------------------------------------------------------------- memory */

void echo_client_grow(struct echo_client *c, uint64_t gpa, uint64_t len)
{
	struct vmem_fd_desc desc = {
		.flags = VMEM_BLOCK_WRITE | VMEM_BLOCK_SHARED, .len = len,
	};
	struct vmem_region_desc region_desc = { .gpa = gpa, .len = len };
	struct vmem_region *region;
	struct vmem_map *more;

	desc.fd = memfd_create("echo", MFD_CLOEXEC);
	if (desc.fd < 0 || ftruncate(desc.fd, (off_t)len) < 0 ||
	    vmem_block_new_fd(&desc, &region_desc.block, NULL) < 0 ||
	    vmem_region_new(&region_desc, &region, NULL) < 0 ||
	    vmem_map_add(c->map, region, &more, NULL) < 0)
		abort();
	vmem_region_unref(region);
	vmem_block_unref(region_desc.block);
	close(desc.fd);
	vmem_map_unref(c->map);
	c->map = more;
}

static void make_ring(struct echo_client *c, unsigned int index)
{
	struct echo_ring *ring = &c->rings[index];
	struct vq_driver_config config = {
		.map = c->map,
		.features = c->features,
		.size = ECHO_RING_SIZE,
	};

	ring->base_gpa = index * WINDOW;
	config.gpa = ring->base_gpa;
	ring->kick_fd = vsu_event_new();
	ring->call_fd = vsu_event_new();
	if (vq_driver_new(&config, &ring->driver, NULL) < 0 ||
	    ring->kick_fd < 0 || ring->call_fd < 0)
		abort();
}

void echo_client_init(struct echo_client *c, int sock, unsigned int nrings,
		      uint64_t features)
{
	const struct vhost_user_frontend_config config = {
		.size = sizeof(config), .peer = "echo",
	};
	unsigned int i;

	memset(c, 0, sizeof(*c));
	c->nrings = nrings;
	c->features = features;
	if (vmem_map_new(&c->map) < 0)
		abort();
	echo_client_grow(c, 0, nrings * WINDOW);
	for (i = 0; i < nrings; i++) {
		make_ring(c, i);
		c->bases[i] = vq_initial_base(features);
	}
	if (vhost_user_frontend_new_take_fd(sock, &config, &ops, c, &c->fe,
					    NULL) < 0)
		abort();
}

void echo_client_fini(struct echo_client *c)
{
	unsigned int i;

	vhost_user_frontend_free(c->fe);
	vmem_block_unref(c->mapping);
	for (i = 0; i < c->nrings; i++) {
		vq_driver_free(c->rings[i].driver);
		vsu_fd_close(&c->rings[i].kick_fd);
		vsu_fd_close(&c->rings[i].call_fd);
	}
	vmem_map_unref(c->map);
}

/* ------------------------------------------------------------------ waiting */

/*
 * Waits until the session or fd is readable. If the server shares this thread,
 * one turn of it counts as well, because the caller may wait for its effect.
 */
static void wait_for(struct echo_client *c, int fd)
{
	struct pollfd fds[2] = {
		{ .fd = vhost_user_frontend_fd(c->fe), .events = POLLIN },
		{ .fd = fd, .events = POLLIN },
	};

	if (poll(fds, 2, c->server ? 0 : -1) == 0)
		echo_server_turn(c->server, 0);
	if (fds[0].revents && !c->failed)
		vhost_user_frontend_dispatch(c->fe);
}

bool echo_client_wait(struct echo_client *c, const bool *flag)
{
	while (!*flag && !c->failed)
		wait_for(c, -1);
	return *flag;
}

static void describe(struct echo_client *c, unsigned int index)
{
	const struct echo_ring *ring = &c->rings[index];
	const struct vhost_user_ring desc = {
		.size = ECHO_RING_SIZE,
		.desc_gpa = vq_driver_desc_gpa(ring->driver),
		.driver_gpa = vq_driver_driver_gpa(ring->driver),
		.device_gpa = vq_driver_device_gpa(ring->driver),
		.base = c->bases[index],
		.kick_fd = ring->kick_fd,
		.call_fd = ring->call_fd,
		.err_fd = -1,
	};

	if (vhost_user_frontend_set_ring(c->fe, index, &desc, NULL) < 0)
		abort();
}

bool echo_client_start(struct echo_client *c)
{
	unsigned int i;

	if (!echo_client_wait(c, &c->ready))
		return false;
	for (i = 0; i < c->nrings; i++)
		describe(c, i);
	c->started = false;
	if (vhost_user_frontend_set_memory(c->fe, c->map, &c->err) < 0 ||
	    vhost_user_frontend_start(c->fe, c->features, &c->err) < 0)
		return false;
	return echo_client_wait(c, &c->started);
}

bool echo_client_stop(struct echo_client *c)
{
	c->stopped = false;
	return !vhost_user_frontend_stop(c->fe, &c->err) &&
	       echo_client_wait(c, &c->stopped);
}

/* ----------------------------------------------------------------- requests */

static unsigned char *at(const struct echo_client *c, uint64_t gpa)
{
	uint32_t hint = 0;

	return vmem_view_translate(vmem_map_view(c->map), &hint, gpa, ECHO_LEN,
				   VMEM_READ | VMEM_WRITE);
}

/* Bytes derived from the ring and the number of the request. */
static void pattern(unsigned char *buf, unsigned int ring, uint64_t number)
{
	unsigned int i;

	for (i = 0; i < ECHO_LEN; i++)
		buf[i] = (unsigned char)(number * 31 + i * 7 + ring);
}

/* Address of the readable bytes; the writable ones follow. */
static uint64_t buffer_gpa(const struct echo_ring *ring, uint64_t number)
{
	return ring->base_gpa + BUFFERS + number % ECHO_RING_SIZE * STRIDE;
}

static bool add(struct echo_client *c, unsigned int index)
{
	struct echo_ring *ring = &c->rings[index];
	uint64_t gpa = buffer_gpa(ring, ring->sent);
	const struct vq_buffer buffers[2] = {
		{ gpa, ECHO_LEN, 0 }, { gpa + STRIDE / 2, ECHO_LEN, 1 },
	};

	pattern(at(c, gpa), index, ring->sent);
	memset(at(c, gpa + STRIDE / 2), 0, ECHO_LEN);
	if (vq_driver_add(ring->driver, buffers, 2, ring->sent) < 0)
		return false;
	ring->sent++;
	return true;
}

static bool is_right(struct echo_client *c, unsigned int index,
		     uint64_t number, uint32_t written)
{
	unsigned char want[ECHO_LEN];

	pattern(want, index, number);
	return written == ECHO_LEN &&
	       !memcmp(at(c, buffer_gpa(&c->rings[index], number) + STRIDE / 2),
		       want, ECHO_LEN);
}

/* 1: completions were collected; 0: none; -1: a reply was wrong. */
static int collect(struct echo_client *c, unsigned int index)
{
	struct echo_ring *ring = &c->rings[index];
	uint64_t number;
	uint32_t written;
	int rc, some = 0;

	while ((rc = vq_driver_collect(ring->driver, &number, &written)) == 1) {
		if (!is_right(c, index, number, written))
			return -1;
		ring->done++;
		some = 1;
	}
	return rc < 0 ? -1 : some;
}

bool echo_client_run(struct echo_client *c, unsigned int index, uint64_t n)
{
	struct echo_ring *ring = &c->rings[index];
	uint64_t last = ring->sent + n, count;
	int rc;

	while (ring->done < last) {
		while (ring->sent < last && add(c, index))
			;
		if (vq_driver_publish(ring->driver))
			vsu_event_signal(ring->kick_fd);
		rc = collect(c, index);
		if (rc < 0 || c->failed)
			return false;
		if (rc > 0 || vq_driver_enable_call(ring->driver))
			continue;
		wait_for(c, ring->call_fd);
		vsu_event_drain(ring->call_fd, &count);
	}
	return true;
}
