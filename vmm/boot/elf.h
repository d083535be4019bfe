/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Kernels: recognising what a file is, and loading a static ELF64 of the
 * built-in protocol, which declares itself by a note (guest/protocol.h). The
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

/* A kernel in this process's memory. */
struct vmm_kernel {
	const char *name;	/* for sentences: as the user wrote it */
	const unsigned char *bytes;
	size_t size;
	struct vmm_file file;	/* of one that is not built in */
};

/*
 * "builtin:NAME" or a path. -EINVAL: no such built-in kernel; others as
 * vmm_file_read().
 */
int vmm_kernel_open(struct vmm_kernel *kernel, const char *name,
		    struct vsu_error *err);
void vmm_kernel_close(struct vmm_kernel *kernel);

/* Where it came to lie in the guest. */
struct vmm_loaded {
	uint64_t entry;
	uint64_t first, end;	/* addresses that its segments span */
	bool level0;		/* wants to be entered at level 0 */
};

/*
 * Copies the segments into guest memory. -EBADMSG: not a kernel of this
 * protocol, or malformed; -E2BIG: the guest has not enough memory for it.
 */
int vmm_kernel_load(const struct vmm_kernel *kernel,
		    const struct vmem_view *view, struct vmm_loaded *loaded,
		    struct vsu_error *err);

#endif
