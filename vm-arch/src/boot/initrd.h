/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Placing an initrd in guest memory. */
#ifndef VMM_BOOT_INITRD_H
#define VMM_BOOT_INITRD_H

#include <vm-arch/file.h>
#include <vm-arch/load.h>
#include <vm-memory/map.h>
#include <vmm-sys-util/error.h>

/*
 * Copies it as high as it fits below VMM_INITRD_END and below the kernel's own limit,
 * page-aligned, clear of the kernel and of what is below VMM_INITRD_FIRST. -E2BIG when there is no such place.
 */
int vmm_initrd_load(const struct vmm_file *initrd,
		    const struct vmem_view *view,
		    const struct vmm_loaded *kernel, uint64_t *gpa,
		    struct vsu_error *err);

#endif
