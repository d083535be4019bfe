/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Mapped files, including those of programs. */
#define _GNU_SOURCE
#include "posix-fs.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* A write through a mapping at the old end stays in place. */
static int append_leaves_mappings(void)
{
	char said[16];
	char *p;
	int fd;

	CLAIM((fd = open("f", O_CREAT | O_RDWR | O_APPEND, 0644)) >= 0);
	CLAIM(write(fd, "some text", 9) == 9);
	p = mmap(NULL, 9, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CLAIM(p != MAP_FAILED);
	memcpy(p, "SOME", 4);
	CLAIM(msync(p, 9, MS_SYNC) == 0 && munmap(p, 9) == 0);
	CLAIM(fsync(fd) == 0 && write(fd, "!", 1) == 1 && close(fd) == 0);
	CLAIM((fd = open("f", O_RDONLY)) >= 0);
	CLAIM(pread(fd, said, 16, 0) == 10 && !memcmp(said, "SOME text!", 10));
	return VERDICT_OK;
}

static int mapping_is_the_file(void)
{
	const long page = sysconf(_SC_PAGESIZE);
	char *shared, *private, byte;
	int fd;

	CLAIM((fd = open("f", O_CREAT | O_RDWR, 0644)) >= 0);
	CLAIM(ftruncate(fd, 3 * page) == 0);
	shared = mmap(NULL, (size_t)page * 3, PROT_READ | PROT_WRITE,
		      MAP_SHARED, fd, 0);
	private = mmap(NULL, (size_t)page, PROT_READ | PROT_WRITE, MAP_PRIVATE,
		       fd, page);
	CLAIM(shared != MAP_FAILED && private != MAP_FAILED);
	shared[page] = 's';
	CLAIM(pread(fd, &byte, 1, page) == 1 && byte == 's');
	CLAIM(pwrite(fd, "w", 1, 2 * page) == 1 && shared[2 * page] == 'w');
	private[0] = 'p';
	CLAIM(shared[page] == 's' && pread(fd, &byte, 1, page) == 1);
	CLAIM(byte == 's' && msync(shared, (size_t)page * 3, MS_SYNC) == 0);
	CLAIM(munmap(shared, (size_t)page * 3) == 0 && close(fd) == 0);
	CLAIM((fd = open("f", O_RDONLY)) >= 0);
	CLAIM(pread(fd, &byte, 1, page) == 1 && byte == 's');
	CLAIM(mmap(NULL, 1, PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED &&
	      errno == EACCES);
	return VERDICT_OK;
}

/*
 * Bytes behind the end of a truncated file read as zeros when it grows again.
 */
static int mapping_of_a_cut_file(void)
{
	const long page = sysconf(_SC_PAGESIZE);
	pid_t child;
	int fd, status;
	char *p;

	CLAIM((fd = open("f", O_CREAT | O_RDWR, 0644)) >= 0);
	CLAIM(ftruncate(fd, 2 * page) == 0);
	p = mmap(NULL, (size_t)page * 2, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CLAIM(p != MAP_FAILED);
	memset(p, 'x', (size_t)page * 2);
	CLAIM(ftruncate(fd, 100) == 0 && ftruncate(fd, page) == 0);
	CLAIM(p[99] == 'x' && p[100] == 0 && p[page - 1] == 0);
	child = fork();
	if (!child) {
		signal(SIGBUS, SIG_DFL);
		p[page] = 'y';
		_exit(0);
	}
	CLAIM(waitpid(child, &status, 0) == child);
	CLAIM(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
	return VERDICT_OK;
}

static int program_is_busy(void)
{
	char self[PATH_MAX];
	int fd, from, status;
	ssize_t n;
	pid_t child;

	CLAIM((from = open("/proc/self/exe", O_RDONLY)) >= 0);
	CLAIM((fd = open("program", O_CREAT | O_WRONLY, 0755)) >= 0);
	while ((n = read(from, self, sizeof(self))) > 0)
		CLAIM(write(fd, self, (size_t)n) == n);
	REFUSED(execl("./program", "program", NULL), ETXTBSY);
	close(fd);
	child = fork();
	if (!child) {
		execl("./program", "program", NULL);
		_exit(1);
	}
	CLAIM(waitpid(child, &status, 0) == child);
	/* prints its usage */
	CLAIM(WIFEXITED(status) && WEXITSTATUS(status) == 64);
	return VERDICT_OK;
}

static const struct check checks[] = {
	{ "O_APPEND, and a mapping", append_leaves_mappings },
	{ "a mapping is the file", mapping_is_the_file },
	{ "a mapping of a truncated file", mapping_of_a_cut_file },
	{ "ETXTBSY, and execution of a program", program_is_busy },
};

const struct suite suite_maps = { "maps", checks, COUNT(checks) };
