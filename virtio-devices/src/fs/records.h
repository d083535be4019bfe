/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Copies of the record locks of one owner, as the host's kernel has them: it does
 * not count them, and each of its calls walks all of a file's.
 *
 * Threads: confined to one at a time.
 */
#ifndef VIRTIO_DEVICES_FS_RECORDS_H
#define VIRTIO_DEVICES_FS_RECORDS_H

#include <stdint.h>

/* Maximum of one owner of one file, and of a file system. */
#define FS_OWNER_RECORDS 1024u
#define FS_RECORDS 8192u

struct fs_record {
	uint64_t first, last;	/* bytes, inclusive */
	uint32_t type;		/* F_RDLCK or F_WRLCK */
};

/* In no order; no two overlap, and neighbours of one type are one. */
struct fs_records {
	uint32_t n;
	struct fs_record *list;	/* malloc(), or NULL */
};

/*
 * The records after a lock, or with F_UNLCK an unlock, of change: a new list in
 * *out, which the caller frees. -ENOLCK: more than FS_OWNER_RECORDS; -ENOMEM.
 */
int virtdev_priv_fs_records_after(const struct fs_records *now,
				  const struct fs_record *change,
				  struct fs_records *out);

#endif
