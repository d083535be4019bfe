/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A machine with one device: memory, the registers of virtio-mmio, the queues
 * behind them, and the guest's half of both.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <virtio-devices/inline.h>
#include <virtio-devices/mmio.h>
#include <virtio-queue/driver.h>
#include <vm-memory/access.h>
#include "small-machine.h"

enum { RING = 0x8000, RING_STEP = 0x1000, SENT = 0x10000, RECEIVED = 0x20000, MOST = 4096 };
enum { WAIT_MS = 10000 };

struct machine {
	struct vmem_map *map;
	struct vmem_space *space;
	struct virtdev_transport *t;
	struct virtdev_mmio *mmio;
	struct virtdev_server *server;
	struct vq_driver *drivers[2];
	uint32_t last;			/* the device's last queue: 0 or 1 */
};

static void store(struct virtdev_mmio *mmio, const uint32_t (*stores)[2], size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		virtdev_mmio_write(mmio, stores[i][0], 4, stores[i][1]);
}

/* The steps of a driver: features, rings, DRIVER_OK, and a notification of each queue. */
static void drive(const struct machine *m)
{
	static const uint32_t features[][2] = { { 0x70, 3 }, { 0x24, 1 }, { 0x20, 1 }, { 0x70, 11 } };
	const uint32_t go[][2] = { { 0x70, 15 }, { VIRTDEV_MMIO_NOTIFY, 0 },
		{ VIRTDEV_MMIO_NOTIFY, m->last } };
	uint32_t i;

	store(m->mmio, features, 4);
	for (i = 0; i <= m->last; i++) {
		const struct vq_driver *d = m->drivers[i];
		const uint32_t ring[][2] = { { 0x30, i }, { 0x38, 16 },
			{ 0x80, (uint32_t)vq_driver_desc_gpa(d) },
			{ 0x90, (uint32_t)vq_driver_driver_gpa(d) },
			{ 0xa0, (uint32_t)vq_driver_device_gpa(d) }, { 0x44, 1 } };

		store(m->mmio, ring, 6);
	}
	store(m->mmio, go, 3);
}

/* A turn of the device when it has something to do. */
static int turn(const struct machine *m, int ms)
{
	struct pollfd p = { .fd = virtdev_server_fd(m->server), .events = POLLIN };
	int n = poll(&p, 1, ms);

	if (n > 0)
		virtdev_server_dispatch(m->server);
	return n > 0 ? 0 : n < 0 ? -errno : -ETIMEDOUT;
}

/* Waits for the answer: returns its length, or a negative errno. */
static int wait_for_answer(const struct machine *m, struct vsu_error *err)
{
	uint64_t cookie;
	uint32_t n = 0;
	int rc;

	while ((rc = vq_driver_collect(m->drivers[0], &cookie, &n)) == 0) {
		rc = turn(m, WAIT_MS);
		if (rc < 0)
			return vsu_error_sys(err, rc, "the device's answer");
	}
	return rc < 0 ? rc : (int)n;
}

static int make_rings(struct machine *m, struct vsu_error *err)
{
	struct vq_driver_config ring = { .map = m->map, .size = 16, .features = VQ_F_VERSION_1 };
	uint32_t i;
	int rc = 0;

	for (i = 0; !rc && i <= m->last; i++) {
		ring.gpa = RING + i * RING_STEP;
		rc = vq_driver_new(&ring, &m->drivers[i], err);
	}
	return rc;
}

/* One request with text and buffer, or one request in each of two queues. */
static int ask(const struct machine *m, const char *text)
{
	const uint32_t len = (uint32_t)strnlen(text, MOST);
	const struct vq_buffer buffers[] = { { SENT, len, 0 }, { RECEIVED, MOST, 1 } };
	int rc = vmem_write_exact(vmem_map_view(m->map), SENT, text, len);

	if (rc >= 0)
		rc = vq_driver_add(m->drivers[m->last], buffers, m->last ? 1 : 2, 0);
	if (rc >= 0 && m->last)
		rc = vq_driver_add(m->drivers[0], buffers + 1, 1, 0);
	vq_driver_publish(m->drivers[0]);
	vq_driver_publish(m->drivers[m->last]);
	return rc;
}

int machine_ask(struct virtdev *dev, const char *text, struct vsu_error *err)
{
	struct machine m = { .last = virtdev_get_info(dev)->nqueues > 1 };
	char got[MOST];
	int n = 0, rc = vmem_map_from_properties("size=1M", 0, NULL, &m.map, err);

	if (rc < 0 || (rc = vmem_space_new(&m.space)) < 0 ||
	    (rc = vmem_space_publish(m.space, m.map)) < 0 ||
	    (rc = virtdev_transport_new(dev, NULL, NULL, &m.t, err)) < 0 ||
	    (rc = virtdev_mmio_new(m.t, &m.mmio, err)) < 0 ||
	    (rc = virtdev_inline_new(m.t, m.space, NULL, NULL, &m.server, err)) < 0 ||
	    (rc = make_rings(&m, err)) < 0 || (rc = ask(&m, text)) < 0)
		goto out;
	drive(&m);
	rc = n = wait_for_answer(&m, err);
	if (rc >= 0)
		rc = vmem_read_exact(vmem_map_view(m.map), RECEIVED, got, (size_t)n);
	if (rc >= 0)
		rc = printf("%.*s\n", n, got);
	while (virtdev_server_stop(m.server) == -EAGAIN)
		(void)!turn(&m, WAIT_MS);
out:
	vq_driver_free(m.drivers[0]);
	vq_driver_free(m.drivers[1]);
	virtdev_server_free(m.server);
	virtdev_mmio_free(m.mmio);
	virtdev_transport_free(m.t);
	vmem_space_free(m.space);
	vmem_map_unref(m.map);
	return rc;
}
