/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Decodes the configuration space of a block device (VIRTIO 1.3, 5.2.4). */
#include <config.h>

#include <stddef.h>
#include <string.h>

#include "blk.h"

/* One field: where it is, where it goes, and the feature that makes it valid. */
struct field {
	uint8_t offset, size;
	uint8_t to;		/* offset in struct blk_config */
	uint64_t feature;
};

#define FIELD(off, size, member, feature) \
	{ off, size, offsetof(struct blk_config, member), feature }

static const struct field fields[] = {
	FIELD(8, 4, size_max, BLK_F_SIZE_MAX),
	FIELD(12, 4, seg_max, BLK_F_SEG_MAX),
	FIELD(16, 2, cylinders, BLK_F_GEOMETRY),
	FIELD(18, 1, heads, BLK_F_GEOMETRY),
	FIELD(19, 1, sectors, BLK_F_GEOMETRY),
	FIELD(20, 4, blk_size, BLK_F_BLK_SIZE),
	FIELD(24, 1, physical_block_exp, BLK_F_TOPOLOGY),
	FIELD(25, 1, alignment_offset, BLK_F_TOPOLOGY),
	FIELD(26, 2, min_io_size, BLK_F_TOPOLOGY),
	FIELD(28, 4, opt_io_size, BLK_F_TOPOLOGY),
	FIELD(32, 1, writeback, BLK_F_CONFIG_WCE),
	FIELD(34, 2, num_queues, BLK_F_MQ),
	FIELD(36, 4, max_discard_sectors, BLK_F_DISCARD),
	FIELD(40, 4, max_discard_seg, BLK_F_DISCARD),
	FIELD(44, 4, discard_sector_alignment, BLK_F_DISCARD),
	FIELD(48, 4, max_write_zeroes_sectors, BLK_F_WRITE_ZEROES),
	FIELD(52, 4, max_write_zeroes_seg, BLK_F_WRITE_ZEROES),
	FIELD(56, 1, write_zeroes_may_unmap, BLK_F_WRITE_ZEROES),
};

static uint64_t load_le(const unsigned char *p, unsigned int size)
{
	uint64_t v = 0;

	while (size--)
		v = v << 8 | p[size];
	return v;
}

void blk_config_decode(const unsigned char *raw, uint64_t features,
		       struct blk_config *out)
{
	const struct field *f;
	uint32_t value;

	memset(out, 0, sizeof(*out));
	out->capacity = load_le(raw, 8);
	out->blk_size = BLK_SECTOR;
	out->num_queues = 1;
	for (f = fields; f < fields + sizeof(fields) / sizeof(fields[0]); f++) {
		if (!(features & f->feature))
			continue;
		value = (uint32_t)load_le(raw + f->offset, f->size);
		memcpy((char *)out + f->to, &value, sizeof(value));
	}
}
