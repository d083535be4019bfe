/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The file of an overlay: a sparse file with the clusters that differ from a base image.
 *
 *   0                      the header, one sector
 *   4096                   the map: one bit per cluster; 1: the cluster is in this file
 *   4096 + bytes of map    the clusters, each at its position on the disk
 *
 * All numbers are little-endian. The map is kept in memory. A flush writes the data to stable
 * storage first and then the bits that make it visible, so after a crash each cluster has
 * its last flushed content, a later one, or that of the base if it was never flushed.
 *
 * Threads: bits are atomic and only ever set. A thread holds lock while it fills a cluster
 * whose bit is not set, so two threads never fill one cluster.
 */
#ifndef VIRTIO_DEVICES_DISK_OVERLAY_H
#define VIRTIO_DEVICES_DISK_OVERLAY_H

#include <pthread.h>

#include "disk/file.h"

#define VIRTDEV_PRIV_CLUSTER 4096u

struct virtdev_priv_overlay {
	struct virtdev_priv_file *base;
	char *path;		/* for messages */
	int fd;
	bool temporary;		/* an unlinked file, which ends with the disk */
	uint64_t base_bytes;
	struct virtdev_disk_identity origin; /* the base when the overlay was made */
	uint64_t data;		/* position of the first cluster in the file */
	uint64_t map_bytes;	/* room of the map in the file */
	uint8_t *map;		/* atomic */
	uint8_t *stable;	/* copy of the map as a flush writes it */
	uint8_t *dirty;		/* atomic; per block of the map: has new bits */
	uint8_t written;	/* atomic: the map has bits; the map is too large to be
				   searched */
	pthread_mutex_t lock;	/* fills clusters */
	pthread_mutex_t flush_lock;
	int flush_error;	/* negative errno of a failed flush; flush_lock */
};

/* True if the cluster at this byte of the disk is in the overlay. */
bool virtdev_priv_overlay_has(const struct virtdev_priv_overlay *o, uint64_t pos);

/* Whether any cluster is in the overlay. */
bool virtdev_priv_overlay_is_empty(const struct virtdev_priv_overlay *o);

/* Makes whole clusters visible, after their data was written. */
void virtdev_priv_overlay_show(struct virtdev_priv_overlay *o, uint64_t pos,
			       uint64_t len);

/* Writes data and map to stable storage. */
int virtdev_priv_overlay_flush(struct virtdev_priv_overlay *o);

/*
 * Reads the header, checks that it is for this base, and reads the map; an empty file
 * becomes an overlay if may_init. *capacity: bytes of the disk.
 */
int virtdev_priv_overlay_load(struct virtdev_priv_overlay *o, bool may_init,
			      uint64_t *capacity, struct vsu_error *err);

/* Transfers all bytes, or fails. */
int virtdev_priv_overlay_pwrite(int fd, const void *from, uint64_t len, uint64_t pos);

/* Extends the file for a larger disk. */
int virtdev_priv_overlay_grow(struct virtdev_priv_overlay *o, uint64_t capacity,
			      struct vsu_error *err);

#endif
