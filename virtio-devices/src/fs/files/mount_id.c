/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The mount of a file, also on kernels before Linux 5.8, whose statx() omits it. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>

#include "fs/files/files.h"

/* Returns -1 for file systems without file handles. */
static int id_by_handle(int dir, const char *name)
{
	union fs_file_handle none = { .handle.handle_bytes = 0 };
	int id = -1;

	/* a buffer that is too small fails, but the kernel writes the mount */
	return name_to_handle_at(dir, name, &none.handle, &id, AT_EMPTY_PATH) < 0 &&
	       errno != EOVERFLOW ? -1 : id;
}

/* The mount of an open file; -1: the process must not read its own files in /proc. */
static int id_by_fdinfo(const struct fs *fs, int fd)
{
	static const char key[] = "\nmnt_id:";
	char text[256], path[32];
	const char *at;
	ssize_t n;
	int info;

	snprintf(path, sizeof(path), "../fdinfo/%d", fd);
	info = openat(fs->proc, path, O_RDONLY | O_CLOEXEC);
	n = info < 0 ? -1 : read(info, text, sizeof(text) - 1);
	vsu_fd_close(&info);
	if (n < 0)
		return -1;
	text[n] = 0;
	at = strstr(text, key);
	return at ? atoi(at + sizeof(key) - 1) : -1;
}

static int id_by_name(const struct fs *fs, int dir, const char *name)
{
	int id = id_by_handle(dir, name), fd;

	if (id >= 0)
		return id;
	if (!*name)
		return id_by_fdinfo(fs, dir);
	fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	id = fd < 0 ? -1 : id_by_fdinfo(fs, fd);
	vsu_fd_close(&fd);
	return id;
}

int virtdev_priv_fs_stat_mount(const struct fs *fs, int dir, const char *name, struct statx *st)
{
	const int rc = virtdev_priv_fs_stat(dir, name, st);
	int id;

	if (rc < 0 || st->stx_mask & STATX_MNT_ID)
		return rc;
	id = id_by_name(fs, dir, name);
	st->stx_mnt_id = id < 0 ? 0 : (uint64_t)id;
	return rc;
}
