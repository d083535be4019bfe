/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Extended attributes, of files that can be opened. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/xattr.h>

#include "fs/priv.h"

/* Of the queue's text: the name that was asked for, and room for a value. */
#define VALUE_AT (FS_TEXT - FS_VALUE_MAX)
#define SET_FLAGS (XATTR_CREATE | XATTR_REPLACE)

/* The host's kernel has others of its own, which nobody else sees or changes. */
static bool is_shown(const struct fs_call *c, const char *name)
{
	return !strncmp(name, "user.", 5) || !strncmp(name, "trusted.", 8) ||
	       !strncmp(name, "security.", 9) ||
	       (virtdev_priv_fs_is_acl(name) &&
		virtdev_priv_fs_agreed(c->fs, FUSE_POSIX_ACL));
}

/* -ENOSYS: the driver does not ask again. */
static int open_for(struct fs_call *c, const char *name)
{
	if (!c->fs->config.xattr)
		return -ENOSYS;
	if (c->inode->type != S_IFREG && c->inode->type != S_IFDIR)
		return -EOPNOTSUPP;
	if (name && (!*name || strlen(name) > FS_NAME_MAX))
		return -ERANGE;
	if (name && !is_shown(c, name))
		return -EOPNOTSUPP;
	return virtdev_priv_fs_reopen(c->fs, c->inode, O_RDONLY | O_NONBLOCK);
}

/* Who is not of a file's group does not keep its SGID when he changes its list. */
static int set_value(const struct fs_call *c, int fd)
{
	const struct fuse_setxattr_in *in = &c->arg.setxattr;
	const bool kills = in->setxattr_flags & FUSE_SETXATTR_ACL_KILL_SGID;
	const int begun = kills ? virtdev_priv_fs_outsider_begin(c) : 0;
	int rc = begun;

	if (rc >= 0)
		rc = fsetxattr(fd, c->name, c->other, in->size,
			       (int)in->flags) < 0 ? -errno : 0;
	if (kills)
		virtdev_priv_fs_outsider_end(c, begun);
	return rc;
}

int virtdev_priv_fs_setxattr(struct fs_call *c)
{
	const struct fuse_setxattr_in *in = &c->arg.setxattr;
	int rc, fd;

	if (in->size > FS_VALUE_MAX || in->size > c->left)
		return -E2BIG;
	if (in->flags & ~(uint32_t)SET_FLAGS)
		return -EINVAL;
	fd = open_for(c, c->name);
	if (fd < 0)
		return fd;
	rc = set_value(c, fd);
	virtdev_priv_fs_unopen(c->fs, c->inode, fd);
	return rc;
}

/* The value, or how long it is when that was asked for. */
static int answer_value(struct fs_call *c, const char *value, ssize_t len,
			uint32_t wanted)
{
	const struct fuse_getxattr_out out = { .size = (uint32_t)len };

	if (!wanted)
		return virtdev_priv_fs_answer(c, &out, sizeof(out));
	return len > (ssize_t)wanted ? -ERANGE
				     : virtdev_priv_fs_answer(c, value,
							      (size_t)len);
}

int virtdev_priv_fs_getxattr(struct fs_call *c)
{
	char *value = (char *)c->queue->text + VALUE_AT;
	int fd = open_for(c, c->name);
	ssize_t n;

	if (fd < 0)
		return fd;
	n = fgetxattr(fd, c->name, value, FS_VALUE_MAX);
	if (n < 0)
		n = -errno;
	virtdev_priv_fs_unopen(c->fs, c->inode, fd);
	return n < 0 ? (int)n
		     : answer_value(c, value, n, c->arg.getxattr.size);
}

/* Those that are shown, moved together. */
static ssize_t keep_shown(const struct fs_call *c, char *names, ssize_t len)
{
	char *at = names, *to = names, *end = names + len;
	size_t n;

	for (; at < end; at += n) {
		n = strlen(at) + 1;
		if (!is_shown(c, at))
			continue;
		memmove(to, at, n);
		to += n;
	}
	return to - names;
}

int virtdev_priv_fs_listxattr(struct fs_call *c)
{
	char *names = (char *)c->queue->text + VALUE_AT;
	int fd = open_for(c, NULL);
	ssize_t n;

	if (fd < 0)
		return fd;
	n = flistxattr(fd, names, FS_VALUE_MAX);
	if (n < 0)
		n = -errno;
	virtdev_priv_fs_unopen(c->fs, c->inode, fd);
	return n < 0 ? (int)n
		     : answer_value(c, names, keep_shown(c, names, n),
				    c->arg.getxattr.size);
}

int virtdev_priv_fs_removexattr(struct fs_call *c)
{
	int rc, fd = open_for(c, c->name);

	if (fd < 0)
		return fd;
	rc = fremovexattr(fd, c->name) < 0 ? -errno : 0;
	virtdev_priv_fs_unopen(c->fs, c->inode, fd);
	return rc;
}
