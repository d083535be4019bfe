/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the command line of the daemons: what only prints, and what is refused. */
#include <config.h>

#include <check.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>

#include "../../tests/support/suite.h"
#include "daemon.h"

#define COUNT(a) ((int)(sizeof(a) / sizeof((a)[0])))
#define WORDS 6

static const struct daemon rng = {
	.name = "test-rng", .summary = "Serves entropy.",
	.capabilities = "{ \"type\": \"rng\" }", .kind = devkind_rng,
};
static const struct daemon blk = {
	.name = "test-blk", .summary = "Serves a disk.",
	.capabilities = "{ \"type\": \"block\" }", .kind = devkind_blk,
};
static const struct daemon fs = {
	.name = "test-fs", .summary = "Serves a folder.",
	.capabilities = "{ \"type\": \"fs\" }", .kind = devkind_fs, .shares_folder = true,
};

static char printed[8192], complaint[2048];

/* Returns the exit status; its output replaces the two texts. */
static int run(const struct daemon *daemon, const char *const *words)
{
	char *argv[WORDS + 2] = { (char *)(uintptr_t)daemon->name };
	char *const texts[] = { printed, complaint };
	const size_t sizes[] = { sizeof(printed), sizeof(complaint) };
	int argc, i, status, files[2], saved[2];

	for (argc = 1; argc <= WORDS && words[argc - 1]; argc++)
		argv[argc] = (char *)(uintptr_t)words[argc - 1];
	fflush(stdout);
	for (i = 0; i < 2; i++) {
		files[i] = memfd_create("output", MFD_CLOEXEC);
		saved[i] = vsu_fd_dup(i + 1);
		ck_assert_int_eq(dup2(files[i], i + 1), i + 1);
	}
	status = daemon_main(daemon, argc, argv);
	fflush(stdout);
	for (i = 0; i < 2; i++) {
		ck_assert_int_eq(dup2(saved[i], i + 1), i + 1);
		memset(texts[i], 0, sizes[i]);
		ck_assert_int_ge(pread(files[i], texts[i], sizes[i] - 1, 0), 0);
		vsu_fd_close(&files[i]);
		vsu_fd_close(&saved[i]);
	}
	return status;
}

static const struct {
	const char *word;
	const char *prints;
} printing[] = {
	{ "--help", "Usage: test-rng OPTION...\nServes entropy.\n" },
	{ "--version", "test-rng " PACKAGE_VERSION "\n" },
	{ "--print-capabilities", "{ \"type\": \"rng\" }\n" },
};

START_TEST(option_that_only_prints_succeeds_beside_others)
{
	const char *const words[WORDS] = {
		"--socket-path=/nowhere/s", printing[_i].word, "--queue-size=64",
	};

	ck_assert_int_eq(run(&rng, words), VSU_EXIT_OK);
	ck_assert_msg(!strncmp(printed, printing[_i].prints, strlen(printing[_i].prints)), "%s",
		      printed);
	ck_assert_str_eq(complaint, "");
}
END_TEST

static const struct {
	const struct daemon *daemon;
	const char *words[WORDS];
	int status;
	const char *complains;
} refused[] = {
	{ &rng, { NULL }, VSU_EXIT_USAGE, "neither --socket-path=PATH nor --fd=N is specified" },
	{ &rng, { "--socket-path=s", "--fd=3" }, VSU_EXIT_DATA, "are both specified" },
	{ &rng, { "--sokcet-path=s" }, VSU_EXIT_USAGE, "sokcet-path" },
	{ &rng, { "--socket-path=s", "--num-queues=0" }, VSU_EXIT_DATA, "num-queues" },
	{ &rng, { "--socket-path=s", "--socket-mode=8" }, VSU_EXIT_DATA, "socket-mode" },
	{ &rng, { "--socket-path=s", "--sandbox=none" }, VSU_EXIT_USAGE, "sandbox" },
	{ &blk, { "--socket-path=s" }, VSU_EXIT_USAGE, "--blk-file=" },
	{ &fs, { "--socket-path=s" }, VSU_EXIT_USAGE, "--shared-dir=" },
	{ &fs, { "--socket-path=s", "--shared-dir=/", "--allow-postcopy" }, VSU_EXIT_DATA,
	  "--allow-postcopy is not possible in a sandbox" },
	{ &fs, { "--socket-path=s", "--shared-dir=/", "--recover=" }, VSU_EXIT_DATA,
	  "option --recover: the value is empty" },
	{ &fs, { "--socket-path=s", "--shared-dir=/", "--recover=/etc/table" }, VSU_EXIT_DATA,
	  "--recover: '/etc/table' is in the folder that is shared" },
};

START_TEST(command_line_is_refused_with_a_sentence_and_a_status)
{
	ck_assert_int_eq(run(refused[_i].daemon, refused[_i].words), refused[_i].status);
	ck_assert_msg(strstr(complaint, refused[_i].complains), "row %d: %s", _i, complaint);
	ck_assert_str_eq(printed, "");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("daemon");
	TCase *tc = tcase_create("daemon");

	tcase_add_loop_test(tc, option_that_only_prints_succeeds_beside_others, 0,
			    COUNT(printing));
	tcase_add_loop_test(tc, command_line_is_refused_with_a_sentence_and_a_status, 0,
			    COUNT(refused));
	suite_add_tcase(s, tc);
	return run_suite(s);
}
