/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Features, configuration space, state and statistics of a block device. */
#include <config.h>

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include <virtio-devices/state.h>

#include "blk/priv.h"
#include "core/device_priv.h"

static_assert(offsetof(struct virtdev_blk_space, unused1) == 57, "5.2.4");
static_assert(offsetof(struct virtdev_blk_space, writeback) == 32, "5.2.4");
static_assert(offsetof(struct virtdev_blk_space, max_discard_sectors) == 36,
	      "5.2.4");
static_assert(sizeof(struct virtdev_blk_range) == 16, "5.2.6");

static uint8_t log2_of(uint32_t power)
{
	return (uint8_t)__builtin_ctz(power);
}

static void describe_blocks(struct virtdev_blk_space *c,
			    const struct virtdev_disk_info *info)
{
	uint32_t physical = info->physical_block_size > info->block_size ?
			    info->physical_block_size : info->block_size;

	c->blk_size = vsu_le32_make(info->block_size);
	c->physical_block_exp = log2_of(physical / info->block_size);
	c->min_io_size = vsu_le16_make((uint16_t)(physical / info->block_size));
	c->discard_sector_alignment = vsu_le32_make(physical / VIRTDEV_BLK_SECTOR);
}

void virtdev_priv_blk_config_init(struct blk *blk, uint32_t seg_max)
{
	const struct virtdev_disk_info *info = virtdev_priv_disk_info(blk->disk);
	struct virtdev_blk_space *c = &blk->config;

	c->capacity = vsu_le64_make(info->capacity / VIRTDEV_BLK_SECTOR);
	c->seg_max = vsu_le32_make(seg_max);
	describe_blocks(c, info);
	c->num_queues = vsu_le16_make((uint16_t)blk->nqueues);
	c->max_discard_sectors = vsu_le32_make(BLK_MAX_DISCARD_SECTORS);
	c->max_discard_seg = vsu_le32_make(BLK_MAX_RANGES);
	c->max_write_zeroes_sectors = vsu_le32_make(BLK_MAX_ZERO_SECTORS);
	c->max_write_zeroes_seg = vsu_le32_make(BLK_MAX_RANGES);
	c->write_zeroes_may_unmap = 1;
	virtdev_priv_blk_config_reset(blk);
}

uint64_t virtdev_priv_blk_features(const struct blk *blk)
{
	const struct virtdev_disk_info *info = virtdev_priv_disk_info(blk->disk);
	uint64_t features = VQ_F_VERSION_1 | VQ_F_INDIRECT_DESC |
			    VQ_F_EVENT_IDX | VQ_F_RING_PACKED | VIRTDEV_BLK_F_SEG_MAX |
			    VIRTDEV_BLK_F_BLK_SIZE | VIRTDEV_BLK_F_FLUSH | VIRTDEV_BLK_F_TOPOLOGY |
			    VIRTDEV_BLK_F_CONFIG_WCE;

	features |= info->read_only ? VIRTDEV_BLK_F_RO : 0;
	features |= info->can_discard ? VIRTDEV_BLK_F_DISCARD : 0;
	features |= info->can_zero ? VIRTDEV_BLK_F_WRITE_ZEROES : 0;
	features |= blk->nqueues > 1 ? VIRTDEV_BLK_F_MQ : 0;
	return features;
}

/*
 * Without VIRTIO_BLK_F_FLUSH, and before feature negotiation, the driver expects that a
 * completed write is durable.
 */
static void update_through(struct blk *blk)
{
	bool through = !(blk->features & VIRTDEV_BLK_F_FLUSH) || !blk->writeback;

	__atomic_store_n(&blk->through, through, __ATOMIC_RELAXED);
}

void virtdev_priv_blk_config_reset(struct blk *blk)
{
	blk->features = 0;
	blk->negotiated = false;
	blk->writeback = !blk->writethrough;
	update_through(blk);
}

/* Ignores unchanged features, which a front-end may repeat. */
int virtdev_priv_blk_set_features(void *self, uint64_t features,
				  struct vsu_error *err)
{
	struct blk *blk = self;

	(void)err;
	if (blk->negotiated && features == blk->features)
		return 0;
	blk->negotiated = true;
	blk->features = features;
	blk->writeback = (features & VIRTDEV_BLK_F_FLUSH) && !blk->writethrough;
	update_through(blk);
	return 0;
}

void virtdev_priv_blk_config_read(void *self, uint32_t off, void *buf,
				  uint32_t len)
{
	struct blk *blk = self;
	struct virtdev_blk_space c = blk->config;

	c.writeback = blk->writeback;
	memcpy(buf, (const char *)&c + off, len);
}

/* Only writeback is writable, and only with VIRTIO_BLK_F_CONFIG_WCE. */
int virtdev_priv_blk_config_write(void *self, uint32_t off, const void *buf,
				  uint32_t len)
{
	struct blk *blk = self;
	uint8_t value;

	if (off != offsetof(struct virtdev_blk_space, writeback) || len != 1 ||
	    !(blk->features & VIRTDEV_BLK_F_CONFIG_WCE))
		return -EPERM;
	memcpy(&value, buf, 1);
	if (value > 1)
		return -EBADMSG;
	blk->writeback = value;
	update_through(blk);
	virtdev_keep(blk->dev);
	return 0;
}

