/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the program cvmm, which is started: its commands and exit statuses. */
#include <config.h>

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <cvmm/option_table.h>
#include <device-kinds/kind.h>
#include <vmm-sys-util/exit.h>

#include "control/commands.h"
#include "util.h"

#define PROGRAM "./cvmm"	/* in the folder in which tests run */
#define WORDS 4

extern char **environ;

static const char *no_program(void)
{
	return access(PROGRAM, X_OK) ? "the program is not in this folder" : NULL;
}

static const char *no_exec(void)
{
	return access("../libexec/" PACKAGE "/cvmm-exec", X_OK) ? "cvmm-exec is left out" : no_program();
}

static const char *no_boot(void)
{
	return access("../libexec/" PACKAGE "/cvmm-boot", X_OK) ? "cvmm-boot is left out" : no_program();
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

static const struct call {
	const char *words[WORDS];
	int status;
	const char *prints;	/* the beginning of its output */
	const char *complains;	/* a part of its complaint; NULL: none */
	const char *contains;	/* a later part of its output; NULL: any */
} calls[] = {
	{ { NULL }, VSU_EXIT_USAGE, "", "no command; try 'cvmm help'", NULL },
	{ { "--version" }, VSU_EXIT_OK, "cvmm " PACKAGE_VERSION "\n", NULL, NULL },
	{ { "--help" }, VSU_EXIT_OK, "Usage: cvmm ", NULL, NULL },
	{ { "ps", "tests" }, VSU_EXIT_OK, "name ", NULL, NULL },
	{ { "ps", "missing" }, VSU_EXIT_INPUT, "", "folder 'missing'", NULL },
	{ { "cpu", "missing" }, VSU_EXIT_INPUT, "", "'missing': cannot open it", NULL },
	{ { "cpu", "--help" }, VSU_EXIT_OK, "Usage: cvmm cpu ", NULL, NULL },
	{ { "show" }, VSU_EXIT_USAGE, "", "show: no folder", NULL },
	{ { "show", "missing" }, VSU_EXIT_INPUT, "", "cannot read 'missing/state': No such file or directory; 'missing' is not the folder of a saved machine", NULL },
	{ { "show", "tests" }, VSU_EXIT_INPUT, "", "'tests' is not the folder of a saved machine", NULL },
	{ { "ps", "-a" }, VSU_EXIT_USAGE, "", "unknown option '-a'; leave it out: all machines that run are listed", NULL },
	{ { "ps", "--format=json" }, VSU_EXIT_USAGE, "", "unknown option '--format'; write --json", NULL },
	{ { "-v" }, VSU_EXIT_USAGE, "", "unknown option '-v'; write --version", NULL },
	{ { "help", "cvmm-exec-guest(7)" }, VSU_EXIT_OK, "What a command of 'cvmm exec' finds", NULL, NULL },
	{ { "help", "cvmm" }, VSU_EXIT_OK, "Usage: cvmm run ", NULL, NULL },
	{ { "help", "cvmm-" }, VSU_EXIT_USAGE, "", "no topic 'cvmm-' of the help", NULL },
	{ { "help", "port" }, VSU_EXIT_OK, "--net PROPERTIES", NULL, NULL },
	{ { "show", "--help" }, VSU_EXIT_OK, "Usage: cvmm show ", NULL, NULL },
	{ { "ps", "--help" }, VSU_EXIT_OK, "Usage: cvmm ps ", NULL, NULL },
	{ { "help" }, VSU_EXIT_OK, "Usage: cvmm ", NULL, NULL },
	{ { "help", "memory" }, VSU_EXIT_OK, "Usage: cvmm memory ", NULL, NULL },
	{ { "memory", "--help" }, VSU_EXIT_OK, "Usage: cvmm memory ", NULL, "\n--memory PROPERTIES: " },
	{ { "ctl", "--help" }, VSU_EXIT_OK, "Usage: cvmm ctl ", NULL, NULL },
	{ { "help", "ctl" }, VSU_EXIT_OK, "Usage: cvmm ctl ", NULL, NULL },
	{ { "run", "--help" }, VSU_EXIT_OK, "Usage: cvmm run ", NULL, NULL },
	{ { "help", "control" }, VSU_EXIT_OK, "Control of ", NULL, "\n  power-button " },
	{ { "help", "devices" }, VSU_EXIT_OK, "Devices of ", NULL, "\n  --pmem " },
	{ { "help", "migration" }, VSU_EXIT_OK, "Save a machine, ", NULL, "\n  --incoming=ADDRESS " },
	{ { "help", "guest" }, VSU_EXIT_OK, "What a command of 'cvmm exec' finds", NULL, "\nManual page: cvmm-exec-guest(7)\n" },
	{ { "help", "recipes" }, VSU_EXIT_OK, "Recipes: ", NULL, "\nManual page: cvmm-recipes(7)\n" },
	{ { "help", "sandbox" }, VSU_EXIT_OK, "Limits of ", NULL, "\n  --jail " },
	{ { "help", "disk" }, VSU_EXIT_OK, "--disk PROPERTIES", NULL, "\nProperties of every device:\n" },
	{ { "help", "device" }, VSU_EXIT_OK, "--device KIND,", NULL, "\nProperties of devices that " },
	{ { "help", "nonsense" }, VSU_EXIT_USAGE, "", "no topic 'nonsense' of the help; 'cvmm help' lists them", NULL },
	{ { "help", "sandboks" }, VSU_EXIT_USAGE, "", "did you mean 'sandbox'?", NULL },
	{ { "help", "clone" }, VSU_EXIT_OK, "Save a machine, ", NULL, NULL },
	{ { "help", "from" }, VSU_EXIT_OK, "Save a machine, ", NULL, NULL },
	{ { "help", "jail" }, VSU_EXIT_OK, "Limits of ", NULL, NULL },
	{ { "help", "network" }, VSU_EXIT_OK, "--net PROPERTIES", NULL, NULL },
	{ { "version" }, VSU_EXIT_OK, "cvmm " PACKAGE_VERSION "\n", NULL, NULL },
	{ { "ls" }, VSU_EXIT_USAGE, "", "no command 'ls'; 'cvmm ps' lists machines", NULL },
	{ { "console" }, VSU_EXIT_USAGE, "", "no command 'console'; the serial port is where", NULL },
	{ { "stop" }, VSU_EXIT_USAGE, "", "'cvmm ctl SOCKET power-button'", NULL },
	{ { "pause" }, VSU_EXIT_USAGE, "", "it is 'cvmm ctl SOCKET pause'", NULL },
	{ { "disk" }, VSU_EXIT_USAGE, "", "no command 'disk'; 'cvmm help disk' describes it", NULL },
	{ { "jail" }, VSU_EXIT_USAGE, "", "no command 'jail'; --jail is an option of 'cvmm run'", NULL },
	{ { "tests" }, VSU_EXIT_USAGE, "", "no command 'tests', which is a file", NULL },
	{ { "exce" }, VSU_EXIT_USAGE, "", "no command 'exce'; did you mean 'exec'", NULL },
	{ { "nonsense" }, VSU_EXIT_USAGE, "", "no command 'nonsense'", NULL },
	{ { "--nonsense" }, VSU_EXIT_USAGE, "", "--nonsense", NULL },
	{ { "memory" }, VSU_EXIT_USAGE, "", "no properties", NULL },
	{ { "memory", "size=1M,backend=none" }, VSU_EXIT_DATA, "", "none", NULL },
	/* before a source is awaited */
	{ { "run", "--incoming=unix:in", "--user=nobody-here" }, VSU_EXIT_USAGE, "", "cvmm: --user: this host has no user", NULL },
	{ { "run", "--incoming=unix:in", "--sandbox=log", "--jail" }, VSU_EXIT_DATA, "", "cvmm: --jail needs --sandbox=on", NULL },
	{ { "run", "--incoming=unix:in", "--daemon-path=/none" }, VSU_EXIT_HOST, "", "cvmm: --daemon-path: '/none'", NULL },
};

/* Commands of programs that need vm-agent, which a build may leave out. */
static const struct call exec_calls[] = {
	{ { "template", "make" }, VSU_EXIT_USAGE, "", "template make: no name; example: 'cvmm template make base'", NULL },
	{ { "exec", "--help" }, VSU_EXIT_OK, "Usage: cvmm exec ", NULL, "\n  --rw " },
	{ { "exec", "--rw" }, 125, "", "no command; example: 'cvmm exec -- uname -a'", NULL },
	{ { "help", "initrd" }, VSU_EXIT_OK, "Usage: cvmm initrd ", NULL, "\n  --device=KIND " },
	{ { "initrd", "9.9" }, VSU_EXIT_INPUT, "", "no modules of kernel 9.9", NULL },
	{ { "initrd", "--modules=missing" }, VSU_EXIT_INPUT, "", "folder of modules 'missing'", NULL },
	{ { "initrd" }, VSU_EXIT_USAGE, "", "cvmm: initrd: no version of a kernel", NULL },
	{ { "--", "initrd" }, VSU_EXIT_USAGE, "", "cvmm: initrd: no version of a kernel", NULL },
	{ { "help", "initrd" }, VSU_EXIT_OK, "Usage: cvmm initrd ", NULL, "\nManual page: cvmm-initrd(1)\n" },
	{ { "initrd", "../6.1" }, VSU_EXIT_DATA, "", "is not the version of a kernel", NULL },
	{ { "help", "exec" }, VSU_EXIT_OK, "Usage: cvmm exec ", NULL, "\nManual page: cvmm-exec(1)\n" },
	{ { "help", "--timeout" }, VSU_EXIT_OK, "Option of 'cvmm exec':\n  --timeout=", NULL, "cvmm-exec(1)" },
	{ { "help", "hostname" }, VSU_EXIT_OK, "Option of 'cvmm exec':\n  --hostname=", NULL, "cvmm-exec(1)" },
};

static const struct call boot_calls[] = {
	{ { "help", "cvmm-boot" }, VSU_EXIT_OK, "Usage: cvmm boot ", NULL, NULL },
	{ { "help", "boot" }, VSU_EXIT_OK, "Usage: cvmm boot ", NULL, "\n  --cloud-init=KEY=VALUE|FILE" },
	{ { "boot", "--memory=1G" }, VSU_EXIT_USAGE, "", "no disk image; example: 'cvmm boot debian.raw'", NULL },
	{ { "boot", "tests", "--kernel=missing", "--dry-run" }, VSU_EXIT_INPUT, "", "kernel 'missing'", NULL },
	{ { "boot", "tests", "--kernel=builtin:selftest", "--modules=missing" }, VSU_EXIT_INPUT, "", "folder of modules 'missing'", NULL },
	{ { "help", "cloud-init" }, VSU_EXIT_OK, "Usage: cvmm boot ", NULL, "Manual page: cvmm-boot(1)\n" },
};

static void assert_call(const struct call *call)
{
	const int out = memfd_create("out", MFD_CLOEXEC), err = memfd_create("err", MFD_CLOEXEC);
	static char printed[16384], complaint[4096];
	const int status = run(call->words, out, err);

	read_all(out, printed, sizeof(printed));
	read_all(err, complaint, sizeof(complaint));
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == call->status, "status %#x", status);
	ck_assert_msg(!strncmp(printed, call->prints, strlen(call->prints)), "%s", printed);
	ck_assert_msg(!call->contains || strstr(printed, call->contains), "%s", printed);
	if (call->complains)
		ck_assert_msg(strstr(complaint, call->complains) != NULL, "%s", complaint);
	else
		ck_assert_str_eq(complaint, "");
}

