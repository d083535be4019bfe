/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Finds files of records by their path or, if they were renamed, by their file handle.
 * The file handle, or the inode number on the same host, identifies the file.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/statfs.h>

#include <vmm-sys-util/fd.h>

#include "fs/session/session.h"

static bool is_type(uint32_t type)
{
	return type == S_IFREG || type == S_IFDIR || type == S_IFLNK ||
	       type == S_IFIFO || type == S_IFSOCK || type == S_IFCHR ||
	       type == S_IFBLK;
}

bool virtdev_priv_fs_file_record_is_valid(const struct fs_file_record *f)
{
	return (uint32_t)f->id > FUSE_ROOT_ID && f->lookups &&
	       is_type(f->type) && virtdev_priv_fs_path_is_valid(f->path);
}

bool virtdev_priv_fs_open_record_is_valid(const struct fs_open_record *o)
{
	return (uint32_t)o->id && !(o->flags & ~(uint32_t)FS_OPEN_AGAIN) &&
	       (o->flags & O_ACCMODE) != O_ACCMODE;
}

int virtdev_priv_fs_agreed_check(const struct fs *fs, uint64_t agreed,
				 struct vsu_error *err)
{
	const uint64_t strange = agreed & ~FS_SESSION &
				 ~virtdev_priv_fs_offered(fs, (uint32_t)agreed);

	if (agreed && !(agreed & FS_SESSION))
		return vsu_error_set(err, -EBADMSG,
				     "fs: the state has negotiated flags but no session");
	if (strange)
		return vsu_error_set(err, -EBADMSG,
				     "fs: the guest negotiated flag %d of FUSE_INIT with the previous device, which this one does not offer; use the same options",
				     __builtin_ctzll(strange));
	return 0;
}

/*
 * The first write to a file on overlayfs copies it to the upper layer: it keeps its inode
 * number and has the birth time of the copy.
 */
static bool may_be_copied_up(const struct fs_file_record *f, int fd, const struct statx *st)
{
	struct statfs fs;

	return f->btime < virtdev_priv_fs_btime_of(st) && fstatfs(fd, &fs) >= 0 &&
	       (uint32_t)fs.f_type == OVERLAYFS_SUPER_MAGIC;
}

static bool is_numbered(const struct fs_file_record *f, int fd, const struct statx *st)
{
	if (!f->ino)
		return true;
	return f->ino == st->stx_ino && f->dev == virtdev_priv_fs_dev_of(st) &&
	       (f->btime == virtdev_priv_fs_btime_of(st) || may_be_copied_up(f, fd, st));
}

/* Returns fd, which may be negative, if it is the file of the record; else closes it. */
static int check_identity(struct fs *fs, const struct fs_file_record *f, int fd,
			  struct fs_identity *identity)
{
	struct statx *st = &identity->st;
	int rc = fd < 0 ? fd : virtdev_priv_fs_stat_mount(fs, fd, "", st);

	if (rc >= 0 && ((st->stx_mode & S_IFMT) != f->type || !is_numbered(f, fd, st)))
		rc = -ENOENT;
	if (rc >= 0)
		rc = virtdev_priv_fs_file_handle_read(fs, fd, st, &identity->file_handle);
	if (rc >= 0 && !virtdev_priv_fs_file_handle_matches(&identity->file_handle, &f->file_handle))
		rc = -ENOENT;
	if (rc >= 0)
		return fd;
	vsu_fd_close(&fd);
	return rc;
}

void virtdev_priv_fs_restore_end(struct fs *fs)
{
	vsu_fd_close(&fs->load.parent);
	*fs->load.parent_path = 0;
}

/* The folder of this path becomes the one that stays open; from below the last if it can. */
static int enter_parent(struct fs *fs, const char *path, size_t parent_len)
{
	const size_t len = strlen(fs->load.parent_path);
	const bool is_below = fs->load.parent >= 0 && parent_len > len &&
			      path[len] == '/' &&
			      !memcmp(path, fs->load.parent_path, len);
	const char *rest = is_below ? path + len + 1 : path;
	char names[PATH_MAX];
	int fd;

	memcpy(names, rest, parent_len - (size_t)(rest - path));
	names[parent_len - (size_t)(rest - path)] = 0;
	fs->load.names += virtdev_priv_fs_count_parts(names, '/');
	fd = virtdev_priv_fs_path_open(fs, is_below ? fs->load.parent : fs->folder, names);
	virtdev_priv_fs_restore_end(fs);
	if (fd < 0)
		return fd;
	fs->load.parent = fd;
	memcpy(fs->load.parent_path, path, parent_len);
	fs->load.parent_path[parent_len] = 0;
	return 0;
}

