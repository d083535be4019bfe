/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about whole processes of cvmm with the built-in guest: their life, commands, ends and confinement. */
#define _GNU_SOURCE
#include <config.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <vmm-sys-util/exit.h>
#include <vmm-sys-util/fd.h>

#include "../../../../tests/support/tree.h"
#include "guest.h"
#include "util.h"

#define WORDS 12
#define MACHINES 2

extern char **environ;

/* A process of "cvmm run", in the folder of the test. */
struct process {
	pid_t pid;
	int keys;		/* its standard input, a pipe */
	int log;		/* its output, a file */
	char text[65536];
};

static char program[4096], folder[64];
static struct process machines[MACHINES];

static const char *no_machine(void)
{
	return access("./cvmm", X_OK) ? "the program is not in this folder" : no_kvm();
}

static void setup(void)
{
	unsigned int i;

	ck_assert_ptr_nonnull(realpath("./cvmm", program));
	strcpy(folder, "/tmp/cvmm.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	ck_assert_int_eq(chdir(folder), 0);
	signal(SIGPIPE, SIG_IGN);
	for (i = 0; i < MACHINES; i++)
		machines[i] = (struct process){ .keys = -1, .log = -1 };
}

static void teardown(void)
{
	unsigned int i;

	for (i = 0; i < MACHINES; i++)
		if (machines[i].pid > 0)
			kill(machines[i].pid, SIGKILL);
	tree_remove(folder);
}

static pid_t start(const char *const *words, int in, int out)
{
	char *argv[WORDS + 2] = { program };
	posix_spawn_file_actions_t actions;
	unsigned int i;
	pid_t pid;

	for (i = 0; i < WORDS && words[i]; i++)
		argv[i + 1] = (char *)(uintptr_t)words[i];
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, out, STDERR_FILENO);
	ck_assert_int_eq(posix_spawn(&pid, program, &actions, NULL, argv, environ), 0);
	posix_spawn_file_actions_destroy(&actions);
	return pid;
}

static const char *text_of(struct process *p)
{
	const ssize_t n = pread(p->log, p->text, sizeof(p->text) - 1, 0);

	p->text[n > 0 ? n : 0] = '\0';
	return p->text;
}

static void begin(struct process *p, const char *const *words)
{
	int pipe_ends[2];

	ck_assert_int_eq(pipe2(pipe_ends, O_CLOEXEC), 0);
	p->log = memfd_create("log", MFD_CLOEXEC);
	p->pid = start(words, pipe_ends[0], p->log);
	p->keys = pipe_ends[1];
	vsu_fd_close(&pipe_ends[0]);
}
#define BEGIN(p, ...) begin(p, (const char *const[WORDS]){ "run", __VA_ARGS__ })

