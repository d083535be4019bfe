/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Paths that other users of this host can redirect. Trusted are root, this process's user, and the owner
 * of "/", which is root in a user namespace that does not map it.
 *
 * Threads: any.
 */
#ifndef VMM_BASE_TRUSTED_PATH_H
#define VMM_BASE_TRUSTED_PATH_H

#include <vmm-sys-util/error.h>

/*
 * Checks the folders above an absolute path without links, as ssh does (StrictModes): -EPERM: one belongs
 * to another user, or others may write to it. They may write to one with the sticky bit, where they do not
 * replace names, and a group may if it has the number of the owner: it is that user's own.
 */
int vmm_path_check_above(const char *path, struct vsu_error *err);

/*
 * Checks each symbolic link on a path. -EPERM: one belongs to another user, who could make a program of
 * this user open any of this user's files. The path need not exist.
 */
int vmm_path_check_links(const char *path, struct vsu_error *err);

#endif
