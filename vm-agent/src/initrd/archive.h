/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * An archive in the format that Linux unpacks as its first file system ("newc" of cpio),
 * written to a file in order. All entries belong to root.
 *
 *	vagent_priv_archive_folder(&a, "modules");
 *	vagent_priv_archive_file(&a, "init", 0755, bytes, len);
 *	rc = vagent_priv_archive_end(&a, &err);
 *
 * The first failure is kept, later calls do nothing, and vagent_priv_archive_end() returns it.
 */
#ifndef VMM_INITRD_ARCHIVE_H
#define VMM_INITRD_ARCHIVE_H

#include <stddef.h>
#include <stdint.h>

#include <vmm-sys-util/error.h>

/* Maximum size of an archive. */
#define VAGENT_ARCHIVE_MAX (UINT64_C(1) << 30)

struct vagent_priv_archive {
	int fd;			/* borrowed; its position is the end of the archive */
	int rc;
	uint32_t entries;
	uint64_t len;
};

/* Names are paths without a leading slash; the folders of a path precede it. */
void vagent_priv_archive_folder(struct vagent_priv_archive *a, const char *name);
/* Adds a character device, such as dev/console. */
void vagent_priv_archive_device(struct vagent_priv_archive *a, const char *name, uint32_t major, uint32_t minor);
void vagent_priv_archive_file(struct vagent_priv_archive *a, const char *name, uint32_t mode,
		      const void *bytes, size_t len);
/* Adds a file of len bytes from the position of from_fd. -EBADMSG is kept if from_fd ends before. */
void vagent_priv_archive_copy(struct vagent_priv_archive *a, const char *name, uint32_t mode, int from_fd,
		      uint64_t len);

/* -EFBIG: the archive exceeds VAGENT_ARCHIVE_MAX; -EBADMSG: a file was truncated; else of write(). */
int vagent_priv_archive_end(struct vagent_priv_archive *a, struct vsu_error *err);

#endif
