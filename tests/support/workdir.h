/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A temporary folder of a test for its sockets and images. Created on
 * first use in $TMPDIR or /tmp with a short path, because the path of a socket
 * has at most 107 bytes.
 */
#ifndef SUPPORT_WORKDIR_H
#define SUPPORT_WORKDIR_H

#include <stddef.h>

struct workdir {
	char path[64];
};

/* Creates the folder; ends the test program on failure. */
void workdir_init(struct workdir *dir);

/* Removes the folder and its files; the test removes subfolders itself. */
void workdir_fini(struct workdir *dir);

/* Writes PATH/name to buf and returns buf. */
char *workdir_path(const struct workdir *dir, const char *name, char *buf,
		   size_t size);

#endif
