/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims that hold for all file systems of Linux, tested on one of them:
 *
 *   posix-fs FOLDER [GROUP…]
 *
 * Prints a line for each check that failed or was skipped, and one for each
 * group: "group NAME GOOD of ALL". The status is 1 if any failed. A check that
 * takes longer than half a minute has failed.
 */
#define _GNU_SOURCE
#include "posix-fs.h"

#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tree.h"

#define SECONDS 60u

static const struct suite *const suites[] = {
	&suite_refusals, &suite_names, &suite_files, &suite_maps, &suite_space,
	&suite_folders, &suite_users, &suite_times, &suite_races, &suite_xattrs,
};

static int report_fd;		/* pipe to the parent */

int is_wrong(int line, const char *claim)
{
	dprintf(report_fd, "line %d: %s (%s)", line, claim, strerror(errno));
	return VERDICT_WRONG;
}

int is_skipped(const char *why)
{
	dprintf(report_fd, "%s (%s)", why, strerror(errno));
	return VERDICT_SKIP;
}

int file_make(const char *name, const char *bytes)
{
	const int fd = open(name, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0644);
	const size_t n = strlen(bytes);
	int rc = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, bytes, n) != (ssize_t)n)
		rc = -EIO;
	close(fd);
	return rc;
}

bool file_holds(const char *name, const char *bytes)
{
	const int fd = open(name, O_RDONLY | O_CLOEXEC);
	char said[4096];
	ssize_t n;

	if (fd < 0)
		return false;
	n = read(fd, said, sizeof(said));
	close(fd);
	return n == (ssize_t)strlen(bytes) && !memcmp(said, bytes, (size_t)n);
}

mode_t mode_of(const char *name)
{
	struct stat st;

	return lstat(name, &st) ? (mode_t)-1 : st.st_mode;
}

nlink_t links_of(const char *name)
{
	struct stat st;

	return lstat(name, &st) ? 0 : st.st_nlink;
}

off_t size_of(const char *name)
{
	struct stat st;

	return lstat(name, &st) ? -1 : st.st_size;
}

bool is_there(const char *name)
{
	struct stat st;

	return !lstat(name, &st);
}

bool become(uid_t uid, gid_t gid)
{
	return !setgroups(0, NULL) && !setresgid(gid, gid, gid) &&
	       !setresuid(uid, uid, uid);
}

static int status_verdict(int status)
{
	if (WIFEXITED(status) && WEXITSTATUS(status) <= VERDICT_SKIP)
		return WEXITSTATUS(status);
	dprintf(report_fd, "ended by signal %d", WTERMSIG(status));
	return VERDICT_WRONG;
}

int run_as(uid_t uid, gid_t gid, int (*run)(void))
{
	const pid_t child = fork();
	int status;

	if (!child)
		_exit(become(uid, gid) ? run() : is_wrong(0, "becomes a user"));
	if (waitpid(child, &status, 0) != child)
		return is_wrong(__LINE__, "a child");
	return status_verdict(status);
}

/* In the child, with half of the time limit. */
static _Noreturn void check_run(const struct check *check, const char *home)
{
	setpgid(0, 0);
	signal(SIGALRM, SIG_DFL);
	alarm(SECONDS / 2);
	umask(022);
	if (mkdir(home, 0755) < 0 || chdir(home) < 0)
		_exit(is_wrong(__LINE__, "makes a folder for the check"));
	_exit(check->run());
}

static int check_judge(const struct check *check, const char *group,
		       const char *home)
{
	static const char *const words[] = { "ok", "not ok", "skip" };
	char why[1024] = "";
	int ends[2], status, verdict;
	pid_t child;
	ssize_t n;

	if (pipe(ends) < 0)
		return VERDICT_WRONG;
	report_fd = ends[1];
	child = fork();
	if (child < 0)
		return VERDICT_WRONG;
	if (!child)
		check_run(check, home);
	waitpid(child, &status, 0);
	/* its remaining descendants */
	kill(-child, SIGKILL);
	verdict = status_verdict(status);
	close(ends[1]);
	n = read(ends[0], why, sizeof(why) - 1);
	why[n < 0 ? 0 : n] = '\0';
	close(ends[0]);
	if (verdict != VERDICT_OK)
		printf("%s %s: %s: %s\n", words[verdict], group, check->name, why);
	tree_remove(home);
	if (access(home, F_OK) == 0)
		printf("left %s: %s\n", group, check->name);
	return verdict;
}

/* True if none failed; skipped checks do not count. */
static bool suite_run(const struct suite *group, const char *folder)
{
	char home[PATH_MAX];
	size_t i, good = 0, all = 0;
	int verdict;

	for (i = 0; i < group->n; i++) {
		snprintf(home, sizeof(home), "%s/%s.%zu", folder, group->name, i);
		verdict = check_judge(&group->checks[i], group->name, home);
		good += verdict == VERDICT_OK;
		all += verdict != VERDICT_SKIP;
	}
	printf("group %s %zu of %zu\n", group->name, good, all);
	return good == all;
}

static bool is_selected(const char *name, int argc, char **argv)
{
	int i;

	for (i = 2; i < argc; i++)
		if (!strcmp(argv[i], name))
			return true;
	return argc == 2;
}

int main(int argc, char **argv)
{
	bool good = true;
	size_t i;

	if (argc < 2) {
		fprintf(stderr, "use: posix-fs FOLDER [GROUP...]\n");
		return 64;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (i = 0; i < COUNT(suites); i++)
		if (is_selected(suites[i]->name, argc, argv))
			good &= suite_run(suites[i], argv[1]);
	return !good;
}