int virtdev_blk_resize(struct virtdev *dev, uint64_t bytes,
		       struct vsu_error *err)
{
	struct blk *blk = virtdev_priv_self(dev, virtdev_priv_blk_stats);
	uint64_t capacity;
	int rc;

	if (!blk)
		return vsu_error_set(err, -EINVAL, "this device is not a disk");
	rc = virtdev_priv_disk_resize(blk->disk, bytes, err);
	if (rc < 0)
		return rc;
	capacity = vsu_le64_load(blk->config.capacity) * VIRTDEV_BLK_SECTOR;
	if (virtdev_priv_disk_capacity(blk->disk) == capacity)
		return 0;
	capacity = virtdev_priv_disk_capacity(blk->disk);
	blk->config.capacity = vsu_le64_make(capacity / VIRTDEV_BLK_SECTOR);
	virtdev_config_changed(dev);
	return 0;
}

int virtdev_blk_set_locked(struct virtdev *dev, bool locked,
			   struct vsu_error *err)
{
	const struct blk *blk = virtdev_priv_self(dev, virtdev_priv_blk_stats);

	return blk ? virtdev_priv_disk_set_locked(blk->disk, locked, err) :
		     vsu_error_set(err, -EINVAL, "this device is not a disk");
}

int virtdev_blk_set_limits(struct virtdev *dev,
			   const struct virtdev_rate_limits *limits,
			   struct vsu_error *err)
{
	struct blk *blk = virtdev_priv_self(dev, virtdev_priv_blk_stats);

	if (!blk)
		return vsu_error_set(err, -EINVAL, "this device is not a disk");
	return virtdev_rate_set(blk->rate, limits, err);
}

int virtdev_blk_flush(struct virtdev *dev, struct vsu_error *err)
{
	const struct blk *blk = virtdev_priv_self(dev, virtdev_priv_blk_stats);

	return blk ? virtdev_priv_disk_flush(blk->disk, err) :
		     vsu_error_set(err, -EINVAL, "this device is not a disk");
}

int virtdev_blk_identify(struct virtdev *dev, struct virtdev_disk_identity *out,
			 struct vsu_error *err)
{
	const struct blk *blk = virtdev_priv_self(dev, virtdev_priv_blk_stats);

	return blk ? virtdev_priv_disk_identify(blk->disk, out, err) :
		     vsu_error_set(err, -EINVAL, "this device is not a disk");
}

void virtdev_priv_blk_state_save(void *self, struct virtdev_state_writer *w)
{
	const struct blk *blk = self;

	virtdev_state_put_u64(w, blk->features);
	virtdev_state_put_u8(w, blk->negotiated);
	virtdev_state_put_u8(w, blk->writeback);
}

int virtdev_priv_blk_state_load(void *self, uint32_t version,
				struct virtdev_state_reader *r,
				struct vsu_error *err)
{
	struct blk *blk = self;
	const uint64_t features = virtdev_state_get_u64(r);
	const uint8_t negotiated = virtdev_state_get_u8(r);
	const uint8_t writeback = virtdev_state_get_u8(r);
	int rc = virtdev_state_end(r, err);

	(void)version;
	if (rc < 0)
		return rc;
	if (features & ~virtdev_get_info(blk->dev)->features)
		return vsu_error_set(err, -EBADMSG,
				     "blk: feature bit %d of the state is not supported by this disk",
				     __builtin_ctzll(features & ~virtdev_get_info(blk->dev)->features));
	if (negotiated > 1 || writeback > 1)
		return vsu_error_set(err, -EBADMSG,
				     "blk: a flag of the state is neither 0 nor 1");
	blk->features = features;
	blk->negotiated = negotiated;
	blk->writeback = writeback;
	update_through(blk);
	return 0;
}

static uint64_t count_all(const struct blk *blk, unsigned int what)
{
	uint64_t sum = 0;
	uint32_t i;

	for (i = 0; i < blk->nqueues; i++)
		sum += __atomic_load_n(&blk->queues[i].counts[what],
				       __ATOMIC_RELAXED);
	return sum;
}

uint32_t virtdev_priv_blk_stats(void *self, struct virtdev_stat *stats,
				uint32_t max)
{
	static const char *const names[BLK_COUNTS] = {
		[BLK_READS] = "reads", [BLK_WRITES] = "writes",
		[BLK_FLUSHES] = "flushes", [BLK_DISCARDS] = "discards",
		[BLK_ZEROES] = "write-zeroes", [BLK_FAILED] = "failed",
		[BLK_BYTES_READ] = "bytes-read",
		[BLK_BYTES_WRITTEN] = "bytes-written",
	};
	unsigned int i;

	for (i = 0; i < BLK_COUNTS && i < max; i++)
		stats[i] = (struct virtdev_stat){ names[i],
						  count_all(self, i) };
	return BLK_COUNTS;
}
