/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Steps of a plan that create its root at CONFINE_STAGED, in own mounts. */
#ifndef PROGRAMS_CONFINE_ROOT_H
#define PROGRAMS_CONFINE_ROOT_H

#include "confine/confine.h"

/*
 * Mounts the folder, with mounts inside. -ENOENT, -EACCES, -ENOTDIR: the folder cannot be
 * opened.
 */
int confine_root_folder(struct confine_plan *p, struct vsu_error *err);

/*
 * Creates a file system in memory, read-only in the end. It contains the named files of the
 * plan under their names, the working directory, and nothing else. The folders on the path
 * of a name are empty copies. So a name with symbolic links or ".." leads to the same file,
 * and a link inside a folder of the host does not lead out of it. -EINVAL: a file cannot be
 * in such a root.
 */
int confine_root_files(struct confine_plan *p, struct vsu_error *err);

/* Closes the descriptors of the plan's files, and removes the files from the plan. */
void confine_files_close(struct confine_plan *p);

#endif
