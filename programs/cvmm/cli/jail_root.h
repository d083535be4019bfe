/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The root of a jail: a file system in memory, read-only in the end, that has the files and
 * folders of rules under the names that the options give them, and nothing else.
 *
 * The folders on the way to a name are empty copies. So a name with symbolic links or ".."
 * leads to the same file; a link inside a folder of the host does not lead out of it.
 */
#ifndef VMM_CLI_JAIL_ROOT_H
#define VMM_CLI_JAIL_ROOT_H

#include <vmm-sys-util/error.h>

#include "cli/sandbox_rules.h"

/* Exists on every host. Files below were opened before. */
#define VMM_JAIL_STAGE "/sys"

/*
 * Mounts the root at VMM_JAIL_STAGE of the process's own namespace of mounts. folder is the
 * working directory, an absolute path. -EPERM: the host permits no such mount; -EINVAL: a
 * file has no place in a jail.
 */
int vmm_jail_root_fill(const struct vmm_sandbox_rules *rules, const char *folder,
		       struct vsu_error *err);

#endif
