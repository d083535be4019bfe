/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Linux kernels as bzImage, by the 64-bit entry of the x86 boot protocol
 * (Documentation/arch/x86/boot.rst of Linux). The file is not trusted.
 */
#ifndef VARCH_BOOT_LINUX_BZIMAGE_H
#define VARCH_BOOT_LINUX_BZIMAGE_H

#include <stdbool.h>

#include <vm-arch/kernel.h>
#include <vm-arch/load.h>
#include <vm-memory/map.h>
#include <vmm-sys-util/error.h>

#include "arch/x86/boot/handover.h"

/*
 * True if the file has the magic of a bzImage, even if it is otherwise invalid.
 */
bool varch_bzimage_is(const struct varch_file *kernel);

/*
 * Copies the compressed kernel to its preferred address, or to another possible
 * one, with the space behind it that it requires for decompression. -EBADMSG:
 * not a kernel with this entry; -E2BIG: the guest has too little memory.
 */
int varch_bzimage_load(const struct varch_file *kernel,
		     const struct vmem_view *view, struct varch_loaded *loaded,
		     struct vsu_error *err);

/* Writes the kernel's parameter page; rsi gets its address. */
int varch_bzimage_hand_over(const struct varch_file *kernel,
			  const struct varch_loaded *loaded,
			  const struct varch_handover *handover,
			  const struct vmem_view *view, uint64_t gpa,
			  struct vsu_error *err);

#endif
