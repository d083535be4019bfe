/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Whether a base is the one that an overlay was made for: its size, its ends and the time
 * of its last change. Detects mistakes, not attacks.
 */
#ifndef VIRTIO_DEVICES_DISK_OVERLAY_BASE_H
#define VIRTIO_DEVICES_DISK_OVERLAY_BASE_H

#include <time.h>

#include "disk/overlay.h"

/* The base as the header of an overlay describes it. */
struct virtdev_priv_overlay_origin {
	uint64_t bytes, sum;
	struct timespec time;	/* 0: not known */
};

/* FNV-1a, 64 bits. */
uint64_t virtdev_priv_overlay_sum(const void *data, size_t len);

/* The sum of the first and the last 64 KiB of the base. */
int virtdev_priv_overlay_sum_base(const struct virtdev_priv_overlay *o, uint64_t *sum,
				  struct vsu_error *err);

/* 0 for a device, whose time its content does not change. */
int virtdev_priv_overlay_base_time(const struct virtdev_priv_overlay *o,
				   struct timespec *time, struct vsu_error *err);

/* -EINVAL: another base, or a changed one. */
int virtdev_priv_overlay_check_base(const struct virtdev_priv_overlay *o,
				    const struct virtdev_priv_overlay_origin *was,
				    struct vsu_error *err);

#endif
