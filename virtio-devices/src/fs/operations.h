/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The table of operations, and handlers. */
#ifndef VIRTIO_DEVICES_FS_OPERATIONS_H
#define VIRTIO_DEVICES_FS_OPERATIONS_H

#include "fs/device/operations.h"

/* operations.c: NULL: unknown opcode. */
const struct fs_operation *virtdev_priv_fs_operation(uint32_t opcode);

/* The handlers. */
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
