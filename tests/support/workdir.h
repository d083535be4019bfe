/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A folder of a test's own, for its sockets and images: made on first use in
 * $TMPDIR or /tmp with a short path, because a socket's path is at most 107
 * bytes long.
 */
#ifndef SUPPORT_WORKDIR_H
#define SUPPORT_WORKDIR_H

#include <stddef.h>

struct workdir {
	char path[64];
};

/* Ends the test program when the folder cannot be made. */
void workdir_init(struct workdir *dir);

/* Removes the folder and the files in it; folders in it are the test's. */
void workdir_fini(struct workdir *dir);

/* Writes PATH/name to buf and returns buf. */
char *workdir_path(const struct workdir *dir, const char *name, char *buf,
		   size_t size);

#endif
