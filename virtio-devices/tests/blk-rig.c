/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A block device on a disk controlled by the test, and its driver. */
#include <config.h>

#include <check.h>
#include <string.h>

#include <vm-memory/access.h>
#include <vmm-sys-util/endian.h>

#include "blk-rig.h"

#define ALL_RING (VQ_F_INDIRECT_DESC | VQ_F_EVENT_IDX | VQ_F_RING_PACKED)

static void on_notify(void *opaque, uint32_t queue)
{
	struct rig *r = opaque;

	r->notified += queue == 0;
}

static void on_broken(void *opaque, uint32_t queue)
{
	struct rig *r = opaque;

	ck_assert_uint_eq(queue, 0);
	r->broken++;
}

static int on_wait(void *opaque, uint32_t queue, uint64_t ns)
{
	struct rig *r = opaque;

	(void)queue;
	r->waits++;
	r->wait_ns = ns;
	return 0;
}

void rig_prepare(struct rig *r)
{
	memset(r, 0, sizeof(*r));
	fake_disk_init(&r->disk);
}

void rig_start(struct rig *r, uint64_t features, uint32_t size)
{
	static const struct virtdev_server_ops server = {
		.size = sizeof(server),
		.notify = on_notify,
		.queue_broken = on_broken,
		.queue_wait = on_wait,
	};
	struct virtdev_blk_config config = {
		.size = sizeof(config),
		.nqueues = 2,
		.early_channels = r->early_channels,
		.limits = r->limits,
		.serial = "a serial number that is long",
	};
	struct vsu_error err = VSU_ERROR_INIT;
	const struct virtdev_info *info;

	fake_disk_make(&r->disk);
	config.disk = r->disk.disk;
	ck_assert_int_eq(virtdev_blk_new(&config, &r->dev, &err), 0);
	info = virtdev_get_info(r->dev);
	ck_assert_int_eq(virtdev_set_server(r->dev, &server, r), 0);
	if (r->measured)
		ck_assert_int_eq(virtdev_measure(r->dev, r->measured), 0);
	guest_init(&r->g, features & ALL_RING, size,
		   features & VQ_F_INDIRECT_DESC ? info->max_chain : 0,
		   info->max_chain);
	features = (features & ALL_RING) |
		   (features & info->features & ~ALL_RING) | VQ_F_VERSION_1;
	ck_assert_msg(virtdev_set_features(r->dev, features, &err) == 0, "%s",
		      err.msg);
	ck_assert_int_eq(virtdev_queue_start(r->dev, 0, r->g.q, &err), 0);
}

void rig_init(struct rig *r, uint64_t ring_features, uint32_t size)
{
	rig_prepare(r);
	rig_start(r, ring_features | ~ALL_RING, size);
}

void rig_fini(struct rig *r)
{
	ck_assert_int_eq(virtdev_queue_drain(r->dev, 0), 0);
	virtdev_queue_stop(r->dev, 0);
	virtdev_free(r->dev);
	guest_fini(&r->g);
	fake_disk_fini(&r->disk);
}

void rig_header(struct rig *r, uint32_t type, uint64_t sector)
{
	unsigned char *at = guest_at(&r->g, RIG_HEADER);

	guest_put_header(at, type, sector);
	*guest_at(&r->g, RIG_STATUS) = S_UNTOUCHED;
}

void rig_add(struct rig *r, const struct vq_buffer *buffers, unsigned int n)
{
	ck_assert_int_eq(vq_driver_add(r->g.driver, buffers, n, 1), 0);
	vq_driver_publish(r->g.driver);
}

unsigned int rig_serve(struct rig *r)
{
	unsigned int n = 0;
	uint64_t cookie;
	int rc;

	while (virtdev_queue_serve(r->dev, 0))
		;
	while ((rc = vq_driver_collect(r->g.driver, &cookie, &r->written)) == 1)
		n++;
	ck_assert_int_eq(rc, 0);
	return n;
}

int rig_chain(struct rig *r, const struct vq_buffer *buffers, unsigned int n)
{
	rig_add(r, buffers, n);
	ck_assert_uint_eq(rig_serve(r), 1);
	return *guest_at(&r->g, RIG_STATUS);
}

int rig_request(struct rig *r, uint32_t type, uint64_t sector,
		const struct vq_buffer *data, unsigned int n)
{
	struct vq_buffer buffers[130];

	ck_assert_uint_le(n, 128);
	rig_header(r, type, sector);
	buffers[0] = (struct vq_buffer) { RIG_HEADER, 16, 0 };
	if (n)
		memcpy(buffers + 1, data, n * sizeof(*data));
	buffers[n + 1] = (struct vq_buffer) { RIG_STATUS, 1, 1 };
	return rig_chain(r, buffers, n + 2);
}

int rig_simple(struct rig *r, uint32_t type, uint64_t sector, uint32_t len)
{
	struct vq_buffer data = { RIG_DATA, len, type == T_IN ||
				  type == T_GET_ID };

	return rig_request(r, type, sector, &data, len ? 1 : 0);
}

void rig_range(struct rig *r, unsigned int i, uint64_t sector,
	       uint32_t sectors, uint32_t flags)
{
	unsigned char *at = guest_at(&r->g, RIG_DATA + i * 16);

	const struct vsu_le64 le_sector = vsu_le64_make(sector);
	const struct vsu_le32 rest[] = { vsu_le32_make(sectors), vsu_le32_make(flags) };

	memcpy(at, &le_sector, 8);
	memcpy(at + 8, rest, 8);
}
