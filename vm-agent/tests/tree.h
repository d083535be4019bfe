/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A folder of modules, as depmod(8) describes it. */
#ifndef TESTS_TREE_H
#define TESTS_TREE_H

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char tree[] = "/tmp/test-initrd-XXXXXX";

static inline int tree_entry_remove(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static inline void tree_remove(void)
{
	nftw(tree, tree_entry_remove, 16, FTW_DEPTH | FTW_PHYS);
	strcpy(tree + strlen(tree) - 6, "XXXXXX");
}

/* Writes len bytes to a file of the tree, in its present folders. */
static inline void tree_write(const char *name, const void *bytes, size_t len)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", tree, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, bytes, len), (ssize_t)len);
	close(fd);
}

static inline void tree_text(const char *name, const char *text)
{
	tree_write(name, text, strlen(text));
}

static inline void tree_make(void)
{
	char path[256];

	ck_assert_ptr_nonnull(mkdtemp(tree));
	snprintf(path, sizeof(path), "%s/kernel", tree);
	ck_assert_int_eq(mkdir(path, 0755), 0);
}

#endif
