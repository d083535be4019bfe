/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Kernels of this host, and the version of a kernel's file. */
#ifndef VMM_INITRD_HOST_KERNEL_H
#define VMM_INITRD_HOST_KERNEL_H

#include <vmm-sys-util/error.h>

#define VMM_KERNEL_PATH 512
#define VMM_KERNEL_VERSION 128

/*
 * The kernel that this host runs, or else the newest readable one: vmlinuz-VERSION in boot, or
 * VERSION/vmlinuz in modules ("/boot", "/lib/modules"). -ENOENT: there is none.
 */
int vmm_host_kernel(const char *boot, const char *modules, char path[VMM_KERNEL_PATH],
		    struct vsu_error *err);

/*
 * The version in the header of a bzImage, or in the first message of an Image for arm64, which may
 * be compressed. -EBADMSG: the file is neither, as a vmlinux is, has no version, or is damaged;
 * -EOPNOTSUPP: this build cannot decompress it; errors of open() and read().
 */
int vmm_kernel_version(const char *path, char version[VMM_KERNEL_VERSION], struct vsu_error *err);

#endif
