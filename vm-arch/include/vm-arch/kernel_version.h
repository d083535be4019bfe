/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The version of a kernel's file, by which its modules are found.
 *
 * Threads: no state.
 */
#ifndef VARCH_DECOMPRESS_KERNEL_VERSION_H
#define VARCH_DECOMPRESS_KERNEL_VERSION_H

#include <vm-arch/attributes.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

#define VARCH_KERNEL_VERSION 128

/*
 * The version in the header of a bzImage, or in the first message of an Image for arm64, which may
 * be compressed. -EBADMSG: the file is neither, as a vmlinux is, has no version, or is damaged;
 * -EOPNOTSUPP: this build cannot decompress it; errors of open() and read().
 */
VARCH_API int varch_kernel_version(const char *path, char version[VARCH_KERNEL_VERSION], struct vsu_error *err) VSU_NODISCARD;

VSU_END_DECLS

#endif
