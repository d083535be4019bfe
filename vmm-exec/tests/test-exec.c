/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about commands in machines of their own, with the built-in agent as guest. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>

#include "guests.h"
#include "util.h"
#include "cvmm/exec.h"
#include <cvmm/requests.h>

#define COMMAND(...) ((const char *const []){ __VA_ARGS__, NULL })
#define OK(call) ck_assert_msg(!(call), "%s", err.msg)
#define MANY 8

static struct vsu_error err;
static char folder[64];
static int in[2], out[2], errors[2], streams[3];
static struct cvmm_exec_config config;
static struct cvmm_exec *e;

static void setup(void)
{
	signal(SIGPIPE, SIG_IGN);
	strcpy(folder, "/tmp/cvmm-exec.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	ck_assert_int_eq(pipe2(in, O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(out, O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(errors, O_CLOEXEC), 0);
	memcpy(streams, (int []){ in[0], out[1], errors[1] }, sizeof(streams));
	config = (struct cvmm_exec_config){
		.size = sizeof(config), .kernel = guest_word("builtin:agent"), .root = folder, .memory = "16M",
		.streams = streams,
	};
}

static void after(void)
{
	int i;

	cvmm_exec_free(e);
	for (i = 0; i < 2; i++) {
		vsu_fd_close(&in[i]);
		vsu_fd_close(&out[i]);
		vsu_fd_close(&errors[i]);
	}
	rmdir(folder);
}

static void begin_command(const char *const *command)
{
	config.command = command;
	OK(cvmm_exec_new(&config, NULL, &e, &err));
	OK(cvmm_exec_start(e, &err));
}

static void await_work(const struct cvmm_exec *one)
{
	poll(&(struct pollfd){ cvmm_exec_fd(one), POLLIN, 0 }, 1, -1);
}

static int run_to_end(void)
{
	while (cvmm_exec_dispatch(e))
		await_work(e);
	return cvmm_exec_status(e, &err);
}

static void run_until_started(void)
{
	while (cvmm_exec_dispatch(e) && !cvmm_exec_is_running(e))
		await_work(e);
	ck_assert(cvmm_exec_is_running(e));
}

/* Text that is in a pipe. */
static const char *text_of(int fd)
{
	static char text[65537];
	ssize_t n;

	fcntl(fd, F_SETFL, O_NONBLOCK);
	n = read(fd, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

/* ------------------------------------------------------------------- streams */

START_TEST(output_and_status_are_those_of_the_command)
{
	begin_command(COMMAND("echo", "hello", "world"));
	ck_assert_int_eq(cvmm_exec_status(e, &err), -EAGAIN);
	ck_assert_int_eq(run_to_end(), 0);
	ck_assert_str_eq(err.msg, "");
	ck_assert_str_eq(text_of(out[0]), "hello world\n");
	ck_assert_str_eq(text_of(errors[0]), "");
}
END_TEST

static const struct {
	const char *words[4];
	int status;
	const char *why;
	int end, value;
} ends[] = {
	{ { "true" }, 0, "", CVMM_EXEC_END_STATUS, 0 },
	{ { "exit", "77" }, 77, "", CVMM_EXEC_END_STATUS, 77 },
	{ { "exit", "125" }, 125, "", CVMM_EXEC_END_STATUS, 125 },
	{ { "kill", "9" }, 137, "signal 9 ended the command", CVMM_EXEC_END_SIGNAL, 9 },
	{ { "kill", "9", "1" }, 137, "memory was used up", CVMM_EXEC_END_MEMORY, 9 },
	{ { "kill", "9", "2" }, CVMM_EXEC_FAILED, "the guest is not trusted further", CVMM_EXEC_END_MACHINE, VSU_EXIT_FAIL },
	{ { "missing" }, CVMM_EXEC_NOT_FOUND, "in the guest: no such command", CVMM_EXEC_END_NOT_FOUND, 0 },
	{ { "fail", "no disk" }, CVMM_EXEC_FAILED, "in the guest: no disk", CVMM_EXEC_END_MACHINE, VSU_EXIT_FAIL },
	{ { "lie" }, CVMM_EXEC_FAILED, "the guest is not trusted further", CVMM_EXEC_END_MACHINE, VSU_EXIT_FAIL },
	{ { "poweroff" }, CVMM_EXEC_FAILED, "the guest ended before its command did", CVMM_EXEC_END_MACHINE, VSU_EXIT_OK },
};

static void ended_by(int end, int value)
{
	int had = -1;

	ck_assert_int_eq(cvmm_exec_get_end(e, &had), end);
	ck_assert_int_eq(had, value);
	ck_assert_int_eq(cvmm_exec_get_end(e, NULL), end);
}

START_TEST(each_end_has_a_status_and_failures_a_sentence)
{
	begin_command(ends[_i].words);
	ck_assert_int_eq(cvmm_exec_get_end(e, NULL), -EAGAIN);
	ck_assert_int_eq(run_to_end(), ends[_i].status);
	ended_by(ends[_i].end, ends[_i].value);
	ck_assert_msg(strstr(err.msg, ends[_i].why) && !*ends[_i].why == !err.msg[0], "%s", err.msg);
	ck_assert(!cvmm_exec_dispatch(e));
}
END_TEST

START_TEST(third_stream_is_separate)
{
	begin_command(COMMAND("warn", "careful"));
	ck_assert_int_eq(run_to_end(), 0);
	ck_assert_str_eq(text_of(out[0]), "");
	ck_assert_str_eq(text_of(errors[0]), "careful\n");
}
END_TEST

START_TEST(input_passes_through_the_guest)
{
	char bytes[50000];
	size_t i;

	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(i * 7 + i / 256);
	ck_assert_int_eq(write(in[1], bytes, sizeof(bytes)), sizeof(bytes));
	vsu_fd_close(&in[1]);
	begin_command(COMMAND("cat"));
	ck_assert_int_eq(run_to_end(), 0);
	ck_assert_int_eq(memcmp(text_of(out[0]), bytes, sizeof(bytes)), 0);
}
END_TEST

START_TEST(command_without_streams_reads_nothing_and_its_output_is_discarded)
{
	config.streams = NULL;
	begin_command(COMMAND("cat"));
	ck_assert_int_eq(run_to_end(), 0);
	cvmm_exec_free(e);
	begin_command(COMMAND("echo", "lost"));
	ck_assert_int_eq(run_to_end(), 0);
}
END_TEST

START_TEST(command_whose_reader_is_gone_receives_a_signal)
{
	vsu_fd_close(&out[0]);
	begin_command(COMMAND("yes"));
	ck_assert_int_eq(run_to_end(), CVMM_EXEC_SIGNALLED + SIGPIPE);
}
END_TEST

/* ------------------------------------------------------------------- request */

START_TEST(environment_and_folder_are_those_of_the_configuration)
{
	static const char *const environment[] = { "COLOR=green", "PATH=/opt", "COLOR=red", NULL };
	static const char *const rows[][2] = {
		{ "COLOR", "COLOR=red\n" }, { "PATH", "PATH=/opt\n" }, { "HOME", "HOME=/root\n" },
	};
	unsigned int i;

	config.environment = environment;
	config.folder = "/srv";
	begin_command(COMMAND("pwd"));
	ck_assert_int_eq(run_to_end(), 0);
	ck_assert_str_eq(text_of(out[0]), "/srv\n");
	for (i = 0; i < 3; i++) {
		cvmm_exec_free(e);
		begin_command(COMMAND("printenv", rows[i][0]));
		ck_assert_int_eq(run_to_end(), 0);
		ck_assert_str_eq(text_of(out[0]), rows[i][1]);
	}
}
END_TEST

/* A folder is mounted before those in it. */
START_TEST(folders_are_requested_at_their_paths)
{
	const struct cvmm_exec_folder folders[] = {
		{ .path = folder, .at = "/data/in", .writable = true }, { .path = folder, .at = "/data" },
	};

	config.folders = folders;
	config.nfolders = 2;
	begin_command(COMMAND("mounts"));
	ck_assert_int_eq(run_to_end(), 0);
	ck_assert_str_eq(text_of(out[0]), "ro\ndir0:ro:/data\ndir1:rw:/data/in\n");
}
END_TEST

/* ------------------------------------------------------------------- control */

START_TEST(signal_reaches_the_command)
{
	begin_command(COMMAND("sleep"));
	ck_assert_int_eq(cvmm_exec_signal(e, SIGTERM, &err), -EAGAIN);
	run_until_started();
	ck_assert_int_eq(cvmm_exec_signal(e, 0, &err), -EINVAL);
	OK(cvmm_exec_signal(e, SIGTERM, &err));
	ck_assert_int_eq(run_to_end(), CVMM_EXEC_SIGNALLED + SIGTERM);
	ck_assert_int_eq(cvmm_exec_signal(e, SIGTERM, &err), -EAGAIN);
}
END_TEST

START_TEST(terminal_has_a_size_that_changes)
{
	config.terminal = true;
	config.rows = 33;
	begin_command(COMMAND("size"));
	ck_assert_int_eq(cvmm_exec_resize(e, 1, 1, &err), -EAGAIN);
	run_until_started();
	ck_assert_int_eq(cvmm_exec_resize(e, 65536, 1, &err), -EINVAL);
	OK(cvmm_exec_resize(e, 50, 132, &err));
	ck_assert_int_eq(run_to_end(), 0);
	ck_assert_str_eq(text_of(out[0]), "33x80\n50x132\n");
}
END_TEST

START_TEST(command_without_a_terminal_has_no_size)
{
	begin_command(COMMAND("sleep"));
	run_until_started();
	ck_assert_int_eq(cvmm_exec_resize(e, 50, 132, &err), -ENOTTY);
}
END_TEST

START_TEST(timeout_ends_the_command)
{
	config.timeout_ms = 50;
	begin_command(COMMAND("sleep"));
	ck_assert_int_eq(run_to_end(), CVMM_EXEC_TIMEOUT);
	ck_assert_str_eq(err.msg, "the command did not end within 0.05 seconds");
	ended_by(CVMM_EXEC_END_TIME, 0);
}
END_TEST

static void do_kill(struct cvmm_machine *m)
{
	cvmm_machine_kill(m);
}

static void do_stop(struct cvmm_machine *m)
{
	OK(cvmm_machine_stop(m, &err));
}

static void (*const kills[])(struct cvmm_machine *m) = { do_kill, do_stop };

START_TEST(killed_machine_is_a_failure_of_its_own_kind)
{
	begin_command(COMMAND("sleep"));
	kills[_i](cvmm_exec_machine(e));
	ck_assert_int_eq(run_to_end(), CVMM_EXEC_FAILED);
	ck_assert_str_eq(err.msg, "the program ended the machine");
	ended_by(CVMM_EXEC_END_KILLED, 0);
}
END_TEST

/* The machine runs until a dispatch has seen the end of the command. */
START_TEST(kill_after_the_end_of_the_command_is_not_its_end)
{
	begin_command(COMMAND("exit", "3"));
	while (!cvmm_exec_is_running(e) && cvmm_exec_dispatch(e))
		await_work(e);
	while (cvmm_exec_is_running(e) && cvmm_exec_dispatch(e))
		await_work(e);
	cvmm_machine_kill(cvmm_exec_machine(e));
	ck_assert_int_eq(run_to_end(), 3);
	ended_by(CVMM_EXEC_END_STATUS, 3);
}
END_TEST

START_TEST(machine_of_a_command_is_not_saved)
{
	const struct cvmm_save save = { .size = sizeof(save), .folder = "/nonexistent/folder" };
	const struct cvmm_migration migration = { .size = sizeof(migration), .address = "unix:/nonexistent" };

	begin_command(COMMAND("exit", "3"));
	ck_assert_int_eq(cvmm_machine_save(cvmm_exec_machine(e), &save, NULL, NULL, &err), -EOPNOTSUPP);
	ck_assert_ptr_nonnull(strstr(err.msg, "the guest executes the command of this process"));
	ck_assert_int_eq(cvmm_machine_migrate(cvmm_exec_machine(e), &migration, NULL, NULL, &err), -EOPNOTSUPP);
	ck_assert_int_eq(run_to_end(), 3);
}
END_TEST

START_TEST(output_that_cannot_be_written_is_an_end_of_its_own)
{
	const int full = open("/dev/full", O_WRONLY | O_CLOEXEC);

	ck_assert_int_ge(full, 0);
	streams[1] = full;
	begin_command(COMMAND("echo", "lost"));
	ck_assert_int_eq(run_to_end(), CVMM_EXEC_FAILED);
	ended_by(CVMM_EXEC_END_STREAM, ENOSPC);
	close(full);
}
END_TEST

/* ----------------------------------------------------------- the last output */

#define PIPE 4096	/* bytes of a pipe that holds less than the window of a stream */

/* Begins a command that writes without end, until the window is full. False: the time limit ended it before. */
static bool fill_output(void)
{
	ck_assert_int_eq(fcntl(out[1], F_SETPIPE_SZ, PIPE), PIPE);
	fcntl(out[0], F_SETFL, O_NONBLOCK);
	begin_command(COMMAND("yes"));
	while (poll(&(struct pollfd){ out[1], POLLOUT, 0 }, 1, 0) && cvmm_exec_dispatch(e))
		await_work(e);
	while (poll(&(struct pollfd){ cvmm_exec_fd(e), POLLIN, 0 }, 1, 1000) > 0)
		if (!cvmm_exec_dispatch(e))
			return false;
	return cvmm_exec_status(e, &err) == -EAGAIN;
}

START_TEST(slow_reader_receives_what_arrived_before_the_machine_ended)
{
	char bytes[PIPE];
	ssize_t n, total = 0;

	ck_assert(fill_output());
	cvmm_machine_end(cvmm_exec_machine(e), VSU_EXIT_OK, "off");
	while (cvmm_exec_dispatch(e)) {
		n = read(out[0], bytes, sizeof(bytes));
		total += n > 0 ? n : 0;
	}
	while ((n = read(out[0], bytes, sizeof(bytes))) > 0)
		total += n;
	ck_assert_int_gt(total, PIPE);
	ck_assert_int_eq(cvmm_exec_status(e, &err), CVMM_EXEC_FAILED);
	ended_by(CVMM_EXEC_END_MACHINE, VSU_EXIT_OK);
}
END_TEST

START_TEST(killed_machine_awaits_no_reader)
{
	ck_assert(fill_output());
	cvmm_machine_kill(cvmm_exec_machine(e));
	ck_assert_int_eq(run_to_end(), CVMM_EXEC_FAILED);
	ended_by(CVMM_EXEC_END_KILLED, 0);
}
END_TEST

/* The first limit that this host is fast enough for. */
START_TEST(machine_that_ended_in_time_keeps_its_end_if_its_reader_is_late)
{
	for (config.timeout_ms = 2000; !fill_output(); config.timeout_ms *= 2)
		cvmm_exec_free(e);
	cvmm_machine_end(cvmm_exec_machine(e), VSU_EXIT_OK, "off");
	ck_assert_int_eq(run_to_end(), CVMM_EXEC_FAILED);
	ended_by(CVMM_EXEC_END_MACHINE, VSU_EXIT_OK);
	ck_assert_str_eq(err.msg, "off");
}
END_TEST

/* ---------------------------------------------------------------------- life */

START_TEST(command_is_freed_in_each_state)
{
	const int before = vsu_fd_count();

	config.command = COMMAND("sleep");
	cvmm_exec_free(NULL);
	OK(cvmm_exec_new(&config, NULL, &e, &err));
	cvmm_exec_free(e);
	begin_command(config.command);
	cvmm_exec_free(e);
	begin_command(config.command);
	run_until_started();
	cvmm_exec_free(e);
	begin_command(COMMAND("true"));
	ck_assert_int_eq(run_to_end(), 0);
	cvmm_exec_free(e);
	e = NULL;
	ck_assert_int_eq(vsu_fd_count(), before);
}
END_TEST

START_TEST(command_is_started_once)
{
	begin_command(COMMAND("true"));
	ck_assert_int_eq(cvmm_exec_start(e, &err), -EINVAL);
}
END_TEST

/* Each has a status of its own; the last one ends by a signal. */
START_TEST(many_commands_run_in_one_loop)
{
	struct cvmm_exec *all[MANY];
	struct pollfd ready[MANY];
	unsigned int i, left = MANY;
	char status[8];

	config.streams = NULL;
	for (i = 0; i < MANY; i++) {
		snprintf(status, sizeof(status), "%u", i);
		begin_command(COMMAND("exit", status));
		all[i] = e;
		ready[i] = (struct pollfd){ cvmm_exec_fd(e), POLLIN, 0 };
	}
	for (; left; poll(ready, MANY, left ? -1 : 0))
		for (i = 0; i < MANY; i++)
			if (ready[i].fd >= 0 && !cvmm_exec_dispatch(all[i])) {
				ready[i].fd = -1;
				left--;
			}
	for (i = 0; i < MANY; i++) {
		ck_assert_int_eq(cvmm_exec_status(all[i], NULL), (int)i);
		cvmm_exec_free(all[i]);
	}
	e = NULL;
}
END_TEST

/* ------------------------------------------------------------------- refused */

static const char *const rejected_option[] = { "--color=red", NULL };
static const int closed_streams[] = { -1, 1000, -1 };
static const struct cvmm_exec_network no_address = { .card = "tap=t", .address = "192.0.2.300/24" };
static const struct cvmm_exec_network no_gateway = { .card = "tap=t", .gateway = "192.0.2.1" };
static const struct cvmm_exec_folder relative = { .path = "data" };
static const struct cvmm_exec_folder twice[] = { { .path = "/usr", .at = "/a" }, { .path = "/etc", .at = "/a" } };
static const struct cvmm_exec_folder privileged = { .path = "/usr", .suid = true };

static const struct {
	struct cvmm_exec_config c;	/* the differences */
	int code;
	const char *why;
} refused[] = {
	{ { .size = sizeof(config) }, -EINVAL, "no command" },
	{ { .size = 0 }, -EINVAL, "size is 0; set it to sizeof(struct cvmm_exec_config)" },
	{ { .size = sizeof(config), .command = COMMAND("true"), .kernel = "builtin:agnt" }, -EINVAL, "give the path of the ELF file" },
	{ { .size = sizeof(config), .command = COMMAND("true"), .root = "/nonexistent" }, -ENOENT, "/nonexistent" },
	{ { .size = sizeof(config), .command = COMMAND("true"), .options = rejected_option }, -ENOENT, "color" },
	{ { .size = sizeof(config), .command = COMMAND("true"), .folders = &relative, .nfolders = 1 }, -EINVAL, "absolute" },
	{ { .size = sizeof(config), .command = COMMAND("true"), .folders = &relative, .nfolders = 17 }, -EINVAL, "17 folders" },
	{ { .size = sizeof(config), .command = COMMAND("true"), .folders = twice, .nfolders = 2 }, -EINVAL, "two folders are shared at '/a'" },
	{ { .size = sizeof(config), .command = COMMAND("true"), .folders = &privileged, .nfolders = 1 }, -EINVAL, "'/usr' is read-only: suid and dev" },
	{ { .size = sizeof(config), .command = COMMAND("true"), .folder = "data" }, -EINVAL, "'data' is no absolute path" },
	{ { .size = sizeof(config), .command = COMMAND("true"), .modules = "none" }, -EINVAL, "modules" },
	{ { .size = sizeof(config), .command = COMMAND("true"), .cpus = 65 }, -EINVAL, "cpus" },
	{ { .size = sizeof(config), .command = COMMAND("true"), .memory = "much" }, -EINVAL, "much" },
	{ { .size = sizeof(config), .command = COMMAND("true"), .environment = COMMAND("NOEQ") }, -EINVAL, "'NOEQ' is not NAME=VALUE" },
	{ { .size = sizeof(config), .command = COMMAND("true"), .environment = COMMAND("=a") }, -EINVAL, "'=a' is not NAME=VALUE" },
	{ { .size = sizeof(config), .command = COMMAND("true"), .hostname = "a b" }, -EINVAL, "host name 'a b'" },
	{ { .size = sizeof(config), .command = COMMAND("true"), .terminal = true, .rows = 65536 }, -EINVAL, "65536 rows" },
	{ { .size = sizeof(config), .command = COMMAND("true"), .streams = closed_streams }, -EBADF, "descriptor 1000 is not open" },
	{ { .size = sizeof(config), .command = COMMAND("true"), .hide = COMMAND("etc/key") }, -EINVAL, "'etc/key' is not an absolute path" },
	{ { .size = sizeof(config), .command = COMMAND("true"), .show = COMMAND("key") }, -EINVAL, "config->show" },
	{ { .size = sizeof(config), .command = COMMAND("true"), .network = &no_address }, -EINVAL, "'192.0.2.300/24'" },
	{ { .size = sizeof(config), .command = COMMAND("true"), .network = &no_gateway }, -EINVAL, "gateway needs an address" },
};

START_TEST(refused_command_leaves_nothing)
{
	struct cvmm_exec_config c = refused[_i].c;
	const int before = vsu_fd_count();

	c.kernel = guest_word(c.kernel ? c.kernel : "builtin:agent");
	c.root = c.root ? c.root : folder;
	ck_assert_int_eq(cvmm_exec_new(&c, NULL, &e, &err), refused[_i].code);
	ck_assert_msg(strstr(err.msg, refused[_i].why), "%s", err.msg);
	ck_assert_ptr_null(e);
	ck_assert_int_eq(vsu_fd_count(), before);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("exec");
	TCase *tc = tcase_create("exec"), *refusals = tcase_create("refusals");
	const char *why = no_guest();

	tcase_add_checked_fixture(tc, setup, after);
	tcase_add_checked_fixture(refusals, setup, after);
	tcase_set_timeout(tc, 0);
	tcase_add_test_unless(tc, why, output_and_status_are_those_of_the_command);
	tcase_add_loop_test_unless(tc, why, each_end_has_a_status_and_failures_a_sentence, 0,
				   sizeof(ends) / sizeof(ends[0]));
	tcase_add_test_unless(tc, why, third_stream_is_separate);
	tcase_add_test_unless(tc, why, input_passes_through_the_guest);
	tcase_add_test_unless(tc, why, command_without_streams_reads_nothing_and_its_output_is_discarded);
	tcase_add_test_unless(tc, why, command_whose_reader_is_gone_receives_a_signal);
	tcase_add_test_unless(tc, why, environment_and_folder_are_those_of_the_configuration);
	tcase_add_test_unless(tc, why, folders_are_requested_at_their_paths);
	tcase_add_test_unless(tc, why, signal_reaches_the_command);
	tcase_add_test_unless(tc, why, terminal_has_a_size_that_changes);
	tcase_add_test_unless(tc, why, command_without_a_terminal_has_no_size);
	tcase_add_test_unless(tc, why, timeout_ends_the_command);
	tcase_add_loop_test_unless(tc, why, killed_machine_is_a_failure_of_its_own_kind, 0,
				   sizeof(kills) / sizeof(kills[0]));
	tcase_add_test_unless(tc, why, kill_after_the_end_of_the_command_is_not_its_end);
	tcase_add_test_unless(tc, why, machine_of_a_command_is_not_saved);
	tcase_add_test_unless(tc, why, output_that_cannot_be_written_is_an_end_of_its_own);
	tcase_add_test_unless(tc, why, slow_reader_receives_what_arrived_before_the_machine_ended);
	tcase_add_test_unless(tc, why, killed_machine_awaits_no_reader);
	tcase_add_test_unless(tc, why, machine_that_ended_in_time_keeps_its_end_if_its_reader_is_late);
	tcase_add_test_unless(tc, why, command_is_freed_in_each_state);
	tcase_add_test_unless(tc, why, command_is_started_once);
	tcase_add_test_unless(tc, why, many_commands_run_in_one_loop);
	tcase_add_loop_test_unless(refusals, why, refused_command_leaves_nothing, 0,
				   sizeof(refused) / sizeof(refused[0]));
	suite_add_tcase(s, tc);
	suite_add_tcase(s, refusals);
	return run_suite(s);
}
