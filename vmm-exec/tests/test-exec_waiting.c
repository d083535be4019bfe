/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about machines that wait for their commands, with the built-in agent as guest. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>

#include "guests.h"
#include "util.h"
#include "cvmm/exec.h"

#define COMMAND(...) ((const char *const []){ __VA_ARGS__, NULL })
#define OK(call) ck_assert_msg(!(call), "%s", err.msg)
#define SIZE .size = sizeof(struct cvmm_exec_config)
#define MANY 16
/* Most descriptors of a machine with a root, and of each folder. */
#define MACHINE_FDS 60
#define FOLDER_FDS 8
#define USUAL_LIMIT 1024	/* of a process */

static struct vsu_error err;
static char folder[64];
static int out[2], streams[3];
static struct cvmm_exec_config machine, command;
static struct cvmm_exec *e, *all[MANY];

static void setup(void)
{
	strcpy(folder, "/tmp/cvmm-waiting.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	ck_assert_int_eq(pipe2(out, O_CLOEXEC | O_NONBLOCK), 0);
	memcpy(streams, (int []){ -1, out[1], out[1] }, sizeof(streams));
	machine = (struct cvmm_exec_config){
		SIZE, .kernel = guest_word("builtin:agent"), .root = folder, .memory = "16M",
	};
	command = (struct cvmm_exec_config){ SIZE, .streams = streams };
}

static void free_all(void)
{
	size_t i;

	for (i = 0; i < MANY; i++) {
		cvmm_exec_free(all[i]);
		all[i] = NULL;
	}
	cvmm_exec_free(e);
	e = NULL;
}

static void after(void)
{
	free_all();
	vsu_error_clear(&err);
	vsu_fd_close(&out[0]);
	vsu_fd_close(&out[1]);
	rmdir(folder);
}

static void await_work(const struct cvmm_exec *one)
{
	poll(&(struct pollfd){ cvmm_exec_fd(one), POLLIN, 0 }, 1, -1);
}

static void make_waiting(struct cvmm_exec **one)
{
	OK(cvmm_exec_new_waiting(&machine, NULL, one, &err));
	ck_assert(!cvmm_exec_waits(*one));
	OK(cvmm_exec_start(*one, &err));
	while (cvmm_exec_dispatch(*one) && !cvmm_exec_waits(*one))
		await_work(*one);
	ck_assert(cvmm_exec_waits(*one));
}

static int run(void)
{
	while (cvmm_exec_dispatch(e))
		await_work(e);
	return cvmm_exec_status(e, &err);
}

/* In the machine that waits. */
static int request(const char *const *words)
{
	command.command = words;
	OK(cvmm_exec_request(e, &command, &err));
	ck_assert(!cvmm_exec_waits(e));
	return run();
}

static int run_waiting(const char *const *words)
{
	int status;

	make_waiting(&e);
	status = request(words);
	cvmm_exec_free(e);
	e = NULL;
	return status;
}

static const char *text_of(int fd)
{
	static char text[4096];
	const ssize_t n = read(fd, text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

/* ------------------------------------------------------------------ commands */

START_TEST(waiting_machine_runs_its_command)
{
	static const char *const environment[] = { "COLOR=red", NULL };

	ck_assert_int_eq(run_waiting(COMMAND("echo", "hello")), 0);
	ck_assert_str_eq(text_of(out[0]), "hello\n");
	ck_assert_int_eq(run_waiting(COMMAND("exit", "7")), 7);
	command.environment = environment;
	command.folder = "/srv";
	ck_assert_int_eq(run_waiting(COMMAND("printenv", "COLOR")), 0);
	ck_assert_int_eq(run_waiting(COMMAND("pwd")), 0);
	ck_assert_str_eq(text_of(out[0]), "COLOR=red\n/srv\n");
}
END_TEST

START_TEST(folders_are_those_of_the_machine)
{
	const struct cvmm_exec_folder folders[] = { { .path = folder, .at = "/data", .writable = true } };

	machine.folders = folders;
	machine.nfolders = 1;
	ck_assert_int_eq(run_waiting(COMMAND("mounts")), 0);
	ck_assert_str_eq(text_of(out[0]), "ro\ndir0:rw:/data\n");
}
END_TEST

START_TEST(log_is_one_of_the_machine)
{
	char path[sizeof(folder) + 8];

	snprintf(path, sizeof(path), "%s/log", folder);
	machine.log = path;
	ck_assert_int_eq(run_waiting(COMMAND("true")), 0);
	ck_assert_int_eq(unlink(path), 0);
}
END_TEST

/* The time of the machine is that until it waits. */
START_TEST(requested_command_has_a_time_limit_of_its_own)
{
	machine.timeout_ms = 600000;
	command.timeout_ms = 50;
	ck_assert_int_eq(run_waiting(COMMAND("sleep")), CVMM_EXEC_TIMEOUT);
	ck_assert_str_eq(err.msg, "the command did not end within 0.05 seconds");
}
END_TEST

START_TEST(machine_that_does_not_wait_in_time_ends)
{
	machine.timeout_ms = 1;
	machine.kernel = guest_word("builtin:selftest");	/* which has no agent */
	OK(cvmm_exec_new_waiting(&machine, NULL, &e, &err));
	OK(cvmm_exec_start(e, &err));
	ck_assert_int_eq(run(), CVMM_EXEC_TIMEOUT);
	ck_assert_int_eq(cvmm_exec_get_end(e, NULL), CVMM_EXEC_END_TIME);
}
END_TEST

/* ------------------------------------------------------------------- refused */

/* A command of 2 MiB, which no request has room for. */
START_TEST(refused_request_leaves_the_machine_waiting)
{
	const int closed[3] = { -1, 1000, -1 };
	char *word = malloc(2u << 20);

	memset(word, 'a', (2u << 20) - 1);
	word[(2u << 20) - 1] = '\0';
	make_waiting(&e);
	command.command = COMMAND("echo", word);
	ck_assert_int_eq(cvmm_exec_request(e, &command, &err), -E2BIG);
	free(word);
	command.command = NULL;
	ck_assert_int_eq(cvmm_exec_request(e, &command, &err), -EINVAL);
	command.command = COMMAND("true");
	command.streams = closed;
	ck_assert_int_eq(cvmm_exec_request(e, &command, &err), -EBADF);
	ck_assert_msg(strstr(err.msg, "descriptor 1000"), "%s", err.msg);
	ck_assert(cvmm_exec_waits(e));
	command.streams = streams;
	ck_assert_int_eq(request(COMMAND("echo", "still")), 0);
	ck_assert_str_eq(text_of(out[0]), "still\n");
}
END_TEST

/* Before its start and its guest's agent, with a command, and after its end. */
START_TEST(machine_that_does_not_wait_refuses_a_request)
{
	command.command = COMMAND("true");
	OK(cvmm_exec_new_waiting(&machine, NULL, &e, &err));
	ck_assert_int_eq(cvmm_exec_request(e, &command, &err), -EAGAIN);
	OK(cvmm_exec_start(e, &err));
	ck_assert_int_eq(cvmm_exec_request(e, &command, &err), -EAGAIN);
	cvmm_exec_free(e);
	make_waiting(&e);
	OK(cvmm_exec_request(e, &command, &err));
	ck_assert_int_eq(cvmm_exec_request(e, &command, &err), -EAGAIN);
	ck_assert_int_eq(run(), 0);
	ck_assert_int_eq(cvmm_exec_request(e, &command, &err), -EAGAIN);
	ck_assert_str_eq(err.msg, "the machine does not wait for a command");
}
END_TEST

static const struct cvmm_exec_folder a_folder = { .path = "/usr" };
static const struct cvmm_exec_network a_network = { .card = "tap=t" };
static const int no_streams[3] = { -1, -1, -1 };

static const struct {
	const char *name;
	struct cvmm_exec_config c;
} of_commands[] = {
	{ "command", { SIZE, .command = COMMAND("true") } },
	{ "environment", { SIZE, .environment = COMMAND("A=b") } },
	{ "folder", { SIZE, .folder = "/" } }, { "hostname", { SIZE, .hostname = "a" } },
	{ "terminal", { SIZE, .terminal = true } }, { "rows", { SIZE, .rows = 1 } },
	{ "columns", { SIZE, .columns = 256 } }, { "user", { SIZE, .user = "ann" } }, { "streams", { SIZE, .streams = no_streams } },
}, of_machines[] = {
	{ "root", { SIZE, .root = "/" } }, { "writable_root", { SIZE, .writable_root = true } },
	{ "folders", { SIZE, .folders = &a_folder } }, { "nfolders", { SIZE, .nfolders = 1 } },
	{ "from", { SIZE, .from = "base" } }, { "kernel", { SIZE, .kernel = "k" } },
	{ "modules", { SIZE, .modules = "none" } }, { "init", { SIZE, .init = "i" } },
	{ "append", { SIZE, .append = "a" } }, { "memory", { SIZE, .memory = "1G" } },
	{ "cpus", { SIZE, .cpus = 1 } }, { "options", { SIZE, .options = COMMAND("--cpus=1") } },
	{ "hide", { SIZE, .hide = COMMAND("/a") } }, { "show", { SIZE, .show = COMMAND("/a") } },
	{ "home", { SIZE, .home = "/h" } }, { "image", { SIZE, .image = "i" } },
	{ "log", { SIZE, .log = "log" } }, { "network", { SIZE, .network = &a_network } },
};
#define ROWS(rows) (int)(sizeof(rows) / sizeof(rows[0]))

static void assert_member(int rc, const char *name, const char *remedy)
{
	char text[64];

	snprintf(text, sizeof(text), "the member '%s' ", name);
	ck_assert_int_eq(rc, -EINVAL);
	ck_assert_msg(strstr(err.msg, text) && strstr(err.msg, remedy), "%s", err.msg);
}

START_TEST(waiting_machine_refuses_members_of_a_command)
{
	assert_member(cvmm_exec_new_waiting(&of_commands[_i].c, NULL, &e, &err), of_commands[_i].name, "cvmm_exec_request()");
	ck_assert_ptr_null(e);
}
END_TEST

START_TEST(request_refuses_members_of_the_machine)
{
	OK(cvmm_exec_new_waiting(&machine, NULL, &e, &err));
	assert_member(cvmm_exec_request(e, &of_machines[_i].c, &err), of_machines[_i].name, "cvmm_exec_new_waiting()");
}
END_TEST

/* ------------------------------------------------------------------ resources */

static void limit_descriptors(rlim_t n)
{
	struct rlimit limit;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = n;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* Counts the descriptors of two machines with a root and perhaps two folders, as <cvmm/exec.h> states. */
static int count_machine_fds(void)
{
	const int before = vsu_fd_count();
	int n;

	make_waiting(&all[0]);
	make_waiting(&all[1]);
	n = vsu_fd_count() - before;
	free_all();
	ck_assert_int_eq(vsu_fd_count(), before);
	return n / 2;
}

START_TEST(machine_has_no_more_descriptors_than_documented)
{
	const struct cvmm_exec_folder folders[] = { { .path = folder, .at = "/a" }, { .path = folder, .at = "/b" } };
	const int without = count_machine_fds();
	int with;

	machine.folders = folders;
	machine.nfolders = 2;
	with = count_machine_fds();
	ck_assert_msg(without <= MACHINE_FDS, "%d", without);
	ck_assert_msg((with - without) / 2 <= FOLDER_FDS, "%d", (with - without) / 2);
}
END_TEST

START_TEST(sixteen_machines_wait_within_the_usual_limit)
{
	int i;

	limit_descriptors(USUAL_LIMIT);
	for (i = 0; i < 16; i++)
		make_waiting(&all[i]);
	ck_assert_int_lt(vsu_fd_count(), USUAL_LIMIT);
	ck_assert_int_eq(run_waiting(COMMAND("exit", "5")), 5);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("exec_waiting");
	TCase *tc = tcase_create("waiting");
	const char *why = no_guest();

	tcase_add_checked_fixture(tc, setup, after);
	tcase_set_timeout(tc, 0);
	tcase_add_test_unless(tc, why, waiting_machine_runs_its_command);
	tcase_add_test_unless(tc, why, folders_are_those_of_the_machine);
	tcase_add_test_unless(tc, why, log_is_one_of_the_machine);
	tcase_add_test_unless(tc, why, requested_command_has_a_time_limit_of_its_own);
	tcase_add_test_unless(tc, why, machine_that_does_not_wait_in_time_ends);
	tcase_add_test_unless(tc, why, refused_request_leaves_the_machine_waiting);
	tcase_add_test_unless(tc, why, machine_that_does_not_wait_refuses_a_request);
	tcase_add_loop_test(tc, waiting_machine_refuses_members_of_a_command, 0, ROWS(of_commands));
	tcase_add_loop_test_unless(tc, why, request_refuses_members_of_the_machine, 0, ROWS(of_machines));
	tcase_add_test_unless(tc, why, machine_has_no_more_descriptors_than_documented);
	tcase_add_test_unless(tc, why, sixteen_machines_wait_within_the_usual_limit);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
