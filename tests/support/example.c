/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Runs a program of examples/ that serves a device behind a socket. */
#include <config.h>

#include <check.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vmm-sys-util/sock.h>

#include "example.h"
#include "workdir.h"

static char program[PATH_MAX];
static struct workdir dir;
static pid_t pid;

bool example_find_at(const char *name, const char *path)
{
	const char *top = getenv("top_builddir");
	char built[PATH_MAX];

	snprintf(built, sizeof(built), "%s/examples/%s", top ? top : "..",
		 name);
	if (realpath(path ? path : built, program))
		return true;
	printf("1..0 # SKIP %s is not built\n", path ? path : built);
	return false;
}

bool example_find(const char *name)
{
	return example_find_at(name, NULL);
}

static bool is_running(void)
{
	return waitpid(pid, NULL, WNOHANG) == 0;
}

/*
 * Waits until the program listens. A process that does not execute it yet has the handlers of
 * Check's runner, which pass example_end()'s signal on to the whole test.
 */
void example_launch(void)
{
	workdir_init(&dir);
	ck_assert_int_eq(chdir(dir.path), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		execl(program, program, "s", (char *)NULL);
		_exit(127);
	}
	while (access("s", F_OK) < 0) {
		ck_assert(is_running());
		poll(NULL, 0, 5);
	}
}

void example_end(void)
{
	int status;

	kill(pid, SIGTERM);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(WTERMSIG(status), SIGTERM);
	ck_assert_int_eq(chdir("/"), 0);
	workdir_fini(&dir);
}

int example_connect(void)
{
	int sock;

	while ((sock = vsu_sock_connect("s", NULL)) < 0) {
		ck_assert(is_running());
		poll(NULL, 0, 5);	/* until it listens */
	}
	return sock;
}

void example_expect_here(const char *text)
{
	char command[PATH_MAX + 256], line[256] = "";
	FILE *output;

	snprintf(command, sizeof(command), "%s here '%s'", program, text);
	output = popen(command, "r");
	ck_assert_ptr_nonnull(output);
	ck_assert_ptr_nonnull(fgets(line, sizeof(line), output));
	line[strcspn(line, "\n")] = 0;
	ck_assert_str_eq(line, text);
	ck_assert_int_eq(pclose(output), 0);
}
