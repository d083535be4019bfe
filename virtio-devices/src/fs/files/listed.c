/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The names that a folder lists, and folders of autofs, in which a lookup mounts file systems. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>

#include "fs/files/files.h"

/* Maximum entries that are read, in case a folder has no end. */
#define MAX_LISTED (UINT32_C(1) << 22)

struct listed {			/* of getdents64() */
	uint64_t ino;
	int64_t next;
	uint16_t len;
	uint8_t type;
	char name[];
};

/* 1: found; 0: not in these bytes. */
static int find_name(const char *bytes, long n, const char *name, uint32_t *count)
{
	long at;

	for (at = 0; at < n; ++*count) {
		const struct listed *e = (const void *)(bytes + at);

		if (!strcmp(e->name, name))
			return 1;
		at += e->len;
	}
	return 0;
}

bool virtdev_priv_fs_is_listed(const struct fs *fs, int folder, const char *name)
{
	const struct fs_proc_name link = virtdev_priv_fs_proc_name(folder);
	int fd = openat(fs->proc, link.text, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	uint64_t bytes[1024];
	uint32_t count = 0;
	int found = 0;
	long n = 1;

	while (fd >= 0 && !found && n > 0 && count < MAX_LISTED) {
		n = syscall(SYS_getdents64, fd, bytes, sizeof(bytes));
		found = find_name((const char *)bytes, n, name, &count);
	}
	vsu_fd_close(&fd);
	return found;
}

static bool is_autofs(int fd)
{
	struct statfs st;

	return fstatfs(fd, &st) >= 0 && (uint32_t)st.f_type == AUTOFS_SUPER_MAGIC;
}

/* Other file systems than the shared folder's may be autofs if they have no block device. */
static bool may_automount(const struct fs *fs, uint64_t dev)
{
	return dev == fs->folder_dev ? fs->folder_names.automounts : !(dev >> 32);
}

void virtdev_priv_fs_automounts_init(struct fs *fs)
{
	fs->folder_names.automounts = is_autofs(fs->folder);
}

bool virtdev_priv_fs_automounts(const struct fs_call *c, struct fs_inode *folder)
{
	int automounts = __atomic_load_n(&folder->automounts, __ATOMIC_RELAXED);

	if (!may_automount(c->fs, folder->dev))
		return false;
	if (automounts == FS_AUTOMOUNTS_UNKNOWN) {
		virtdev_priv_fs_host_call_begin(c);
		automounts = is_autofs(folder->fd) ? FS_AUTOMOUNTS : FS_NO_AUTOMOUNTS;
		if (virtdev_priv_fs_host_call_end(c, 0) < 0)
			return true;
		__atomic_store_n(&folder->automounts, automounts, __ATOMIC_RELAXED);
	}
	return automounts == FS_AUTOMOUNTS;
}

int virtdev_priv_fs_open_name(const struct fs *fs, int folder, uint64_t dev, const char *name)
{
	const bool automounts = may_automount(fs, dev) && is_autofs(folder);
	struct statx st;
	int fd, rc;

	if (automounts && !virtdev_priv_fs_is_listed(fs, folder, name))
		return -ENOENT;
	fd = openat(folder, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	rc = automounts ? virtdev_priv_fs_stat(fd, "", &st) : 0;
	if (rc >= 0 && automounts && virtdev_priv_fs_dev_of(&st) == dev)
		rc = -ENOENT;
	if (rc < 0)
		vsu_fd_close(&fd);
	return rc < 0 ? rc : fd;
}
