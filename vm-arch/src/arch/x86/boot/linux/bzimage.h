/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Linux kernels as bzImage, by the 64-bit entry of the x86 boot protocol
 * (Documentation/arch/x86/boot.rst of Linux). The file is not trusted.
 */
#ifndef VMM_BOOT_LINUX_BZIMAGE_H
#define VMM_BOOT_LINUX_BZIMAGE_H

#include <stdbool.h>

#include <vm-arch/kernel.h>
#include <vm-arch/load.h>
#include <vm-memory/map.h>
#include <vmm-sys-util/error.h>

#include "arch/x86/boot/handover.h"

/*
 * True if the file has the magic of a bzImage, even if it is otherwise invalid.
 */
bool vmm_bzimage_is(const struct vmm_kernel *kernel);

/*
 * Copies the compressed kernel to its preferred address, or to another possible
 * one, with the space behind it that it requires for decompression. -EBADMSG:
 * not a kernel with this entry; -E2BIG: the guest has too little memory.
 */
int vmm_bzimage_load(const struct vmm_kernel *kernel,
		     const struct vmem_view *view, struct vmm_loaded *loaded,
		     struct vsu_error *err);

/* Writes the kernel's parameter page; rsi gets its address. */
int vmm_bzimage_hand_over(const struct vmm_kernel *kernel,
			  const struct vmm_loaded *loaded,
			  const struct vmm_handover *handover,
			  const struct vmem_view *view, uint64_t gpa,
			  struct vsu_error *err);

#endif
