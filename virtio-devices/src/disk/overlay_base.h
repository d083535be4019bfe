/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Whether a base is the one that an overlay was made for, as its header describes it. */
#ifndef VIRTIO_DEVICES_DISK_OVERLAY_BASE_H
#define VIRTIO_DEVICES_DISK_OVERLAY_BASE_H

#include "disk/overlay.h"

/* -EINVAL: another base, or a changed one. A time of 0 is not known. */
int virtdev_priv_overlay_check_base(const struct virtdev_priv_overlay *o,
				    const struct virtdev_disk_identity *was,
				    struct vsu_error *err);

#endif
