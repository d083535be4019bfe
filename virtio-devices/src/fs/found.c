/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Files that are found again by handles of the host's file system, so that none
 * of them takes a descriptor while nobody is at it. A handle needs a descriptor
 * on its file system: one for each mount that the driver came to.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include <vmm-sys-util/fd.h>

#include "fs/priv.h"

/* -1 where there is none, or none that can be used. */
static int mount_fd(const struct fs *fs, uint64_t id)
{
	const uint32_t n = __atomic_load_n(&fs->nmounts, __ATOMIC_ACQUIRE);
	uint32_t i;

	for (i = 0; i < n; i++)
		if (fs->mounts[i].id == id)
			return fs->mounts[i].fd;
	return -1;
}

static int open_found(int mount, const union fs_found *found)
{
	union fs_found copy = *found;
	int fd = open_by_handle_at(mount, &copy.handle,
				   O_PATH | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* Whether this process may, and the file system can. */
static int mount_try(int mount, const union fs_found *found)
{
	int fd = open_found(mount, found);

	if (fd < 0)
		return fd;
	vsu_fd_close(&fd);
	return 0;
}

/* Remembers one that cannot be used, too. -ENFILE: there are too many. */
static int mount_add(struct fs *fs, int fd, const struct statx *st,
		     const union fs_found *found)
{
	const struct fs_proc_name name = virtdev_priv_fs_proc_name(fd);
	struct fs_mount *m = &fs->mounts[fs->nmounts];
	int rc;

	if (!S_ISDIR(st->stx_mode) && !S_ISREG(st->stx_mode))
		return -EOPNOTSUPP;
	if (fs->nmounts == FS_MOUNTS)
		return -ENFILE;
	m->id = st->stx_mnt_id;
	m->fd = openat(fs->proc, name.text, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (m->fd < 0)
		return -errno;
	rc = mount_try(m->fd, found);
	if (rc < 0)
		vsu_fd_close(&m->fd);
	__atomic_store_n(&fs->nmounts, fs->nmounts + 1, __ATOMIC_RELEASE);
	return rc;
}

static bool mount_is_known(const struct fs *fs, uint64_t id)
{
	uint32_t i;

	for (i = 0; i < fs->nmounts; i++)
		if (fs->mounts[i].id == id)
			return true;
	return false;
}

static int mount_need(struct fs *fs, int fd, const struct statx *st,
		      const union fs_found *found)
{
	int rc = 0;

	if (mount_fd(fs, st->stx_mnt_id) >= 0)
		return 0;
	pthread_mutex_lock(&fs->mounts_lock);
	if (!mount_is_known(fs, st->stx_mnt_id))
		rc = mount_add(fs, fd, st, found);
	else if (mount_fd(fs, st->stx_mnt_id) < 0)
		rc = -EOPNOTSUPP;
	pthread_mutex_unlock(&fs->mounts_lock);
	return rc;
}

static int read_found(struct fs *fs, int fd, const struct statx *st,
		      union fs_found *found)
{
	int mount;

	found->handle.handle_bytes = MAX_HANDLE_SZ;
	if (name_to_handle_at(fd, "", &found->handle, &mount,
			      AT_EMPTY_PATH) < 0)
		return -errno;
	return mount_need(fs, fd, st, found);
}

int virtdev_priv_fs_found_read(struct fs *fs, int fd, const struct statx *st,
			       union fs_found *found)
{
	int rc;

	memset(found, 0, sizeof(*found));
	if (fs->config.file_handles == VIRTDEV_FS_HANDLES_NEVER)
		return 0;
	rc = read_found(fs, fd, st, found);
	if (rc < 0)
		found->handle.handle_bytes = 0;
	return fs->config.file_handles == VIRTDEV_FS_HANDLES_MANDATORY ? rc : 0;
}

bool virtdev_priv_fs_found_same(const union fs_found *a,
				const union fs_found *b)
{
	const struct file_handle *x = &a->handle, *y = &b->handle;

	return !x->handle_bytes || !y->handle_bytes ||
	       (x->handle_bytes == y->handle_bytes &&
		x->handle_type == y->handle_type &&
		!memcmp(x->f_handle, y->f_handle, x->handle_bytes));
}

int virtdev_priv_fs_found_in(const struct fs *fs, uint64_t mount_id,
			     const union fs_found *found)
{
	const int mount = mount_fd(fs, mount_id);

	return mount < 0 ? -ESTALE : open_found(mount, found);
}

int virtdev_priv_fs_found_open(const struct fs *fs,
			       const struct fs_inode *inode)
{
	return virtdev_priv_fs_found_in(fs, inode->mount, &inode->found);
}

void virtdev_priv_fs_mounts_fini(struct fs *fs)
{
	while (fs->nmounts)
		vsu_fd_close(&fs->mounts[--fs->nmounts].fd);
}
