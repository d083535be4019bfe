/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A block device as drivers and devices see it (VIRTIO 1.3, section 5.2):
 * feature bits, configuration space, requests. The header has no functions, so its
 * users need not link the library.
 *
 * Threads: constants and layouts only.
 */
#ifndef VIRTIO_DEVICES_BLK_LAYOUT_H
#define VIRTIO_DEVICES_BLK_LAYOUT_H

#include <stdint.h>

#include <virtio-devices/attributes.h>
#include <vmm-sys-util/endian.h>

VSU_BEGIN_DECLS

/* The unit of positions and capacities, independent of the block size. */
#define VIRTDEV_BLK_SECTOR 512u

/* Feature bits (5.2.3). */
#define VIRTDEV_BLK_F_SIZE_MAX		(UINT64_C(1) << 1)
#define VIRTDEV_BLK_F_SEG_MAX		(UINT64_C(1) << 2)
#define VIRTDEV_BLK_F_GEOMETRY		(UINT64_C(1) << 4)
#define VIRTDEV_BLK_F_RO		(UINT64_C(1) << 5)
#define VIRTDEV_BLK_F_BLK_SIZE		(UINT64_C(1) << 6)
#define VIRTDEV_BLK_F_FLUSH		(UINT64_C(1) << 9)
#define VIRTDEV_BLK_F_TOPOLOGY		(UINT64_C(1) << 10)
#define VIRTDEV_BLK_F_CONFIG_WCE	(UINT64_C(1) << 11)
#define VIRTDEV_BLK_F_MQ		(UINT64_C(1) << 12)
#define VIRTDEV_BLK_F_DISCARD		(UINT64_C(1) << 13)
#define VIRTDEV_BLK_F_WRITE_ZEROES	(UINT64_C(1) << 14)

/* Configuration space up to write_zeroes_may_unmap (5.2.4). Fixed layout. */
struct virtdev_blk_space {
	struct vsu_le64 capacity;	/* sectors */
	struct vsu_le32 size_max;
	struct vsu_le32 seg_max;
	uint8_t geometry[4];		/* le16 cylinders, heads, sectors */
	struct vsu_le32 blk_size;
	uint8_t physical_block_exp;
	uint8_t alignment_offset;
	struct vsu_le16 min_io_size;
	struct vsu_le32 opt_io_size;
	uint8_t writeback;
	uint8_t unused0;
	struct vsu_le16 num_queues;
	struct vsu_le32 max_discard_sectors;
	struct vsu_le32 max_discard_seg;
	struct vsu_le32 discard_sector_alignment;
	struct vsu_le32 max_write_zeroes_sectors;
	struct vsu_le32 max_write_zeroes_seg;
	uint8_t write_zeroes_may_unmap;
	uint8_t unused1[3];
};

/* Bytes of this configuration space. Padding can make sizeof the struct larger. */
#define VIRTDEV_BLK_SPACE_SIZE 60u

/* The header of a request (5.2.6). Fixed layout. */
struct virtdev_blk_header {
	struct vsu_le32 type;		/* enum virtdev_blk_type */
	struct vsu_le32 reserved;
	struct vsu_le64 sector;
};

enum virtdev_blk_type {
	VIRTDEV_BLK_T_IN = 0,		/* the device writes data */
	VIRTDEV_BLK_T_OUT = 1,		/* the device reads data */
	VIRTDEV_BLK_T_FLUSH = 4,
	VIRTDEV_BLK_T_GET_ID = 8,
	VIRTDEV_BLK_T_DISCARD = 11,
	VIRTDEV_BLK_T_WRITE_ZEROES = 13,
};

/* Bytes of the reply to VIRTDEV_BLK_T_GET_ID: a text, zero-terminated if shorter. */
#define VIRTDEV_BLK_ID_LEN 20u

/* One range of a discard or write-zeroes request. Fixed layout. */
struct virtdev_blk_range {
	struct vsu_le64 sector;
	struct vsu_le32 num_sectors;
	struct vsu_le32 flags;
};

/* A flag of a range to be zeroed: the device may deallocate (unmap) it. */
#define VIRTDEV_BLK_RANGE_UNMAP 0x1u

/* The status, which is the last byte of a request. */
enum virtdev_blk_status {
	VIRTDEV_BLK_S_OK = 0,
	VIRTDEV_BLK_S_IOERR = 1,
	VIRTDEV_BLK_S_UNSUPP = 2,
};

VSU_END_DECLS

#endif
