/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * File handles: an inode with a file handle has no descriptor while no request uses
 * it. open_by_handle_at() requires a descriptor on the mount, so one per visited mount
 * is kept open.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/statfs.h>

#include <vmm-sys-util/fd.h>

#include "fs/files/files.h"

static const struct fs_mount *mount_find(const struct fs *fs, uint64_t id)
{
	const uint32_t n = __atomic_load_n(&fs->mounts.n, __ATOMIC_ACQUIRE);
	uint32_t i;

	for (i = 0; i < n; i++)
		if (fs->mounts.all[i].id == id)
			return &fs->mounts.all[i];
	return NULL;
}

/* -1: unknown mount, or its file handles cannot be opened. */
static int mount_fd(const struct fs *fs, uint64_t id)
{
	const struct fs_mount *m = mount_find(fs, id);

	return m ? m->fd : -1;
}

static int open_handle(int mount, const union fs_file_handle *file_handle)
{
	union fs_file_handle copy = *file_handle;
	int fd = open_by_handle_at(mount, &copy.handle,
				   O_PATH | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/*
 * These file systems open a handle only while the kernel has the inode in memory, which it may
 * evict at any time. Servers of FUSE may support more, but do not reveal it.
 */
static bool forgets_evicted(int fd)
{
	struct statfs st;

	if (fstatfs(fd, &st) < 0)
		return true;
	switch ((uint32_t)st.f_type) {
	case 0x65735546u:	/* FUSE */
	case MSDOS_SUPER_MAGIC:
	case 0x2011bab0u:	/* exFAT */
		return true;
	}
	return false;
}

/*
 * Opens a handle to check the permission (CAP_DAC_READ_SEARCH) and the file system's
 * support. Also records mounts without usable handles. -ENFILE: more than FS_MOUNTS.
 */
static int mount_add(struct fs *fs, int fd, const struct statx *st,
		     const union fs_file_handle *file_handle)
{
	const struct fs_proc_name name = virtdev_priv_fs_proc_name(fd);
	struct fs_mount *m = &fs->mounts.all[fs->mounts.n];
	int tried;

	if (!S_ISDIR(st->stx_mode) && !S_ISREG(st->stx_mode))
		return -EOPNOTSUPP;
	if (fs->mounts.n == FS_MOUNTS)
		return -ENFILE;
	m->id = st->stx_mnt_id;
	m->fd = openat(fs->proc, name.text, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (m->fd < 0)
		return -errno;
	tried = forgets_evicted(fd) ? -EOPNOTSUPP : open_handle(m->fd, file_handle);
	if (tried < 0)
		vsu_fd_close(&m->fd);
	__atomic_store_n(&fs->mounts.n, fs->mounts.n + 1, __ATOMIC_RELEASE);
	if (tried < 0)
		return tried;
	vsu_fd_close(&tried);
	return 0;
}

static int mount_need(struct fs *fs, int fd, const struct statx *st,
		      const union fs_file_handle *file_handle)
{
	int rc = 0;

	if (mount_fd(fs, st->stx_mnt_id) >= 0)
		return 0;
	pthread_mutex_lock(&fs->mounts.lock);
	if (!mount_find(fs, st->stx_mnt_id))
		rc = mount_add(fs, fd, st, file_handle);
	else if (mount_fd(fs, st->stx_mnt_id) < 0)
		rc = -EOPNOTSUPP;
	pthread_mutex_unlock(&fs->mounts.lock);
	return rc;
}

static int read_handle(struct fs *fs, int fd, const struct statx *st,
		       union fs_file_handle *file_handle)
{
	int mount;

	file_handle->handle.handle_bytes = MAX_HANDLE_SZ;
	if (name_to_handle_at(fd, "", &file_handle->handle, &mount,
			      AT_EMPTY_PATH) < 0)
		return -errno;
	return mount_need(fs, fd, st, file_handle);
}

int virtdev_priv_fs_file_handle_read(struct fs *fs, int fd, const struct statx *st,
				     union fs_file_handle *file_handle)
{
	int rc;

	memset(file_handle, 0, sizeof(*file_handle));
	if (fs->config.file_handles == VIRTDEV_FS_HANDLES_NEVER)
		return 0;
	rc = read_handle(fs, fd, st, file_handle);
	if (rc < 0)
		file_handle->handle.handle_bytes = 0;
	return fs->config.file_handles == VIRTDEV_FS_HANDLES_MANDATORY ? rc : 0;
}

bool virtdev_priv_fs_file_handle_matches(const union fs_file_handle *a,
					 const union fs_file_handle *b)
{
	const struct file_handle *x = &a->handle, *y = &b->handle;

	return !x->handle_bytes || !y->handle_bytes ||
	       (x->handle_bytes == y->handle_bytes &&
		x->handle_type == y->handle_type &&
		!memcmp(x->f_handle, y->f_handle, x->handle_bytes));
}

int virtdev_priv_fs_file_handle_open(const struct fs *fs, uint64_t mount_id,
					const union fs_file_handle *file_handle)
{
	const int mount = mount_fd(fs, mount_id);

	return mount < 0 ? -ESTALE : open_handle(mount, file_handle);
}

void virtdev_priv_fs_mounts_fini(struct fs *fs)
{
	while (fs->mounts.n)
		vsu_fd_close(&fs->mounts.all[--fs->mounts.n].fd);
}
