/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Detects images of formats other than raw. */
#ifndef VMM_KINDS_DISK_FORMAT_H
#define VMM_KINDS_DISK_FORMAT_H

#include <stddef.h>

#include <vmm-sys-util/error.h>

/* The format whose images begin with these bytes: "qcow2"; NULL: the format is unknown. */
const char *prog_disk_format_of(const void *bytes, size_t len);

/*
 * -EINVAL: the image at this path begins like one of another format. Files on FUSE are not
 * read, because their server may not answer. A file that cannot be opened is not refused
 * here.
 */
int prog_disk_check_format(const char *path, struct vsu_error *err);

#endif
