/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Executes the programs of commands. */
#include <config.h>

#include <errno.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vmm-sys-util/exit.h>

#include "cli/executed.h"
#include "common/helpers.h"

#define PREFIX "cvmm-"

extern char **environ;

static const struct executed {
	const char *name;
	int missing;		/* the exit status without the program */
} programs[] = {
	{ "initrd", VSU_EXIT_HOST },
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

static int await_help(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return VSU_EXIT_HOST;
	return WIFEXITED(status) ? WEXITSTATUS(status) : VSU_EXIT_HOST;
}

int vmm_executed_help(const char *name, struct vsu_error *err)
{
	static char own[] = "cvmm", option[] = "--help";
	const struct executed *p = find_program(name);
	char *words[] = { own, option, NULL };
	char path[PATH_MAX];
	pid_t pid;
	int rc;

	find_path(name, path);
	fflush(stdout);
	rc = posix_spawn(&pid, path, NULL, NULL, words, environ);
	return rc ? refuse_program(p, path, -rc, err) : await_help(pid);
}
