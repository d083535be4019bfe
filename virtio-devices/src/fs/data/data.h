/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Requests for the content of open files, and their locks. */
#ifndef VIRTIO_DEVICES_FS_DATA_DATA_H
#define VIRTIO_DEVICES_FS_DATA_DATA_H

#include "fs/users/users.h"
#include "fs/window/window.h"

/*
 * lock.c: copies of one owner's record locks, to limit their number: the host kernel does
 * not limit OFD locks, and each of its calls walks all locks of the file.
 */
/* Maximum per owner and file, and per device. */
#define FS_MAX_OWNER_RECORD_LOCKS 1024u
#define FS_MAX_RECORD_LOCKS 8192u

struct fs_record_lock {
	uint64_t first, last;	/* bytes, inclusive */
	uint32_t type;		/* F_RDLCK or F_WRLCK */
};

/* Unordered and disjoint; adjacent locks of one type are merged. */
struct fs_record_locks {
	uint32_t n;
	struct fs_record_lock *list;	/* malloc(), or NULL */
};

/* A lock owner of one file, identified by the driver's lock_owner. */
struct fs_owner {
	uint64_t node, name;
	int fd;			/* holds the OFD locks */
	struct vsu_closer *closer;
	struct fs_record_locks records;
};

/*
 * Computes the locks after change is locked, or unlocked with F_UNLCK: a new list in
 * *out, which the caller frees. -ENOLCK: more than FS_MAX_OWNER_RECORD_LOCKS; -ENOMEM.
 */
int virtdev_priv_fs_record_locks_after(const struct fs_record_locks *now,
				       const struct fs_record_lock *change,
				       struct fs_record_locks *out);

/*
 * append.c: enclose a write. appends: at the current end of the host's file, whatever the
 * offset. A process of the guest may toggle O_APPEND of an open file; write-back of mapped
 * pages may use any handle of the file but never appends. Writes of the other mode wait.
 * -EPERM: the file is append-only.
 */
int virtdev_priv_fs_append_begin(struct fs_handle *handle, bool appends);
void virtdev_priv_fs_append_end(struct fs_handle *handle);

/* Maximum lock owners: the number of handles divided by this. */
#define FS_OWNERS_SHARE 4u

/* forget releases the record locks of an owner. */
void virtdev_priv_fs_owner_forget(struct fs *fs, uint64_t node, uint64_t name);
/* Releases the locks of all owners. Returns true if some remain. */
bool virtdev_priv_fs_owners_forget(struct fs *fs, uint64_t until);

fs_handler virtdev_priv_fs_open, virtdev_priv_fs_opendir, virtdev_priv_fs_release,
	virtdev_priv_fs_flush, virtdev_priv_fs_fsync, virtdev_priv_fs_syncfs,
	virtdev_priv_fs_read, virtdev_priv_fs_write, virtdev_priv_fs_getlk,
	virtdev_priv_fs_setlk, virtdev_priv_fs_fallocate, virtdev_priv_fs_lseek,
	virtdev_priv_fs_copy;

#endif
