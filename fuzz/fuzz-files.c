/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A hostile guest sends files to "cvmm cp": a byte that selects the destination, and the stream. Invariants: files
 * beside the destination are unchanged, also by links that it contains; the guest chooses no name at the top; a failure
 * has a sentence without control characters; descriptors are closed. Accepted files can be sent again, and their copy
 * is accepted.
 */
#define _GNU_SOURCE
#include <config.h>

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vm-agent/files.h>
#include <vmm-sys-util/fd.h>

#define MAX_LEN 65536
#define SECRET "what nobody may touch"
#define MODES 0700

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[] = "/tmp/fuzz-files-XXXXXX";

static void demand(bool holds)
{
	if (!holds)
		abort();
}

static void write_file(const char *path, const char *text)
{
	const int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	demand(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

/* The destination has a file, and links that lead out of it. */
static void make_folder(void)
{
	strcpy(folder + strlen(folder) - 6, "XXXXXX");
	demand(mkdtemp(folder) && chdir(folder) == 0);
	write_file("secret", SECRET);
	demand(mkdir("to", 0700) == 0 && mkdir("to/asked", 0700) == 0 && mkdir("again", 0700) == 0);
	write_file("to/asked/file", "old");
	demand(symlink("../../secret", "to/asked/out") == 0 && symlink("../..", "to/asked/up") == 0);
	demand(mkfifo("to/asked/fifo", 0600) == 0);
}

static unsigned int count_entries(const char *path)
{
	DIR *list = opendir(path);
	unsigned int n = 0;

	demand(list != NULL);
	while (readdir(list))
		n++;
	closedir(list);
	return n;
}

static bool exists(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

/* The names at the top are those of make_folder(), and new. */
static void check_folder(void)
{
	char text[64] = "";
	const int fd = open("secret", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	demand(fd >= 0 && read(fd, text, sizeof(text)) == (ssize_t)strlen(SECRET) && !strcmp(text, SECRET));
	demand(fstat(fd, &st) == 0 && st.st_mode == (S_IFREG | 0600) && st.st_nlink == 1);
	close(fd);
	demand(count_entries(".") == 5u + exists("new"));
	demand(count_entries("to") == 3);
}

static int make_stream(const uint8_t *data, size_t size)
{
	const int fd = memfd_create("stream", MFD_CLOEXEC);

	demand(fd >= 0 && (!size || write(fd, data, size) == (ssize_t)size) && lseek(fd, 0, SEEK_SET) == 0);
	return fd;
}

static void check_sentence(const struct vsu_error *err)
{
	const char *at = err->msg;

	demand(*at != '\0');
	while (*at && !iscntrl((unsigned char)*at))
		at++;
	demand(!*at);
}

/* Only root can send a file without the rights of its owner. */
static void send_again(const char *path)
{
	struct vsu_error err = VSU_ERROR_INIT;
	const int fd = make_stream(NULL, 0);

	if (vagent_files_send(fd, path, &err) < 0) {
		check_sentence(&err);
	} else {
		demand(lseek(fd, 0, SEEK_SET) == 0);
		demand(vagent_files_receive(fd, "again", "/copy", MODES, &err) == 0);
	}
	close(fd);
}

static void receive(const char *path, const uint8_t *data, size_t size)
{
	struct vsu_error err = VSU_ERROR_INIT;
	const int fd = make_stream(data, size);

	if (vagent_files_receive(fd, path, "/some/asked", MODES, &err) < 0)
		check_sentence(&err);
	else if (!unlink("to/asked/fifo"))
		send_again(!strcmp(path, "to") ? "to/asked" : path);
	close(fd);
}

/* Paths may be longer than PATH_MAX, and folders without rights of their owner. */
static void remove_tree(int parent, const char *name)
{
	const struct dirent *d;
	DIR *list;

	demand(fchmodat(parent, name, 0700, 0) == 0);
	list = fdopendir(openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
	demand(list != NULL);
	while ((d = readdir(list)))
		if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0 && unlinkat(dirfd(list), d->d_name, 0) < 0)
			remove_tree(dirfd(list), d->d_name);
	closedir(list);
	demand(unlinkat(parent, name, AT_REMOVEDIR) == 0);
}

/* libFuzzer's paths are relative to the former folder. */
static void remove_folder(int former)
{
	demand(fchdir(former) == 0);
	close(former);
	remove_tree(AT_FDCWD, folder);
}

/* A file that grows without end would fill the host's disk. */
static void bound_files(void)
{
	const struct rlimit limit = { 1 << 20, 1 << 20 };

	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &limit);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const destinations[] = { "to", "new", "to/asked/file", "to/asked/out" };
	int before, former;

	if (!size || size > MAX_LEN)
		return 0;
	bound_files();
	former = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	make_folder();
	before = vsu_fd_count();
	receive(destinations[*data % 4], data + 1, size - 1);
	demand(vsu_fd_count() == before);
	check_folder();
	remove_folder(former);
	return 0;
}