START_TEST(command_line_ends_with_its_status_and_text)
{
	assert_call(&calls[_i]);
}
END_TEST

START_TEST(command_line_of_exec_ends_with_its_status_and_text)
{
	assert_call(&exec_calls[_i]);
}
END_TEST

START_TEST(command_line_of_boot_ends_with_its_status_and_text)
{
	assert_call(&boot_calls[_i]);
}
END_TEST

/* The program of the command has written the reason. */
START_TEST(help_that_cannot_be_written_is_reported_once)
{
	const char *const words[WORDS] = { "help", "initrd" };
	const int full = open("/dev/full", O_WRONLY | O_CLOEXEC), errors = memfd_create("errors", MFD_CLOEXEC);
	char text[512];
	int status;

	ck_assert(full >= 0 && errors >= 0);
	status = run(words, full, errors);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), VSU_EXIT_HOST);
	read_all(errors, text, sizeof(text));
	ck_assert_ptr_nonnull(strstr(text, "No space left on device"));
	ck_assert_ptr_eq(strchr(text, '\n'), text + strlen(text) - 1);
	close(full);
}
END_TEST

START_TEST(help_without_a_reader_ends_as_its_program)
{
	const char *const words[WORDS] = { "help", "initrd" };
	int ends[2], errors = memfd_create("errors", MFD_CLOEXEC), status;
	char text[512];

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	close(ends[0]);
	status = run(words, ends[1], errors);
	close(ends[1]);
	ck_assert(WIFSIGNALED(status));
	ck_assert_int_eq(WTERMSIG(status), SIGPIPE);
	read_all(errors, text, sizeof(text));
	ck_assert_str_eq(text, "");
}
END_TEST

