/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Names that go, or become others. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fs/fs_priv.h"

#define RENAME_FLAGS (RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT)

int virtdev_priv_fs_unlink(struct fs_call *c)
{
	return unlinkat(c->inode->fd, c->name, 0) < 0 ? -errno : 0;
}

int virtdev_priv_fs_rmdir(struct fs_call *c)
{
	return unlinkat(c->inode->fd, c->name, AT_REMOVEDIR) < 0 ? -errno : 0;
}

/* The driver does not look it up anew. */
static void note_place(const struct fs_call *c, const struct fs_inode *folder,
		       const char *name)
{
	struct statx st;
	uint64_t id;

	if (virtdev_priv_fs_stat(folder->fd, name, &st) < 0)
		return;
	id = virtdev_priv_fs_inode_known(c->fs, &st);
	if (id)
		virtdev_priv_fs_recover_place(c->fs, id, folder->slot.id, name);
}

static int move_name(struct fs_call *c, uint64_t folder, uint32_t flags)
{
	struct fs_inode *to;
	int rc;

	if (flags & ~(uint32_t)RENAME_FLAGS)
		return -EINVAL;
	to = virtdev_priv_fs_inode_get(c->fs, folder);
	if (!to)
		return -ESTALE;
	rc = syscall(SYS_renameat2, c->inode->fd, c->name, to->fd, c->other,
		     flags) < 0 ? -errno : 0;
	if (rc >= 0 && c->fs->recover.map) {
		note_place(c, to, c->other);
		if (flags & RENAME_EXCHANGE)
			note_place(c, c->inode, c->name);
	}
	virtdev_priv_fs_inode_put(c->fs, to);
	return rc;
}

int virtdev_priv_fs_rename(struct fs_call *c)
{
	return move_name(c, c->arg.rename.newdir, 0);
}

int virtdev_priv_fs_rename2(struct fs_call *c)
{
	return move_name(c, c->arg.rename.newdir, c->arg.rename.flags);
}
