/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Whole files that are booted from: a kernel, an initrd. */
#ifndef VMM_BOOT_FILE_H
#define VMM_BOOT_FILE_H

#include <stddef.h>

#include <vmm-sys-util/error.h>

/* A private copy, so that later changes of the file do not matter. */
struct vmm_file {
	unsigned char *bytes;	/* NULL: nothing was read */
	size_t size;
};

/*
 * what ("kernel") is for sentences. -ENOENT and the like: no such file;
 * -ENODEV: not a regular file; -EBADMSG: empty, or cut while it was read.
 */
int vmm_file_read(struct vmm_file *file, const char *what, const char *path,
		  struct vsu_error *err);
void vmm_file_free(struct vmm_file *file);

#endif
