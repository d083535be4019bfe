/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Several processes at once: exactly one creates a name, and no name is ever
 * missing.
 */
#define _GNU_SOURCE
#include "posix-fs.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define RACERS 4
#define ROUNDS 60

/* The number of successful racers in one attempt. */
static int race_once(int (*attempt)(void))
{
	int ends[2], status, i, won = 0;
	char start;

	if (pipe(ends) < 0)
		return -1;
	for (i = 0; i < RACERS; i++)
		if (!fork()) {
			close(ends[1]);
			/* all start when the other end is closed */
			_exit(read(ends[0], &start, 1) == 0 ? attempt() : 2);
		}
	close(ends[0]);
	close(ends[1]);
	for (i = 0; i < RACERS && wait(&status) > 0; i++)
		won += WIFEXITED(status) && WEXITSTATUS(status) == 0;
	return won;
}

static int attempt_create(void)
{
	return open("x", O_CREAT | O_EXCL | O_WRONLY, 0644) < 0;
}

static int attempt_mkdir(void)
{
	return mkdir("x", 0755) < 0;
}

static int attempt_symlink(void)
{
	return symlink("y", "x") < 0;
}

static int attempt_link(void)
{
	return link("file", "x") < 0;
}

static int attempt_claim(void)
{
	return renameat2(AT_FDCWD, "file", AT_FDCWD, "x", RENAME_NOREPLACE) < 0;
}

static int attempt_unlink(void)
{
	return unlink("file") < 0;
}

static int one_wins(void)
{
	static int (*const attempts[])(void) = {
		attempt_create, attempt_mkdir, attempt_symlink, attempt_link,
		attempt_claim, attempt_unlink,
	};
	size_t i, round;

	for (i = 0; i < COUNT(attempts); i++)
		for (round = 0; round < ROUNDS / 3; round++) {
			CLAIM(file_make("file", "") == 0);
			CLAIM(race_once(attempts[i]) == 1);
			CLAIM(!is_there("x") || remove("x") == 0);
		}
	return VERDICT_OK;
}

/* Replaces a file by a new one with rename(). */
static _Noreturn void replacer_run(void)
{
	for (;;)
		if (file_make("new", "second") || rename("new", "file") ||
		    file_make("new", "first!") || rename("new", "file"))
			_exit(1);
}

static bool is_one_of_two(void)
{
	const int fd = open("file", O_RDONLY | O_CLOEXEC);
	char said[8];
	ssize_t n;

	if (fd < 0)
		return false;
	n = read(fd, said, sizeof(said));
	close(fd);
	return n == 6 && (!memcmp(said, "first!", 6) || !memcmp(said, "second", 6));
}

static int name_never_misses(void)
{
	pid_t other;
	int i;

	CLAIM(file_make("file", "first!") == 0 && (other = fork()) >= 0);
	if (!other)
		replacer_run();
	for (i = 0; i < 20 * ROUNDS; i++)
		CLAIM(is_one_of_two());
	CLAIM(waitpid(other, NULL, WNOHANG) == 0 && kill(other, SIGKILL) == 0);
	CLAIM(waitpid(other, NULL, 0) == other);
	return VERDICT_OK;
}

/* Each line is complete, none is lost. */
static int attempt_append(void)
{
	const int fd = open("log", O_WRONLY | O_APPEND);
	int i;

	for (i = 0; i < ROUNDS; i++)
		if (write(fd, "a line of 20 bytes.\n", 20) != 20)
			return 1;
	return 0;
}

static int appends_do_not_meet(void)
{
	char line[20];
	int fd, n = 0;

	CLAIM(file_make("log", "") == 0 && race_once(attempt_append) == RACERS);
	CLAIM(size_of("log") == RACERS * ROUNDS * 20);
	CLAIM((fd = open("log", O_RDONLY)) >= 0);
	while (read(fd, line, 20) == 20)
		n += !memcmp(line, "a line of 20 bytes.\n", 20);
	CLAIM(n == RACERS * ROUNDS);
	return VERDICT_OK;
}

/* Makes and removes its own names in one folder. */
static int attempt_churn(void)
{
	char name[32], other[48];
	int i;

	for (i = 0; i < ROUNDS; i++) {
		snprintf(name, sizeof(name), "%d-%d", (int)getpid(), i % 7);
		snprintf(other, sizeof(other), "%s.other", name);
		if (file_make(name, name) || rename(name, other) ||
		    !file_holds(other, name) || unlink(other))
			return 1;
	}
	return 0;
}

static int many_in_one_folder(void)
{
	CLAIM(mkdir("d", 0755) == 0 && chdir("d") == 0);
	CLAIM(race_once(attempt_churn) == RACERS);
	CLAIM(chdir("..") == 0 && rmdir("d") == 0);
	return VERDICT_OK;
}

/* Two folders, each renamed into the other: no cycle. */
static int attempt_nest(void)
{
	int i;

	for (i = 0; i < ROUNDS; i++) {
		rename("a", "b/a");
		rename("b", "a/b");
		rename("b/a", "a");
		rename("a/b", "b");
	}
	return 0;
}

static int folders_never_form_a_circle(void)
{
	CLAIM(mkdir("a", 0755) == 0 && mkdir("b", 0755) == 0);
	CLAIM(race_once(attempt_nest) == RACERS);
	CLAIM(is_there("a") || is_there("b"));
	rename("b/a", "a");
	rename("a/b", "b");
	CLAIM(rmdir("a") == 0 && rmdir("b") == 0);
	return VERDICT_OK;
}

static const struct check checks[] = {
	{ "one of four creates, links, renames, removes", one_wins },
	{ "a replaced name is never missing", name_never_misses },
	{ "lines appended by four processes", appends_do_not_meet },
	{ "four processes in one folder", many_in_one_folder },
	{ "folders moved into each other", folders_never_form_a_circle },
};

const struct suite suite_races = { "races", checks, COUNT(checks) };
