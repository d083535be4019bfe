/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Kernels: recognising what a file is, and loading a static ELF64 of the
 * built-in protocol. The content of a file is not trusted.
 */
#ifndef VMM_BOOT_ELF_H
#define VMM_BOOT_ELF_H

#include <stddef.h>
#include <stdint.h>

#include <vm-memory/map.h>
#include <vmm-sys-util/error.h>

/* A kernel in this process's memory. */
struct vmm_kernel {
	const char *name;	/* for sentences: as the user wrote it */
	const unsigned char *bytes;
	size_t size;
	void *mapping;		/* what close gives back, or NULL */
};

/*
 * "builtin:NAME" or a path. -ENOENT and the like: no such file; -ENODEV: not
 * a regular file; -EINVAL: no such built-in kernel; -EBADMSG: empty.
 */
int vmm_kernel_open(struct vmm_kernel *kernel, const char *name,
		    struct vsu_error *err);
void vmm_kernel_close(struct vmm_kernel *kernel);

/*
 * Copies the segments into guest memory. -EBADMSG: not a kernel of this
 * protocol, or malformed; -E2BIG: the guest has not enough memory for it.
 */
int vmm_kernel_load(const struct vmm_kernel *kernel,
		    const struct vmem_view *view, uint64_t *entry,
		    struct vsu_error *err);

#endif
