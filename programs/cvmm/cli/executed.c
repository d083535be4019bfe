/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Executes the programs of commands. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cvmm/exec.h>
#include <vmm-sys-util/exit.h>

#include "cli/executed.h"
#include "common/helpers.h"

#define PREFIX "cvmm-"

extern char **environ;

static const struct executed {
	const char *name;
	int missing;		/* the exit status without the program */
} programs[] = {
	{ "boot", VSU_EXIT_HOST },
	{ "cp", VSU_EXIT_HOST },
	{ "exec", CVMM_EXEC_FAILED },	/* other statuses are those of a command in the guest */
	{ "initrd", VSU_EXIT_HOST },
	{ "oci", VSU_EXIT_HOST },
	{ "pool", VSU_EXIT_HOST },
	{ "template", VSU_EXIT_HOST },
};

static const struct executed *find_program(const char *name)
{
	unsigned int i;

	for (i = 0; i < sizeof(programs) / sizeof(programs[0]); i++)
		if (!strcmp(programs[i].name, name))
			return &programs[i];
	return NULL;
}

static void find_path(const char *name, char path[PATH_MAX])
{
	char file[NAME_MAX];

	snprintf(file, sizeof(file), PREFIX "%s", name);
	vmm_helper_path(file, path);
}

static int refuse_program(const struct executed *p, const char *path, int code, struct vsu_error *err)
{
	if (code == -ENOENT)
		vsu_error_set(err, code, "the command '%s' is not installed: there is no file '%s'", p->name, path);
	else
		vsu_error_sys(err, code, "cannot execute '%s'", path);
	return p->missing;
}

int vmm_executed_become(int argc, char **argv, struct vsu_error *err)
{
	static char name[PATH_MAX];
	const int first = argc > 1 && !strcmp(argv[1], "--") ? 2 : 1;
	const struct executed *p = first < argc ? find_program(argv[first]) : NULL;
	char path[PATH_MAX];

	if (!p)
		return 0;
	find_path(p->name, path);
	snprintf(name, sizeof(name), "%s %s", argv[0], p->name);
	argv[first] = name;
	execv(path, argv + first);
	return refuse_program(p, path, -errno, err);
}

/* Starts the program with --help; out: its standard output, or -1. */
static int start_help(const char *path, int out, pid_t *pid)
{
	static char name[] = "cvmm", option[] = "--help";
	char *words[] = { name, option, NULL };
	posix_spawn_file_actions_t actions;
	int rc;

	if (posix_spawn_file_actions_init(&actions))
		return -ENOMEM;
	rc = out < 0 ? 0 : posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	rc = rc ? rc : posix_spawn(pid, path, &actions, NULL, words, environ);
	posix_spawn_file_actions_destroy(&actions);
	return -rc;
}

static int await_help(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return VSU_EXIT_HOST;
	if (WIFSIGNALED(status))
		raise(WTERMSIG(status));	/* SIGPIPE: as if this process had printed */
	return WIFEXITED(status) ? WEXITSTATUS(status) : VSU_EXIT_HOST;
}

int vmm_executed_help(const char *name, struct vsu_error *err)
{
	const struct executed *p = find_program(name);
	char path[PATH_MAX];
	pid_t pid;
	int rc;

	find_path(name, path);
	fflush(stdout);
	rc = start_help(path, -1, &pid);
	return rc < 0 ? refuse_program(p, path, rc, err) : await_help(pid);
}

/* Whether a line of the help begins with an option of that name, behind a letter or another flag. */
static bool is_about(const char *line, const char *option)
{
	size_t len;

	for (line += strspn(line, " "); *line == '-'; line += strspn(line, ", ")) {
		len = strcspn(line, "=[, \n");
		if (!strncmp(line, "--", 2) && len == strlen(option) + 2 && !memcmp(line + 2, option, len - 2))
			return true;
		line += len;
		if (*line != ',')
			return false;
	}
	return false;
}

/* The line of the option, and those that continue it. */
static bool print_option(FILE *help, const char *name, const char *option)
{
	bool shown = false, is_within = false;
	char line[1024];

	while (fgets(line, sizeof(line), help)) {
		if (!strncmp(line, "  -", 3))
			is_within = is_about(line, option);
		else if (strncmp(line, "   ", 3) != 0)
			is_within = false;
		if (is_within && !shown)
			printf("Option of 'cvmm %s':\n", name);
		if (is_within)
			fputs(line, stdout);
		shown |= is_within;
	}
	return shown;
}

bool vmm_executed_help_option(const char *name, const char *option)
{
	char path[PATH_MAX];
	bool shown = false;
	int ends[2], rc;
	FILE *help;
	pid_t pid;

	find_path(name, path);
	if (pipe2(ends, O_CLOEXEC) < 0)
		return false;
	help = fdopen(ends[0], "r");
	if (!help)
		close(ends[0]);
	rc = help ? start_help(path, ends[1], &pid) : -ENOMEM;
	close(ends[1]);
	if (!rc) {
		shown = print_option(help, name, option);
		await_help(pid);
	}
	if (help)
		fclose(help);
	return shown;
}