/* A topic with the name of a command precedes it. */
START_TEST(d5_07_help_of_each_command_of_the_socket_has_its_words)
{
	const struct vmm_control_command *c = &vmm_machine_commands[_i];
	const bool is_topic = !strcmp(c->name, "memory") || cvmm_option_kind(c->name);
	const char *const words[WORDS] = { "help", c->name };
	const int out = memfd_create("out", MFD_CLOEXEC);
	char printed[8192], usage[256];

	snprintf(usage, sizeof(usage), "Usage: cvmm ctl SOCKET %s%s%s\n", c->name, c->args ? " " : "",
		 c->args ? c->args : "");
	ck_assert_int_eq(run(words, out, out), VSU_EXIT_OK);
	read_all(out, printed, sizeof(printed));
	ck_assert_msg(is_topic || !strncmp(printed, usage, strlen(usage)), "%s", printed);
	ck_assert_msg(is_topic || strstr(printed, c->help), "%s", printed);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("main");
	TCase *tc = tcase_create("main");
	int ncommands = 0;

	while (vmm_machine_commands[ncommands].name)
		ncommands++;
	tcase_add_loop_test_unless(tc, no_program(), command_line_ends_with_its_status_and_text, 0,
				   COUNT(calls));
	tcase_add_loop_test_unless(tc, no_exec(), command_line_of_exec_ends_with_its_status_and_text, 0,
				   COUNT(exec_calls));
	tcase_add_loop_test_unless(tc, no_boot(), command_line_of_boot_ends_with_its_status_and_text, 0,
				   COUNT(boot_calls));
	tcase_add_loop_test_unless(tc, no_exec(), help_that_cannot_be_written_is_reported_once, 0, 1);
	tcase_add_loop_test_unless(tc, no_exec(), help_without_a_reader_ends_as_its_program, 0, 1);
	tcase_add_loop_test_unless(tc, no_program(),
				   d5_07_help_of_each_command_of_the_socket_has_its_words, 0, ncommands);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
