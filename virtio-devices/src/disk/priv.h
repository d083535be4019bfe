/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Internals of a disk, for device models that call its operations. */
#ifndef VIRTIO_DEVICES_DISK_PRIV_H
#define VIRTIO_DEVICES_DISK_PRIV_H

#include <stdbool.h>

#include "virtio-devices/disk.h"

struct virtdev_priv_file;
struct virtdev_disk;

/* The functions below, as implemented by a kind of disk that is not one file. */
struct virtdev_priv_hand_over {
	int (*set_locked)(struct virtdev_disk *disk, bool locked,
			  struct vsu_error *err);
	int (*flush)(struct virtdev_disk *disk, struct vsu_error *err);
	int (*identify)(const struct virtdev_disk *disk, struct virtdev_disk_identity *out,
			struct vsu_error *err);
};

struct virtdev_disk {
	struct virtdev_disk_ops ops;
	struct virtdev_disk_info info;
	uint64_t capacity;	/* atomic; current bytes */
	void *self;
	bool owned;		/* by a device, which frees it */
	int fd;			/* of the file, owned by the engine; -1: no file */
	struct virtdev_priv_file *file;	/* likewise; NULL: no file */
	const struct virtdev_priv_hand_over *hand_over;	/* or NULL */
};

const struct virtdev_disk_info *virtdev_priv_disk_info(
		const struct virtdev_disk *disk);
/* Bytes at the moment; the information has those at the start. Any thread. */
uint64_t virtdev_priv_disk_capacity(const struct virtdev_disk *disk);
/* -EBUSY: a device has the disk already. what: the new one, such as "blk". */
int virtdev_priv_disk_check_free(const struct virtdev_disk *disk,
				 const char *what, struct vsu_error *err);
/* The name of its operations. */
const char *virtdev_priv_disk_engine(const struct virtdev_disk *disk);

/* See virtdev_blk_resize(). */
int virtdev_priv_disk_resize(struct virtdev_disk *disk, uint64_t bytes,
			     struct vsu_error *err);
/* See virtdev_blk_set_locked(), virtdev_blk_flush() and virtdev_blk_identify(). */
int virtdev_priv_disk_set_locked(struct virtdev_disk *disk, bool locked,
				 struct vsu_error *err);
int virtdev_priv_disk_flush(struct virtdev_disk *disk,
			    struct vsu_error *err);
int virtdev_priv_disk_identify(const struct virtdev_disk *disk,
			       struct virtdev_disk_identity *out, struct vsu_error *err);

#endif
