/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The table of FUSE operations: requirements and handler of each. */
#ifndef VIRTIO_DEVICES_FS_OPERATIONS_H
#define VIRTIO_DEVICES_FS_OPERATIONS_H

#include <stdint.h>

struct fs_call;

/* The strings of a request. */
enum fs_texts {
	FS_NO_TEXT,
	FS_NAME,		/* of an entry of the inode, a directory */
	FS_TWO_NAMES,
	FS_NAME_AND_TEXT,
	FS_TEXT_ONLY,		/* any string */
};
#define FS_NODE 0x01u		/* in.nodeid must be known */
#define FS_FILE 0x02u		/* the first argument is the fh of a file */
#define FS_FOLDER 0x04u		/* or of a directory */
#define FS_CHANGES 0x08u	/* rejected if the device is read-only */
#define FS_QUIET 0x10u		/* has no reply */
#define FS_URGENT 0x20u		/* allowed in the hiprio queue */
#define FS_FIRST 0x40u		/* allowed before FUSE_INIT */
#define FS_WINDOW 0x80u		/* requires a DAX window */
#define FS_MAKES 0x100u		/* creates a file: extensions are parsed */
#define FS_REPLAY 0x200u		/* not idempotent: see replay.c */
#define FS_REPLIES_ENTRY 0x400u		/* replies with fuse_entry_out of the name */

/*
 * serve returns the bytes of the reply behind its header, or a negative errno: then
 * the reply is the header alone.
 */
struct fs_operation {
	const char *name;
	int (*serve)(struct fs_call *c);
	uint16_t args;		/* minimum bytes */
	uint16_t room;		/* minimum bytes for the reply behind its header */
	uint8_t texts;		/* enum fs_texts */
	uint16_t flags;		/* FS_* */
};

/* operations.c: NULL: unknown opcode. */
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
