/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Contended locks, and more files than there are descriptors. */
#define _GNU_SOURCE
#include "fs-load.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define SILENCE 90.0		/* seconds */
#define NAME 32
#define KEPT 24u		/* open at a time: fewer than an eighth of 256 */

/* -------------------------------------------------------------------- locks */

static int lock_try(int fd, bool whole, bool on)
{
	struct flock record = { .l_type = on ? F_WRLCK : F_UNLCK,
				.l_whence = SEEK_SET, .l_len = 8 };

	return whole ? flock(fd, on ? LOCK_EX | LOCK_NB : LOCK_UN) :
		       fcntl(fd, F_SETLK, &record);
}

/* Returns the number of rejections, or -1. */
static int64_t lock_take(int fd, bool whole)
{
	const double begun = load_seconds();
	int64_t refused = 0;

	while (lock_try(fd, whole, true) < 0) {
		if ((errno != EAGAIN && errno != EACCES) ||
		    load_seconds() - begun > SILENCE)
			return -1;
		refused++;
		load_pause();
	}
	return refused;
}

/* Increments in two steps, between which another process could interfere. */
static bool count_one(int fd)
{
	uint64_t count;

	if (pread(fd, &count, sizeof(count), 0) != sizeof(count))
		return false;
	load_pause();
	count++;
	return pwrite(fd, &count, sizeof(count), 0) == sizeof(count);
}

int load_locks(char *const *operands)
{
	const bool whole = !strcmp(operands[1], "whole");
	const unsigned long rounds = strtoul(operands[2], NULL, 10);
	const int fd = open(operands[0], O_RDWR | O_CLOEXEC);
	int64_t refused = 0, once;
	unsigned long i;

	if (fd < 0)
		return load_failed("open", operands[0]);
	for (i = 0; i < rounds; i++) {
		once = lock_take(fd, whole);
		if (once < 0)
			return load_failed("lock", operands[0]);
		refused += once;
		if (!count_one(fd))
			return load_failed("count", operands[0]);
		if (lock_try(fd, whole, false) < 0)
			return load_failed("unlock", operands[0]);
		load_pause();
	}
	printf("%lu times, refused %" PRId64 "\n", rounds, refused);
	return close(fd) ? load_failed("close", operands[0]) : 0;
}

/* --------------------------------------------------------------- many files */

struct many {
	unsigned long n, step;
	int kept[KEPT];		/* of each file whose number step divides */
};

static bool holds(int fd, const char *name)
{
	char said[NAME];
	const ssize_t n = pread(fd, said, sizeof(said), 0);

	return n == (ssize_t)strlen(name) && !memcmp(said, name, (size_t)n);
}

static bool file_is(const char *name, const char *held)
{
	const int fd = open(name, O_RDONLY | O_CLOEXEC);
	const bool right = fd >= 0 && holds(fd, held);

	if (fd >= 0)
		close(fd);
	return right;
}

static bool file_make(struct many *m, unsigned long i)
{
	char name[NAME];
	const int n = snprintf(name, sizeof(name), "%lu", i);
	const int fd = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	if (fd < 0 || write(fd, name, (size_t)n) != n)
		return false;
	if (i % m->step)
		return close(fd) == 0;
	m->kept[i / m->step] = fd;
	return true;
}

/* Removes or changes the names while the files are open. */
static bool names_change(const struct many *m)
{
	char name[NAME], other[NAME + 8];
	unsigned long i;

	for (i = 0; i < m->n; i += m->step) {
		snprintf(name, sizeof(name), "%lu", i);
		snprintf(other, sizeof(other), "%s.other", name);
		if (i / m->step % 2 ? rename(name, other) : unlink(name))
			return false;
	}
	return true;
}

static bool kept_are_right(const struct many *m)
{
	char name[NAME], other[NAME + 8];
	unsigned long i;
	struct stat st;

	for (i = 0; i < m->n; i += m->step) {
		const int fd = m->kept[i / m->step];
		const bool renamed = i / m->step % 2;

		snprintf(name, sizeof(name), "%lu", i);
		snprintf(other, sizeof(other), "%s.other", name);
		if (!holds(fd, name) || fstat(fd, &st) || st.st_nlink != renamed ||
		    file_is(name, name) || (renamed && !file_is(other, name)) ||
		    close(fd))
			return false;
	}
	return true;
}

static bool others_are_right(const struct many *m)
{
	char name[NAME];
	unsigned long i;

	for (i = 0; i < m->n; i++) {
		snprintf(name, sizeof(name), "%lu", i);
		if (i % m->step && !file_is(name, name))
			return false;
	}
	return true;
}

int load_many(char *const *operands)
{
	struct many m = { .n = strtoul(operands[1], NULL, 10) };
	unsigned long i;

	m.step = m.n / KEPT + 1;
	if (chdir(operands[0]))
		return load_failed("chdir", operands[0]);
	for (i = 0; i < m.n; i++)
		if (!file_make(&m, i))
			return load_failed("make", operands[0]);
	if (!names_change(&m))
		return load_failed("names", operands[0]);
	if (!others_are_right(&m))
		return load_failed("closed files are wrong", operands[0]);
	if (!kept_are_right(&m))
		return load_failed("open files are wrong", operands[0]);
	printf("%lu files\n", m.n);
	return 0;
}
