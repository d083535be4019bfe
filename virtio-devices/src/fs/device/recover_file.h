/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Session state in a file that survives a crash of the process: a table of inodes and
 * a table of open handles, indexed like their pools. The file is mapped: updates are
 * stores. The replacement process loads the valid records (session/recovery.c).
 *
 * The file is valid on one host until it reboots. Numbers are in host byte order.
 */
#ifndef VIRTIO_DEVICES_FS_DEVICE_RECOVER_FILE_H
#define VIRTIO_DEVICES_FS_DEVICE_RECOVER_FILE_H

#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vm-memory/block.h>
#include <vmm-sys-util/error.h>

#include "fs/device/protocol.h"

/* handle_bytes 0: the file has no handle, its descriptor is kept open. */
union fs_file_handle {
	struct file_handle handle;
	unsigned char room[sizeof(struct file_handle) + MAX_HANDLE_SZ];
};

/* Bytes before the tables. */
#define FS_RECOVER_HEAD 4096u

struct fs_recover_head {
	char magic[8];
	uint32_t version, inode_size, handle_size;
	uint32_t ninodes, nhandles;
	uint32_t highest[2], reach[2];	/* [0]: inode pool, [1]: handle pool */
	uint32_t generation;		/* incremented by each process */
	uint64_t dev, ino;		/* of the shared directory */
	uint64_t agreed;		/* 0: no session */
};

struct fs_recover_dentry {
	uint64_t parent;
	char name[FS_NAME_MAX + 1];
};

struct fs_recover_inode_record {
	uint64_t id, lookups;
	uint64_t dev, ino, btime;
	uint32_t type;
	uint32_t which;		/* current name: 1: dentries[0], 2: dentries[1];
				   3 or 4: the same, while a rename to the other
				   one is in progress; 0: unknown */
	union fs_file_handle file_handle;
	struct fs_recover_dentry dentries[2];
};

/* A request that must not be executed twice, hashed by its unique number. */
#define FS_REPLAY_RECORDS 1021u
struct fs_replay_record {
	uint64_t unique, node;
	uint64_t moved;			/* nodeid of the renamed file, or 0 */
	uint64_t started;		/* CLOCK_REALTIME in nanoseconds */
	uint32_t opcode, generation;
	uint32_t done;			/* 1: executed, result is valid */
	int32_t result;
};

struct fs_recover_handle_record {
	uint64_t id, node, flags;
};

struct fs_recover_table {
	uint64_t at, end;	/* bytes from the start of the file */
	uint64_t ready;		/* end of the allocated blocks */
	uint32_t size;		/* bytes of a record */
	uint32_t max;		/* records */
};

struct fs_recover {
	int fd;			/* -1: recovery is not configured */
	bool loading;		/* inserted inodes and handles have records */
	bool unmounted;		/* the file has no session, and no queue has run since */
	bool shrank;		/* atomic: another process truncated the file */
	struct vmem_block *block;
	unsigned char *map;	/* of block; use fs_recover_map() */
	uint64_t len;
	struct fs_recover_table inodes, handles;
	uint64_t replay_at;
};

/* NULL: not configured, or the file was truncated and recovery has stopped. */
static inline unsigned char *fs_recover_map(const struct fs_recover *r)
{
	return r->map && !vmem_block_failed(r->block) &&
	       !__atomic_load_n(&r->shrank, __ATOMIC_RELAXED) ? r->map : NULL;
}

static inline struct fs_recover_head *fs_recover_head_of(const struct fs_recover *r)
{
	return (struct fs_recover_head *)(void *)r->map;
}

/* Index of the current name in dentries. */
static inline uint32_t fs_recover_current_dentry(uint32_t which)
{
	return which == 2 || which == 4;
}

#endif
