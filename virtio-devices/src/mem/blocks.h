/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Blocks of a memory device: the plugged blocks, and the mapped pieces. */
#ifndef VIRTIO_DEVICES_MEM_BLOCKS_H
#define VIRTIO_DEVICES_MEM_BLOCKS_H

#include <stdbool.h>
#include <stdint.h>

#include <virtio-devices/device.h>

struct virtdev_priv_blocks {
	struct virtdev *dev;	/* the device; its region 0 contains the blocks */
	int fd;			/* of the memory; owned */
	uint64_t n;		/* blocks, of whole pieces */
	uint64_t plugged;	/* number of plugged blocks; atomic for statistics of other
				   threads */
	uint8_t *map;		/* one byte for each block: 1 if plugged */
	uint8_t *mapped;	/* one byte for each piece: 1 if mapped */
};

/* Initializes the blocks; all are unplugged. */
int virtdev_priv_blocks_init(struct virtdev_priv_blocks *b, uint64_t len);
void virtdev_priv_blocks_fini(struct virtdev_priv_blocks *b);

/* Number of plugged blocks in [first, first + n), which exist. */
uint64_t virtdev_priv_blocks_count(const struct virtdev_priv_blocks *b,
				   uint64_t first, uint64_t n);

/* A change of blocks in steps. The first three members are the caller's. */
struct virtdev_priv_change {
	bool plug;
	uint64_t first, n;
	uint64_t done;		/* blocks; private */
	uint64_t freed;		/* unplug: blocks whose memory is freed; private */
	int error;		/* private */
};

/*
 * One step, whose cost does not depend on n; no other change may run meanwhile.
 *
 *   -EAGAIN  call again
 *   0        plug: all blocks, which were unplugged, are plugged
 *            unplug: the memory of the plugged ones is freed
 *   other    the change failed, and all blocks are as before, except that the content of
 *            those to be unplugged may be zeros
 */
int virtdev_priv_blocks_step(struct virtdev_priv_blocks *b,
			     struct virtdev_priv_change *c) VSU_NODISCARD;

/* Maps the pieces with a plugged block, and unmaps the others. */
int virtdev_priv_blocks_show(struct virtdev_priv_blocks *b);

/* Marks existing blocks as plugged, before the driver starts, and maps their pieces. */
int virtdev_priv_blocks_plug(struct virtdev_priv_blocks *b, uint64_t first,
			     uint64_t n);

#endif
