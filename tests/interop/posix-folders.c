/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Folders: listings during changes, and removed folders. */
#define _GNU_SOURCE
#include "posix-fs.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define MANY 700

static char seen[MANY];

static int many_make(void)
{
	char name[32];
	int i;

	CLAIM(mkdir("d", 0755) == 0);
	for (i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "d/file-%d", i);
		CLAIM(file_make(name, "") == 0);
	}
	return VERDICT_OK;
}

/* Counts the test's own names only. */
static void name_count(const char *name)
{
	int i;

	if (sscanf(name, "file-%d", &i) == 1 && i >= 0 && i < MANY)
		seen[i]++;
}

static bool each_seen(int times)
{
	int i;

	for (i = 0; i < MANY; i++)
		if (seen[i] != times)
			return false;
	return true;
}

static int each_name_once(void)
{
	struct dirent *e;
	int dots = 0;
	DIR *d;

	CLAIM(many_make() == VERDICT_OK && (d = opendir("d")) != NULL);
	while ((e = readdir(d))) {
		name_count(e->d_name);
		dots += !strcmp(e->d_name, ".") || !strcmp(e->d_name, "..");
	}
	CLAIM(each_seen(1) && dots == 2);
	rewinddir(d);
	while ((e = readdir(d)))
		name_count(e->d_name);
	CLAIM(each_seen(2));
	return VERDICT_OK;
}

/* As "rm -r" does. */
static int removed_while_listed(void)
{
	struct dirent *e;
	DIR *d;

	CLAIM(many_make() == VERDICT_OK && (d = opendir("d")) != NULL);
	while ((e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		name_count(e->d_name);
		CLAIM(unlinkat(dirfd(d), e->d_name, 0) == 0);
	}
	CLAIM(each_seen(1) && rmdir("d") == 0);
	return VERDICT_OK;
}

/* Entries that existed before are listed once, although others are added meanwhile. */
static int grows_while_listed(void)
{
	char name[32];
	struct dirent *e;
	int i = 0;
	DIR *d;

	CLAIM(many_make() == VERDICT_OK && (d = opendir("d")) != NULL);
	while ((e = readdir(d)) && i < 4 * MANY) {
		name_count(e->d_name);
		snprintf(name, sizeof(name), "d/new-%d", i++);
		CLAIM(file_make(name, "") == 0);
	}
	CLAIM(each_seen(1));
	return VERDICT_OK;
}

static int place_is_found_again(void)
{
	char names[20][256];
	struct dirent *e;
	long places[20];
	DIR *d;
	int i;

	CLAIM(many_make() == VERDICT_OK && (d = opendir("d")) != NULL);
	for (i = 0; i < 20; i++) {
		places[i] = telldir(d);
		CLAIM((e = readdir(d)) != NULL);
		snprintf(names[i], sizeof(names[i]), "%s", e->d_name);
	}
	while (readdir(d))
		;
	for (i = 19; i >= 0; i--) {
		seekdir(d, places[i]);
		CLAIM((e = readdir(d)) && !strcmp(e->d_name, names[i]));
	}
	return VERDICT_OK;
}

static int kinds_make(void)
{
	CLAIM(file_make("8", "") == 0 && mkdir("4", 0755) == 0);
	CLAIM(symlink("x", "10") == 0 && mkfifo("1", 0644) == 0);
	CLAIM(mknod("2", S_IFCHR | 0644, makedev(1, 3)) == 0);
	CLAIM(mknod("12", S_IFSOCK | 0644, 0) == 0);
	return VERDICT_OK;
}

/* The names are the numbers of DT_REG and the other types. */
static int kinds_are_listed(void)
{
	struct dirent *e;
	struct stat st;
	int n = 0;
	DIR *d;

	CLAIM(kinds_make() == VERDICT_OK && (d = opendir(".")) != NULL);
	while ((e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		n++;
		CLAIM(e->d_type == atoi(e->d_name) || e->d_type == DT_UNKNOWN);
		CLAIM(lstat(e->d_name, &st) == 0 && st.st_ino == e->d_ino);
	}
	CLAIM(n == 6);
	return VERDICT_OK;
}

static int gone_folder(void)
{
	struct dirent *e;
	struct stat st;
	int fd, n = 0;
	DIR *d;

	CLAIM(mkdir("d", 0755) == 0 && (fd = open("d", O_RDONLY)) >= 0);
	CLAIM(chdir("d") == 0 && (d = opendir(".")) != NULL);
	CLAIM(rmdir("../d") == 0);
	CLAIM(fstat(fd, &st) == 0 && st.st_nlink == 0);
	while ((e = readdir(d)))
		n += e->d_name[0] != '.';
	CLAIM(n == 0);
	REFUSED(open("x", O_CREAT | O_WRONLY, 0644), ENOENT);
	REFUSED(mkdirat(fd, "x", 0755), ENOENT);
	CLAIM(getcwd(NULL, 0) == NULL && errno == ENOENT);
	return VERDICT_OK;
}

static int deep_tree(void)
{
	int i;

	for (i = 0; i < 300; i++)
		CLAIM(mkdir("a-name-of-a-folder", 0755) == 0 &&
		      chdir("a-name-of-a-folder") == 0);
	CLAIM(file_make("f", "deep") == 0 && file_holds("f", "deep"));
	for (i = 0; i < 300; i++) {
		CLAIM(chdir("..") == 0);
		CLAIM(i > 0 || unlink("a-name-of-a-folder/f") == 0);
		CLAIM(rmdir("a-name-of-a-folder") == 0);
	}
	return VERDICT_OK;
}

static int moved_under_a_walker(void)
{
	char before[4096], after[4096];

	CLAIM(mkdir("a", 0755) == 0 && mkdir("a/b", 0755) == 0);
	CLAIM(mkdir("c", 0755) == 0 && getcwd(before, sizeof(before)) != NULL);
	CLAIM(chdir("a/b") == 0 && rename("../../a", "../../c/a") == 0);
	CLAIM(getcwd(after, sizeof(after)) != NULL);
	CLAIM(!strcmp(after + strlen(before), "/c/a/b"));
	CLAIM(chdir("../..") == 0 && is_there("a/b") && chdir("..") == 0);
	CLAIM(getcwd(after, sizeof(after)) && !strcmp(before, after));
	return VERDICT_OK;
}

static const struct check checks[] = {
	{ "each of 700 names is listed once, repeatedly", each_name_once },
	{ "removed while it is listed", removed_while_listed },
	{ "grows while it is listed", grows_while_listed },
	{ "telldir and seekdir", place_is_found_again },
	{ "types and inode numbers in listings", kinds_are_listed },
	{ "a removed folder", gone_folder },
	{ "300 folders deep", deep_tree },
	{ "moved while it is the current folder", moved_under_a_walker },
};

const struct suite suite_folders = { "folders", checks, COUNT(checks) };
