/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Kernels: finding them, and loading a static ELF64. Its notes say how it is
 * to be entered: by the built-in protocol (guest/protocol.h) or by PVH. The
 * content of a file is not trusted.
 */
#ifndef VMM_BOOT_ELF_H
#define VMM_BOOT_ELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vm-memory/map.h>
#include <vmm-sys-util/error.h>

#include "file.h"

/* A kernel that has been found, and not been looked at. */
struct vmm_kernel {
	const char *name;	/* for sentences: as the user wrote it */
	struct vmm_file file;
};

/*
 * "builtin:NAME" or a path. -EINVAL: no such built-in kernel; others as
 * vmm_file_open().
 */
int vmm_kernel_open(struct vmm_kernel *kernel, const char *name,
		    struct vsu_error *err);
void vmm_kernel_close(struct vmm_kernel *kernel);

/*
 * 1: it is to be entered by the built-in protocol, as far as one sees; 0: it is
 * not; -ENOMEM.
 */
int vmm_kernel_is_builtin(const struct vmm_kernel *kernel,
			  struct vsu_error *err);

enum vmm_protocol {
	VMM_PROTOCOL_BUILTIN,
	VMM_PROTOCOL_LINUX,	/* a bzImage, by its 64-bit entry */
	VMM_PROTOCOL_PVH,
};

/* The place of a kernel in the guest, and its wishes. */
struct vmm_loaded {
	enum vmm_protocol protocol;
	uint64_t entry;
	uint64_t first, end;	/* addresses that it spans */
	uint64_t initrd_end;	/* the initrd ends here or below; 0: anywhere */
	uint32_t cmdline_max;	/* characters that it can take; 0: any */
	bool level0;		/* wants to be entered at level 0 */
};

/*
 * Copies the segments into guest memory. -EBADMSG: not a kernel of these
 * protocols, malformed, or cut while it was read; -E2BIG: the guest has not enough memory for it.
 */
int vmm_kernel_load(const struct vmm_kernel *kernel,
		    const struct vmem_view *view, struct vmm_loaded *loaded,
		    struct vsu_error *err);

#endif
