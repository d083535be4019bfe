/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Loading a kernel that is a static ELF64. Its notes select the entry: the
 * built-in protocol (<vm-arch/boot_protocol.h>) or, on x86-64, PVH. The content of a file is not
 * trusted.
 */
#ifndef VARCH_BOOT_ELF_H
#define VARCH_BOOT_ELF_H

#include <vm-arch/kernel.h>
#include <vm-arch/load.h>
#include <vm-memory/map.h>
#include <vmm-sys-util/error.h>

/*
 * Copies the segments into guest memory. -EBADMSG: not a kernel of these
 * protocols, malformed, or truncated while it was read; -E2BIG: the guest has
 * too little memory.
 */
int varch_elf_load(const struct varch_file *kernel,
		    const struct vmem_view *view, struct varch_loaded *loaded,
		    struct vsu_error *err);

#endif
