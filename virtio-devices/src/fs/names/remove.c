/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* UNLINK, RMDIR and RENAME. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fs/names/names.h"

#define RENAME_FLAGS (RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT)

int virtdev_priv_fs_unlink(struct fs_call *c)
{
	return unlinkat(c->inode->fd, c->name, 0) < 0 ? -errno : 0;
}

int virtdev_priv_fs_rmdir(struct fs_call *c)
{
	return unlinkat(c->inode->fd, c->name, AT_REMOVEDIR) < 0 ? -errno : 0;
}

static int change_names(const struct fs_call *c, const struct fs_inode *to,
			uint32_t flags)
{
	return syscall(SYS_renameat2, c->inode->fd, c->name, to->fd, c->other,
		       flags) < 0 ? -errno : 0;
}

/* The nodeid of the file with that name, or 0. */
static uint64_t known_at(const struct fs_call *c, const struct fs_inode *folder,
			 const char *name)
{
	struct statx st;

	return virtdev_priv_fs_stat(folder->fd, name, &st) < 0 ? 0 :
	       virtdev_priv_fs_inode_known(c->fs, &st);
}

static void note_moved(struct fs *fs, uint64_t id, int rc,
		       const struct fs_inode *folder, const char *name)
{
	virtdev_priv_fs_recover_rename_end(fs, id, rc >= 0);
	if (rc >= 0)
		virtdev_priv_fs_recover_set_dentry(fs, id, folder->slot.id, name);
}

/*
 * Renames and updates the recovery file: the driver does not look the files up again.
 * The new names are recorded before the rename, so that the replacement process finds
 * the files if this one is killed in between.
 */
static int change_known(const struct fs_call *c, const struct fs_inode *to,
			uint32_t flags)
{
	const uint64_t moved = known_at(c, c->inode, c->name);
	const uint64_t back = flags & RENAME_EXCHANGE ?
			      known_at(c, to, c->other) : 0;
	int rc;

	virtdev_priv_fs_replay_set_moved(c, moved);
	virtdev_priv_fs_recover_rename_begin(c->fs, moved, to->slot.id, c->other);
	virtdev_priv_fs_recover_rename_begin(c->fs, back, c->inode->slot.id, c->name);
	rc = change_names(c, to, flags);
	note_moved(c->fs, moved, rc, to, c->other);
	note_moved(c->fs, back, rc, c->inode, c->name);
	return rc;
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
	rc = (fs_recover_map(&c->fs->recover) ? change_known :
						change_names)(c, to, flags);
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
