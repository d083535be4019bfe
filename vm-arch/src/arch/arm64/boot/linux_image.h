/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Linux kernels as Image (Documentation/arch/arm64/booting.rst of Linux). The file is not
 * trusted.
 *
 * Threads: no state.
 */
#ifndef VARCH_ARM64_LINUX_IMAGE_H
#define VARCH_ARM64_LINUX_IMAGE_H

#include <stdbool.h>

#include <vm-arch/kernel.h>
#include <vm-arch/load.h>
#include <vm-memory/map.h>
#include <vmm-sys-util/error.h>

#define VARCH_LINUX_IMAGE_HEADER 64u	/* bytes */

/* The fields of a header, which are little-endian in the file. */
struct varch_linux_image {
	uint64_t offset;	/* of the kernel from a multiple of 2 MiB */
	uint64_t len;		/* memory that it needs from there on; 0: as long as the file */
	bool big_endian;
};

/* False: the bytes have not the magic of an Image. */
bool varch_linux_image_read(const unsigned char header[VARCH_LINUX_IMAGE_HEADER], struct varch_linux_image *out);

/* True if the file has the magic, even if it is otherwise invalid. */
bool varch_linux_image_is(const struct varch_file *kernel);

/*
 * Finds len bytes of memory (not 0) for a kernel, from loaded->first on. -EBADMSG: it is
 * big-endian; -E2BIG: the guest has too little memory.
 */
int varch_linux_image_place(const struct varch_file *kernel, const struct varch_linux_image *image, uint64_t len,
			  const struct vmem_view *view, struct varch_loaded *loaded, struct vsu_error *err);

/* -EBADMSG: not such a kernel; -E2BIG: the guest has too little memory. */
int varch_linux_image_load(const struct varch_file *kernel, const struct vmem_view *view,
		   struct varch_loaded *loaded, struct vsu_error *err);

#endif
