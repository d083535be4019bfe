/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The version of an Image for arm64, which is only in the message that Linux prints first. The
 * Image may be compressed (decompress/decompress.h).
 */
#ifndef VARCH_DECOMPRESS_IMAGE_VERSION_H
#define VARCH_DECOMPRESS_IMAGE_VERSION_H

#include <stdbool.h>
#include <stddef.h>

#include <vm-arch/kernel_version.h>
#include <vmm-sys-util/error.h>

/*
 * 1: version was set; 0: not an Image, or one without a version in its first 256 MiB. Failures of
 * varch_decompressor_new() and varch_decompressor_read(); errors of read().
 */
int varch_image_version(int fd, char version[VARCH_KERNEL_VERSION], struct vsu_error *err);

/* False: the text does not begin with a version. A blank or the end of a line follows one. */
bool varch_version_copy(const char *text, size_t len, char version[VARCH_KERNEL_VERSION]);

#endif
