/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Random operations on one file, each compared with the same in memory:
 *
 *   exercise FILE OPERATIONS [SEED]
 *
 * Reads, writes, both through a mapping, truncation and growth, holes, zeroes and
 * copies within it, close and open, at aligned and unaligned offsets. The first
 * wrong byte ends it with status 1 and the last operation is printed. A seed
 * determines the operations.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/falloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MAX_SIZE (512u << 10)	/* of the file size */
#define PIECE (72u << 10)	/* of one operation */
#define REMEMBERED 24u

struct operation {
	const char *name;
	uint32_t at, len;
};

struct exercise {
	const char *path;
	int fd;
	uint64_t random;
	uint32_t size;
	unsigned char *image;	/* MAX_SIZE bytes; zero beyond size */
	unsigned char *piece;
	unsigned long done, left_out;
	struct operation last[REMEMBERED];
};

static uint32_t random_below(struct exercise *e, uint32_t n)
{
	e->random = e->random * UINT64_C(6364136223846793005) + 1442695040888963407;
	return n ? (uint32_t)(e->random >> 33) % n : 0;
}

static int fault(const struct exercise *e, const char *what, uint32_t at)
{
	const unsigned long first = e->done < REMEMBERED ? 0 : e->done - REMEMBERED + 1;
	unsigned long i;

	printf("operation %lu: %s at %#x (%s)\n", e->done, what, at,
	       strerror(errno));
	for (i = first; i <= e->done; i++)
		printf("  %lu %s %#x %#x\n", i, e->last[i % REMEMBERED].name,
		       e->last[i % REMEMBERED].at, e->last[i % REMEMBERED].len);
	return -1;
}

/* Prints the offset of the first difference. */
static int bytes_compare(const struct exercise *e, const unsigned char *said,
			 uint32_t at, uint32_t len)
{
	uint32_t i;

	if (!memcmp(said, e->image + at, len))
		return 0;
	for (i = 0; said[i] == e->image[at + i]; i++)
		;
	printf("byte %#x is %#x and has to be %#x\n", at + i, said[i],
	       e->image[at + i]);
	return fault(e, "wrong bytes", at);
}

/* A range that may extend beyond the end; sometimes page-aligned. */
static void range_pick(struct exercise *e, struct operation *d)
{
	d->at = random_below(e, MAX_SIZE);
	if (random_below(e, 4) == 0)
		d->at &= ~4095u;
	d->len = 1 + random_below(e, random_below(e, 3) ? PIECE : 64);
	if (d->len > MAX_SIZE - d->at)
		d->len = MAX_SIZE - d->at;
}

/* Limits a range to the file; false if the file is empty. */
static bool range_clip(const struct exercise *e, struct operation *d)
{
	if (!e->size)
		return false;
	d->at %= e->size;
	if (d->len > e->size - d->at)
		d->len = e->size - d->at;
	return true;
}

static void image_grow(struct exercise *e, uint32_t end)
{
	if (end > e->size)
		e->size = end;
}

static void piece_fill(struct exercise *e, uint32_t len)
{
	uint32_t i;

	for (i = 0; i < len; i++)
		e->piece[i] = (unsigned char)random_below(e, 256);
}

static int do_read(struct exercise *e, struct operation *d)
{
	const uint32_t there = d->at < e->size ? e->size - d->at : 0;
	const uint32_t want = d->len < there ? d->len : there;

	if (pread(e->fd, e->piece, d->len, d->at) != (ssize_t)want)
		return fault(e, "short read", d->at);
	return bytes_compare(e, e->piece, d->at, want);
}

static int do_write(struct exercise *e, struct operation *d)
{
	piece_fill(e, d->len);
	if (pwrite(e->fd, e->piece, d->len, d->at) != (ssize_t)d->len)
		return fault(e, "write", d->at);
	memcpy(e->image + d->at, e->piece, d->len);
	image_grow(e, d->at + d->len);
	return 0;
}

static unsigned char *map_open(const struct exercise *e, const struct operation *d)
{
	const uint32_t base = d->at & ~4095u;
	unsigned char *p = mmap(NULL, d->at - base + d->len,
				PROT_READ | PROT_WRITE, MAP_SHARED, e->fd,
				(off_t)base);

	return p == MAP_FAILED ? NULL : p + (d->at - base);
}

static void map_close(const struct operation *d, unsigned char *p)
{
	const uint32_t skipped = d->at & 4095u;

	munmap(p - skipped, skipped + d->len);
}

static int do_map_read(struct exercise *e, struct operation *d)
{
	unsigned char *p;
	int rc;

	if (!range_clip(e, d))
		return 0;
	p = map_open(e, d);
	if (!p)
		return fault(e, "mmap", d->at);
	rc = bytes_compare(e, p, d->at, d->len);
	map_close(d, p);
	return rc;
}

static int do_map_write(struct exercise *e, struct operation *d)
{
	unsigned char *p;

	if (!range_clip(e, d))
		return 0;
	p = map_open(e, d);
	if (!p)
		return fault(e, "mmap", d->at);
	piece_fill(e, d->len);
	memcpy(p, e->piece, d->len);
	memcpy(e->image + d->at, e->piece, d->len);
	if (random_below(e, 4) == 0)
		msync(p - (d->at & 4095u), (d->at & 4095u) + d->len, MS_SYNC);
	map_close(d, p);
	return 0;
}

static int do_truncate(struct exercise *e, struct operation *d)
{
	if (ftruncate(e->fd, d->at) < 0)
		return fault(e, "ftruncate", d->at);
	if (d->at < e->size)
		memset(e->image + d->at, 0, e->size - d->at);
	e->size = d->at;
	return 0;
}

