/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Extended attributes, by the name that a descriptor has in /proc/self/fd. A driver may send
 * the security label of a new file with its creation; if the label cannot be set, the file
 * is removed. POSIX ACLs are extended attributes, too.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>

#include "fs/files/files.h"
#include "fs/users/users.h"

/* Linux 6.13; -1 where an architecture's numbers differ: ENOSYS. */
#if defined(__mips__) || defined(__alpha__) || defined(__ILP32__)
#define CALL_NUMBER(n) (-1)
#else
#define CALL_NUMBER(n) (n)
#endif
#define SETXATTRAT CALL_NUMBER(463)
#define GETXATTRAT CALL_NUMBER(464)
#define LISTXATTRAT CALL_NUMBER(465)
#define REMOVEXATTRAT CALL_NUMBER(466)

/* The kernel's struct xattr_args. */
struct value_args {
	uint64_t value;
	uint32_t size, flags;
};

/* Relative to a descriptor. */
static long call_at(int dir, const char *path, const struct fs_xattr_request *r)
{
	const struct value_args args = { .value = (uintptr_t)r->value,
					 .size = (uint32_t)r->size,
					 .flags = (uint32_t)r->flags };

	switch (r->operation) {
	case FS_XATTR_GET:
		return syscall(GETXATTRAT, dir, path, 0, r->name, &args, sizeof(args));
	case FS_XATTR_SET:
		return syscall(SETXATTRAT, dir, path, 0, r->name, &args, sizeof(args));
	case FS_XATTR_LIST:
		return syscall(LISTXATTRAT, dir, path, 0, r->value, r->size);
	default:
		return syscall(REMOVEXATTRAT, dir, path, 0, r->name);
	}
}

/* Relative to the working directory. */
static ssize_t call_here(const char *path, const struct fs_xattr_request *r)
{
	switch (r->operation) {
	case FS_XATTR_GET:
		return getxattr(path, r->name, r->value, r->size);
	case FS_XATTR_SET:
		return setxattr(path, r->name, r->value, r->size, r->flags);
	case FS_XATTR_LIST:
		return listxattr(path, r->value, r->size);
	default:
		return removexattr(path, r->name);
	}
}

/* Unshares and opens the thread's working directory. */
static int separate_folder(void)
{
	int rc, fd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	/* the second call proves that the thread can return to the shared folder */
	rc = unshare(CLONE_FS) < 0 || fchdir(fd) < 0 ? -errno : fd;
	if (rc < 0)
		vsu_fd_close(&fd);
	return rc;
}

/* The path has one step, whose parent is /proc/self/fd: the guest cannot divert it. */
static ssize_t request_here(const struct fs *fs, const char *path,
			    const struct fs_xattr_request *r)
{
	int folder = separate_folder();
	ssize_t n;

	if (folder < 0)
		return folder;
	n = fchdir(fs->proc) < 0 ? -1 : call_here(path, r);
	n = n < 0 ? -errno : n;
	if (fchdir(folder) < 0)
		n = n < 0 ? n : -errno;
	vsu_fd_close(&folder);
	return n;
}

ssize_t virtdev_priv_fs_xattr(const struct fs *fs, int fd, const struct fs_xattr_request *r)
{
	const struct fs_proc_name name = virtdev_priv_fs_proc_name(fd);
	const long n = call_at(fs->proc, name.text, r);

	if (n >= 0)
		return n;
	return errno == ENOSYS ? request_here(fs, name.text, r) : -errno;
}

/* ------------------------------------------------------------------- labels */

int virtdev_priv_fs_label_set(const struct fs_call *c, int fd)
{
	const struct fs_xattr_request r = {
		.operation = FS_XATTR_SET, .name = c->label.name,
		.value = c->label.value, .size = c->label.len,
	};

	return r.name ? (int)virtdev_priv_fs_xattr(c->fs, fd, &r) : 0;
}

int virtdev_priv_fs_label_name(const struct fs_call *c)
{
	int rc, fd;

	if (!c->label.name)
		return 0;
	fd = openat(c->inode->fd, c->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	rc = fd < 0 ? -errno : virtdev_priv_fs_label_set(c, fd);
	vsu_fd_close(&fd);
	return rc;
}

void virtdev_priv_fs_label_undo(const struct fs_call *c, int fd)
{
	struct statx made, there;

	if (virtdev_priv_fs_stat(fd, "", &made) < 0 ||
	    virtdev_priv_fs_stat(c->inode->fd, c->name, &there) < 0 ||
	    made.stx_ino != there.stx_ino ||
	    virtdev_priv_fs_dev_of(&made) != virtdev_priv_fs_dev_of(&there))
		return;
	unlinkat(c->inode->fd, c->name,
		 S_ISDIR(made.stx_mode) ? AT_REMOVEDIR : 0);
}

/* --------------------------------------------------------------------- ACLs */

#define ACCESS "system.posix_acl_access"
#define DEFAULT "system.posix_acl_default"

bool virtdev_priv_fs_is_acl(const char *name)
{
	return !strcmp(name, ACCESS) || !strcmp(name, DEFAULT);
}

/* The length of the list in bytes, or a negative errno; -ENODATA: the file has no list. */
static int list_len(const struct fs *fs, int fd, const char *name)
{
	const struct fs_xattr_request r = { .operation = FS_XATTR_GET, .name = name };

	return (int)virtdev_priv_fs_xattr(fs, fd, &r);
}

/* Checks the shared directory only: ACL support is per file system. */
int virtdev_priv_fs_acl_check(const struct fs *fs, const char *path,
			      struct vsu_error *err)
{
	int rc = fs->config.posix_acl ? list_len(fs, fs->folder, ACCESS) : 0;

	return rc >= 0 || rc == -ENODATA ? 0 :
	       vsu_error_set(err, -EOPNOTSUPP,
			     "fs: the file system of '%s' has no access control lists; mount it with them, or leave posix-acl out",
			     path);
}

bool virtdev_priv_fs_has_default_acl(const struct fs_call *c)
{
	return list_len(c->fs, c->inode->fd, DEFAULT) > 0;
}
