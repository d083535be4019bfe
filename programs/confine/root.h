/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Steps of a plan that make its root at CONFINE_STAGED, in own mounts. */
#ifndef PROGRAMS_CONFINE_ROOT_H
#define PROGRAMS_CONFINE_ROOT_H

#include "confine/confine.h"

/* The folder, with mounts inside. -ENOENT, -EACCES, -ENOTDIR: the folder. */
int confine_root_folder(struct confine_plan *p, struct vsu_error *err);

/*
 * A file system in memory, read-only in the end, that has the named files of the plan under
 * their names, the working directory, and nothing else.
 *
 * The folders on the way to a name are empty copies. So a name with symbolic links or ".."
 * leads to the same file; a link inside a folder of the host does not lead out of it. -EINVAL: a
 * file has no place in such a root.
 */
int confine_root_files(struct confine_plan *p, struct vsu_error *err);

/* Closes the descriptors of the plan's files, and forgets them. */
void confine_files_close(struct confine_plan *p);

#endif
