/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Decodes the configuration space of a block device (VIRTIO 1.3, 5.2.4). */
#include <config.h>

#include <stddef.h>
#include <string.h>

#include <vmm-sys-util/endian.h>

#include "blk.h"

#define AT(member) offsetof(struct virtdev_blk_space, member)
#define FIELD(size, member, feature) \
	{ #member, AT(member), size, offsetof(struct blk_config, member), feature }
#define GEOMETRY(off, size, member) \
	{ #member, AT(geometry) + (off), size, offsetof(struct blk_config, member), \
	  VIRTDEV_BLK_F_GEOMETRY }

const struct blk_field blk_fields[] = {
	FIELD(4, size_max, VIRTDEV_BLK_F_SIZE_MAX),
	FIELD(4, seg_max, VIRTDEV_BLK_F_SEG_MAX),
	GEOMETRY(0, 2, cylinders),
	GEOMETRY(2, 1, heads),
	GEOMETRY(3, 1, sectors),
	FIELD(4, blk_size, VIRTDEV_BLK_F_BLK_SIZE),
	FIELD(1, physical_block_exp, VIRTDEV_BLK_F_TOPOLOGY),
	FIELD(1, alignment_offset, VIRTDEV_BLK_F_TOPOLOGY),
	FIELD(2, min_io_size, VIRTDEV_BLK_F_TOPOLOGY),
	FIELD(4, opt_io_size, VIRTDEV_BLK_F_TOPOLOGY),
	FIELD(1, writeback, VIRTDEV_BLK_F_CONFIG_WCE),
	FIELD(2, num_queues, VIRTDEV_BLK_F_MQ),
	FIELD(4, max_discard_sectors, VIRTDEV_BLK_F_DISCARD),
	FIELD(4, max_discard_seg, VIRTDEV_BLK_F_DISCARD),
	FIELD(4, discard_sector_alignment, VIRTDEV_BLK_F_DISCARD),
	FIELD(4, max_write_zeroes_sectors, VIRTDEV_BLK_F_WRITE_ZEROES),
	FIELD(4, max_write_zeroes_seg, VIRTDEV_BLK_F_WRITE_ZEROES),
	FIELD(1, write_zeroes_may_unmap, VIRTDEV_BLK_F_WRITE_ZEROES),
	{ NULL, 0, 0, 0, 0 }
};

void blk_config_decode(const unsigned char *raw, uint64_t features,
		       struct blk_config *out)
{
	const struct blk_field *f;
	uint32_t value;

	memset(out, 0, sizeof(*out));
	out->capacity = vsu_le_load(raw, 8);
	out->blk_size = VIRTDEV_BLK_SECTOR;
	out->num_queues = 1;
	for (f = blk_fields; f->name; f++) {
		if (!(features & f->feature))
			continue;
		value = (uint32_t)vsu_le_load(raw + f->offset, f->size);
		memcpy((char *)out + f->to, &value, sizeof(value));
	}
}
