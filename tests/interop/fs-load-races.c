/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A folder whose names turn into links that lead outside, changed by the host
 * and by the guest itself, which reads, changes and creates all of them. Each
 * file outside begins with "outside", or is named "secret".
 */
#define _GNU_SOURCE
#include "fs-load.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#define PROBES 3

static bool file_write(const char *name, const char *text)
{
	const int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	const ssize_t n = (ssize_t)strlen(text);
	const bool done = fd >= 0 && write(fd, text, (size_t)n) == n;

	if (fd >= 0)
		close(fd);
	return done;
}

static void exchange(const char *a, const char *b)
{
	(void)!renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE);
}

/* Exchanges two names; pauses at times, so that other processes see it on a single processor. */
static void exchange_and_wait(const char *a, const char *b)
{
	static uint64_t n;

	exchange(a, b);
	if (load_word(13, n++) % 2 == 0)
		load_pause();
}

/* ----------------------------------------------------------------- the host */

static bool host_prepare(const char *outside)
{
	char note[PATH_MAX];

	snprintf(note, sizeof(note), "%s/note", outside);
	return !mkdir("flip", 0777) && file_write("flip/note", "inside") &&
	       file_write("one", "inside") && !mkfifo("one.pipe", 0666) &&
	       !symlink(outside, "flip.link") && !symlink(note, "one.link") &&
	       !symlink("../beside", "flip.near") &&
	       !symlink("../beside/note", "one.near");
}

/* Sometimes an object that must not be followed or waited for. */
static void gone_change(unsigned int turn)
{
	unlink("gone");
	if (turn % 3 == 0)
		(void)!symlink("../beside/note", "gone");
	else if (turn % 3 == 1)
		mkfifo("gone", 0666);
}

int load_swap(char *const *operands)
{
	const double until = load_seconds() + strtod(operands[2], NULL);
	unsigned int turn;

	if (chdir(operands[0]) || !host_prepare(operands[1]))
		return load_failed("folder", operands[0]);
	puts("ready");
	for (turn = 0; load_seconds() < until; turn++) {
		exchange_and_wait("flip", turn & 1 ? "flip.link" : "flip.near");
		exchange_and_wait("one", turn & 1 ? "one.link" : "one.near");
		exchange_and_wait("flip", turn & 1 ? "flip.link" : "flip.near");
		exchange_and_wait("one", turn & 1 ? "one.link" : "one.near");
		exchange_and_wait("one", "one.pipe");
		gone_change(turn);
		exchange_and_wait("one", "one.pipe");
	}
	printf("swapped %u times\n", turn);
	return 0;
}

/* ---------------------------------------------------------------- the guest */

struct probe {
	unsigned long inside, refused;
	unsigned int turn;
	int ends[2];		/* of a pipe */
	bool leaked;
};

static const char *const names[] = {
	"flip/note", "one", "gone", "flip/made", "mine/note", "mine/made",
	"flip.link/note", "one.link",
};

static const char *name_pick(struct probe *p)
{
	return names[load_word(11, p->turn++) % (sizeof(names) / sizeof(*names))];
}

static void text_look(struct probe *p, const char *name, const char *text,
		      ssize_t n)
{
	if (n < 7 || memcmp(text, "outside", 7)) {
		p->inside += n > 0;
		return;
	}
	printf("%s: what is outside was read\n", name);
	p->leaked = true;
}

/* A missing descriptor counts as a rejection. */
static int opened(struct probe *p, int fd)
{
	p->refused += fd < 0;
	return fd;
}

static void attempt_read(struct probe *p, const char *name)
{
	const int fd = opened(p, open(name, O_RDONLY | O_NONBLOCK | O_CLOEXEC));
	char text[64];

	if (fd < 0)
		return;
	text_look(p, name, text, read(fd, text, sizeof(text)));
	close(fd);
}

