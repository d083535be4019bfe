/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Placing an initrd in guest memory. */
#ifndef VARCH_BOOT_INITRD_H
#define VARCH_BOOT_INITRD_H

#include <vm-arch/file.h>
#include <vm-arch/load.h>
#include <vm-memory/map.h>
#include <vmm-sys-util/error.h>

/*
 * Copies it as high as it fits below VARCH_INITRD_END and below the kernel's own limit,
 * page-aligned, clear of the kernel and of what is below VARCH_INITRD_FIRST. -E2BIG when there is no such place.
 */
int varch_initrd_load(const struct varch_file *initrd,
		    const struct vmem_view *view,
		    const struct varch_loaded *kernel, uint64_t *gpa,
		    struct vsu_error *err);

#endif
