/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A folder with files, and names that lead out of it. */
#include <config.h>

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs-folder.h"
#include "tree.h"

#define SECRET "what nobody may touch"

static char server_path[64], path[80];

/* A file that grows without end would fill the host's disk. */
static void bound_files(void)
{
	struct rlimit limit;

	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &limit);
	limit.rlim_cur = 1 << 20;
	setrlimit(RLIMIT_FSIZE, &limit);
}

static void make_file(int dir, const char *name, const char *content)
{
	int fd = openat(dir, name, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

	CHECK(write(fd, content, strlen(content)) == (ssize_t)strlen(content));
	close(fd);
}

static void make_folder(struct fs_folder *f)
{
	snprintf(server_path, sizeof(server_path), "/tmp/fuzz-fs-XXXXXX");
	CHECK(mkdtemp(server_path));
	f->parent = open(server_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	make_file(f->parent, "secret", SECRET);
	CHECK(mkdirat(f->parent, "shared", 0755) == 0);
	CHECK(mkdirat(f->parent, "shared/sub", 0755) == 0);
	make_file(f->parent, "shared/file", "content");
	CHECK(symlinkat("../secret", f->parent, "shared/out") == 0);
	CHECK(symlinkat("..", f->parent, "shared/up") == 0);
}

/* The folder and the secret are the only entries but "." and "..". */
static void check_parent(const struct fs_folder *f)
{
	char content[64] = "";
	struct stat st;
	int fd = openat(f->parent, "secret", O_RDONLY | O_CLOEXEC);

	CHECK(read(fd, content, sizeof(content)) == (ssize_t)strlen(SECRET));
	CHECK(!strcmp(content, SECRET));
	CHECK(fstat(fd, &st) == 0 && st.st_nlink == 1);
	CHECK(st.st_mode == (S_IFREG | 0600));
	close(fd);
	CHECK(fstat(f->parent, &st) == 0);
	CHECK(faccessat(f->parent, "shared", F_OK, 0) == 0);
}

const char *fs_folder_init(struct fs_folder *f)
{
	bound_files();
	make_folder(f);
	snprintf(path, sizeof(path), "%s/shared", server_path);
	return path;
}

void fs_folder_fini(struct fs_folder *f)
{
	check_parent(f);
	close(f->parent);
	tree_remove(server_path);
}
