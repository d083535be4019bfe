/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Files that are installed with this program: the first programs of guests, kernels by the name
 * builtin:NAME, and the programs that cvmm executes. They are in ../libexec/c-vmm as seen from the
 * folder of cvmm, where that exists, so that an installation may be moved as a whole; else in the
 * folder of configure. No variable of the environment chooses it. A folder is not used if it, or
 * the one above, belongs to another user than root, this one and the owner of the program's folder,
 * or if all may write to it.
 *
 * Threads: the main thread.
 */
#ifndef VMM_COMMON_HELPERS_H
#define VMM_COMMON_HELPERS_H

#include <limits.h>
#include <stdbool.h>

#include <vmm-sys-util/error.h>

#define VMM_HELPER_INIT "cvmm-init"
#define VMM_HELPER_BOOT_INIT "cvmm-boot-init"	/* which also reads disk images */

/*
 * Finds the folder, once. The functions below do it, too; afterwards they read no link, which
 * filters of system calls forbid.
 */
void vmm_helpers_find(void);

/* The path of a helper, whether it exists or not. */
void vmm_helper_path(const char *name, char path[PATH_MAX]);

/*
 * The installed first program of guests, or of those with a disk image. The text lives as long as the
 * process; the other program's replaces it.
 */
const char *vmm_helper_init(bool has_image);

/*
 * Replaces *kernel by the path of its file if it is builtin:NAME; the path is valid until the next
 * call. -ENOENT: there is no such file, and *kernel stays: a saved machine does not need it, and
 * another one reports it (common/needs.h).
 */
int vmm_helper_kernel(const char **kernel, struct vsu_error *err);

#endif
