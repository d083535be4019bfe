/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Detects images of formats other than raw. */
#ifndef PROGRAMS_DISK_FORMAT_H
#define PROGRAMS_DISK_FORMAT_H

#include <stddef.h>

#include <vmm-sys-util/error.h>

/* The format whose images begin with these bytes: "qcow2"; NULL: the format is unknown. */
const char *prog_disk_format_of(const void *bytes, size_t len);

/*
 * Logs a warning if the image at this path, which is served raw, begins like one
 * of another format. Nothing else changes: the bytes may be the guest's own.
 * Files on FUSE are not read, because their server may not answer.
 */
void prog_disk_warn_of_format(const char *path);

/*
 * An image was refused with rc. If it begins like one of another format and ends
 * within a sector, which no raw image does, its format is the reason: *err is
 * replaced. Returns rc.
 */
int prog_disk_explain_format(const char *path, int rc, struct vsu_error *err);

#endif
