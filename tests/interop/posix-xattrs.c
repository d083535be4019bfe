/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Extended attributes. */
#define _GNU_SOURCE
#include "posix-fs.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

/* A file that supports them, or a reason to skip. */
static int scene_make(void)
{
	CLAIM(file_make("f", "text") == 0);
	if (setxattr("f", "user.a", "one", 3, 0) < 0)
		return errno == EOPNOTSUPP ? is_skipped("no attributes of users") :
					     is_wrong(__LINE__, "setxattr");
	return VERDICT_OK;
}

#define SCENE()                                   \
	do {                                      \
		const int scene = scene_make();   \
		if (scene != VERDICT_OK)          \
			return scene;             \
	} while (0)

static int values_are_kept(void)
{
	char value[2000], said[2000];
	int fd;

	SCENE();
	memset(value, 'v', sizeof(value));
	CLAIM(getxattr("f", "user.a", said, 10) == 3 && !memcmp(said, "one", 3));
	CLAIM(getxattr("f", "user.a", NULL, 0) == 3);
	CLAIM(setxattr("f", "user.b", value, sizeof(value), 0) == 0);
	CLAIM(getxattr("f", "user.b", said, sizeof(said)) == sizeof(value));
	CLAIM(!memcmp(said, value, sizeof(value)));
	CLAIM(setxattr("f", "user.c", "", 0, 0) == 0);
	CLAIM(getxattr("f", "user.c", said, 10) == 0);
	CLAIM((fd = open("f", O_RDWR)) >= 0);
	CLAIM(fsetxattr(fd, "user.a", "two", 3, 0) == 0);
	CLAIM(fgetxattr(fd, "user.a", said, 10) == 3 && !memcmp(said, "two", 3));
	CLAIM(rename("f", "g") == 0 && getxattr("g", "user.a", said, 10) == 3);
	return VERDICT_OK;
}

static int refuses(void)
{
	static char value[65537];
	char name[300] = "user.", said[2];

	SCENE();
	memset(name + 5, 'n', 251);
	REFUSED(getxattr("f", "user.none", said, 2), ENODATA);
	REFUSED(getxattr("f", "user.a", said, 2), ERANGE);
	REFUSED(listxattr("f", said, 2), ERANGE);
	REFUSED(removexattr("f", "user.none"), ENODATA);
	REFUSED(setxattr("f", "user.a", "x", 1, XATTR_CREATE), EEXIST);
	REFUSED(setxattr("f", "user.none", "x", 1, XATTR_REPLACE), ENODATA);
	REFUSED(setxattr("f", "user.a", "x", 1, 8), EINVAL);
	REFUSED(setxattr("f", name, "x", 1, 0), ERANGE);
	REFUSED(setxattr("f", "user.a", value, sizeof(value), 0), E2BIG);
	REFUSED(setxattr("none", "user.a", "x", 1, 0), ENOENT);
	REFUSED(setxattr("f", "user.", "x", 1, 0), EINVAL);
	REFUSED(setxattr("f", "nobody.knows", "x", 1, 0), EOPNOTSUPP);
	return VERDICT_OK;
}

static int all_are_listed(void)
{
	char name[32], list[2000];
	ssize_t n, at;
	int i, found = 0;

	SCENE();
	for (i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "user.number-%d", i);
		CLAIM(setxattr("f", name, name, strlen(name), 0) == 0);
	}
	CLAIM((n = listxattr("f", list, sizeof(list))) > 0);
	CLAIM(listxattr("f", NULL, 0) >= n);
	for (at = 0; at < n; at += (ssize_t)strlen(list + at) + 1)
		found += !strncmp(list + at, "user.number-", 12);
	CLAIM(found == 20 && removexattr("f", "user.number-3") == 0);
	CLAIM(getxattr("f", "user.number-3", list, 9) < 0 && errno == ENODATA);
	return VERDICT_OK;
}

/* user.* attributes exist only on files and folders. */
static int kinds_without(void)
{
	SCENE();
	CLAIM(symlink("f", "l") == 0 && mkfifo("p", 0644) == 0);
	CLAIM(mkdir("d", 0755) == 0 && setxattr("d", "user.a", "x", 1, 0) == 0);
	REFUSED(lsetxattr("l", "user.a", "x", 1, 0), EPERM);
	REFUSED(setxattr("p", "user.a", "x", 1, 0), EPERM);
	CLAIM(setxattr("l", "user.b", "x", 1, 0) == 0);
	CLAIM(getxattr("f", "user.b", NULL, 0) == 1);
	return VERDICT_OK;
}

/* trusted.* attributes exist on all types. */
static int kinds_with_roots(void)
{
	static const char *const names[] = { "l", "p", "s", "c", "d", "f" };
	char said[8];
	size_t i;

	SCENE();
	CLAIM(symlink("f", "l") == 0 && mkfifo("p", 0644) == 0);
	CLAIM(mkdir("d", 0755) == 0 && mknod("c", S_IFCHR | 0644, 0x105) == 0);
	CLAIM(mknod("s", S_IFSOCK | 0644, 0) == 0);
	if (lsetxattr("p", "trusted.a", "p", 1, 0) < 0)
		return errno == EPERM ? is_skipped("a server without CAP_SYS_ADMIN") :
					is_wrong(__LINE__, "lsetxattr");
	for (i = 0; i < COUNT(names); i++) {
		CLAIM(lsetxattr(names[i], "trusted.a", names[i], 1, 0) == 0);
		CLAIM(lgetxattr(names[i], "trusted.a", said, 8) == 1);
		CLAIM(*said == *names[i] && llistxattr(names[i], NULL, 0) >= 10);
	}
	for (i = 0; i < COUNT(names); i++)
		CLAIM(lremovexattr(names[i], "trusted.a") == 0);
	REFUSED(lgetxattr("p", "trusted.a", said, 8), ENODATA);
	return VERDICT_OK;
}

static int stranger_tries(void)
{
	char said[8];

	CLAIM(getxattr("f", "user.a", said, 8) == 3);
	REFUSED(setxattr("f", "user.a", "x", 1, 0), EACCES);
	REFUSED(removexattr("f", "user.a"), EACCES);
	REFUSED(setxattr("f", "trusted.a", "x", 1, 0), EPERM);
	REFUSED(getxattr("secret", "user.a", said, 8), EACCES);
	return VERDICT_OK;
}

static int strangers_are_kept_out(void)
{
	SCENE();
	CLAIM(file_make("secret", "") == 0);
	CLAIM(setxattr("secret", "user.a", "x", 1, 0) == 0);
	CLAIM(chmod("secret", 0600) == 0);
	return run_as(USER, USER, stranger_tries);
}

static int open_and_unlinked(void)
{
	char said[8];
	int fd;

	SCENE();
	CLAIM((fd = open("f", O_RDWR)) >= 0 && unlink("f") == 0);
	CLAIM(fgetxattr(fd, "user.a", said, 8) == 3);
	CLAIM(fsetxattr(fd, "user.b", "two", 3, 0) == 0);
	CLAIM(fremovexattr(fd, "user.a") == 0);
	return VERDICT_OK;
}

static const struct check checks[] = {
	{ "values are kept", values_are_kept },
	{ "refused calls", refuses },
	{ "all names are listed", all_are_listed },
	{ "file types without attributes", kinds_without },
	{ "file types with trusted attributes", kinds_with_roots },
	{ "other users are refused", strangers_are_kept_out },
	{ "of an unlinked file", open_and_unlinked },
};

const struct suite suite_xattrs = { "xattrs", checks, COUNT(checks) };
