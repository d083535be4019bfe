/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Threads: any. */
#ifndef VMM_BASE_NEW_NAME_H
#define VMM_BASE_NEW_NAME_H

/*
 * Renames a folder to a name that nobody has. -EEXIST, or the host's error. On a file system
 * that cannot exclude it, such as NFS, an empty folder that another program makes in between
 * is replaced.
 */
int vmm_new_name(const char *from, const char *to);

#endif
