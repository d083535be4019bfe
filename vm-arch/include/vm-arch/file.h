/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Files for booting: a kernel, an initrd.
 *
 * Threads: one at a time per file.
 */
#ifndef VARCH_BOOT_FILE_H
#define VARCH_BOOT_FILE_H

#include <stddef.h>
#include <stdint.h>

#include <vm-memory/map.h>
#include <vmm-sys-util/error.h>

/*
 * An open file, or bytes of this process. Content to be checked is copied
 * first, because another process may change the file at any time. Other content
 * is read into guest memory directly.
 */
struct varch_file {
	const char *what, *path; /* for messages; path is borrowed */
	const unsigned char *bytes; /* NULL: read from fd */
	int fd;
	uint64_t size;		/* at the time of opening; 0: closed */
};

/*
 * what ("kernel") is used in messages. path: also "fd:N" (<vmm-sys-util/file_value.h>), a descriptor that
 * is borrowed. -ENOENT and similar: no such file;
 * -ENODEV: not a regular file; -EBADMSG: empty.
 */
int varch_file_open(struct varch_file *file, const char *what, const char *path,
		  struct vsu_error *err);

/*
 * Copies bytes within its size to buf or to guest memory. -EBADMSG: the file
 * was truncated; -EFAULT: the range is not completely guest memory.
 */
int varch_file_copy(const struct varch_file *file, uint64_t offset, void *buf,
		  size_t len, struct vsu_error *err);
int varch_file_place(const struct varch_file *file, uint64_t offset, size_t len,
		   const struct vmem_view *view, uint64_t gpa,
		   struct vsu_error *err);

void varch_file_close(struct varch_file *file);

#endif
