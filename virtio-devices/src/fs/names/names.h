/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Requests for names, attributes and directories. */
#ifndef VIRTIO_DEVICES_FS_NAMES_NAMES_H
#define VIRTIO_DEVICES_FS_NAMES_NAMES_H

#include "fs/users/users.h"
#include "fs/window/window.h"

/*
 * lookup.c: whether a request may use a name in the folder. -ENOENT or, if it changes the name,
 * -EACCES: the name is hidden, or the host's automounter would mount it; -EBUSY: the name of a folder
 * that keeps it.
 */
int virtdev_priv_fs_check_name(const struct fs_call *c, struct fs_inode *folder, const char *name,
			       enum fs_name_use use);

/*
 * lookup.c: counts a lookup of the file behind the O_PATH descriptor fd and fills out.
 * Owns fd in any case. name: its name in c->inode, or NULL.
 */
int virtdev_priv_fs_entry_take_fd(const struct fs_call *c, const char *name, int fd,
				  struct fuse_entry_out *out);
/* Looks up a name in c->inode, counts the lookup and fills out. */
int virtdev_priv_fs_entry(const struct fs_call *c, const char *name,
			  struct fuse_entry_out *out);

/*
 * replay.c: serves a request that must not be executed twice. If the previous process
 * executed it but crashed before it replied, only the reply is sent.
 */
int virtdev_priv_fs_replay_serve(struct fs_call *c, const struct fs_operation *op);
/* Whether the previous process started this request. A missing handle of a repeated
   FUSE_RELEASE is then no error. */
bool virtdev_priv_fs_replay_was_started(const struct fs_call *c);
void virtdev_priv_fs_replay_set_moved(const struct fs_call *c, uint64_t moved);
void virtdev_priv_fs_replay_clear(struct fs *fs);

fs_handler virtdev_priv_fs_lookup, virtdev_priv_fs_forget, virtdev_priv_fs_batch_forget,
	virtdev_priv_fs_getattr, virtdev_priv_fs_statx, virtdev_priv_fs_setattr,
	virtdev_priv_fs_access, virtdev_priv_fs_statfs, virtdev_priv_fs_readlink,
	virtdev_priv_fs_symlink, virtdev_priv_fs_mknod, virtdev_priv_fs_mkdir,
	virtdev_priv_fs_link, virtdev_priv_fs_create, virtdev_priv_fs_tmpfile,
	virtdev_priv_fs_unlink, virtdev_priv_fs_rmdir, virtdev_priv_fs_rename,
	virtdev_priv_fs_readdir,
	virtdev_priv_fs_setxattr, virtdev_priv_fs_getxattr, virtdev_priv_fs_listxattr,
	virtdev_priv_fs_removexattr;

#endif
