/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Makes and opens the targets of mounts below a root. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>

#include "oci/target.h"

int oci_target_open(int root, const char *path)
{
	const struct open_how how = {
		.flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	const int fd = (int)syscall(SYS_openat2, root, *path ? path : ".", &how, sizeof(how));

	return fd < 0 ? -errno : fd;
}

int oci_target_make_name(int parent, const char *name, bool is_file)
{
	int fd;

	if (!is_file)
		return mkdirat(parent, name, 0755) < 0 && errno != EEXIST ? -errno : 0;
	fd = openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0 && errno != EEXIST)
		return -errno;
	vsu_fd_close(&fd);
	return 0;
}

/* Each folder is resolved from root again, because another container may share the source and replace names meanwhile. */
int oci_target_make(int root, const char *path, bool is_file)
{
	char above[PATH_MAX] = "", name[NAME_MAX + 1];
	size_t len, used = 0;
	int parent, rc = 0;

	for (path += strspn(path, "/"); *path && !rc; path += strspn(path, "/")) {
		len = strcspn(path, "/");
		if (len > NAME_MAX || used + len + 2 > sizeof(above))
			return -ENAMETOOLONG;
		memcpy(name, path, len);
		name[len] = '\0';
		path += len;
		parent = oci_target_open(root, above);
		if (parent < 0)
			return parent;
		rc = oci_target_make_name(parent, name, is_file && !path[strspn(path, "/")]);
		close(parent);
		used += (size_t)sprintf(above + used, "%s%s", used ? "/" : "", name);
	}
	return rc;
}
