/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The latency of requests, if the device's owner provided the storage (latency.h). */
#ifndef VIRTIO_DEVICES_FS_MEASURE_H
#define VIRTIO_DEVICES_FS_MEASURE_H

#include <stdint.h>

#include <virtio-devices/latency.h>

struct fs_queue;

enum fs_kind { FS_METADATA, FS_READ, FS_WRITE, FS_SYNC };

extern const char *const virtdev_priv_fs_kinds[];
uint32_t virtdev_priv_fs_kind(uint32_t opcode);

/* A chain was popped. Returns the time, for the call of end when it was pushed. */
uint64_t virtdev_priv_fs_measure_begin(const struct fs_queue *q);
void virtdev_priv_fs_measure_end(const struct fs_queue *q, uint32_t kind,
				 uint64_t popped);

#endif
