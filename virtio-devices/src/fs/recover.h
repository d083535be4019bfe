/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The driver's knowledge in a file that outlives the process: a table of files and
 * one of what is open of them, by the indices of their pools. It is mapped, so that
 * a request costs stores and no system call; each record is whole or none at any
 * instruction, and the next process reads those that are (recover_load.c).
 *
 * The file is of one host and one run of it: numbers are the host's, as they are
 * in memory.
 */
#ifndef VIRTIO_DEVICES_FS_RECOVER_H
#define VIRTIO_DEVICES_FS_RECOVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vm-memory/block.h>
#include <vmm-sys-util/error.h>

#include "fs/file_handle.h"
#include "fs/protocol.h"

/* From the first page on are the tables. */
#define FS_RECOVER_HEAD 4096u

struct fs_recover_head {
	char magic[8];
	uint32_t version, inode_size, handle_size;
	uint32_t ninodes, nhandles;
	uint32_t highest[2], reach[2];	/* of the pools */
	uint32_t generation;			/* which process has it, counted */
	uint64_t dev, ino;		/* of the folder */
	uint64_t agreed;		/* 0: no session */
};

struct fs_recover_dentry {
	uint64_t parent, sum;
	char name[FS_NAME_MAX + 1];
};

struct fs_recover_inode_record {
	uint64_t id, lookups, sum;
	uint64_t dev, ino, btime;
	uint32_t type;
	uint32_t which;		/* of places: 1 or 2; 3 or 4: likewise, and it is
				   moving to the other one; 0: neither */
	union fs_file_handle file_handle;
	struct fs_recover_dentry dentries[2];
};

/* A request that must not be done twice, by its number. */
#define FS_REPLAY_RECORDS 1021u
struct fs_replay_record {
	uint64_t unique, node;
	uint64_t moved;			/* what is renamed, or 0 */
	uint64_t started;			/* when: nanoseconds of the host's clock */
	uint32_t opcode, generation;
	uint32_t done;			/* 1: it is, and result is */
	int32_t result;
};

struct fs_recover_handle_record {
	uint64_t id, node, sum;
	uint64_t flags;
};

struct fs;
struct fs_call;
struct fs_operation;
struct fs_handle;
struct fs_inode;

/* One of the tables: where it begins in the file, and up to where it has room. */
struct fs_recover_table {
	uint64_t at, end, ready;
	uint32_t size, max;	/* of a record; records */
};

struct fs_recover {
	int fd;			/* -1: there is none */
	bool loading;		/* what is placed is in it already */
	bool shrank;		/* atomic: somebody cut the file */
	struct vmem_block *block;
	unsigned char *map;	/* of it; fs_recover_map() says whether it holds */
	uint64_t len;
	struct fs_recover_table inodes, handles;
	uint64_t replay_at;
};

/* NULL: there is none, or somebody cut it and what is written there is lost. */
static inline unsigned char *fs_recover_map(const struct fs_recover *r)
{
	return r->map && !vmem_block_failed(r->block) &&
	       !__atomic_load_n(&r->shrank, __ATOMIC_RELAXED) ? r->map : NULL;
}

/*
 * Nothing happens when there is none. With fs->lock but for agreed and place.
 * A record that has no room is not kept, and its file is lost with the process.
 */
void virtdev_priv_fs_recover_agreed(struct fs *fs, uint64_t agreed);
void virtdev_priv_fs_recover_inode(struct fs *fs, const struct fs_inode *inode);
void virtdev_priv_fs_recover_lookups(struct fs *fs, const struct fs_inode *inode);
void virtdev_priv_fs_recover_inode_gone(struct fs *fs, uint64_t id);
void virtdev_priv_fs_recover_handle(struct fs *fs,
				    const struct fs_handle *handle);
void virtdev_priv_fs_recover_handle_gone(struct fs *fs, uint64_t id);
/* The file of that number is there: a name in a folder of the driver's. */
void virtdev_priv_fs_recover_set_dentry(struct fs *fs, uint64_t id, uint64_t parent,
					const char *name);

/* The file may be there from now on; then it is, or is not. */
void virtdev_priv_fs_recover_rename_begin(struct fs *fs, uint64_t id, uint64_t parent,
					  const char *name);
void virtdev_priv_fs_recover_rename_end(struct fs *fs, uint64_t id, bool is_there);
/* Of places, that where it is. */
static inline uint32_t fs_recover_current_dentry(uint32_t which)
{
	return which == 2 || which == 4;
}

/*
 * replay.c: a request that changes names is done, or was by a process that could not
 * say so any more, and is answered.
 */
int virtdev_priv_fs_replay_serve(struct fs_call *c, const struct fs_operation *op);
/* By a former process: a handle that it was to close is gone for that reason. */
bool virtdev_priv_fs_replay_was_started(const struct fs_call *c);
/* The file that a request which was begun renames. */
void virtdev_priv_fs_replay_set_moved(const struct fs_call *c, uint64_t moved);
/* None was begun. */
void virtdev_priv_fs_replay_clear(struct fs *fs);

/* The file has bytes for the table up to there, and a step more. */
int virtdev_priv_fs_recover_reserve(struct fs *fs,
				    struct fs_recover_table *t, uint64_t up_to);

/*
 * recover_file.c: opens the file, and has it for this process alone. 1: with a session, in
 * h; 0: with none. -EBUSY: another process has it; -EINVAL: it is another file, or
 * of another folder or with other bounds; or the host's error.
 */
int virtdev_priv_fs_recover_file_open(struct fs *fs, const char *path,
				      struct fs_recover_head *h, struct vsu_error *err);
int virtdev_priv_fs_recover_file_error(const char *path, int rc, struct vsu_error *err);
/* Its content stays. */
void virtdev_priv_fs_recover_close(struct fs *fs);

/* recover_load.c: all that is in the file, for a device that nobody has used yet. */
int virtdev_priv_fs_recover_load(struct fs *fs, const char *path,
				 struct vsu_error *err);

#endif
