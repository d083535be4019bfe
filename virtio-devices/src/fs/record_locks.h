/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Copies of the record locks of one owner, as the host's kernel has them: it does
 * not count them, and each of its calls walks all of a file's.
 *
 * Threads: confined to one at a time.
 */
#ifndef VIRTIO_DEVICES_FS_RECORD_LOCKS_H
#define VIRTIO_DEVICES_FS_RECORD_LOCKS_H

#include <stdint.h>

/* Maximum of one owner of one file, and of a file system. */
#define FS_MAX_OWNER_RECORD_LOCKS 1024u
#define FS_MAX_RECORD_LOCKS 8192u

struct fs_record_lock {
	uint64_t first, last;	/* bytes, inclusive */
	uint32_t type;		/* F_RDLCK or F_WRLCK */
};

/* In no order; no two overlap, and neighbours of one type are one. */
struct fs_record_locks {
	uint32_t n;
	struct fs_record_lock *list;	/* malloc(), or NULL */
};

/*
 * The records after a lock, or with F_UNLCK an unlock, of change: a new list in
 * *out, which the caller frees. -ENOLCK: more than FS_MAX_OWNER_RECORD_LOCKS; -ENOMEM.
 */
int virtdev_priv_fs_record_locks_after(const struct fs_record_locks *now,
				       const struct fs_record_lock *change,
				       struct fs_record_locks *out);

#endif
