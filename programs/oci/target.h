/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Targets of mounts below the root of a container, which its owner controls: no link leads out of the root.
 *
 * Threads: no state.
 */
#ifndef OCI_TARGET_H
#define OCI_TARGET_H

#include <stdbool.h>

/* Opens a path below a root as O_PATH; an empty one is the root. */
int oci_target_open(int root, const char *path);

/* Makes a folder, or an empty file, unless the name exists. */
int oci_target_make_name(int parent, const char *name, bool is_file);

/* Makes a path below a root, with the folders above it. */
int oci_target_make(int root, const char *path, bool is_file);

#endif
