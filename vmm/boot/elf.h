/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Loading a kernel that is a static ELF64. Its notes select the entry: the
 * built-in protocol (guest/protocol.h) or PVH. The content of a file is not
 * trusted.
 */
#ifndef VMM_BOOT_ELF_H
#define VMM_BOOT_ELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vm-memory/map.h>
#include <vmm-sys-util/error.h>

#include "kernel.h"

/* 1: its notes request the built-in protocol; 0: they do not; -ENOMEM. */
int vmm_kernel_is_builtin(const struct vmm_kernel *kernel,
			  struct vsu_error *err);

enum vmm_protocol {
	VMM_PROTOCOL_BUILTIN,
	VMM_PROTOCOL_LINUX,	/* a bzImage, by its 64-bit entry */
	VMM_PROTOCOL_PVH,
};

/* A kernel in guest memory, and its requirements. */
struct vmm_loaded {
	enum vmm_protocol protocol;
	uint64_t entry;
	uint64_t first, end;	/* range of its addresses */
	uint64_t initrd_end;	/* upper limit of the initrd; 0: none */
	uint32_t cmdline_max;	/* maximum length; 0: no limit */
	bool level0;		/* must be entered at privilege level 0 */
	bool any_level;		/* level0 may be set if KVM runs level 0 natively */
	bool finds_pci;		/* of the built-in protocol, and has drivers for PCI */
};

/*
 * Copies the segments into guest memory. -EBADMSG: not a kernel of these
 * protocols, malformed, or truncated while it was read; -E2BIG: the guest has
 * too little memory.
 */
int vmm_kernel_load(const struct vmm_kernel *kernel,
		    const struct vmem_view *view, struct vmm_loaded *loaded,
		    struct vsu_error *err);

#endif
