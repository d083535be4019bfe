/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A real folder that a device serves, and a secret in its parent. */
#ifndef FUZZ_FS_FOLDER_H
#define FUZZ_FS_FOLDER_H

#include "play.h"

struct fs_folder {
	int parent;		/* contains the served folder and the secret */
};

/* The path of the served folder; the size of files in it is limited. */
const char *fs_folder_init(struct fs_folder *f);
/* Checks that the secret is unchanged. */
void fs_folder_fini(struct fs_folder *f);

#endif
