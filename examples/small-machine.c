/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A machine with one device: memory, the registers of virtio-mmio, the queue
 * behind them, and the guest's half of both.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <virtio-devices/inline.h>
#include <virtio-devices/mmio.h>
#include <virtio-queue/driver.h>
#include <vm-memory/access.h>
#include "small-machine.h"

enum { RING = 0x8000, SENT = 0x10000, RECEIVED = 0x20000, MOST = 4096 };

/* As a driver does: features, the ring, "go on", and a notification. */
static void drive(struct virtdev_mmio *mmio, const struct vq_driver *driver)
{
	const uint32_t stores[][2] = { { 0x70, 3 }, { 0x24, 1 }, { 0x20, 1 }, { 0x70, 11 },
		{ 0x30, 0 }, { 0x38, 16 }, { 0x80, (uint32_t)vq_driver_desc_gpa(driver) },
		{ 0x90, (uint32_t)vq_driver_driver_gpa(driver) },
		{ 0xa0, (uint32_t)vq_driver_device_gpa(driver) },
		{ 0x44, 1 }, { 0x70, 15 }, { VIRTDEV_MMIO_NOTIFY, 0 } };
	size_t i;

	for (i = 0; i < sizeof(stores) / sizeof(stores[0]); i++)
		virtdev_mmio_write(mmio, stores[i][0], 4, stores[i][1]);
}

int machine_ask(struct virtdev *dev, const char *text, struct vsu_error *err)
{
	struct virtdev_inline *server = NULL;
	struct vq_driver_config ring = { .gpa = RING, .size = 16, .features = VQ_F_VERSION_1 };
	const uint32_t len = (uint32_t)strnlen(text, MOST);
	const struct vq_buffer buffers[] = { { SENT, len, 0 }, { RECEIVED, MOST, 1 } };
	struct virtdev_transport *t = NULL;
	struct virtdev_mmio *mmio = NULL;
	struct vmem_space *space = NULL;
	struct vq_driver *driver = NULL;
	char got[MOST];
	uint64_t cookie;
	uint32_t n = 0;
	int rc = vmem_map_from_properties("size=1M", 0, NULL, &ring.map, err);

	if (rc < 0 || (rc = vmem_space_new(&space)) < 0 ||
	    (rc = vmem_space_publish(space, ring.map)) < 0 ||
	    (rc = virtdev_transport_new(dev, NULL, NULL, &t, err)) < 0 ||
	    (rc = virtdev_mmio_new(t, &mmio, err)) < 0 ||
	    (rc = virtdev_inline_new(t, space, &server, err)) < 0 ||
	    (rc = vq_driver_new(&ring, &driver, err)) < 0 ||
	    (rc = vmem_write_exact(vmem_map_view(ring.map), SENT, text, len)) < 0 ||
	    (rc = vq_driver_add(driver, buffers, 2, 0)) < 0)
		goto out;
	vq_driver_publish(driver);
	drive(mmio, driver);
	virtdev_inline_dispatch(server);
	rc = vq_driver_collect(driver, &cookie, &n) == 1 ? 0 : -1;
	if (!rc)
		rc = vmem_read_exact(vmem_map_view(ring.map), RECEIVED, got, n);
	if (rc >= 0)
		rc = printf("%.*s\n", (int)n, got);
	while (virtdev_inline_stop(server) == -EAGAIN)
		virtdev_inline_dispatch(server);
out:
	vq_driver_free(driver);
	virtdev_inline_free(server);
	virtdev_mmio_free(mmio);
	virtdev_transport_free(t);
	vmem_space_free(space);
	vmem_map_unref(ring.map);
	return rc;
}
