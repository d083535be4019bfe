/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The table of all operations: what belongs to each, and its handler. */
#ifndef VIRTIO_DEVICES_FS_OPERATIONS_H
#define VIRTIO_DEVICES_FS_OPERATIONS_H

#include <stdint.h>

struct fs_call;

/* The texts of a request. */
enum fs_texts {
	FS_NO_TEXT,
	FS_NAME,		/* of an entry in the inode, a folder */
	FS_TWO_NAMES,
	FS_NAME_AND_TEXT,
	FS_TEXT_ONLY,		/* any string */
};
#define FS_NODE 0x01u		/* in.nodeid is one that the driver knows */
#define FS_FILE 0x02u		/* its first argument is a file's handle */
#define FS_FOLDER 0x04u		/* or a folder's */
#define FS_CHANGES 0x08u	/* not in a folder that is read-only */
#define FS_QUIET 0x10u		/* nothing is answered */
#define FS_URGENT 0x20u		/* legal in the queue of high priority */
#define FS_FIRST 0x40u		/* legal before FUSE_INIT */
#define FS_WINDOW 0x80u		/* only where there is a window */
#define FS_MAKES 0x100u		/* its extensions are read */
#define FS_REPLAY 0x200u		/* it comes to something else for the second time */
#define FS_REPLIES_ENTRY 0x400u		/* its answer is the entry of that name */

/*
 * serve says how many bytes it answered behind the header, or a negative
 * errno: the header alone is the answer then.
 */
struct fs_operation {
	const char *name;
	int (*serve)(struct fs_call *c);
	uint16_t args;		/* bytes, at least */
	uint16_t room;		/* for the answer behind the header, at least */
	uint8_t texts;		/* enum fs_texts */
	uint16_t flags;		/* FS_* */
};

/* operations.c: NULL for one that is not known. */
const struct fs_operation *virtdev_priv_fs_operation(uint32_t opcode);

/* The handlers. */
int virtdev_priv_fs_setupmapping(struct fs_call *c);
int virtdev_priv_fs_removemapping(struct fs_call *c);
int virtdev_priv_fs_init(struct fs_call *c);
int virtdev_priv_fs_destroy(struct fs_call *c);
int virtdev_priv_fs_lookup(struct fs_call *c);
int virtdev_priv_fs_forget(struct fs_call *c);
int virtdev_priv_fs_batch_forget(struct fs_call *c);
int virtdev_priv_fs_getattr(struct fs_call *c);
int virtdev_priv_fs_statx(struct fs_call *c);
int virtdev_priv_fs_setattr(struct fs_call *c);
int virtdev_priv_fs_access(struct fs_call *c);
int virtdev_priv_fs_statfs(struct fs_call *c);
int virtdev_priv_fs_readlink(struct fs_call *c);
int virtdev_priv_fs_symlink(struct fs_call *c);
int virtdev_priv_fs_mknod(struct fs_call *c);
int virtdev_priv_fs_mkdir(struct fs_call *c);
int virtdev_priv_fs_link(struct fs_call *c);
int virtdev_priv_fs_create(struct fs_call *c);
int virtdev_priv_fs_tmpfile(struct fs_call *c);
int virtdev_priv_fs_unlink(struct fs_call *c);
int virtdev_priv_fs_rmdir(struct fs_call *c);
int virtdev_priv_fs_rename(struct fs_call *c);
int virtdev_priv_fs_rename2(struct fs_call *c);
int virtdev_priv_fs_open(struct fs_call *c);
int virtdev_priv_fs_opendir(struct fs_call *c);
int virtdev_priv_fs_release(struct fs_call *c);
int virtdev_priv_fs_flush(struct fs_call *c);
int virtdev_priv_fs_fsync(struct fs_call *c);
int virtdev_priv_fs_syncfs(struct fs_call *c);
int virtdev_priv_fs_read(struct fs_call *c);
int virtdev_priv_fs_write(struct fs_call *c);
int virtdev_priv_fs_getlk(struct fs_call *c);
int virtdev_priv_fs_setlk(struct fs_call *c);
int virtdev_priv_fs_fallocate(struct fs_call *c);
int virtdev_priv_fs_lseek(struct fs_call *c);
int virtdev_priv_fs_copy(struct fs_call *c);
int virtdev_priv_fs_readdir(struct fs_call *c);
int virtdev_priv_fs_readdirplus(struct fs_call *c);
int virtdev_priv_fs_setxattr(struct fs_call *c);
int virtdev_priv_fs_getxattr(struct fs_call *c);
int virtdev_priv_fs_listxattr(struct fs_call *c);
int virtdev_priv_fs_removexattr(struct fs_call *c);

#endif
