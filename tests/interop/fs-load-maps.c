/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Mapped files of one process, or of two that have no other way to communicate.
 */
#define _GNU_SOURCE
#include "fs-load.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE 4096u
#define WORDS (PAGE / sizeof(uint64_t))
#define MIB ((size_t)1 << 20)
#define PIECE (64u << 10)	/* of a round */
#define SILENCE 90.0		/* seconds */
#define PASSES 3u

struct mapping {
	uint64_t *words;
	size_t len;
};

/* Maps the whole file, extended to len if that is not 0. */
static int mapping_open(struct mapping *m, const char *path, size_t len)
{
	const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	struct stat st;
	int status = fd;

	if (status >= 0 && len)
		status = ftruncate(fd, (off_t)len);
	if (status >= 0)
		status = fstat(fd, &st);
	if (status < 0)
		return load_failed("file", path);
	m->len = (size_t)st.st_size;
	m->words = mmap(NULL, m->len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	return m->words == MAP_FAILED ? load_failed("mmap", path) : 0;
}

/* ------------------------------------------------------------- two in turns */

struct turns {
	struct mapping map;
	uint64_t *mine, *other;	/* in the first page: number of completed rounds */
	uint64_t my_seed, other_seed;
	uint64_t rounds;
};

/* The piece of a round is anywhere behind the first page. */
static uint64_t *piece_at(const struct turns *t, uint64_t round)
{
	const uint64_t places = (t->map.len - PAGE) / PIECE;

	return t->map.words + (PAGE + load_word(7, round) % places * PIECE) /
			      sizeof(uint64_t);
}

static void turn_have(const struct turns *t, uint64_t round)
{
	uint64_t *words = piece_at(t, round);
	size_t i;

	for (i = 0; i < PIECE / sizeof(*words); i++)
		words[i] = load_word(t->my_seed + round, i);
	__atomic_store_n(t->mine, round + 1, __ATOMIC_RELEASE);
}

static int turn_await(const struct turns *t, uint64_t round)
{
	const double begun = load_seconds();

	while (__atomic_load_n(t->other, __ATOMIC_ACQUIRE) <= round) {
		load_pause();
		if (load_seconds() - begun > SILENCE) {
			printf("turn %" PRIu64 ": nothing is seen of the other\n",
			       round);
			return 1;
		}
	}
	return 0;
}

static int turn_check(const struct turns *t, uint64_t round)
{
	const uint64_t *words = piece_at(t, round);
	size_t i;

	for (i = 0; i < PIECE / sizeof(*words); i++)
		if (words[i] != load_word(t->other_seed + round, i)) {
			printf("turn %" PRIu64 ": word %zu is %#" PRIx64 "\n",
			       round, i, words[i]);
			return 1;
		}
	return 0;
}

/*
 * The first process has even rounds, the second odd ones: neither writes to a
 * piece before the other has read it.
 */
static int turns_run(const struct turns *t, bool first)
{
	uint64_t round;
	int status = 0;

	for (round = 0; round < t->rounds && !status; round++) {
		if ((round % 2 == 0) == first) {
			turn_have(t, round);
			continue;
		}
		status = turn_await(t, round);
		status = status ? status : turn_check(t, round);
	}
	return status;
}

int load_turns(char *const *operands)
{
	const bool first = !strcmp(operands[1], "first");
	struct turns t = { .rounds = strtoull(operands[2], NULL, 10) };
	int status = mapping_open(&t.map, operands[0], 0);

	if (status)
		return status;
	t.mine = t.map.words + !first * WORDS / 2;
	t.other = t.map.words + first * WORDS / 2;
	t.my_seed = first ? UINT64_C(1) << 40 : UINT64_C(1) << 41;
	t.other_seed = first ? UINT64_C(1) << 41 : UINT64_C(1) << 40;
	status = turns_run(&t, first);
	munmap(t.map.words, t.map.len);
	if (!status)
		printf("%" PRIu64 " turns\n", t.rounds);
	return status;
}

/* ---------------------------------------------------- larger than the window */

static size_t len_of(const char *mib)
{
	return (size_t)strtoul(mib, NULL, 10) * MIB;
}

int load_fill(char *const *operands)
{
	struct mapping m;
	size_t i;
	int status = mapping_open(&m, operands[0], len_of(operands[1]));

	if (status)
		return status;
	for (i = 0; i < m.len / sizeof(*m.words); i++)
		m.words[i] = load_word(m.len, i);
	status = msync(m.words, m.len, MS_SYNC);
	munmap(m.words, m.len);
	return status ? load_failed("msync", operands[0]) : 0;
}

static int page_check(const struct mapping *m, size_t page)
{
	const uint64_t *words = m->words + page * WORDS;
	size_t i;

	for (i = 0; i < WORDS; i++)
		if (words[i] != load_word(m->len, page * WORDS + i)) {
			printf("page %zu: word %zu is %#" PRIx64 "\n", page, i,
			       words[i]);
			return 1;
		}
	return 0;
}

/*
 * Some of the pages of each 2 MiB, then others: all must read back correctly.
 */
static int pass_check(const struct mapping *m, size_t pass)
{
	const size_t pages = m->len / PAGE;
	size_t page;
	int status = 0;

	for (page = pass; page < pages && !status; page += PASSES)
		status = page_check(m, page);
	return status;
}

int load_verify(char *const *operands)
{
	struct mapping m;
	size_t pass;
	int status = mapping_open(&m, operands[0], 0);

	if (status)
		return status;
	if (m.len != len_of(operands[1])) {
		printf("%zu bytes long\n", m.len);
		status = 1;
	}
	for (pass = 0; pass < PASSES && !status; pass++)
		status = pass_check(&m, pass);
	munmap(m.words, m.len);
	return status;
}

/* --------------------------------------------- truncated by another process */

static sigjmp_buf escape;

static void on_bus_error(int signal)
{
	(void)signal;
	siglongjmp(escape, 1);
}

/* False: a signal instead. */
static bool word_read(const uint64_t *at, uint64_t *word)
{
	if (sigsetjmp(escape, 1))
		return false;
	*word = *(const volatile uint64_t *)at;
	return true;
}

/*
 * The process that shares the folder truncates the file to a page when it sees
 * the mark, and removes it.
 */
static int await_cut(const char *mark)
{
	const int fd = open(mark, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
	const double begun = load_seconds();

	if (fd < 0)
		return load_failed("mark", mark);
	close(fd);
	while (!access(mark, F_OK)) {
		load_pause();
		if (load_seconds() - begun > SILENCE)
			return load_failed("the file is not truncated", mark);
	}
	return 0;
}

/*
 * After the new length was requested, the rest exists and accesses beyond it
 * fail.
 */
static int cut_check(const struct mapping *m, const char *path)
{
	const uint64_t *behind = m->words + 8 * (size_t)WORDS;
	const uint64_t former = load_word(m->len, 8 * WORDS);
	struct statx st;
	uint64_t word = 0;
	const bool read = word_read(behind, &word);

	printf("behind the end: %s, %#" PRIx64 "\n", read ? "a word" : "SIGBUS", word);
	if (read && word == former)
		return 1;
	if (statx(AT_FDCWD, path, AT_STATX_FORCE_SYNC, STATX_SIZE, &st) < 0 ||
	    st.stx_size != PAGE)
		return load_failed("it is not so long", path);
	if (!word_read(m->words, &word) || word != load_word(m->len, 0))
		return load_failed("what is left is not there", path);
	return word_read(behind, &word) ? load_failed("no error", path) : 0;
}

int load_cut(char *const *operands)
{
	static char one[] = "1";
	struct mapping m;
	int status;

	signal(SIGBUS, on_bus_error);
	status = load_fill((char *const[]){ operands[0], one });
	status = status ? status : mapping_open(&m, operands[0], 0);
	if (status)
		return status;
	status = page_check(&m, 8);
	status = status ? status : await_cut(operands[1]);
	status = status ? status : cut_check(&m, operands[0]);
	munmap(m.words, m.len);
	return status;
}
