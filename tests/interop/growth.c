/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The memory use of a process. */
#include <config.h>

#include <dirent.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>

#include "growth.h"

#ifdef __GLIBC__
#if __GLIBC_PREREQ(2, 33)
#define HAVE_MALLINFO2
#endif
#endif

/* Heap bytes that vary with the moment of the measurement. */
#define HEAP_SLACK 4096
/* ... and pages that a rarely used path touches for the first time. */
#define RESIDENT_SLACK (256 * 1024)

static unsigned int lines_of(const char *path)
{
	FILE *f = fopen(path, "re");
	unsigned int n = 0;
	int c;

	while (f && (c = getc(f)) != EOF)
		n += c == '\n';
	if (f)
		fclose(f);
	return n;
}

struct size size_here(void)
{
	struct size s = { .slack = HEAP_SLACK, .fds = vsu_fd_count(),
			  .mappings = lines_of("/proc/self/maps") };
#ifdef HAVE_MALLINFO2
	s.bytes = mallinfo2().uordblks;
#endif
	return s;
}

/* Private resident bytes of the process. */
static uint64_t pages_of(const char *path)
{
	unsigned long all = 0, resident = 0, shared = 0;
	FILE *f = fopen(path, "re");

	if (f && fscanf(f, "%lu %lu %lu", &all, &resident, &shared) != 3)
		resident = shared;
	if (f)
		fclose(f);
	return (uint64_t)(resident - shared) * (uint64_t)sysconf(_SC_PAGESIZE);
}

static int entries_of(const char *path)
{
	DIR *dir = opendir(path);
	int n = 0;

	while (dir && readdir(dir))
		n++;
	if (dir)
		closedir(dir);
	return n;
}

struct size size_of(pid_t pid)
{
	struct size s = { .slack = RESIDENT_SLACK };
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	s.fds = entries_of(path);
	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	s.mappings = lines_of(path);
	snprintf(path, sizeof(path), "/proc/%d/statm", (int)pid);
	s.bytes = pages_of(path);
	return s;
}

bool grew(const struct size *before, const struct size *after)
{
	return after->fds > before->fds || after->mappings > before->mappings ||
	       after->bytes > before->bytes + before->slack;
}

void print_growth(const struct size *before, const struct size *after)
{
	printf("descriptors %d, then %d; mappings %u, then %u; bytes %" PRIu64 ", then %" PRIu64 "\n",
	       before->fds, after->fds, before->mappings, after->mappings,
	       before->bytes, after->bytes);
}
