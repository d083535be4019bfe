/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * VIRTIO block devices as far as the tool knows them (VIRTIO 1.3, section 5.2):
 * feature bits, the configuration, the header of a request.
 */
#ifndef TOOLS_BLK_H
#define TOOLS_BLK_H

#include <stdint.h>

#include <vmm-sys-util/endian.h>

#define BLK_F_SIZE_MAX		(UINT64_C(1) << 1)
#define BLK_F_SEG_MAX		(UINT64_C(1) << 2)
#define BLK_F_GEOMETRY		(UINT64_C(1) << 4)
#define BLK_F_RO		(UINT64_C(1) << 5)
#define BLK_F_BLK_SIZE		(UINT64_C(1) << 6)
#define BLK_F_FLUSH		(UINT64_C(1) << 9)
#define BLK_F_TOPOLOGY		(UINT64_C(1) << 10)
#define BLK_F_CONFIG_WCE	(UINT64_C(1) << 11)
#define BLK_F_MQ		(UINT64_C(1) << 12)
#define BLK_F_DISCARD		(UINT64_C(1) << 13)
#define BLK_F_WRITE_ZEROES	(UINT64_C(1) << 14)

/*
 * The part of the configuration that every back-end of today answers. Newer
 * fields (secure erase, zones) lie behind it.
 */
#define BLK_CONFIG_SIZE 60u

#define BLK_SECTOR 512u

/* The configuration, decoded. A field without its feature bit is 0. */
struct blk_config {
	uint64_t capacity;		/* in sectors of 512 bytes */
	uint32_t size_max;		/* largest segment, bytes */
	uint32_t seg_max;		/* most segments of a request */
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

/* raw: BLK_CONFIG_SIZE bytes as the device gave them. */
void blk_config_decode(const unsigned char *raw, uint64_t features,
		       struct blk_config *out);

enum blk_request_type {
	BLK_T_IN = 0,		/* the device writes data */
	BLK_T_OUT = 1,		/* the device reads data */
	BLK_T_FLUSH = 4,
};

enum blk_status {
	BLK_S_OK = 0,
	BLK_S_IOERR = 1,
	BLK_S_UNSUPP = 2,
	BLK_S_NONE = 0xff,	/* what we put there before the device answers */
};

struct blk_request_header {
	struct vsu_le32 type;
	struct vsu_le32 reserved;
	struct vsu_le64 sector;
};

#endif