/* The pipe receives the mapping's content, or an error. */
static void attempt_map(struct probe *p, const char *name)
{
	const int fd = opened(p, open(name, O_RDONLY | O_NONBLOCK | O_CLOEXEC));
	char text[64];
	void *at;

	if (fd < 0)
		return;
	at = mmap(NULL, sizeof(text), PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	if (at == MAP_FAILED)
		return;
	if (write(p->ends[1], at, 7) == 7)
		text_look(p, name, text, read(p->ends[0], text, 7));
	munmap(at, sizeof(text));
}

static void attempt_write(struct probe *p, const char *name)
{
	const int more = p->turn & 1 ? O_TRUNC : 0;
	const int fd = opened(p, open(name, O_WRONLY | O_CREAT | O_NONBLOCK |
				      O_CLOEXEC | more, 0666));

	if (fd < 0)
		return;
	(void)!write(fd, "of a guest", 10);
	close(fd);
}

static void attempt_attributes(struct probe *p, const char *name)
{
	const struct timespec times[2] = { { .tv_sec = 1 }, { .tv_sec = 2 } };

	p->refused += chmod(name, 0777) < 0;
	(void)!chown(name, 7, 7);
	(void)!lchown(name, 8, 8);
	(void)!truncate(name, 100);
	utimensat(AT_FDCWD, name, times, 0);
	setxattr(name, "user.guest", "here", 4, 0);
}

static void attempt_names(struct probe *p, const char *name)
{
	p->refused += mkdir("flip/folder", 0777) < 0;
	(void)!link(name, "flip/other");
	(void)!link("flip/note", "flip/third");
	(void)!symlink("../beside/note", "flip/new-link");
	rename("flip/other", "flip/made");
	rename("mine/made", "flip/made");
	mknod("flip/pipe", S_IFIFO | 0666, 0);
	unlink("flip/pipe");
	unlink("flip/other");
	unlink("flip/third");
	unlink("flip/new-link");
	rmdir("flip/folder");
}

static void attempt_list(struct probe *p, const char *name)
{
	DIR *dir = opendir(p->turn & 1 ? "flip" : "mine");
	const struct dirent *entry;

	(void)name;
	p->refused += !dir;
	while (dir && (entry = readdir(dir)))
		if (!strcmp(entry->d_name, "secret")) {
			puts("a name of outside is listed");
			p->leaked = true;
		}
	if (dir)
		closedir(dir);
}

/* Through a folder that is held while its name changes. */
static void attempt_held(struct probe *p, const char *name)
{
	const int fd = opened(p, open("flip", O_PATH | O_DIRECTORY | O_CLOEXEC));
	int note;
	char text[64];

	(void)name;
	if (fd < 0)
		return;
	note = opened(p, openat(fd, p->turn & 1 ? "note" : "../one",
				O_RDONLY | O_NONBLOCK | O_CLOEXEC));
	if (note >= 0) {
		text_look(p, "held", text, read(note, text, sizeof(text)));
		close(note);
	}
	close(fd);
}

/* The guest's own links: they would lead outside if the host followed them. */
static void attempt_swap(struct probe *p, const char *name)
{
	(void)p, (void)name;
	exchange("mine", "mine.link");
}

static void (*const attempts[])(struct probe *p, const char *name) = {
	attempt_read, attempt_read, attempt_map, attempt_write, attempt_attributes, attempt_names,
	attempt_list, attempt_held, attempt_swap,
};

/* In a child: its status is 1 if it has read content from outside. */
static int probe_run(double until, unsigned int first)
{
	struct probe p = { .turn = first };

	if (pipe2(p.ends, O_CLOEXEC | O_NONBLOCK))
		return load_failed("pipe", "");
	while (load_seconds() < until && !p.leaked)
		attempts[load_word(5, p.turn++) % (sizeof(attempts) / sizeof(*attempts))](
			&p, name_pick(&p));
	printf("probe %u: read %lu times, refused %lu times\n", first, p.inside,
	       p.refused);
	return p.leaked || !(p.inside + p.refused);
}

static bool guest_prepare(void)
{
	return !mkdir("mine", 0777) && file_write("mine/note", "inside") &&
	       !symlink("../beside", "mine.link");
}

int load_probe(char *const *operands)
{
	const double until = load_seconds() + strtod(operands[1], NULL);
	int i, status, rc = 0;

	if (chdir(operands[0]) || !guest_prepare())
		return load_failed("folder", operands[0]);
	fflush(stdout);
	for (i = 0; i < PROBES; i++)
		if (!fork())
			_exit(probe_run(until, (unsigned int)i * 1000003u));
	for (i = 0; i < PROBES; i++)
		rc |= wait(&status) < 0 || status;
	return rc;
}
