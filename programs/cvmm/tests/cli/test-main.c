/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the program cvmm, which is started: its commands and exit statuses. */
#include <config.h>

#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <vmm-sys-util/exit.h>

#include "util.h"

#define PROGRAM "./cvmm"	/* in the folder in which tests run */
#define WORDS 4

extern char **environ;

static const char *no_program(void)
{
	return access(PROGRAM, X_OK) ? "the program is not in this folder" : NULL;
}

/* Returns the status of waitpid(). */
static int run(const char *const *words, int out, int err)
{
	char *argv[WORDS + 2] = { (char *)(uintptr_t)PROGRAM };
	posix_spawn_file_actions_t actions;
	int i, status;
	pid_t pid;

	for (i = 0; i < WORDS; i++)
		argv[i + 1] = (char *)(uintptr_t)words[i];
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, err, STDERR_FILENO);
	ck_assert_int_eq(posix_spawn(&pid, PROGRAM, &actions, NULL, argv, environ), 0);
	posix_spawn_file_actions_destroy(&actions);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return status;
}

static void read_all(int fd, char *text, size_t size)
{
	memset(text, 0, size);
	ck_assert_int_ge(pread(fd, text, size - 1, 0), 0);
	close(fd);
}

static const struct {
	const char *words[WORDS];
	int status;
	const char *prints;	/* the beginning of its output */
	const char *complains;	/* a part of its complaint; NULL: none */
} calls[] = {
	{ { NULL }, VSU_EXIT_USAGE, "", "no command; try 'cvmm help'" },
	{ { "--version" }, VSU_EXIT_OK, "cvmm " PACKAGE_VERSION "\n", NULL },
	{ { "--help" }, VSU_EXIT_OK, "Usage: cvmm ", NULL },
	{ { "help" }, VSU_EXIT_OK, "Usage: cvmm ", NULL },
	{ { "help", "memory" }, VSU_EXIT_OK, "Usage: cvmm memory ", NULL },
	{ { "memory", "--help" }, VSU_EXIT_OK, "Usage: cvmm memory ", NULL },
	{ { "ctl", "--help" }, VSU_EXIT_OK, "Usage: cvmm ctl ", NULL },
	{ { "help", "ctl" }, VSU_EXIT_OK, "Usage: cvmm ctl ", NULL },
	{ { "run", "--help" }, VSU_EXIT_OK, "Usage: cvmm run ", NULL },
	{ { "help", "nonsense" }, VSU_EXIT_USAGE, "", "no command 'nonsense'" },
	{ { "nonsense" }, VSU_EXIT_USAGE, "", "no command 'nonsense'" },
	{ { "--nonsense" }, VSU_EXIT_USAGE, "", "--nonsense" },
	{ { "memory" }, VSU_EXIT_USAGE, "", "no properties" },
	{ { "memory", "size=1M,backend=none" }, VSU_EXIT_DATA, "", "none" },
};

START_TEST(command_line_ends_with_its_status_and_text)
{
	const int out = memfd_create("out", MFD_CLOEXEC), err = memfd_create("err", MFD_CLOEXEC);
	static char printed[16384], complaint[4096];
	const int status = run(calls[_i].words, out, err);

	read_all(out, printed, sizeof(printed));
	read_all(err, complaint, sizeof(complaint));
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == calls[_i].status, "status %#x", status);
	ck_assert_msg(!strncmp(printed, calls[_i].prints, strlen(calls[_i].prints)), "%s", printed);
	if (calls[_i].complains)
		ck_assert_msg(strstr(complaint, calls[_i].complains) != NULL, "%s", complaint);
	else
		ck_assert_str_eq(complaint, "");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("main");
	TCase *tc = tcase_create("main");

	tcase_add_loop_test_unless(tc, no_program(), command_line_ends_with_its_status_and_text, 0,
				   COUNT(calls));
	suite_add_tcase(s, tc);
	return run_suite(s);
}
