/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Limits of two buckets that are set together or not at all.
 *
 * Threads: any.
 */
#ifndef VIRTDEV_PRIV_RATE_H
#define VIRTDEV_PRIV_RATE_H

#include <virtio-devices/rate.h>

/* Checks limits as virtdev_rate_set() does. */
int virtdev_priv_rate_check(const struct virtdev_rate_limits *limits, struct vsu_error *err);

#endif
