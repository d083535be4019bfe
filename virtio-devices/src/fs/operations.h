/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The table of operations, and handlers. */
#ifndef VIRTIO_DEVICES_FS_OPERATIONS_H
#define VIRTIO_DEVICES_FS_OPERATIONS_H

#include "fs/device/operations.h"

/* operations.c: NULL: unknown opcode. */
const struct fs_operation *virtdev_priv_fs_operation(uint32_t opcode);

/* The handlers. */
int virtdev_priv_fs_init(struct fs_call *c);
int virtdev_priv_fs_destroy(struct fs_call *c);

#endif
