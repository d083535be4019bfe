/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A session that continues after its back-end was killed. */
#include <config.h>

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <vm-memory/backend.h>
#include <vm-memory/block.h>
#include <vm-memory/region.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "lasting.h"

#define RECONNECT_NS UINT64_C(5000000)

struct vsu_error lasting_why;
#define why lasting_why

void VSU_PRINTF(1, 2) lasting_fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
	_Exit(EXIT_FAILURE);
}

uint32_t lasting_random(uint64_t *seed, uint32_t below)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return (uint32_t)(*seed >> 32) % below;
}

/* ------------------------------------------------------------------ session */

static void on_failed(void *opaque, const struct vsu_error *err)
{
	(void)opaque;
	lasting_fail("the session ended: %s", err->msg);
}

static int on_connect(void *opaque, struct vsu_error *err)
{
	const struct lasting *l = opaque;

	return vsu_sock_connect(l->config.socket, err);
}

static void on_lost(void *opaque, const struct vsu_error *err)
{
	struct lasting *l = opaque;

	(void)err;
	l->lost++;
}

static void on_back(void *opaque, bool rings_lost)
{
	struct lasting *l = opaque;

	if (rings_lost)
		lasting_fail("the positions of the rings were lost with the back-end");
	l->back++;
	l->finished_back = 0;
}

static void open_session(struct lasting *l)
{
	const struct vhost_user_frontend_config config = {
		.size = sizeof(config), .peer = l->config.socket,
		.reconnect_ns = RECONNECT_NS,
	};
	struct vhost_user_frontend_ops ops = {
		.size = sizeof(ops), .failed = on_failed,
		.connect = on_connect, .lost = on_lost, .back = on_back,
	};
	int sock;

	if (!l->config.reconnect)
		ops.connect = NULL;
	MUST(sock = vsu_sock_connect(l->config.socket, &why));
	MUST(vhost_user_frontend_new_take_fd(sock, &config, &ops, l, &l->fe,
					     &why));
	MUST(vhost_user_frontend_wait(l->fe, 0, &why));
}

static void make_memory(struct lasting *l)
{
	struct vmem_region_desc desc = { .gpa = LASTING_BASE,
					 .len = l->config.memory };
	struct vmem_region *region;
	struct vmem_backend *backend;

	MUST(vmem_backend_new(&backend));
	vmem_backend_set_kind(backend, VMEM_KIND_MEMFD);
	vmem_backend_set_size(backend, desc.len);
	MUST(vmem_backend_alloc(backend, &desc.block, &why));
	vmem_backend_free(backend);
	MUST(vmem_region_new(&desc, &region, &why));
	vmem_block_unref(desc.block);
	MUST(vmem_map_from_regions(&region, 1, &l->map, &why));
	vmem_region_unref(region);
}

static void make_ring(struct lasting *l, uint32_t i, struct vq_driver **driver)
{
	const struct vq_driver_config config = {
		.map = l->map, .gpa = LASTING_BASE + i * LASTING_ROOM,
		.features = l->config.features, .size = LASTING_RING_SIZE,
	};
	struct vhost_user_ring ring = {
		.size = LASTING_RING_SIZE,
		.base = vq_initial_base(l->config.features), .err_fd = -1,
		.kick_fd = l->kick_fd, .call_fd = l->call_fd,
	};

	MUST(vq_driver_new(&config, driver, &why));
	ring.desc_gpa = vq_driver_desc_gpa(*driver);
	ring.driver_gpa = vq_driver_driver_gpa(*driver);
	ring.device_gpa = vq_driver_device_gpa(*driver);
	MUST(vhost_user_frontend_set_ring(l->fe, i, &ring, &why));
}

void lasting_open(struct lasting *l, const struct lasting_config *config)
{
	memset(l, 0, sizeof(*l));
	l->config = *config;
	l->config.features |= VQ_F_VERSION_1;
	open_session(l);
	make_memory(l);
	MUST(vhost_user_frontend_set_memory(l->fe, l->map, &why));
	MUST(l->kick_fd = vsu_event_new());
	MUST(l->call_fd = vsu_event_new());
	if (config->ring)
		make_ring(l, 0, &l->before);
	make_ring(l, config->ring, &l->driver);
	MUST(vhost_user_frontend_start(l->fe, l->config.features, &why));
	MUST(vhost_user_frontend_wait(l->fe, 0, &why));
}

void lasting_close(struct lasting *l, bool in_order)
{
	if (in_order) {
		MUST(vhost_user_frontend_stop(l->fe, &why));
		MUST(vhost_user_frontend_wait(l->fe, 0, &why));
	}
	vhost_user_frontend_free(l->fe);
	vq_driver_free(l->driver);
	vq_driver_free(l->before);
	vmem_map_unref(l->map);
	vsu_fd_close(&l->kick_fd);
	vsu_fd_close(&l->call_fd);
}

unsigned char *lasting_at(const struct lasting *l, uint64_t gpa, uint64_t len)
{
	uint32_t hint = 0;

	return vmem_view_translate(vmem_map_view(l->map), &hint, gpa, len,
				   VMEM_READ | VMEM_WRITE);
}

/* ----------------------------------------------------------------- requests */

void lasting_publish(struct lasting *l)
{
	if (vq_driver_publish(l->driver))
		vsu_event_signal(l->kick_fd);
}

static bool finish_all(struct lasting *l,
		       void (*finish)(void *opaque, uint64_t cookie, uint32_t written),
		       void *opaque)
{
	uint64_t cookie;
	uint32_t written;
	bool any = false;
	int rc;

	while ((rc = vq_driver_collect(l->driver, &cookie, &written)) > 0) {
		finish(opaque, cookie, written);
		l->finished_back++;
		any = true;
	}
	if (rc < 0)
		lasting_fail("the ring is broken");
	return any;
}

void lasting_wait(struct lasting *l, int ms,
		  void (*finish)(void *opaque, uint64_t cookie, uint32_t written),
		  void *opaque)
{
	struct pollfd fds[] = {
		{ l->call_fd, POLLIN, 0 },
		{ vhost_user_frontend_fd(l->fe), POLLIN, 0 },
	};
	int n;

	if (finish_all(l, finish, opaque))
		ms = 0;
	else if (vq_driver_enable_call(l->driver))
		ms = 0;
	n = poll(fds, 2, ms);
	if (n == 0 && ms == PATIENCE_MS)
		lasting_fail("requests are not finished");
	if (fds[0].revents)
		vsu_event_drain(l->call_fd, NULL);
	if (fds[1].revents)
		vhost_user_frontend_dispatch(l->fe);
	finish_all(l, finish, opaque);
}