/* Skips and counts modes that the file system does not support. */
static int range_change(struct exercise *e, struct operation *d, int mode)
{
	if (fallocate(e->fd, mode, d->at, d->len) == 0)
		return 1;
	if (errno != EOPNOTSUPP)
		return fault(e, "fallocate", d->at);
	e->left_out++;
	return 0;
}

static int do_allocate(struct exercise *e, struct operation *d)
{
	const int rc = range_change(e, d, 0);

	if (rc > 0)
		image_grow(e, d->at + d->len);
	return rc < 0 ? rc : 0;
}

static int do_punch(struct exercise *e, struct operation *d)
{
	const int rc = range_change(e, d, FALLOC_FL_PUNCH_HOLE |
					  FALLOC_FL_KEEP_SIZE);

	if (rc > 0)
		memset(e->image + d->at, 0, d->len);
	return rc < 0 ? rc : 0;
}

static int do_zero(struct exercise *e, struct operation *d)
{
	const int rc = range_change(e, d, FALLOC_FL_ZERO_RANGE);

	if (rc > 0) {
		memset(e->image + d->at, 0, d->len);
		image_grow(e, d->at + d->len);
	}
	return rc < 0 ? rc : 0;
}

/* Copies to another range of the same file that does not overlap. */
static int do_copy(struct exercise *e, struct operation *d)
{
	off_t from, to;
	ssize_t n;

	if (!range_clip(e, d))
		return 0;
	from = d->at;
	to = random_below(e, MAX_SIZE - d->len);
	if (to < from + (off_t)d->len && from < to + (off_t)d->len)
		return 0;
	n = copy_file_range(e->fd, &from, e->fd, &to, d->len, 0);
	if (n <= 0)
		return fault(e, "copy_file_range", d->at);
	memmove(e->image + to - n, e->image + d->at, (size_t)n);
	image_grow(e, (uint32_t)to);
	return 0;
}

/* The content must not depend on the descriptor or on caches. */
static int do_reopen(struct exercise *e, struct operation *d)
{
	if (random_below(e, 2))
		fsync(e->fd);
	if (random_below(e, 2))
		posix_fadvise(e->fd, 0, 0, POSIX_FADV_DONTNEED);
	if (close(e->fd) < 0)
		return fault(e, "close", d->at);
	e->fd = open(e->path, O_RDWR | O_CLOEXEC);
	return e->fd < 0 ? fault(e, "open", d->at) : 0;
}

static int do_stat(struct exercise *e, struct operation *d)
{
	struct stat st;

	d->at = e->size;
	if (fstat(e->fd, &st) < 0 || st.st_size != (off_t)e->size)
		return fault(e, "wrong size", (uint32_t)st.st_size);
	return 0;
}

static const struct kind {
	const char *name;
	unsigned int share;	/* percentage */
	int (*run)(struct exercise *e, struct operation *d);
} kinds[] = {
	{ "read", 24, do_read },	   { "write", 20, do_write },
	{ "map-read", 12, do_map_read },   { "map-write", 12, do_map_write },
	{ "truncate", 8, do_truncate },	   { "allocate", 4, do_allocate },
	{ "punch", 5, do_punch },	   { "zero", 4, do_zero },
	{ "copy", 5, do_copy },		   { "reopen", 2, do_reopen },
	{ "stat", 4, do_stat },
};

static const struct kind *kind_pick(struct exercise *e)
{
	uint32_t n = random_below(e, 100);
	const struct kind *k = kinds;

	for (; n >= k->share; k++)
		n -= k->share;
	return k;
}

static int step(struct exercise *e)
{
	const struct kind *k = kind_pick(e);
	struct operation *d = &e->last[e->done % REMEMBERED];

	d->name = k->name;
	range_pick(e, d);
	return k->run(e, d);
}

/* Compares the complete file at the end. */
static int whole_compare(struct exercise *e)
{
	struct operation d = { "read", 0, 0 };

	for (; d.at < e->size; d.at += PIECE) {
		d.len = PIECE;
		if (do_read(e, &d) < 0)
			return -1;
	}
	return do_stat(e, &d);
}

static int exercise_run(struct exercise *e, unsigned long operations)
{
	for (e->done = 0; e->done < operations; e->done++)
		if (step(e) < 0)
			return 1;
	e->done--;
	return whole_compare(e) < 0;
}

int main(int argc, char **argv)
{
	struct exercise e = { .fd = -1 };
	unsigned long operations;
	uint64_t seed;

	if (argc < 3 || argc > 4) {
		fprintf(stderr, "use: exercise FILE OPERATIONS [SEED]\n");
		return 64;
	}
	operations = strtoul(argv[2], NULL, 10);
	seed = argc > 3 ? strtoull(argv[3], NULL, 10) :
			  (uint64_t)time(NULL) ^ (uint64_t)getpid() << 20;
	e.random = seed;
	e.path = argv[1];
	e.image = calloc(1, MAX_SIZE);
	e.piece = malloc(PIECE);
	e.fd = open(e.path, O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0644);
	printf("seed %" PRIu64 "\n", seed);
	if (!e.image || !e.piece || e.fd < 0 || !operations) {
		fprintf(stderr, "exercise: %s: %s\n", argv[1], strerror(errno));
		return 71;
	}
	if (exercise_run(&e, operations))
		return 1;
	printf("%lu operations, %lu left out\n", operations, e.left_out);
	return 0;
}