static bool has_ended(const struct process *p)
{
	siginfo_t info = { .si_pid = 0 };

	return waitid(P_PID, (id_t)p->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
	       info.si_pid == p->pid;
}

static void await(struct process *p, const char *text)
{
	bool ended;

	while (!strstr(text_of(p), text)) {
		ended = has_ended(p);
		ck_assert_msg(!ended || strstr(text_of(p), text), "no '%s' in: %s", text, p->text);
		poll(NULL, 0, 1);
	}
}

static int end_status(struct process *p)
{
	int status;

	ck_assert_int_eq(waitpid(p->pid, &status, 0), p->pid);
	p->pid = 0;
	vsu_fd_close(&p->keys);
	text_of(p);
	ck_assert_msg(WIFEXITED(status), "status %#x: %s", status, p->text);
	return WEXITSTATUS(status);
}

static void press(struct process *p, char key)
{
	ck_assert_int_eq(write(p->keys, &key, 1), 1);
}

/* The guest has found no fault until then. */
static void assert_content(struct process *p)
{
	press(p, 'q');
	ck_assert_int_eq(end_status(p), VSU_EXIT_OK);
	ck_assert_msg(strstr(p->text, "selftest: content, 0 faults"), "%s", p->text);
}

static char said[65536];

/* The exit status of "cvmm ctl"; what it prints replaces said. */
static int ctl(const char *const *words)
{
	int log = memfd_create("said", MFD_CLOEXEC), status;
	const pid_t pid = start(words, log, log);
	ssize_t n;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	n = pread(log, said, sizeof(said) - 1, 0);
	said[n > 0 ? n : 0] = '\0';
	vsu_fd_close(&log);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}
#define CTL(socket, ...) ctl((const char *const[WORDS]){ "ctl", socket, __VA_ARGS__ })

#define INTERACTIVE "builtin:selftest", "--append=interactive", "--serial=stdio"

static void make_file(const char *name, off_t size)
{
	int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	ck_assert_int_eq(ftruncate(fd, size), 0);
	vsu_fd_close(&fd);
}

/* --------------------------------------------------------------------- its life */

START_TEST(guest_runs_to_its_end)
{
	make_file("disk", 1 << 20);
	BEGIN(&machines[0], "builtin:selftest", "--disk=disk", "--device=rng", "--cpus=2", "--sandbox=on");
	ck_assert_int_eq(end_status(&machines[0]), VSU_EXIT_OK);
	ck_assert_msg(strstr(machines[0].text, "selftest: content, 0 faults"), "%s", machines[0].text);
}
END_TEST

START_TEST(limit_of_descriptors_is_raised)
{
	struct rlimit own, of_machine;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &own), 0);
	own.rlim_cur = 200;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &own), 0);
	BEGIN(&machines[0], INTERACTIVE, "--sandbox=off");	/* which has a limit of its own */
	await(&machines[0], "ready");
	ck_assert_int_eq(prlimit(machines[0].pid, RLIMIT_NOFILE, NULL, &of_machine), 0);
	ck_assert_uint_eq(of_machine.rlim_cur, own.rlim_max);
	assert_content(&machines[0]);
}
END_TEST

static const struct {
	int number, status;
	const char *says;
} signals[] = {
	{ SIGTERM, 1, "ended by signal 15" }, { SIGINT, 1, "ended by signal 2" },
	{ SIGHUP, 1, "ended by signal 1" },
};

START_TEST(signal_ends_it_with_a_line)
{
	BEGIN(&machines[0], INTERACTIVE, "--control=control");
	await(&machines[0], "ready");
	ck_assert_int_eq(access("control", F_OK), 0);
	ck_assert_int_eq(kill(machines[0].pid, signals[_i].number), 0);
	ck_assert_int_eq(end_status(&machines[0]), signals[_i].status);
	ck_assert_msg(strstr(machines[0].text, signals[_i].says), "%s", machines[0].text);
	ck_assert_int_lt(access("control", F_OK), 0);
}
END_TEST

static const struct {
	const char *words[WORDS];
	int status;
	const char *says;
} failing[] = {
	{ { "run" }, VSU_EXIT_USAGE, "no kernel" },
	{ { "run", "nothing" }, VSU_EXIT_INPUT, "nothing" },
	{ { "run", "builtin:selftest", "--memory=size=1K" }, VSU_EXIT_DATA, "its first MiB" },
	{ { "run", "builtin:selftest", "--disk=nothing" }, VSU_EXIT_INPUT, "nothing" },
	{ { "run", "builtin:selftest", "--control=/nowhere/s" }, VSU_EXIT_HOST, "--control" },
	{ { "run", "--from=nothing" }, VSU_EXIT_INPUT, "nothing" },
	{ { "ctl", "nothing", "status" }, VSU_EXIT_HOST, "nothing" },
};

START_TEST(start_that_fails_has_its_status_and_sentence)
{
	ck_assert_int_eq(ctl(failing[_i].words), failing[_i].status);
	ck_assert_msg(!strncmp(said, "cvmm: ", 6) && strstr(said, failing[_i].says), "%s", said);
}
END_TEST

START_TEST(start_is_judged_without_one)
{
	ck_assert_int_eq(ctl((const char *const[WORDS]){ "run", "builtin:selftest", "--dry-run", "--sandbox=on",
							  "--device=rng" }), VSU_EXIT_OK);
	ck_assert_msg(!strstr(said, "selftest: "), "%s", said);
}
END_TEST

/* --------------------------------------------------------------------- commands */

