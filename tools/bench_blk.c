/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The requests of "bench" for a disk, at random offsets. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>

#include "bench_load.h"
#include "disk.h"

static const struct bench_request requests[] = {
	{ .name = "io", .sized = true, .floor = bench_floor_io }, { .name = NULL }
};

static enum vsu_exit blk_open(struct bench_driver *d, struct vsu_error *err)
{
	struct disk *disk = d->self;
	const enum vsu_exit status = disk_open(disk, d->load->socket, 0, d->load->queues,
					       d->load->depth, err);

	if (status == VSU_EXIT_OK)
		d->q = &disk->q;
	d->stride = disk->nslots;
	return status;
}

/* A smaller depth than asked for would be measured under a wrong name. */
static enum vsu_exit blk_prepare(struct bench_driver *d, struct vsu_error *err)
{
	const struct disk *disk = d->self;
	const struct bench_load *load = d->load;

	if (load->writes && disk->q.features & VIRTDEV_BLK_F_RO)
		vsu_error_set(err, -EROFS, "option --write: the disk '%s' is read-only", load->socket);
	else if (disk->nslots < load->depth)
		vsu_error_set(err, -ENOSPC, "option --depth: the disk '%s' takes rings for %" PRIu32 " requests only",
			      load->socket, disk->nslots);
	else if (load->size % disk->block)
		vsu_error_set(err, -EINVAL, "option --size: %" PRIu32 " is not a multiple of %" PRIu32 ", the block size of the disk '%s'",
			      load->size, disk->block, load->socket);
	else if (load->size > disk->chunk || load->size > disk->size)
		vsu_error_set(err, -EINVAL, "option --size: %" PRIu32 " exceeds the disk '%s' or its maximum request of %" PRIu32 " bytes",
			      load->size, load->socket, disk->chunk);
	else
		return VSU_EXIT_OK;
	return VSU_EXIT_DATA;
}

static enum vsu_exit blk_submit(struct bench_driver *d, uint32_t slot, struct vsu_error *err)
{
	struct disk *disk = d->self;
	const uint32_t size = d->load->size;
	const bool write = bench_random(&d->random) % 100 < d->load->writes;
	const uint64_t at = bench_random(&d->random) % (disk->size / size) * size;

	return disk_submit(disk, slot, write ? VIRTDEV_BLK_T_OUT : VIRTDEV_BLK_T_IN, at, size, err);
}

static enum vsu_exit blk_complete(struct bench_driver *d, const struct queues_used *used,
				  uint32_t *slot, struct vsu_error *err)
{
	const uint8_t status = disk_status(d->self, (uint32_t)used->cookie);

	*slot = (uint32_t)used->cookie;
	if (status == VIRTDEV_BLK_S_OK)
		return VSU_EXIT_OK;
	if (status == BLK_STATUS_NONE)
		vsu_error_set(err, -EBADMSG, "'%s': the device completed a request without a status; if it is not a disk, --device names its kind",
			      d->load->socket);
	else
		vsu_error_set(err, -EIO, "'%s': the device failed a request of %" PRIu32 " bytes (status %u)",
			      d->load->socket, d->load->size, (unsigned int)status);
	return VSU_EXIT_FAIL;
}

const struct bench_device bench_blk = {
	.name = "blk", .sizes = "4k", .preset = "io", .all = "io", .requests = requests,
	.min_size = 512, .max_size = BENCH_MAX_SIZE, .self_size = sizeof(struct disk),
	.open = blk_open, .prepare = blk_prepare, .submit = blk_submit, .complete = blk_complete,
};
