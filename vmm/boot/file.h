/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Files that are booted from: a kernel, an initrd. */
#ifndef VMM_BOOT_FILE_H
#define VMM_BOOT_FILE_H

#include <stddef.h>
#include <stdint.h>

#include <vm-memory/map.h>
#include <vmm-sys-util/error.h>

/*
 * An open file, or bytes of this process. Whatever is judged is copied first;
 * what is only handed to the guest goes there at once, so that a file may be
 * changed at any time by anybody.
 */
struct vmm_file {
	const char *what, *path; /* for sentences; path is borrowed */
	const unsigned char *bytes; /* NULL: behind fd */
	int fd;
	uint64_t size;		/* when it was opened; 0: there is none */
};

/*
 * what ("kernel") is for sentences. -ENOENT and the like: no such file;
 * -ENODEV: not a regular file; -EBADMSG: empty.
 */
int vmm_file_open(struct vmm_file *file, const char *what, const char *path,
		  struct vsu_error *err);

/*
 * Bytes that lie within its size, into buf or into guest memory. -EBADMSG: the
 * file became shorter; -EFAULT: not all of that is memory of the guest.
 */
int vmm_file_copy(const struct vmm_file *file, uint64_t offset, void *buf,
		  size_t len, struct vsu_error *err);
int vmm_file_place(const struct vmm_file *file, uint64_t offset, size_t len,
		   const struct vmem_view *view, uint64_t gpa,
		   struct vsu_error *err);

void vmm_file_close(struct vmm_file *file);

#endif
