/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Blocks of a memory device: which are plugged, and which pieces are mapped. */
#ifndef VIRTIO_DEVICES_MEM_BLOCKS_H
#define VIRTIO_DEVICES_MEM_BLOCKS_H

#include <stdbool.h>
#include <stdint.h>

#include <virtio-devices/device.h>

struct virtdev_priv_blocks {
	struct virtdev *dev;	/* whose region 0 they are */
	int fd;			/* of the memory; owned */
	uint64_t n;		/* blocks, of whole pieces */
	uint64_t plugged;	/* of them; atomic for who counts */
	uint8_t *map;		/* one byte each: 1 when plugged */
};

/* All unplugged. */
int virtdev_priv_blocks_init(struct virtdev_priv_blocks *b, uint64_t len);
void virtdev_priv_blocks_fini(struct virtdev_priv_blocks *b);

/* How many of [first, first + n) are plugged; they exist. */
uint64_t virtdev_priv_blocks_count(const struct virtdev_priv_blocks *b,
				   uint64_t first, uint64_t n);

/* All of them were unplugged. A failure leaves them so. */
int virtdev_priv_blocks_plug(struct virtdev_priv_blocks *b, uint64_t first,
			     uint64_t n);

/* Those that are plugged; their memory is given back. */
int virtdev_priv_blocks_unplug(struct virtdev_priv_blocks *b, uint64_t first,
			       uint64_t n);

/* Maps every piece with a plugged block that is not mapped yet. */
int virtdev_priv_blocks_show(struct virtdev_priv_blocks *b);

#endif
