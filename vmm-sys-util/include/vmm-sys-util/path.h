/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Paths that other users of this host can redirect, and a rename that replaces nothing. Trusted are
 * root, the effective user of this process, and the owner of "/", which is root in a user namespace
 * that does not map it.
 *
 * Threads: any.
 */
#ifndef VMM_SYS_UTIL_PATH_H
#define VMM_SYS_UTIL_PATH_H

#include <vmm-sys-util/attributes.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

/*
 * Checks the folders above an absolute path without links, as ssh does (StrictModes). -EPERM: one
 * belongs to another user, or others may write to it; the error of a folder that cannot be read;
 * -ENAMETOOLONG. Others may write to a folder with the sticky bit, where they do not replace names,
 * and a group may if it has the number of the owner: it is that user's own. Group 0 is not root's own, as other users
 * belong to it on some systems. A list (ACL) with a mask that permits writing is refused.
 */
VSU_API int vsu_path_check_above(const char *path, struct vsu_error *err) VSU_NODISCARD;

/*
 * Checks each symbolic link on a path, which need not exist. -EPERM: one belongs to another user,
 * who could make a program of this user open any of this user's files; -ELOOP: more than 40 links;
 * -ENAMETOOLONG.
 */
VSU_API int vsu_path_check_links(const char *path, struct vsu_error *err) VSU_NODISCARD;

/*
 * Renames a folder to a name that does not exist. -EEXIST: it exists; or the host's error. On a file
 * system that cannot exclude it, such as NFS, an empty folder that another program makes meanwhile
 * is replaced.
 */
VSU_API int vsu_path_rename_new(const char *from, const char *to) VSU_NODISCARD;

VSU_END_DECLS

#endif
