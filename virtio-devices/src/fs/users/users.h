/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Rights: users of the guest, capabilities, and extended attributes that carry rights. */
#ifndef VIRTIO_DEVICES_FS_USERS_USERS_H
#define VIRTIO_DEVICES_FS_USERS_USERS_H

#include "fs/device/priv.h"

/* user.c: the calling thread acts as the user of the request */
int virtdev_priv_fs_user_init(struct fs *fs);
void virtdev_priv_fs_user_fini(struct fs *fs);
/* Called at most once per request. -EPERM: a rule forbids the UID or a GID. */
int virtdev_priv_fs_user_enter(struct fs_call *c);
void virtdev_priv_fs_user_leave(const struct fs_call *c);
/*
 * Between enter and leave: make() creates a new name or returns a negative errno.
 * Guests before Linux 6.3 do not send supplementary groups and have checked the
 * directory's permissions themselves: -EACCES from the host repeats make() with CAP_DAC_OVERRIDE.
 */
int virtdev_priv_fs_user_make(const struct fs_call *c,
			      int (*make)(const struct fs_call *c));
/* Runs with the user's group and without CAP_FSETID. Results as those of killpriv_begin(). */
int virtdev_priv_fs_outsider_begin(const struct fs_call *c);
void virtdev_priv_fs_outsider_end(const struct fs_call *c, int begun);

/*
 * Between the two calls, a change of the file's content clears SUID and SGID if kills, or
 * with nosuid. begin returns 1: active, 0: the file has neither bit, or a negative errno; pass the
 * result to end in any case.
 */
int virtdev_priv_fs_killpriv_begin(const struct fs *fs, bool kills, int fd);
void virtdev_priv_fs_killpriv_end(int begun);
/* Opens as virtdev_priv_fs_reopen() does; O_TRUNC clears SUID and SGID as with killpriv. */
int virtdev_priv_fs_reopen_killing(const struct fs *fs, struct fs_inode *inode,
				   int flags, bool kills);

/* privileges.c: -EPERM: nosuid or nodev forbids the request */
int virtdev_priv_fs_check_privileges(const struct fs_call *c);

struct fs_xattr_request {
	enum { FS_XATTR_GET, FS_XATTR_SET, FS_XATTR_LIST, FS_XATTR_REMOVE } operation;
	const char *name;	/* of the attribute; not of a list */
	void *value;		/* not changed by FS_XATTR_SET */
	size_t size;		/* 0: GET and LIST query the length */
	int flags;		/* of setxattr() */
};

/*
 * attributes.c: extended attributes of a file by its O_PATH descriptor, for all types:
 * FIFOs, sockets, devices and symbolic links cannot be opened for fgetxattr().
 *
 * Returns the bytes of the value or list, or a negative errno. Before Linux 6.13
 * (getxattrat) the calling thread gets its own working directory by unshare(CLONE_FS), and
 * changes to /proc/self/fd during the call.
 */
ssize_t virtdev_priv_fs_xattr(const struct fs *fs, int fd, const struct fs_xattr_request *r);

/*
 * set assigns the request's label to the new file fd, name to the new file c->name; 0
 * without a label. undo removes c->name if it still names the file fd.
 */
int virtdev_priv_fs_label_set(const struct fs_call *c, int fd);
int virtdev_priv_fs_label_name(const struct fs_call *c);
void virtdev_priv_fs_label_undo(const struct fs_call *c, int fd);

/* -EOPNOTSUPP: ACLs are configured but the file system has none. */
int virtdev_priv_fs_acl_check(const struct fs *fs, const char *path,
			      struct vsu_error *err);
bool virtdev_priv_fs_is_acl(const char *name);
/* Whether c->inode has a default ACL, which replaces the umask of new files. */
bool virtdev_priv_fs_has_default_acl(const struct fs_call *c);

#endif
