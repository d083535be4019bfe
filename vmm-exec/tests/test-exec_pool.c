/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about machines that wait for commands, with the built-in agent as guest. */
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
#include "cvmm/exec_pool.h"

#define COMMAND(...) ((const char *const []){ __VA_ARGS__, NULL })
#define OK(call) ck_assert_msg(!(call), "%s", err.msg)
#define SIZE .size = sizeof(struct cvmm_exec_config)
#define MACHINES 3
/* Most descriptors of a machine with a root, and of each folder. */
#define MACHINE_FDS 60
#define FOLDER_FDS 8
#define USUAL_LIMIT 1024	/* of a process */

static struct vsu_error err;
static char folder[64];
static int out[2], streams[3];
static struct cvmm_exec_config machine, command;
static struct cvmm_exec_pool *pool;
static struct cvmm_exec *e;

static void setup(void)
{
	strcpy(folder, "/tmp/cvmm-pool.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	ck_assert_int_eq(pipe2(out, O_CLOEXEC | O_NONBLOCK), 0);
	memcpy(streams, (int []){ -1, out[1], out[1] }, sizeof(streams));
	machine = (struct cvmm_exec_config){
		SIZE, .kernel = guest_word("builtin:agent"), .root = folder, .memory = "16M",
	};
	command = (struct cvmm_exec_config){ SIZE, .streams = streams };
}

static void after(void)
{
	cvmm_exec_free(e);
	cvmm_exec_pool_free(pool);
	e = NULL;
	pool = NULL;
	vsu_error_clear(&err);
	vsu_fd_close(&out[0]);
	vsu_fd_close(&out[1]);
	rmdir(folder);
}

static void await_pool(int timeout_ms)
{
	poll(&(struct pollfd){ cvmm_exec_pool_fd(pool), POLLIN, 0 }, 1, timeout_ms);
}

static void fill(unsigned int n)
{
	while (cvmm_exec_pool_ready(pool) < n) {
		await_pool(-1);
		OK(cvmm_exec_pool_dispatch(pool, &err));
	}
}

static void make_pool(unsigned int n)
{
	OK(cvmm_exec_pool_new(&machine, NULL, n, &pool, &err));
	ck_assert_uint_eq(cvmm_exec_pool_ready(pool), 0);
	fill(n);
}

static int run(struct cvmm_exec *one)
{
	while (cvmm_exec_dispatch(one))
		poll(&(struct pollfd){ cvmm_exec_fd(one), POLLIN, 0 }, 1, -1);
	return cvmm_exec_status(one, &err);
}

static int run_taken(const char *const *words)
{
	int status;

	command.command = words;
	OK(cvmm_exec_pool_take(pool, &command, &e, &err));
	status = run(e);
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

START_TEST(taken_machine_runs_its_command)
{
	static const char *const environment[] = { "COLOR=red", NULL };

	make_pool(1);
	ck_assert_int_eq(run_taken(COMMAND("echo", "hello")), 0);
	ck_assert_str_eq(text_of(out[0]), "hello\n");
	fill(1);
	ck_assert_int_eq(run_taken(COMMAND("exit", "7")), 7);
	fill(1);
	command.environment = environment;
	command.folder = "/srv";
	ck_assert_int_eq(run_taken(COMMAND("printenv", "COLOR")), 0);
	fill(1);
	ck_assert_int_eq(run_taken(COMMAND("pwd")), 0);
	ck_assert_str_eq(text_of(out[0]), "COLOR=red\n/srv\n");
}
END_TEST

START_TEST(folders_are_those_of_the_pool)
{
	const struct cvmm_exec_folder folders[] = { { .path = folder, .at = "/data", .writable = true } };

	machine.folders = folders;
	machine.nfolders = 1;
	make_pool(1);
	ck_assert_int_eq(run_taken(COMMAND("mounts")), 0);
	ck_assert_str_eq(text_of(out[0]), "ro\ndir0:rw:/data\n");
}
END_TEST

/* The time of the pool's machines is that until they wait. */
START_TEST(each_command_has_a_time_limit_of_its_own)
{
	machine.timeout_ms = 600000;
	make_pool(1);
	command.timeout_ms = 50;
	ck_assert_int_eq(run_taken(COMMAND("sleep")), CVMM_EXEC_TIMEOUT);
	ck_assert_str_eq(err.msg, "the command did not end within 0.05 seconds");
}
END_TEST

START_TEST(pool_is_refilled_while_commands_run)
{
	struct cvmm_exec *all[2 * MACHINES];
	unsigned int i;

	make_pool(MACHINES);
	command.command = COMMAND("sleep");
	for (i = 0; i < 2 * MACHINES; i++) {
		fill(1);
		OK(cvmm_exec_pool_take(pool, &command, &all[i], &err));
	}
	fill(MACHINES);
	for (i = 0; i < 2 * MACHINES; i++) {
		while (cvmm_exec_dispatch(all[i]) && !cvmm_exec_is_running(all[i]))
			poll(&(struct pollfd){ cvmm_exec_fd(all[i]), POLLIN, 0 }, 1, -1);
		ck_assert(cvmm_exec_is_running(all[i]));
		cvmm_exec_free(all[i]);
	}
	ck_assert_uint_eq(cvmm_exec_pool_ready(pool), MACHINES);
}
END_TEST

START_TEST(empty_pool_has_no_machine_yet)
{
	OK(cvmm_exec_pool_new(&machine, NULL, 1, &pool, &err));
	command.command = COMMAND("true");
	ck_assert_int_eq(cvmm_exec_pool_take(pool, &command, &e, &err), -EAGAIN);
	fill(1);
	ck_assert_int_eq(run_taken(COMMAND("true")), 0);
	ck_assert_int_eq(cvmm_exec_pool_take(pool, &command, &e, &err), -EAGAIN);
}
END_TEST

/* A command of 2 MiB, which no request has room for. */
START_TEST(refused_command_leaves_its_machine_in_the_pool)
{
	char *word = malloc(2u << 20);

	memset(word, 'a', (2u << 20) - 1);
	word[(2u << 20) - 1] = '\0';
	make_pool(1);
	command.command = COMMAND("echo", word);
	ck_assert_int_eq(cvmm_exec_pool_take(pool, &command, &e, &err), -E2BIG);
	command.command = NULL;
	ck_assert_int_eq(cvmm_exec_pool_take(pool, &command, &e, &err), -EINVAL);
	free(word);
	ck_assert_uint_eq(cvmm_exec_pool_ready(pool), 1);
	ck_assert_int_eq(run_taken(COMMAND("true")), 0);
}
END_TEST

START_TEST(closed_stream_leaves_its_machine_in_the_pool)
{
	const int closed[3] = { -1, 1000, -1 };

	make_pool(1);
	command.command = COMMAND("true");
	command.streams = closed;
	ck_assert_int_eq(cvmm_exec_pool_take(pool, &command, &e, &err), -EBADF);
	ck_assert_msg(strstr(err.msg, "descriptor 1000"), "%s", err.msg);
	ck_assert_uint_eq(cvmm_exec_pool_ready(pool), 1);
	command.streams = streams;
	ck_assert_int_eq(run_taken(COMMAND("echo", "still")), 0);
	ck_assert_str_eq(text_of(out[0]), "still\n");
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

static void dispatch_until_short(void)
{
	while (!cvmm_exec_pool_dispatch(pool, &err))
		await_pool(-1);
	ck_assert_int_eq(err.code, -EMFILE);
	ck_assert_msg(strstr(err.msg, "RLIMIT_NOFILE"), "%s", err.msg);
}

/* A shared folder requires a limit of 128, so most descriptors are in use. */
static void leave_descriptors(int n)
{
	const int most = 200 - n;
	int fd = 0;

	limit_descriptors(200);
	while (fd >= 0 && vsu_fd_count() < most)
		fd = dup(out[0]);
	ck_assert_int_ge(fd, 0);
}

START_TEST(pool_without_descriptors_continues_when_some_are_free)
{
	leave_descriptors(MACHINE_FDS + 10);	/* of one machine */
	OK(cvmm_exec_pool_new(&machine, NULL, MACHINES, &pool, &err));
	dispatch_until_short();
	while (!cvmm_exec_pool_ready(pool)) {
		await_pool(-1);
		(void)!cvmm_exec_pool_dispatch(pool, NULL);
	}
	ck_assert_int_eq(run_taken(COMMAND("exit", "3")), 3);
	vsu_error_clear(&err);
	limit_descriptors(USUAL_LIMIT);
	while (cvmm_exec_pool_ready(pool) < MACHINES) {
		await_pool(-1);
		(void)!cvmm_exec_pool_dispatch(pool, &err);
	}
	ck_assert_int_eq(run_taken(COMMAND("true")), 0);
}
END_TEST

START_TEST(pool_without_a_machine_returns_what_it_lacks)
{
	leave_descriptors(MACHINE_FDS / 2);
	OK(cvmm_exec_pool_new(&machine, NULL, 1, &pool, &err));
	while (!cvmm_exec_pool_dispatch(pool, &err))
		await_pool(-1);
	ck_assert_msg(err.code == -EMFILE || err.code == -ENFILE, "%d: %s", err.code, err.msg);
	command.command = COMMAND("true");
	ck_assert_int_eq(cvmm_exec_pool_take(pool, &command, &e, NULL), err.code);
	ck_assert_int_eq(poll(&(struct pollfd){ cvmm_exec_pool_fd(pool), POLLIN, 0 }, 1, 0), 0);
	OK(cvmm_exec_pool_dispatch(pool, &err));
}
END_TEST

/* Of a machine with a root and two folders, as <cvmm/exec_pool.h> states. */
START_TEST(machine_has_no_more_descriptors_than_documented)
{
	const struct cvmm_exec_folder folders[] = { { .path = folder, .at = "/a" }, { .path = folder, .at = "/b" } };
	const int before = vsu_fd_count();
	int with, without;

	make_pool(2);
	without = vsu_fd_count() - before - 2;
	cvmm_exec_pool_free(pool);
	machine.folders = folders;
	machine.nfolders = 2;
	make_pool(2);
	with = vsu_fd_count() - before - 2;
	ck_assert_msg(without / 2 <= MACHINE_FDS, "%d", without / 2);
	ck_assert_msg((with - without) / 4 <= FOLDER_FDS, "%d", (with - without) / 4);
}
END_TEST

START_TEST(sixteen_machines_wait_within_the_usual_limit)
{
	limit_descriptors(USUAL_LIMIT);
	make_pool(16);
	ck_assert_int_lt(vsu_fd_count(), USUAL_LIMIT);
	ck_assert_int_eq(run_taken(COMMAND("exit", "5")), 5);
	fill(16);
}
END_TEST

/* ---------------------------------------------------------------------- life */

START_TEST(freed_pool_leaves_nothing)
{
	const int before = vsu_fd_count();

	cvmm_exec_pool_free(NULL);
	OK(cvmm_exec_pool_new(&machine, NULL, MACHINES, &pool, &err));
	OK(cvmm_exec_pool_dispatch(pool, &err));	/* a machine that does not wait yet */
	cvmm_exec_pool_free(pool);
	make_pool(MACHINES);
	cvmm_exec_pool_free(pool);
	pool = NULL;
	ck_assert_int_eq(vsu_fd_count(), before);
}
END_TEST

START_TEST(taken_command_outlives_its_pool)
{
	make_pool(2);
	command.command = COMMAND("exit", "9");
	OK(cvmm_exec_pool_take(pool, &command, &e, &err));
	cvmm_exec_pool_free(pool);
	pool = NULL;
	ck_assert_int_eq(run(e), 9);
}
END_TEST

/* A full pool has no work until one of its machines ends, or is taken. */
START_TEST(full_pool_has_no_work)
{
	struct pollfd p;

	make_pool(2);
	p = (struct pollfd){ cvmm_exec_pool_fd(pool), POLLIN, 0 };
	while (poll(&p, 1, 0) > 0)
		OK(cvmm_exec_pool_dispatch(pool, &err));
	command.command = COMMAND("true");
	OK(cvmm_exec_pool_take(pool, &command, &e, &err));
	ck_assert_int_eq(poll(&p, 1, 0), 1);
}
END_TEST

START_TEST(pool_whose_machine_is_not_ready_in_time_fails)
{
	machine.timeout_ms = 1;
	machine.kernel = guest_word("builtin:selftest");	/* which has no agent */
	OK(cvmm_exec_pool_new(&machine, NULL, 1, &pool, &err));
	while (!cvmm_exec_pool_dispatch(pool, &err))
		await_pool(-1);
	ck_assert_int_eq(err.code, -ECONNRESET);
	ck_assert_msg(strstr(err.msg, "a machine ended while it waited for a command"), "%s", err.msg);
}
END_TEST

/* ------------------------------------------------------------------- refused */

START_TEST(failed_pool_repeats_its_error_and_has_no_work)
{
	const int before = vsu_fd_count();

	machine.root = "/nonexistent";
	OK(cvmm_exec_pool_new(&machine, NULL, MACHINES, &pool, &err));
	ck_assert_int_eq(cvmm_exec_pool_dispatch(pool, &err), -ENOENT);
	ck_assert_ptr_nonnull(strstr(err.msg, "/nonexistent"));
	vsu_error_clear(&err);
	ck_assert_int_eq(cvmm_exec_pool_dispatch(pool, &err), -ENOENT);
	ck_assert_ptr_nonnull(strstr(err.msg, "/nonexistent"));
	ck_assert_int_eq(cvmm_exec_pool_dispatch(pool, NULL), -ENOENT);
	ck_assert_int_eq(poll(&(struct pollfd){ cvmm_exec_pool_fd(pool), POLLIN, 0 }, 1, 0), 0);
	command.command = COMMAND("true");
	ck_assert_int_eq(cvmm_exec_pool_take(pool, &command, &e, &err), -ENOENT);
	cvmm_exec_pool_free(pool);
	pool = NULL;
	ck_assert_int_eq(vsu_fd_count(), before);
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
	{ "columns", { SIZE, .columns = 256 } }, { "streams", { SIZE, .streams = no_streams } },
	{ "log", { SIZE, .log = "log" } }, { "network", { SIZE, .network = &a_network } },
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

static void assert_member(int rc, const char *name)
{
	char text[64];

	snprintf(text, sizeof(text), "the member '%s' ", name);
	ck_assert_int_eq(rc, -EINVAL);
	ck_assert_msg(strstr(err.msg, text), "%s", err.msg);
}

START_TEST(pool_refuses_members_of_a_command)
{
	assert_member(cvmm_exec_pool_new(&of_commands[_i].c, NULL, 1, &pool, &err), of_commands[_i].name);
	ck_assert_ptr_null(pool);
}
END_TEST

START_TEST(command_refuses_members_of_the_pool)
{
	OK(cvmm_exec_pool_new(&machine, NULL, 1, &pool, &err));
	assert_member(cvmm_exec_pool_take(pool, &of_machines[_i].c, &e, &err), of_machines[_i].name);
	ck_assert_ptr_null(e);
}
END_TEST

START_TEST(pool_has_a_size_and_no_image_for_two_writers)
{
	ck_assert_int_eq(cvmm_exec_pool_new(&machine, NULL, 0, &pool, &err), -EINVAL);
	ck_assert_int_eq(cvmm_exec_pool_new(&machine, NULL, CVMM_EXEC_POOL_MAX + 1, &pool, &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "1 to 256"));
	machine.image = "a";
	machine.writable_root = true;
	ck_assert_int_eq(cvmm_exec_pool_new(&machine, NULL, 1, &pool, &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "one image"));
	machine.size = 0;
	ck_assert_int_eq(cvmm_exec_pool_new(&machine, NULL, 1, &pool, &err), -EINVAL);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("exec_pool");
	TCase *tc = tcase_create("pool"), *refusals = tcase_create("refusals");
	const char *why = no_guest();

	tcase_add_checked_fixture(tc, setup, after);
	tcase_add_checked_fixture(refusals, setup, after);
	tcase_set_timeout(tc, 0);
	tcase_add_test_unless(tc, why, taken_machine_runs_its_command);
	tcase_add_test_unless(tc, why, folders_are_those_of_the_pool);
	tcase_add_test_unless(tc, why, each_command_has_a_time_limit_of_its_own);
	tcase_add_test_unless(tc, why, pool_is_refilled_while_commands_run);
	tcase_add_test_unless(tc, why, empty_pool_has_no_machine_yet);
	tcase_add_test_unless(tc, why, refused_command_leaves_its_machine_in_the_pool);
	tcase_add_test_unless(tc, why, closed_stream_leaves_its_machine_in_the_pool);
	tcase_add_test_unless(tc, why, pool_without_descriptors_continues_when_some_are_free);
	tcase_add_test_unless(tc, why, pool_without_a_machine_returns_what_it_lacks);
	tcase_add_test_unless(tc, why, machine_has_no_more_descriptors_than_documented);
	tcase_add_test_unless(tc, why, sixteen_machines_wait_within_the_usual_limit);
	tcase_add_test_unless(tc, why, freed_pool_leaves_nothing);
	tcase_add_test_unless(tc, why, taken_command_outlives_its_pool);
	tcase_add_test_unless(tc, why, full_pool_has_no_work);
	tcase_add_test_unless(tc, why, pool_whose_machine_is_not_ready_in_time_fails);
	tcase_add_test(refusals, failed_pool_repeats_its_error_and_has_no_work);
	tcase_add_loop_test(refusals, pool_refuses_members_of_a_command, 0, ROWS(of_commands));
	tcase_add_loop_test(refusals, command_refuses_members_of_the_pool, 0, ROWS(of_machines));
	tcase_add_test(refusals, pool_has_a_size_and_no_image_for_two_writers);
	suite_add_tcase(s, tc);
	suite_add_tcase(s, refusals);
	return run_suite(s);
}
