/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A temporary folder of a test. */
#include <config.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "workdir.h"

void workdir_init(struct workdir *dir)
{
	const char *parent = getenv("TMPDIR");
	int len = -1;

	if (parent && *parent == '/')
		len = snprintf(dir->path, sizeof(dir->path),
			       "%s/c-vmm-XXXXXX", parent);
	if (len < 0 || (size_t)len >= sizeof(dir->path))
		strcpy(dir->path, "/tmp/c-vmm-XXXXXX");
	if (!mkdtemp(dir->path)) {
		perror(dir->path);
		exit(EXIT_FAILURE);
	}
}

char *workdir_path(const struct workdir *dir, const char *name, char *buf,
		   size_t size)
{
	int len = snprintf(buf, size, "%s/%s", dir->path, name);

	if (len < 0 || (size_t)len >= size) {
		fprintf(stderr, "%s/%s: path too long\n", dir->path, name);
		exit(EXIT_FAILURE);
	}
	return buf;
}

void workdir_fini(struct workdir *dir)
{
	DIR *d = opendir(dir->path);
	struct dirent *entry;

	while (d && (entry = readdir(d)))
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			unlinkat(dirfd(d), entry->d_name, 0);
	if (d)
		closedir(d);
	rmdir(dir->path);
}
