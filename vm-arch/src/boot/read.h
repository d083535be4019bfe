/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Reading of files for booting.
 *
 * Threads: one at a time per file.
 */
#ifndef VARCH_BOOT_READ_H
#define VARCH_BOOT_READ_H

#include <vm-arch/file.h>

/*
 * Copies bytes within its size to buf or to guest memory. -EBADMSG: the file
 * was truncated; -EFAULT: the range is not completely guest memory.
 */
int varch_file_copy(const struct varch_file *file, uint64_t offset, void *buf,
		  size_t len, struct vsu_error *err);
int varch_file_place(const struct varch_file *file, uint64_t offset, size_t len,
		   const struct vmem_view *view, uint64_t gpa,
		   struct vsu_error *err);

#endif