START_TEST(commands_reach_it_by_its_socket)
{
	BEGIN(&machines[0], INTERACTIVE, "--control=control", "--device=rng");
	await(&machines[0], "ready");
	ck_assert_int_eq(CTL("control", "status"), VSU_EXIT_OK);
	ck_assert_msg(strstr(said, "rng"), "%s", said);
	ck_assert_int_eq(CTL("control", "pause"), VSU_EXIT_OK);
	ck_assert_int_eq(CTL("--json", "control", "status"), VSU_EXIT_OK);
	ck_assert_msg(strstr(said, "\"paused\":true"), "%s", said);
	ck_assert_int_eq(CTL("control", "resume"), VSU_EXIT_OK);
	ck_assert_int_ne(CTL("control", "nonsense"), VSU_EXIT_OK);
	ck_assert_int_eq(CTL("control", "quit"), VSU_EXIT_OK);
	ck_assert_int_eq(end_status(&machines[0]), VSU_EXIT_OK);
	ck_assert_int_lt(access("control", F_OK), 0);
}
END_TEST

START_TEST(saved_guest_continues_in_another_process)
{
	BEGIN(&machines[0], INTERACTIVE, "--control=control", "--memory=size=32M");
	await(&machines[0], "ready");
	ck_assert_int_eq(CTL("control", "save", "saved"), VSU_EXIT_OK);
	ck_assert_int_eq(CTL("control", "quit"), VSU_EXIT_OK);
	ck_assert_int_eq(end_status(&machines[0]), VSU_EXIT_OK);
	BEGIN(&machines[1], "--from=saved", "--serial=stdio", "--sandbox=on");
	press(&machines[1], 'm');
	await(&machines[1], "ready");
	assert_content(&machines[1]);
}
END_TEST

START_TEST(guest_moves_to_another_process)
{
	BEGIN(&machines[1], "--incoming=unix:in", "--serial=stdio");
	BEGIN(&machines[0], INTERACTIVE, "--control=here", "--memory=size=32M,backend=memfd");
	await(&machines[0], "ready");
	while (CTL("here", "migrate", "unix:in") != VSU_EXIT_OK)	/* nobody listens yet */
		ck_assert_msg(!has_ended(&machines[1]), "%s%s", said, text_of(&machines[1]));
	ck_assert_int_eq(end_status(&machines[0]), 4);
	press(&machines[1], 'm');
	await(&machines[1], "ready");
	assert_content(&machines[1]);
}
END_TEST

/* ------------------------------------------------------------------- confinement */

static bool status_says(pid_t pid, const char *line)
{
	char path[64], text[4096];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = read(fd, text, sizeof(text) - 1);
	vsu_fd_close(&fd);
	text[n > 0 ? n : 0] = '\0';
	return strstr(text, line);
}

START_TEST(sandboxed_process_gains_no_privileges)
{
	BEGIN(&machines[0], INTERACTIVE, _i ? "--sandbox=on" : "--sandbox=off");
	await(&machines[0], "ready");
	ck_assert_int_eq(status_says(machines[0].pid, "\nNoNewPrivs:\t1\n"), _i);
	assert_content(&machines[0]);
}
END_TEST

int main(void)
{
	const char *why = no_machine();
	Suite *s = suite_create("whole");
	TCase *tc = tcase_create("whole");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test_unless(tc, why, guest_runs_to_its_end);
	tcase_add_test_unless(tc, why, limit_of_descriptors_is_raised);
	tcase_add_loop_test_unless(tc, why, signal_ends_it_with_a_line, 0, COUNT(signals));
	tcase_add_loop_test_unless(tc, why, start_that_fails_has_its_status_and_sentence, 0, COUNT(failing));
	tcase_add_test_unless(tc, why, start_is_judged_without_one);
	tcase_add_test_unless(tc, why, commands_reach_it_by_its_socket);
	tcase_add_test_unless(tc, why, saved_guest_continues_in_another_process);
	tcase_add_test_unless(tc, why, guest_moves_to_another_process);
	tcase_add_loop_test_unless(tc, why, sandboxed_process_gains_no_privileges, 0, 2);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
