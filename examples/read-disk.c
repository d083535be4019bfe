/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A front-end without a machine: prints a sector of the disk that a back-end serves. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <vhost/frontend.h>
#include <virtio-devices/blk_layout.h>
#include <virtio-queue/driver.h>
#include <vm-memory/access.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/sock.h>

/* Addresses in the memory that is shared with the back-end. */
enum { RING = 0, HEADER = 0x4000, STATUS = 0x4100, DATA = 0x5000 };

struct disk {
	struct vhost_user_frontend *f;
	struct vmem_map *map;
	struct vq_driver *driver;
	struct vhost_user_ring ring;
};

static int connect_disk(struct disk *d, const char *path, struct vsu_error *err)
{
	const struct vhost_user_frontend_ops ops = { .size = sizeof(ops) };
	const struct vhost_user_frontend_config config = { .size = sizeof(config), .peer = path };
	int rc = vsu_sock_connect(path, err);

	if (rc >= 0)
		rc = vhost_user_frontend_new_take_fd(rc, &config, &ops, NULL, &d->f, err);
	return rc < 0 ? rc : vhost_user_frontend_wait(d->f, 0, err);	/* for the handshake */
}

/* Sends the memory with the ring to the back-end and starts the ring. */
static int start_ring(struct disk *d, struct vsu_error *err)
{
	struct vq_driver_config config = { .gpa = RING, .size = 16, .features = VQ_F_VERSION_1 };
	int rc = vmem_map_from_properties("backend=memfd,size=64K", 0, NULL, &d->map, err);

	config.map = d->map;
	if (rc < 0 || (rc = vq_driver_new(&config, &d->driver, err)) < 0)
		return rc;
	d->ring = (struct vhost_user_ring){ .size = 16, .kick_fd = vsu_event_new(),
		.call_fd = vsu_event_new(), .err_fd = -1,
		.desc_gpa = vq_driver_desc_gpa(d->driver),
		.driver_gpa = vq_driver_driver_gpa(d->driver),
		.device_gpa = vq_driver_device_gpa(d->driver) };
	if ((rc = vhost_user_frontend_set_memory(d->f, d->map, err)) < 0 ||
	    (rc = vhost_user_frontend_set_ring(d->f, 0, &d->ring, err)) < 0 ||
	    (rc = vhost_user_frontend_start(d->f, VQ_F_VERSION_1, err)) < 0)
		return rc;
	return vhost_user_frontend_wait(d->f, 0, err);
}

/* One request, whose bytes go out. The back-end may call without a reason, or die. */
static int read_sector(struct disk *d, uint64_t sector, struct vsu_error *err)
{
	const struct virtdev_blk_header header = { .type = vsu_le32_make(VIRTDEV_BLK_T_IN),
						   .sector = vsu_le64_make(sector) };
	const struct vq_buffer buffers[] = { { HEADER, sizeof(header), 0 },
		{ DATA, VIRTDEV_BLK_SECTOR, 1 }, { STATUS, 1, 1 } };	/* 1: it may write */
	struct pollfd fds[2] = { { d->ring.call_fd, POLLIN, 0 },
				 { vhost_user_frontend_fd(d->f), POLLIN, 0 } };
	const struct vmem_view *view = vmem_map_view(d->map);
	uint8_t status = VIRTDEV_BLK_S_IOERR;
	uint32_t written;	/* into DATA and STATUS */
	uint64_t cookie;
	int rc = vmem_write_exact(view, HEADER, &header, sizeof(header));

	if (rc >= 0 && (rc = vq_driver_add(d->driver, buffers, 3, 0)) >= 0 &&
	    vq_driver_publish(d->driver))
		rc = vsu_event_signal(d->ring.kick_fd);
	while (rc >= 0 && (rc = vq_driver_collect(d->driver, &cookie, &written)) == 0) {
		poll(fds, 2, -1);
		vsu_event_drain(d->ring.call_fd, NULL);
		rc = vhost_user_frontend_dispatch(d->f);
	}
	if (rc < 0)
		return vsu_error_sys(err, rc, "the disk does not answer");
	if (vmem_read_exact(view, STATUS, &status, 1) < 0 || status != VIRTDEV_BLK_S_OK)
		return vsu_error_set(err, -EIO, "the disk has no such sector, or lost it");
	return vmem_write_to_fd(view, DATA, VIRTDEV_BLK_SECTOR, 1) == VIRTDEV_BLK_SECTOR ? 0 : -EIO;
}

int main(int argc, char **argv)
{
	struct vsu_error err = { .msg = "use: read-disk SOCKET SECTOR" };
	struct disk d = { 0 };
	int rc = argc == 3 ? 0 : -EINVAL;

	if (!rc && !(rc = connect_disk(&d, argv[1], &err)) && !(rc = start_ring(&d, &err)))
		rc = read_sector(&d, strtoull(argv[2], NULL, 0), &err);
	if (rc < 0)
		fprintf(stderr, "read-disk: %s\n", err.msg);
	vhost_user_frontend_free(d.f);
	vq_driver_free(d.driver);
	vmem_map_unref(d.map);
	return rc < 0;
}
