/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Images that look as if they were not raw. */
#ifndef PROGRAMS_DISK_FORMAT_H
#define PROGRAMS_DISK_FORMAT_H

#include <stddef.h>

/* The format whose images begin with these bytes: "qcow2"; NULL: of none. */
const char *prog_disk_format_of(const void *bytes, size_t len);

/*
 * Says a line where the image at this path, which is served raw, begins as one of
 * another format. That changes nothing else: the bytes may be the guest's own. Not
 * looked at on FUSE, whose server may not answer.
 */
void prog_disk_look_at_format(const char *path);

#endif
