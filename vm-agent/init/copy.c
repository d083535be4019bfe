/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Copies the files of a folder that a mount will hide. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "init/guest.h"

#define MAX_DEPTH 64
#define CHUNK (1u << 20)

static int copy_folder(int from, int to, unsigned int depth);

/* A negative errno of the last call, or 0. */
static int result_of(int rc)
{
	return rc < 0 ? -errno : 0;
}

static int copy_bytes(int from, int to)
{
	ssize_t n = 1;

	while (n > 0)
		n = sendfile(to, from, NULL, CHUNK);
	return n < 0 ? -errno : 0;
}

/* Gives the copy the owner and mode of its source, unless it failed; closes both. */
static int end_copy(int rc, int in, int out, const struct stat *st)
{
	/* the mode comes last, since a change of the owner clears set-user-ID */
	if (!rc)
		rc = result_of(fchown(out, st->st_uid, st->st_gid));
	if (!rc)
		rc = result_of(fchmod(out, st->st_mode & 07777));
	if (in >= 0)
		close(in);
	if (out >= 0)
		close(out);
	return rc;
}

static int copy_file(int from, int to, const char *name, const struct stat *st)
{
	const int in = openat(from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	const int out = in < 0 ? -1 : openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	return end_copy(out < 0 ? -errno : copy_bytes(in, out), in, out, st);
}

static int copy_link(int from, int to, const char *name, const struct stat *st)
{
	char target[PATH_MAX];
	const ssize_t n = readlinkat(from, name, target, sizeof(target) - 1);

	if (n < 0)
		return -errno;
	target[n] = '\0';
	if (symlinkat(target, to, name) < 0)
		return -errno;
	return result_of(fchownat(to, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW));
}

static int copy_inner(int from, int to, const char *name, const struct stat *st, unsigned int depth)
{
	const int in = openat(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int out = -1, rc = in < 0 ? -errno : result_of(mkdirat(to, name, 0700));

	if (!rc) {
		out = openat(to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		rc = out < 0 ? -errno : copy_folder(in, out, depth + 1);
	}
	return end_copy(rc, in, out, st);
}

/* Sockets, devices and FIFOs are left out. */
static int copy_entry(int from, int to, const char *name, unsigned int depth)
{
	struct stat st;

	if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return copy_inner(from, to, name, &st, depth);
	if (S_ISLNK(st.st_mode))
		return copy_link(from, to, name, &st);
	return S_ISREG(st.st_mode) ? copy_file(from, to, name, &st) : 0;
}

static int copy_folder(int from, int to, unsigned int depth)
{
	const int fd = depth > MAX_DEPTH ? -1 : fcntl(from, F_DUPFD_CLOEXEC, 3);
	DIR *all = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *e;
	int rc = 0;

	if (!all)
		return depth > MAX_DEPTH ? -ELOOP : -errno;
	while (!rc && (e = readdir(all)))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			rc = copy_entry(from, to, e->d_name, depth);
	closedir(all);
	return rc;
}

int vagent_priv_child_copy_folder(int from, int to)
{
	return copy_folder(from, to, 0);
}
