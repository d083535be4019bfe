/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Files and folders of the command's root that must exist, which are made in the guest's memory only. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "init/agent.h"

void vagent_init_make_folders(const char *path)
{
	char *copy = strdup(path), *slash = copy;

	if (!copy)
		vagent_init_fail("no memory for a path");
	while (*slash && (slash = strchr(slash + 1, '/'))) {
		*slash = '\0';
		mkdir(copy, 0755);
		*slash = '/';
	}
	if (mkdir(copy, 0755) < 0 && errno != EEXIST)
		vagent_init_fail("cannot make the folder %s: %s", path, strerror(errno));
	free(copy);
}

/* If the file does not exist, the folder in which it would be made decides. */
bool vagent_priv_is_in_memory(const char *path)
{
	char above[PATH_MAX];
	struct statfs fs;

	snprintf(above, sizeof(above), "%s", path);
	while (*above && access(above, F_OK) < 0)
		*strrchr(above, '/') = '\0';
	return !statfs(*above ? above : "/", &fs) &&
	       (fs.f_type == TMPFS_MAGIC || fs.f_type == OVERLAYFS_SUPER_MAGIC);
}

static void make_file(const char *path)
{
	char above[PATH_MAX];
	int fd;

	snprintf(above, sizeof(above), "%s", path);
	*strrchr(above, '/') = '\0';
	vagent_init_make_folders(above);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0)
		vagent_init_fail("cannot make %s: %s", path, strerror(errno));
	close(fd);
}

/* The file that a link refers to, or an empty path. */
static void read_link(const char *link, char path[PATH_MAX])
{
	char target[PATH_MAX / 2] = "";
	const int folder = (int)(strrchr(link, '/') - link) + 1;
	const ssize_t n = readlink(link, target, sizeof(target) - 1);

	snprintf(path, PATH_MAX, "%.*s%s", n <= 0 || target[0] == '/' ? 0 : folder, link, target);
}

/* Links of a root often refer to a file of /run, which is empty here. */
bool vagent_priv_require_file(const char *path)
{
	char target[PATH_MAX];

	if (!access(path, F_OK))
		return true;
	read_link(path, target);
	if (vagent_priv_is_in_memory(path)) {
		if (unlink(path) < 0 && errno != ENOENT)
			vagent_init_fail("cannot replace %s: %s", path, strerror(errno));
		make_file(path);
	} else if (*target && vagent_priv_is_in_memory(target)) {
		make_file(target);
	} else {
		return false;
	}
	return true;
}