/* Records often follow each other by folder: that of the last path stays open. */
static int open_path(struct fs *fs, const char *path)
{
	const char *slash = strrchr(path, '/');
	const size_t len = slash ? (size_t)(slash - path) : 0;
	int rc = 0;

	fs->load.names++;
	if (!slash)
		return virtdev_priv_fs_path_open(fs, fs->folder, path);
	if (fs->load.parent < 0 || strlen(fs->load.parent_path) != len ||
	    memcmp(fs->load.parent_path, path, len) != 0)
		rc = enter_parent(fs, path, len);
	return rc < 0 ? rc : virtdev_priv_fs_path_open(fs, fs->load.parent, slash + 1);
}

static int find_by_path(struct fs *fs, const struct fs_file_record *f,
			struct fs_identity *identity)
{
	return check_identity(fs, f, *f->path ? open_path(fs, f->path) : -ENOENT, identity);
}

/*
 * A file handle opens any file of the file system. Rejects files without a path below
 * the shared directory: the guest must not access them.
 */
static int find_by_handle(struct fs *fs, const struct fs_file_record *f,
			  struct fs_identity *identity)
{
	struct fs_inode *root = virtdev_priv_fs_inode_get(fs, FUSE_ROOT_ID);
	char path[PATH_MAX];
	int fd = virtdev_priv_fs_file_handle_open(fs, root->mount, &f->file_handle);
	int rc = fd < 0 ? fd : virtdev_priv_fs_path_read(fs, fd, path);

	virtdev_priv_fs_inode_put(fs, root);
	vsu_fd_close(&fd);
	if (rc < 0)
		return rc;
	fs->load.names += 2 * virtdev_priv_fs_count_parts(path, '/');
	return check_identity(fs, f, virtdev_priv_fs_path_open(fs, fs->folder, path), identity);
}

int virtdev_priv_fs_restore_file(struct fs *fs, const struct fs_file_record *f)
{
	struct fs_identity identity;
	int fd = find_by_path(fs, f, &identity), rc;

	if (fd < 0 && f->file_handle.handle.handle_bytes)
		fd = find_by_handle(fs, f, &identity);
	if (fd >= 0) {
		rc = virtdev_priv_fs_inode_insert_take_fd(fs, f->id, f->lookups,
							  fd, &identity);
		if (rc != -ENFILE)
			return rc;
	}
	rc = virtdev_priv_fs_pool_retire(&fs->inodes, f->id);
	return rc < 0 ? rc : 1;
}

/* EPERM: an append-only file. */
static int open_file(struct fs *fs, struct fs_inode *inode, struct fs_open_record *o)
{
	int fd = virtdev_priv_fs_reopen(fs, inode, (int)o->flags | O_NONBLOCK);

	if (fd != -EPERM || (o->flags & O_ACCMODE) == O_RDONLY)
		return fd;
	o->flags |= O_APPEND;
	return virtdev_priv_fs_reopen(fs, inode, (int)o->flags | O_NONBLOCK);
}

static int open_again(struct fs *fs, struct fs_open_record *o,
		      struct vsu_closer **closer)
{
	struct fs_inode *inode = virtdev_priv_fs_inode_get(fs, o->node);
	int fd;

	if (!inode)
		return -ESTALE;
	if (!(o->flags & O_DIRECTORY) != (inode->type != S_IFDIR))
		fd = -EBADF;
	else if (fs->config.read_only && (o->flags & O_ACCMODE) != O_RDONLY)
		fd = -EROFS;
	else
		fd = open_file(fs, inode, o);
	if (!(o->flags & O_DIRECTORY))
		*closer = virtdev_priv_fs_closer(fs, inode, fd);
	virtdev_priv_fs_inode_put(fs, inode);
	return fd;
}

int virtdev_priv_fs_restore_open(struct fs *fs, struct fs_open_record *o)
{
	struct vsu_closer *closer = NULL;
	int fd = open_again(fs, o, &closer), rc;

	if (fd >= 0) {
		rc = virtdev_priv_fs_handle_add_take_fd(fs, fd, closer, o);
		if (rc != -ENFILE)
			return rc;
	}
	/* -ESTALE: the inode is lost and was counted */
	rc = virtdev_priv_fs_pool_retire(&fs->handles, o->id);
	return rc < 0 ? rc : fd != -ESTALE;
}
