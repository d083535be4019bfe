/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Rejected calls, each with its errno. */
#define _GNU_SOURCE
#include "posix-fs.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* Names of 255 and 256 bytes; they are made before the first is used. */
static char longest[NAME_MAX + 1], longer[NAME_MAX + 2];

struct refusal {
	int (*call)(const char *a, const char *b, long n);
	const char *a, *b;
	long n;
	int error;
};

static int try_open(const char *a, const char *b, long n)
{
	(void)b;
	return open(a, (int)n | O_CLOEXEC, 0644);
}

static int try_mkdir(const char *a, const char *b, long n)
{
	(void)b;
	return mkdir(a, (mode_t)n);
}

static int try_rmdir(const char *a, const char *b, long n)
{
	(void)b, (void)n;
	return rmdir(a);
}

static int try_unlink(const char *a, const char *b, long n)
{
	(void)b, (void)n;
	return unlink(a);
}

static int try_rename(const char *a, const char *b, long n)
{
	return renameat2(AT_FDCWD, a, AT_FDCWD, b, (unsigned int)n);
}

static int try_link(const char *a, const char *b, long n)
{
	return linkat(AT_FDCWD, a, AT_FDCWD, b, (int)n);
}

static int try_symlink(const char *a, const char *b, long n)
{
	(void)n;
	return symlink(a, b);
}

static int try_readlink(const char *a, const char *b, long n)
{
	char text[16];

	(void)b;
	return (int)readlink(a, text, (size_t)n);
}

static int try_mknod(const char *a, const char *b, long n)
{
	(void)b;
	return mknod(a, (mode_t)n, 0);
}

static int try_stat(const char *a, const char *b, long n)
{
	struct stat st;

	(void)b;
	return fstatat(AT_FDCWD, a, &st, (int)n);
}

static int try_truncate(const char *a, const char *b, long n)
{
	(void)b;
	return truncate(a, n);
}

static int try_chmod(const char *a, const char *b, long n)
{
	(void)b;
	return chmod(a, (mode_t)n);
}

static int try_chown(const char *a, const char *b, long n)
{
	(void)b;
	return chown(a, (uid_t)n, (gid_t)n);
}

static int try_chdir(const char *a, const char *b, long n)
{
	(void)b, (void)n;
	return chdir(a);
}

static int try_exec(const char *a, const char *b, long n)
{
	char *const argv[] = { NULL };

	(void)b, (void)n;
	return execve(a, argv, argv);
}

static int try_access(const char *a, const char *b, long n)
{
	(void)b;
	return access(a, (int)n);
}

#define MAKE (O_CREAT | O_WRONLY)
#define ANEW (O_CREAT | O_EXCL | O_WRONLY)

static const struct refusal opens[] = {
	{ try_open, "none", NULL, O_RDONLY, ENOENT },
	{ try_open, "", NULL, O_RDONLY, ENOENT },
	{ try_open, "none/x", NULL, MAKE, ENOENT },
	{ try_open, "file/", NULL, O_RDONLY, ENOTDIR },
	{ try_open, "file/x", NULL, MAKE, ENOTDIR },
	{ try_open, "new/", NULL, MAKE, EISDIR },
	{ try_open, "full", NULL, O_WRONLY, EISDIR },
	{ try_open, "full", NULL, O_RDWR, EISDIR },
	{ try_open, "full", NULL, MAKE, EISDIR },
	{ try_open, "full", NULL, O_RDWR | O_TRUNC, EISDIR },
	{ try_open, "file", NULL, O_DIRECTORY, ENOTDIR },
	{ try_open, "link", NULL, O_NOFOLLOW, ELOOP },
	{ try_open, "loop", NULL, O_RDONLY, ELOOP },
	{ try_open, "loop/x", NULL, O_RDONLY, ELOOP },
	{ try_open, "file", NULL, ANEW, EEXIST },
	{ try_open, "full", NULL, ANEW, EEXIST },
	{ try_open, "link", NULL, ANEW, EEXIST },
	{ try_open, "dangling", NULL, ANEW, EEXIST },
	{ try_open, "dangling", NULL, O_RDONLY, ENOENT },
	{ try_open, "socket", NULL, O_RDONLY, ENXIO },
	{ try_open, "fifo", NULL, O_WRONLY | O_NONBLOCK, ENXIO },
	{ try_open, longer, NULL, MAKE, ENAMETOOLONG },
	{ try_open, longer, NULL, O_RDONLY, ENAMETOOLONG },
	{ try_access, "none", NULL, F_OK, ENOENT },
	{ try_access, "file", NULL, X_OK, EACCES },
	{ try_exec, "file", NULL, 0, EACCES },
	{ try_exec, "full", NULL, 0, EACCES },
	{ try_exec, "none", NULL, 0, ENOENT },
	{ try_chdir, "file", NULL, 0, ENOTDIR },
	{ try_chdir, "none", NULL, 0, ENOENT },
	{ try_stat, "none", NULL, 0, ENOENT },
	{ try_stat, "dangling", NULL, 0, ENOENT },
	{ try_stat, "loop", NULL, 0, ELOOP },
	{ try_stat, "file/x", NULL, 0, ENOTDIR },
	{ try_stat, longer, NULL, 0, ENAMETOOLONG },
	{ try_truncate, "none", NULL, 0, ENOENT },
	{ try_truncate, "full", NULL, 0, EISDIR },
	{ try_truncate, "file", NULL, -1, EINVAL },
	{ try_truncate, "fifo", NULL, 0, EINVAL },
	{ try_chmod, "none", NULL, 0644, ENOENT },
	{ try_chmod, "loop", NULL, 0644, ELOOP },
	{ try_chown, "none", NULL, 0, ENOENT },
};

