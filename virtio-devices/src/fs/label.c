/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The label that a guest's kernel gives to what it makes, before anybody in the guest
 * is told of that: an attribute of the very file that was made, or no file.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>

#include "fs/priv.h"

/* Linux 6.13; the number is the same wherever numbers are not moved. */
#ifdef SYS_setxattrat
#define SETXATTRAT SYS_setxattrat
#elif defined(__mips__) || defined(__alpha__) || defined(__ILP32__)
#define SETXATTRAT (-1)
#else
#define SETXATTRAT 463
#endif

struct xattr_value {
	uint64_t value;
	uint32_t size, flags;
};

/* Of any file, also one that cannot be opened. */
static int set_at(const struct fs_call *c, int fd)
{
	const struct fs_proc_name name = virtdev_priv_fs_proc_name(fd);
	const struct xattr_value value = {
		.value = (uintptr_t)c->label.value, .size = c->label.len,
	};

	return syscall(SETXATTRAT, c->fs->proc, name.text, 0, c->label.name,
		       &value, sizeof(value)) < 0 ? -errno : 0;
}

static int set_opened(const struct fs_call *c, int fd)
{
	struct fs_inode inode = { .fd = fd };
	struct statx st;
	int rc = virtdev_priv_fs_stat(fd, "", &st), again;

	if (rc < 0)
		return rc;
	if (!S_ISREG(st.stx_mode) && !S_ISDIR(st.stx_mode))
		return -EOPNOTSUPP;
	inode.type = st.stx_mode & S_IFMT;
	inode.dev = virtdev_priv_fs_dev_of(&st);
	again = virtdev_priv_fs_reopen(c->fs, &inode, O_RDONLY | O_NONBLOCK);
	if (again < 0)
		return again;
	rc = fsetxattr(again, c->label.name, c->label.value, c->label.len,
		       0) < 0 ? -errno : 0;
	virtdev_priv_fs_unopen(c->fs, &inode, again);
	return rc;
}

int virtdev_priv_fs_label_set(const struct fs_call *c, int fd)
{
	int rc;

	if (!c->label.name)
		return 0;
	rc = set_at(c, fd);
	return rc == -ENOSYS ? set_opened(c, fd) : rc;
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
