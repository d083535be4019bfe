/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The configuration of a VIRTIO block device, decoded (VIRTIO 1.3, 5.2.4). */
#ifndef TOOLS_BLK_H
#define TOOLS_BLK_H

#include <stdint.h>

#include <virtio-devices/blk_layout.h>

/* The configuration, decoded. A field without its feature bit is 0. */
struct blk_config {
	uint64_t capacity;		/* in sectors of 512 bytes */
	uint32_t size_max;		/* largest segment, bytes */
	uint32_t seg_max;		/* maximum segments of a request */
	uint32_t cylinders, heads, sectors;
	uint32_t blk_size;		/* bytes; 512 without BLK_SIZE */
	uint32_t physical_block_exp, alignment_offset;
	uint32_t min_io_size, opt_io_size; /* in blocks */
	uint32_t writeback;		/* 1: volatile cache, FLUSH matters */
	uint32_t num_queues;		/* 1 without MQ */
	uint32_t max_discard_sectors, max_discard_seg;
	uint32_t discard_sector_alignment;
	uint32_t max_write_zeroes_sectors, max_write_zeroes_seg;
	uint32_t write_zeroes_may_unmap;
};

/* A field behind the capacity. */
struct blk_field {
	const char *name;	/* that of the member; NULL: the end of the list */
	uint8_t offset, size;	/* in the configuration space */
	uint8_t to;		/* offset in struct blk_config, 32 bits wide */
	uint64_t feature;	/* required for the field to be valid */
};

extern const struct blk_field blk_fields[];

/* raw: VIRTDEV_BLK_SPACE_SIZE bytes of configuration space. */
void blk_config_decode(const unsigned char *raw, uint64_t features,
		       struct blk_config *out);

/* Initial value of a status byte, which no device writes. */
#define BLK_STATUS_NONE 0xff

#endif
