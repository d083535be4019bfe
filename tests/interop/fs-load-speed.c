/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Speed of reading pages of a mapped file, compared with pages of the reader's
 * own file and memory. The kinds alternate in short passes, so that other load
 * affects all equally.
 */
#define _GNU_SOURCE
#include "fs-load.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE 4096u
#define MIB ((size_t)1 << 20)
#define HUGE_PAGE (2 * MIB)
#define KINDS 3u		/* that file, one of its own, its own memory */
#define PASSES 25u
#define BATCH 64u		/* pages between two readings of the clock */

struct kind {
	const unsigned char *pages;
	double speeds[2][PASSES];	/* at random, in order: MiB/s */
};

static unsigned char *map_file(const char *path, int flags, size_t *len)
{
	const int fd = open(path, flags | O_CLOEXEC, 0644);
	struct stat st = { 0 };
	void *at = MAP_FAILED;

	if (fd >= 0 && flags & O_CREAT && ftruncate(fd, (off_t)*len) < 0)
		return NULL;
	if (fd >= 0 && !fstat(fd, &st))
		at = mmap(NULL, (size_t)st.st_size,
			  PROT_READ | (flags & O_CREAT ? PROT_WRITE : 0),
			  MAP_SHARED, fd, 0);
	*len = (size_t)st.st_size;
	close(fd);
	return at == MAP_FAILED ? NULL : at;
}

/* In huge pages, if available. */
static unsigned char *map_memory(size_t len)
{
	unsigned char *at = mmap(NULL, len + HUGE_PAGE, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (at == MAP_FAILED)
		return NULL;
	at += -(uintptr_t)at & (HUGE_PAGE - 1);
	madvise(at, len, MADV_HUGEPAGE);
	return at;
}

static uint64_t touch(const volatile unsigned char *pages, size_t n)
{
	uint64_t sum = 0;
	size_t i;

	for (i = 0; i < n; i++)
		sum += pages[i * PAGE];
	return sum;
}

/*
 * Microseconds for the first access to 2 MiB: a mapping in a window, a memory
 * slot.
 */
static double first_touch(const unsigned char *pages, size_t len)
{
	const double begun = load_seconds();
	const size_t n = (len + HUGE_PAGE - 1) / HUGE_PAGE;
	size_t i;

	for (i = 0; i < n; i++)
		touch(pages + i * HUGE_PAGE, 1);
	return (load_seconds() - begun) * 1e6 / (double)n;
}

/* MiB per second of copied pages. */
static double pass(const unsigned char *pages, size_t n, bool in_order, double ms)
{
	static unsigned char page[PAGE];
	static volatile unsigned char taken;
	const double begun = load_seconds();
	uint64_t count = 0;
	double now = begun;
	unsigned int i;

	for (; now - begun < ms / 1e3; now = load_seconds())
		for (i = 0; i < BATCH; i++, count++) {
			memcpy(page, pages + (in_order ? count : load_word(3, count))
				     % n * PAGE, PAGE);
			taken = page[count % PAGE];
		}
	(void)taken;
	return (double)count * PAGE / (double)MIB / (now - begun);
}

static int by_value(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void measure(struct kind *kinds, size_t n, double ms)
{
	unsigned int i, order;
	size_t k;

	for (i = 0; i < PASSES; i++)
		for (order = 0; order < 2; order++)
			for (k = 0; k < KINDS; k++)
				kinds[k].speeds[order][i] =
					pass(kinds[k].pages, n, order, ms);
}

/* Prints all kinds in this order: the pass with the given rank. */
static void say(struct kind *kinds, unsigned int order, unsigned int n)
{
	size_t k;

	for (k = 0; k < KINDS; k++) {
		qsort(kinds[k].speeds[order], PASSES, sizeof(double), by_value);
		printf(" %.0f", kinds[k].speeds[order][n]);
	}
}

static void say_all(struct kind *kinds)
{
	printf("reads");
	say(kinds, 0, PASSES - 1);
	printf(" at best,");
	say(kinds, 0, PASSES / 2);
	printf(" in the middle; in order");
	say(kinds, 1, PASSES - 1);
	printf(" and");
	say(kinds, 1, PASSES / 2);
}

int load_reads(char *const *operands)
{
	size_t len = 0;
	const unsigned char *file = map_file(operands[0], O_RDONLY, &len);
	unsigned char *copy = map_file(operands[1], O_RDWR | O_CREAT, &len);
	unsigned char *memory = map_memory(len);
	struct kind kinds[KINDS] = {
		{ .pages = file }, { .pages = copy }, { .pages = memory },
	};
	uint64_t sum;
	double us;

	if (!file || !copy || !memory)
		return load_failed("reads", operands[0]);
	us = first_touch(file, len);
	memcpy(copy, file, len);
	memcpy(memory, file, len);
	sum = touch(file, len / PAGE);
	measure(kinds, len / PAGE, (double)strtoul(operands[2], NULL, 10));
	say_all(kinds);
	printf("; %.0f us for the first touch of 2 MiB\n", us);
	unlink(operands[1]);
	return sum == touch(copy, len / PAGE) ? 0 : 1;
}
