/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Creates files, directories and links as the request's user; UNLINK, RMDIR and RENAME. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>

#include "fs/device/recover.h"
#include "fs/names/names.h"

#define PERMISSIONS 0777u
#define RENAME_FLAGS (RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT)

/*
 * Applies the user's umask. With FUSE_DONT_MASK the driver leaves it to the device,
 * because a default ACL of the directory replaces it.
 */
static uint32_t mode_of(const struct fs_call *c, uint32_t mode, uint32_t mask)
{
	mask &= PERMISSIONS;
	return mode & mask && virtdev_priv_fs_agreed(c->fs, FUSE_DONT_MASK) &&
	       !virtdev_priv_fs_has_default_acl(c) ? mode & ~mask : mode;
}

/*
 * The guest's umask was applied before. Restores the bits that the umask of this
 * process cleared, unless another process replaced the new file.
 */
static void undo_umask(const struct fs_call *c, int fd, uint32_t mode)
{
	const struct fs_proc_name name = virtdev_priv_fs_proc_name(fd);
	const uint32_t uid = c->fs->uid ? c->fs->uid : c->uid;
	const uint32_t taken = mode & c->fs->umask & PERMISSIONS;
	struct statx st;

	if (!taken || virtdev_priv_fs_stat(fd, "", &st) < 0 ||
	    S_ISLNK(st.stx_mode) || st.stx_uid != uid)
		return;
	if (taken & ~(uint32_t)st.stx_mode &&
	    !virtdev_priv_fs_has_default_acl(c))
		fchmodat(c->fs->proc, name.text,
			 (st.stx_mode & FS_MODE_BITS) | taken, 0);
}

