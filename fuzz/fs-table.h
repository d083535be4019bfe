/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Changes of the recovery file, in which a session outlives its process (recover.h). */
#ifndef FUZZ_FS_TABLE_H
#define FUZZ_FS_TABLE_H

#include "play.h"

/* Limits of the device, which determine the layout of the file. */
#define FS_TABLE_INODES 16u
#define FS_TABLE_HANDLES 8u

/*
 * Makes one change of the input: a member of the header or of a record, a name, a record in
 * place of another one, any bytes, or another length.
 */
void fs_table_change(int fd, struct input *in);

#endif