static const struct refusal made[] = {
	{ try_mkdir, "full", NULL, 0755, EEXIST },
	{ try_mkdir, "file", NULL, 0755, EEXIST },
	{ try_mkdir, "link", NULL, 0755, EEXIST },
	{ try_mkdir, "dangling", NULL, 0755, EEXIST },
	{ try_mkdir, ".", NULL, 0755, EEXIST },
	{ try_mkdir, "none/x", NULL, 0755, ENOENT },
	{ try_mkdir, "file/x", NULL, 0755, ENOTDIR },
	{ try_mkdir, longer, NULL, 0755, ENAMETOOLONG },
	{ try_mknod, "file", NULL, S_IFREG | 0644, EEXIST },
	{ try_mknod, "dangling", NULL, S_IFIFO | 0644, EEXIST },
	{ try_mknod, "none/x", NULL, S_IFIFO | 0644, ENOENT },
	{ try_mknod, "dir", NULL, S_IFDIR | 0755, EPERM },
	{ try_mknod, longer, NULL, S_IFIFO | 0644, ENAMETOOLONG },
	{ try_link, "file", "fifo", 0, EEXIST },
	{ try_link, "file", "dangling", 0, EEXIST },
	{ try_link, "none", "x", 0, ENOENT },
	{ try_link, "file", "none/x", 0, ENOENT },
	{ try_link, "file/", "x", 0, ENOTDIR },
	{ try_link, "full", "x", 0, EPERM },
	{ try_link, "file", longer, 0, ENAMETOOLONG },
	{ try_link, "dangling", "x", AT_SYMLINK_FOLLOW, ENOENT },
	{ try_symlink, "x", "file", 0, EEXIST },
	{ try_symlink, "", "x", 0, ENOENT },
	{ try_symlink, "x", "none/x", 0, ENOENT },
	{ try_symlink, "x", "file/x", 0, ENOTDIR },
	{ try_symlink, "x", longer, 0, ENAMETOOLONG },
	{ try_readlink, "file", NULL, 16, EINVAL },
	{ try_readlink, "full", NULL, 16, EINVAL },
	{ try_readlink, "none", NULL, 16, ENOENT },
	{ try_readlink, "link", NULL, 0, EINVAL },
};

