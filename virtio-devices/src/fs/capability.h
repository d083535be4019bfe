/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Effective capabilities of the calling thread; the C library would change all. */
#ifndef VIRTIO_DEVICES_FS_CAPABILITY_H
#define VIRTIO_DEVICES_FS_CAPABILITY_H

#include <stdbool.h>

/*
 * Raises or drops one of the first 32. 1: it changed; 0: it was so before; or a
 * negative errno. -EPERM: it is not permitted to this thread.
 */
int virtdev_priv_fs_capability_set(unsigned int capability, bool raised);

#endif
