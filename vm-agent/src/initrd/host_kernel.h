/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Kernels of this host.
 *
 * Threads: no state.
 */
#ifndef VMM_INITRD_HOST_KERNEL_H
#define VMM_INITRD_HOST_KERNEL_H

#include <vmm-sys-util/error.h>

#define VMM_KERNEL_PATH 512

/*
 * The kernel that this host runs, or else the newest readable one: vmlinuz-VERSION in boot, or
 * VERSION/vmlinuz in modules ("/boot", "/lib/modules"). -ENOENT: there is none.
 */
int vmm_host_kernel(const char *boot, const char *modules, char path[VMM_KERNEL_PATH],
		    struct vsu_error *err);

#endif