static const struct refusal removed[] = {
	{ try_rmdir, "full", NULL, 0, ENOTEMPTY },
	{ try_rmdir, "file", NULL, 0, ENOTDIR },
	{ try_rmdir, "to-empty", NULL, 0, ENOTDIR },
	{ try_rmdir, "none", NULL, 0, ENOENT },
	{ try_rmdir, "empty/.", NULL, 0, EINVAL },
	{ try_rmdir, "empty/..", NULL, 0, ENOTEMPTY },
	{ try_rmdir, longer, NULL, 0, ENAMETOOLONG },
	{ try_unlink, "full", NULL, 0, EISDIR },
	{ try_unlink, "none", NULL, 0, ENOENT },
	{ try_unlink, "file/", NULL, 0, ENOTDIR },
	{ try_unlink, "file/x", NULL, 0, ENOTDIR },
	{ try_unlink, "loop/x", NULL, 0, ELOOP },
	{ try_unlink, longer, NULL, 0, ENAMETOOLONG },
	{ try_rename, "none", "x", 0, ENOENT },
	{ try_rename, "file", "none/x", 0, ENOENT },
	{ try_rename, "file", "full", 0, EISDIR },
	{ try_rename, "empty", "file", 0, ENOTDIR },
	{ try_rename, "empty", "full", 0, ENOTEMPTY },
	{ try_rename, "full", "full/inside/x", 0, EINVAL },
	{ try_rename, "full/inside", "full", 0, ENOTEMPTY },
	{ try_rename, "full/.", "x", 0, EBUSY },
	{ try_rename, "full/..", "x", 0, EBUSY },
	{ try_rename, "file", "full/.", 0, EBUSY },
	{ try_rename, "file/", "x", 0, ENOTDIR },
	{ try_rename, "file", "x/", 0, ENOTDIR },
	{ try_rename, "file", longer, 0, ENAMETOOLONG },
	{ try_rename, longer, "x", 0, ENAMETOOLONG },
	{ try_rename, "file", "fifo", RENAME_NOREPLACE, EEXIST },
	{ try_rename, "file", "dangling", RENAME_NOREPLACE, EEXIST },
	{ try_rename, "file", "none", RENAME_EXCHANGE, ENOENT },
	{ try_rename, "full", "full/inside", RENAME_EXCHANGE, EINVAL },
	{ try_rename, "file", "x", RENAME_EXCHANGE | RENAME_NOREPLACE, EINVAL },
	{ try_rename, "file", "x", 1 << 8, EINVAL },
};

static int socket_make(const char *name)
{
	struct sockaddr_un where = { .sun_family = AF_UNIX };
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int rc;

	snprintf(where.sun_path, sizeof(where.sun_path), "%s", name);
	rc = bind(fd, (struct sockaddr *)&where, sizeof(where));
	close(fd);
	return rc;
}

/* One file of each type. */
static int scene_make(void)
{
	memset(longest, 'n', sizeof(longest) - 1);
	memset(longer, 'n', sizeof(longer) - 1);
	CLAIM(file_make("file", "text") == 0 && file_make(longest, "") == 0);
	CLAIM(mkdir("full", 0755) == 0 && mkdir("full/inside", 0755) == 0);
	CLAIM(mkdir("empty", 0755) == 0 && symlink("empty", "to-empty") == 0);
	CLAIM(symlink("file", "link") == 0 && symlink("none", "dangling") == 0);
	CLAIM(symlink("pool", "loop") == 0 && symlink("loop", "pool") == 0);
	CLAIM(mkfifo("fifo", 0644) == 0 && socket_make("socket") == 0);
	return VERDICT_OK;
}

static int refusal_run(const struct refusal *r, size_t row)
{
	char said[160];
	int rc;

	errno = 0;
	rc = r->call(r->a, r->b, r->n);
	if (rc < 0 && errno == r->error)
		return VERDICT_OK;
	snprintf(said, sizeof(said), "row %zu, %.20s %.20s: %d instead of error %d",
		 row, r->a, r->b ? r->b : "", rc, r->error);
	return is_wrong(__LINE__, said);
}

static int table_run(const struct refusal *rows, size_t n)
{
	int verdict = scene_make();
	size_t i;

	if (verdict != VERDICT_OK)
		return verdict;
	for (i = 0; i < n; i++)
		if (refusal_run(&rows[i], i) != VERDICT_OK)
			verdict = VERDICT_WRONG;
	return verdict;
}

static int refuses_to_open(void)
{
	return table_run(opens, COUNT(opens));
}

static int refuses_to_make(void)
{
	return table_run(made, COUNT(made));
}

static int refuses_to_remove(void)
{
	return table_run(removed, COUNT(removed));
}

static int keeps_what_it_refused(void)
{
	int verdict = table_run(removed, COUNT(removed));

	if (verdict != VERDICT_OK)
		return verdict;
	CLAIM(file_holds("file", "text") && file_holds("link", "text"));
	CLAIM(S_ISDIR(mode_of("full/inside")) && S_ISFIFO(mode_of("fifo")));
	CLAIM(!is_there("x") && links_of("file") == 1);
	return VERDICT_OK;
}

static const struct check checks[] = {
	{ "open, stat, chmod, truncate, execve", refuses_to_open },
	{ "mkdir, mknod, link, symlink, readlink", refuses_to_make },
	{ "rmdir, unlink, rename", refuses_to_remove },
	{ "refused calls changed nothing", keeps_what_it_refused },
};

const struct suite suite_refusals = { "refusals", checks, COUNT(checks) };
