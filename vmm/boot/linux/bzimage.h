/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Linux kernels as bzImage, by the 64-bit entry of the x86 boot protocol
 * (Documentation/arch/x86/boot.rst of Linux). The file is not trusted.
 */
#ifndef VMM_BOOT_LINUX_BZIMAGE_H
#define VMM_BOOT_LINUX_BZIMAGE_H

#include <stdbool.h>

#include <vm-memory/map.h>
#include <vmm-sys-util/error.h>

#include "boot/elf.h"
#include "boot/handover.h"

/* True for what has the magic of a bzImage, whatever else is wrong with it. */
bool vmm_bzimage_is(const struct vmm_kernel *kernel);

/*
 * Copies the compressed kernel to where it wants to lie, or where it can, and
 * keeps as much free behind it as it needs to unpack itself. -EBADMSG: not a
 * kernel that can be entered so; -E2BIG: the guest has not enough memory.
 */
int vmm_bzimage_load(const struct vmm_kernel *kernel,
		     const struct vmem_view *view, struct vmm_loaded *loaded,
		     struct vsu_error *err);

/* Writes the page that the kernel is given; its address goes into rsi. */
int vmm_bzimage_hand_over(const struct vmm_kernel *kernel,
			  const struct vmm_loaded *loaded,
			  const struct vmm_handover *handover,
			  const struct vmem_view *view, uint64_t gpa,
			  struct vsu_error *err);

#endif
