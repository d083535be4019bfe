/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Requests for extended attributes. */
#include <config.h>

#include <errno.h>
#include <string.h>
#include <sys/xattr.h>

#include "fs/names/names.h"

#define SET_FLAGS (XATTR_CREATE | XATTR_REPLACE)

/* Other name spaces belong to the host kernel. */
static bool is_shown(const struct fs_call *c, const char *name)
{
	return !strncmp(name, "user.", 5) || !strncmp(name, "trusted.", 8) ||
	       !strncmp(name, "security.", 9) ||
	       (virtdev_priv_fs_is_acl(name) &&
		virtdev_priv_fs_agreed(c->fs, FUSE_POSIX_ACL));
}

/* -ENOSYS: the driver sends no further request of that kind. */
static int check_name(const struct fs_call *c, const char *name)
{
	if (!c->fs->config.xattr)
		return -ENOSYS;
	if (name && (!*name || strlen(name) > FS_NAME_MAX))
		return -ERANGE;
	return name && !is_shown(c, name) ? -EOPNOTSUPP : 0;
}

/* A user outside the file's group does not keep SGID when the list changes. */
static int set_value(const struct fs_call *c)
{
	const struct fuse_setxattr_in *in = &c->arg.setxattr;
	const bool kills = in->setxattr_flags & FUSE_SETXATTR_ACL_KILL_SGID;
	const int begun = kills ? virtdev_priv_fs_outsider_begin(c) : 0;
	const struct fs_xattr_request r = {
		.operation = FS_XATTR_SET, .name = c->name,
		.value = c->other, .size = in->size, .flags = (int)in->flags,
	};
	int rc = begun;

	if (rc >= 0)
		rc = (int)virtdev_priv_fs_xattr(c->fs, c->inode->fd, &r);
	if (kills)
		virtdev_priv_fs_outsider_end(c, begun);
	return rc;
}

int virtdev_priv_fs_setxattr(struct fs_call *c)
{
	const struct fuse_setxattr_in *in = &c->arg.setxattr;
	int rc;

	if (in->size > FS_VALUE_MAX || in->size > c->left)
		return -E2BIG;
	if (in->flags & ~(uint32_t)SET_FLAGS)
		return -EINVAL;
	rc = check_name(c, c->name);
	return rc < 0 ? rc : set_value(c);
}

/* Replies with the value, or with its length if the driver requested that. */
static int answer_value(struct fs_call *c, const char *value, ssize_t len,
			uint32_t wanted)
{
	const struct fuse_getxattr_out out = { .size = (uint32_t)len };

	if (!wanted)
		return virtdev_priv_fs_reply(c, &out, sizeof(out));
	return len > (ssize_t)wanted ? -ERANGE
				     : virtdev_priv_fs_reply(c, value,
							     (size_t)len);
}

/* Reads from the host into the text buffer. */
static int read_value(const struct fs_call *c, const struct fs_xattr_request *r)
{
	ssize_t n;

	virtdev_priv_fs_host_call_begin(c);
	n = virtdev_priv_fs_xattr(c->fs, c->inode->fd, r);
	return virtdev_priv_fs_host_call_end(c, (int)n);
}

int virtdev_priv_fs_getxattr(struct fs_call *c)
{
	const struct fs_xattr_request r = {
		.operation = FS_XATTR_GET, .name = c->name,
		.value = c->queue->text + FS_VALUE_AT, .size = FS_VALUE_MAX,
	};
	int n = check_name(c, c->name);

	if (n >= 0)
		n = read_value(c, &r);
	return n < 0 ? n : answer_value(c, r.value, n, c->arg.getxattr.size);
}

/* Removes the names that the guest does not see. */
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
	const struct fs_xattr_request r = {
		.operation = FS_XATTR_LIST,
		.value = c->queue->text + FS_VALUE_AT, .size = FS_VALUE_MAX,
	};
	int n = check_name(c, NULL);

	if (n >= 0)
		n = read_value(c, &r);
	return n < 0 ? n : answer_value(c, r.value, keep_shown(c, r.value, n),
					c->arg.getxattr.size);
}

int virtdev_priv_fs_removexattr(struct fs_call *c)
{
	const struct fs_xattr_request r = { .operation = FS_XATTR_REMOVE, .name = c->name };
	const int rc = check_name(c, c->name);

	return rc < 0 ? rc : (int)virtdev_priv_fs_xattr(c->fs, c->inode->fd, &r);
}