/* make() creates c->name as the user of the request; 0 or a negative errno. */
static int make_and_reply(struct fs_call *c, int (*make)(const struct fs_call *c), uint32_t mode)
{
	struct fuse_entry_out out;
	int fd, rc = virtdev_priv_fs_user_enter(c);

	if (rc < 0)
		return rc;
	rc = virtdev_priv_fs_user_make(c, make);
	virtdev_priv_fs_user_leave(c);
	if (rc < 0)
		return rc;
	fd = openat(c->inode->fd, c->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	undo_umask(c, fd, mode);
	rc = virtdev_priv_fs_label_set(c, fd);
	if (rc < 0) {
		virtdev_priv_fs_label_undo(c, fd);
		vsu_fd_close(&fd);
		return rc;
	}
	rc = virtdev_priv_fs_entry_take_fd(c, c->name, fd, &out);
	return rc < 0 ? rc : virtdev_priv_fs_reply(c, &out, sizeof(out));
}

static int do_symlink(const struct fs_call *c)
{
	return symlinkat(c->other, c->inode->fd, c->name) < 0 ? -errno : 0;
}

int virtdev_priv_fs_symlink(struct fs_call *c)
{
	return make_and_reply(c, do_symlink, 0);
}

static int do_mkdir(const struct fs_call *c)
{
	return mkdirat(c->inode->fd, c->name,
		       c->arg.mkdir.mode & FS_MODE_BITS) < 0 ? -errno : 0;
}

int virtdev_priv_fs_mkdir(struct fs_call *c)
{
	struct fuse_mkdir_in *in = &c->arg.mkdir;

	in->mode = mode_of(c, in->mode, in->umask);
	return make_and_reply(c, do_mkdir, in->mode);
}

/* rdev is the kernel's new_encode_dev(). */
static int do_mknod(const struct fs_call *c)
{
	const struct fuse_mknod_in *in = &c->arg.mknod;

	return mknodat(c->inode->fd, c->name, in->mode,
		       makedev(in->rdev >> 8 & 0xfff,
			       (in->rdev & 0xff) | (in->rdev >> 12 & 0xfff00))) < 0 ?
	       -errno : 0;
}

int virtdev_priv_fs_mknod(struct fs_call *c)
{
	struct fuse_mknod_in *in = &c->arg.mknod;

	in->mode = mode_of(c, in->mode, in->umask);
	return make_and_reply(c, do_mknod, in->mode);
}

/* Requires AT_SYMLINK_FOLLOW: the source is a link in /proc/self/fd. */
int virtdev_priv_fs_link(struct fs_call *c)
{
	struct fs_inode *old = virtdev_priv_fs_inode_get(c->fs,
						c->arg.link.oldnodeid);
	struct fs_proc_name name;
	int rc;

	if (!old)
		return -ESTALE;
	name = virtdev_priv_fs_proc_name(old->fd);
	rc = linkat(c->fs->proc, name.text, c->inode->fd, c->name,
		    AT_SYMLINK_FOLLOW) < 0 ? -errno : 0;
	virtdev_priv_fs_inode_put(c->fs, old);
	return rc < 0 ? rc : virtdev_priv_fs_lookup(c);
}

int virtdev_priv_fs_readlink(struct fs_call *c)
{
	char *target = (char *)c->queue->text;
	ssize_t n;
	int rc;

	virtdev_priv_fs_host_call_begin(c);
	n = readlinkat(c->inode->fd, "", target, FS_TEXT);
	rc = virtdev_priv_fs_host_call_end(c, n < 0 ? -errno : 0);
	return rc < 0 ? rc : virtdev_priv_fs_reply(c, target, (size_t)n);
}

/* --------------------------------------------------------- CREATE, TMPFILE */

/* open() flags for the new file. */
static int create_flags(const struct fs_call *c)
{
	return ((int)c->arg.create.flags & FS_OPEN_FLAGS) | O_NONBLOCK;
}

static int open_made(const struct fs_call *c, const char *name, int flags)
{
	int fd = openat(c->inode->fd, name, (create_flags(c) & ~O_APPEND) | flags | O_CLOEXEC,
			c->arg.create.mode & FS_MODE_BITS);

	if (fd < 0)
		return -errno;
	undo_umask(c, fd, c->arg.create.mode);
	return fd;
}

static int open_new(const struct fs_call *c)
{
	return open_made(c, c->name, O_CREAT | O_EXCL | O_NOFOLLOW);
}

/* Another process created the name first: its file is opened as the user. */
static int open_old(const struct fs_call *c)
{
	const bool kills = c->arg.create.open_flags & FUSE_OPEN_KILL_SUIDGID;
	struct fs_inode old;
	struct statx st;
	int rc, fd = openat(c->inode->fd, c->name,
			    O_PATH | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	rc = virtdev_priv_fs_stat(fd, "", &st);
	if (rc >= 0) {
		old = (struct fs_inode){ .fd = fd,
					 .type = st.stx_mode & S_IFMT,
					 .dev = virtdev_priv_fs_dev_of(&st) };
		rc = old.type == S_IFDIR ? -EISDIR :
		     virtdev_priv_fs_reopen_killing(c->fs, &old, create_flags(c), kills);
	}
	vsu_fd_close(&fd);
	return rc;
}

static int open_named(const struct fs_call *c, bool *is_new)
{
	int fd = virtdev_priv_fs_user_make(c, open_new);

	*is_new = fd >= 0;
	if (fd == -EEXIST && !(c->arg.create.flags & O_EXCL))
		fd = open_old(c);
	return fd;
}

static int open_tmpfile(const struct fs_call *c)
{
	return open_made(c, ".", O_TMPFILE);
}

static int open_unnamed(const struct fs_call *c, bool *is_new)
{
	*is_new = true;
	return virtdev_priv_fs_user_make(c, open_tmpfile);
}

struct created {
	struct fuse_entry_out entry;
	struct fuse_open_out open;
};

/*
 * Owns fd in any case. Looks up the file by fd: another process may have renamed it.
 * as: its name, or NULL.
 */
static int reply_created_take_fd(struct fs_call *c, const char *as, int fd)
{
	const struct fs_proc_name name = virtdev_priv_fs_proc_name(fd);
	struct fs_open_record o = { .flags = c->arg.create.flags & FS_OPEN_FLAGS };
	struct created out = { .open = {
		.open_flags = virtdev_priv_fs_open_flags(c->fs, (int)o.flags) } };
	/* c->inode is the directory, on the same file system */
	struct vsu_closer *closer = virtdev_priv_fs_closer(c->fs, c->inode, fd);
	int path = openat(c->fs->proc, name.text, O_PATH | O_CLOEXEC);
	int rc = path < 0 ? -errno :
		 virtdev_priv_fs_entry_take_fd(c, as, path, &out.entry);

	if (rc < 0) {
		virtdev_priv_fs_close(closer, &fd);
		return rc;
	}
	o.node = out.entry.nodeid;
	rc = virtdev_priv_fs_handle_add_take_fd(c->fs, fd, closer, &o);
	out.open.fh = o.id;
	if (rc < 0) {
		virtdev_priv_fs_inode_forget(c->fs, out.entry.nodeid, 1);
		return rc;
	}
	return virtdev_priv_fs_reply(c, &out, sizeof(out));
}

static int make_file(struct fs_call *c, const char *as,
		     int (*open_fn)(const struct fs_call *c, bool *is_new))
{
	struct fuse_create_in *in = &c->arg.create;
	bool is_new = false;
	int fd, rc;

	if ((in->flags & O_ACCMODE) == O_ACCMODE)
		return -EINVAL;
	if (c->inode->type != S_IFDIR)
		return -ENOTDIR;
	in->mode = mode_of(c, in->mode, in->umask);
	rc = virtdev_priv_fs_check_unclosed(c->fs, c->inode);
	if (rc >= 0)
		rc = virtdev_priv_fs_user_enter(c);
	if (rc < 0)
		return rc;
	fd = open_fn(c, &is_new);
	virtdev_priv_fs_user_leave(c);
	if (fd < 0)
		return fd;
	rc = is_new ? virtdev_priv_fs_label_set(c, fd) : 0;
	if (rc >= 0)
		return reply_created_take_fd(c, as, fd);
	if (as)
		virtdev_priv_fs_label_undo(c, fd);
	virtdev_priv_fs_close(virtdev_priv_fs_closer(c->fs, c->inode, fd), &fd);
	return rc;
}

int virtdev_priv_fs_create(struct fs_call *c)
{
	return make_file(c, c->name, open_named);
}

int virtdev_priv_fs_tmpfile(struct fs_call *c)
{
	return make_file(c, NULL, open_unnamed);
}

/* -------------------------------------------------- UNLINK, RMDIR and RENAME */

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

	return virtdev_priv_fs_stat_mount(c->fs, folder->fd, name, &st) < 0 ? 0 :
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

/* RENAME has shorter arguments, without flags. */
int virtdev_priv_fs_rename(struct fs_call *c)
{
	const uint32_t flags = c->in.opcode == FUSE_RENAME2 ? c->arg.rename.flags : 0;
	struct fs_inode *to;
	int rc;

	if (flags & ~(uint32_t)RENAME_FLAGS)
		return -EINVAL;
	to = virtdev_priv_fs_inode_get(c->fs, c->arg.rename.newdir);
	if (!to)
		return -ESTALE;
	rc = virtdev_priv_fs_check_name(c, to, c->other, FS_NAME_MOVES);
	if (rc >= 0)
		rc = (fs_recover_map(&c->fs->recover) ? change_known :
							change_names)(c, to, flags);
	virtdev_priv_fs_inode_put(c->fs, to);
	return rc;
}
