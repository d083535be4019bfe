/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Restrictions of an io_uring to requests of disks. */
#ifndef VIRTIO_DEVICES_DISK_RESTRICT_H
#define VIRTIO_DEVICES_DISK_RESTRICT_H

#include <linux/io_uring.h>
#include <stdint.h>

/* Flags that submission queue entries may have. */
#define DISK_RING_SQE_FLAGS IOSQE_ASYNC

/* Operations of disk requests, the only ones that a restricted ring accepts. */
#define DISK_RING_OPERATIONS 6u
extern const uint8_t virtdev_priv_ring_operations[DISK_RING_OPERATIONS];

/*
 * Permanently restricts a ring that is still disabled to disk requests, and enables
 * it. Code that takes over the process cannot open files or sockets through the ring,
 * which no system call filter would see. 0 or a negative errno.
 */
int virtdev_priv_ring_restrict(int ring_fd);

#endif
