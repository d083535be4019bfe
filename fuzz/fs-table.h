/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Changes of the file in which a session outlives its process (recover.h). */
#ifndef FUZZ_FS_TABLE_H
#define FUZZ_FS_TABLE_H

#include "play.h"

/* The device's bounds, by which the file is laid out. */
#define FS_TABLE_INODES 16u
#define FS_TABLE_HANDLES 8u

/*
 * One change, as the input has it: a member of the head or of a record, a name, a
 * record in place of another one, bytes anywhere, another length.
 */
void fs_table_change(int fd, struct input *in);

#endif
