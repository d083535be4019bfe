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

#include <vm-arch/attributes.h>
#include <vm-memory/map.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

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
VARCH_API int varch_file_open(struct varch_file *file, const char *what, const char *path,
		  struct vsu_error *err) VSU_NODISCARD;

VARCH_API void varch_file_close(struct varch_file *file);

VSU_END_DECLS

#endif
