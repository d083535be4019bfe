/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Effective capabilities of the calling thread only. */
#ifndef VIRTIO_DEVICES_FS_CAPABILITY_H
#define VIRTIO_DEVICES_FS_CAPABILITY_H

#include <stdbool.h>

/*
 * Raises or drops one of the first 32 capabilities. 1: changed; 0: unchanged; or a
 * negative errno. -EPERM: not in the thread's permitted set.
 */
int virtdev_priv_fs_capability_set(unsigned int capability, bool raised);

#endif
