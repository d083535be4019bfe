/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Owners and modes of the folders and links of a path, and a rename that replaces nothing. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "vmm-sys-util/path.h"

#define MAX_LINKS 40		/* as the kernel follows */

static bool is_trusted(uid_t uid)
{
	struct stat root;

	return !uid || uid == geteuid() || (!stat("/", &root) && uid == root.st_uid);
}

/* ------------------------------------------------------------------ folders */

/* With a list, the bits of the group are those of all users that it names. */
static bool has_access_list(const char *path)
{
	return getxattr(path, "system.posix_acl_access", NULL, 0) >= 0 || (errno != ENODATA && errno != ENOTSUP);
}

/* Group 0 is no user's own: Fedora's operator, sync and shutdown are in it, and users of OpenShift's containers. */
static bool is_own_group(const struct stat *st)
{
	return st->st_gid && st->st_gid == st->st_uid;
}

static bool is_written_by_others(const char *path, const struct stat *st)
{
	if (st->st_mode & S_IWOTH)
		return true;
	return st->st_mode & S_IWGRP && (!is_own_group(st) || has_access_list(path));
}

static int check_folder(const char *path, struct vsu_error *err)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return vsu_error_sys(err, -errno, "'%s'", path);
	if (!is_trusted(st.st_uid))
		return vsu_error_set(err, -EPERM, "the folder '%s' belongs to another user, who could replace what is in it", path);
	if (st.st_mode & S_ISVTX)
		return 0;
	return is_written_by_others(path, &st) ?
	       vsu_error_set(err, -EPERM, "other users may write to the folder '%s', and could replace what is in it; change its mode (chmod go-w), or use another folder", path) : 0;
}

int vsu_path_check_above(const char *path, struct vsu_error *err)
{
	char above[PATH_MAX];
	char *slash;
	int rc = 0;

	if (snprintf(above, sizeof(above), "%s", path) >= (int)sizeof(above))
		return vsu_error_set(err, -ENAMETOOLONG, "'%s'", path);
	while (!rc && (slash = strrchr(above, '/'))) {
		*slash = '\0';
		rc = check_folder(*above ? above : "/", err);
	}
	return rc;
}

/* -------------------------------------------------------------------- links */

/* Begins again with the target of the link that ends at the slash, and what is behind. */
static int follow_link(char path[PATH_MAX], const char *end, unsigned int *nlinks)
{
	char next[PATH_MAX], target[PATH_MAX], name[PATH_MAX];
	const char *slash;
	ssize_t n;

	snprintf(name, sizeof(name), "%.*s", (int)(end - path), path);
	n = readlink(name, target, sizeof(target) - 1);
	if (n < 0 || ++*nlinks > MAX_LINKS)
		return n < 0 ? -errno : -ELOOP;
	target[n] = '\0';
	slash = strrchr(name, '/');
	n = snprintf(next, sizeof(next), "%.*s%s%s", *target == '/' || !slash ? 0 : (int)(slash - name) + 1, name, target, end);
	if (n >= (ssize_t)sizeof(next))
		return -ENAMETOOLONG;
	strcpy(path, next);
	return 0;
}

/* The end of the first name from at on that is a link, or NULL. st is that of the link. */
static const char *find_link(const char *path, struct stat *st)
{
	const char *end = path + strspn(path, "/");
	char name[PATH_MAX];

	while (*end) {
		end += strcspn(end, "/");
		snprintf(name, sizeof(name), "%.*s", (int)(end - path), path);
		if (lstat(name, st) < 0)
			return NULL;
		if (S_ISLNK(st->st_mode))
			return end;
		end += strspn(end, "/");
	}
	return NULL;
}

int vsu_path_check_links(const char *given, struct vsu_error *err)
{
	unsigned int nlinks = 0;
	char path[PATH_MAX];
	const char *end;
	struct stat st;
	int rc = 0;

	if (snprintf(path, sizeof(path), "%s", given) >= (int)sizeof(path))
		return vsu_error_set(err, -ENAMETOOLONG, "'%s'", given);
	while (!rc && (end = find_link(path, &st))) {
		if (!is_trusted(st.st_uid))
			return vsu_error_set(err, -EPERM, "'%s': '%.*s' is a symbolic link of another user, who chooses the file that it names; give the path of the file itself",
					     given, (int)(end - path), path);
		rc = follow_link(path, end, &nlinks);
	}
	return rc < 0 ? vsu_error_sys(err, rc, "'%s'", given) : 0;
}

/* ------------------------------------------------------------------- rename */

int vsu_path_rename_new(const char *from, const char *to)
{
	struct stat st;

	if (!renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE))
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -errno;
	if (!lstat(to, &st))
		return -EEXIST;
	return rename(from, to) < 0 ? -errno : 0;
}
