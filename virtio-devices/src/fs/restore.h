/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Files and what is open of them, from records of another process, under the
 * numbers by which the driver knows them. Nothing in a record is believed.
 */
#ifndef VIRTIO_DEVICES_FS_RESTORE_H
#define VIRTIO_DEVICES_FS_RESTORE_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include <vmm-sys-util/error.h>

#include "fs/priv.h"

/* Of open() again: what was done when it was opened first is not. */
#define FS_OPEN_AGAIN ((FS_OPEN_FLAGS & ~O_TRUNC) | O_DIRECTORY)

struct fs_file_record {
	uint64_t id, lookups;
	uint64_t dev, ino;	/* of this host; ino 0: of another one */
	uint64_t btime;		/* with them: a number is given again */
	uint32_t type;
	union fs_file_handle file_handle;
	char path[PATH_MAX];	/* empty: it had none */
};

struct fs_open_record {
	uint64_t id, node;
	uint32_t flags;
};

/* The root's number is never told of. */
bool virtdev_priv_fs_file_record_is_valid(const struct fs_file_record *f);
bool virtdev_priv_fs_open_record_is_valid(const struct fs_open_record *o);

/* -EBADMSG: what another process agreed on is nothing that this device offers. */
int virtdev_priv_fs_agreed_check(const struct fs *fs, uint64_t agreed,
				 struct vsu_error *err);

/*
 * Of records that are good: 0, 1: it is lost, and its number is never given; or
 * -EEXIST: another one has the number.
 */
int virtdev_priv_fs_restore_file(struct fs *fs, const struct fs_file_record *f);
int virtdev_priv_fs_restore_open(struct fs *fs, const struct fs_open_record *o);

#endif
