/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Settings for cloud-init in a guest: a disk in memory for its data source NoCloud, an ISO 9660
 * file system with the label "cidata".
 *
 * Threads: no state.
 */
#ifndef VMM_BOOT_CLOUD_INIT_H
#define VMM_BOOT_CLOUD_INIT_H

#include <stdbool.h>
#include <stddef.h>

#include <vmm-sys-util/error.h>

#define VMM_CLOUD_INIT_KEYS 8

struct vmm_cloud_init {
	char *values[VMM_CLOUD_INIT_KEYS]; /* allocated; NULL: not given */
	bool is_given;
};

/*
 * A list "key=value,..." or the name of a file with user data. -ENOENT: an unknown key; -EINVAL: a key that was
 * given before.
 */
int vmm_cloud_init_read(struct vmm_cloud_init *c, const char *text, struct vsu_error *err);

/*
 * *fd receives a sealed memfd with the disk, which the caller closes. Errors of open() and
 * read(); -EFBIG: a file exceeds 1 MiB; -EINVAL: settings beside a file with user data.
 */
int vmm_cloud_init_make(const struct vmm_cloud_init *c, int *fd, struct vsu_error *err);

/* The file that keeps the disk beyond the machine; NULL: none. */
const char *vmm_cloud_init_file(const struct vmm_cloud_init *c);

/*
 * Writes the disk of the memfd to this file, which must not exist with another content (-EEXIST);
 * errors of open() and write().
 */
int vmm_cloud_init_keep(const struct vmm_cloud_init *c, int fd, struct vsu_error *err);

void vmm_cloud_init_free(struct vmm_cloud_init *c);

#endif
