/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Detects images of formats other than raw. */
#ifndef VMM_KINDS_DISK_FORMAT_H
#define VMM_KINDS_DISK_FORMAT_H

#include <vmm-sys-util/error.h>

/*
 * -EINVAL: the image at this path begins like one of another format. -ETIMEDOUT: its file
 * server does not respond, or another errno: it cannot be read, so the format is unknown. A
 * file that cannot be opened is not refused here.
 */
int vmm_disk_check_format(const char *path, struct vsu_error *err);

/* The format's name, as of qemu-img; NULL: the image appears raw, or cannot be read. */
const char *vmm_disk_format(const char *path);

#endif
