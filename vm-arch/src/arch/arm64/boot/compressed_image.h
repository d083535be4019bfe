/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Linux kernels as compressed Image (Image.gz), or within an EFI program that decompresses
 * itself (zboot). The file is not trusted.
 *
 * Threads: no state.
 */
#ifndef VARCH_ARM64_COMPRESSED_IMAGE_H
#define VARCH_ARM64_COMPRESSED_IMAGE_H

#include <stdbool.h>

#include "arch/arm64/boot/linux_image.h"

bool varch_compressed_image_is(const struct varch_file *kernel);

/*
 * Decompresses it into guest memory, at most the bytes that its Image requests. Failures of
 * varch_decompressor_new() and varch_decompressor_read(), and -E2BIG: the guest has too little memory;
 * -EFBIG: it requests more than 1 GiB.
 */
int varch_compressed_image_load(const struct varch_file *kernel, const struct vmem_view *view,
			      struct varch_loaded *loaded, struct vsu_error *err);

#endif
