/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about "cvmm ps": which sockets it finds, and what it makes of replies. */
#define _GNU_SOURCE
#include <config.h>

#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "ctl/machines.h"
#include "ctl/ps_command.h"
#include "util.h"

/* Longer than any reply takes that arrives. */
#define LONG 3600
#define STATUS "{\"ok\":true,\"cpus\":1,\"paused\":false,\"state\":\"running\",\"name\":\"%s\",\"memory\":[{\"size\":1048576,\"present\":4096},{\"size\":2097152}],\"devices\":[{\"name\":\"other\"}],\"counters\":{\"uptime_ns\":5}}\n"

static char folder[64];
static struct vsu_error err;
static struct vmm_machines ms;
static pid_t server;

static void setup(void)
{
	strcpy(folder, "/tmp/test-machines.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	ck_assert_int_eq(chdir(folder), 0);
	vsu_error_clear(&err);
	memset(&ms, 0, sizeof(ms));
	server = 0;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static void teardown(void)
{
	if (server) {
		kill(server, SIGKILL);
		waitpid(server, NULL, 0);
	}
	vmm_machines_free(&ms);
	ck_assert_int_eq(chdir("/"), 0);
	ck_assert_int_eq(nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

static void leave_socket(const char *path)
{
	int fd = vsu_sock_listen(path, 1, &err);

	ck_assert_msg(fd >= 0, "%s", err.msg);
	vsu_fd_close(&fd);
}

/* Replies to one line of each client. */
static void serve(const char *path, const char *reply, size_t len)
{
	int listener = vsu_sock_listen(path, 1, &err), sock;
	struct pollfd p = { .fd = listener, .events = POLLIN };
	char line[64];

	ck_assert_msg(listener >= 0, "%s", err.msg);
	server = fork();
	if (server) {
		vsu_fd_close(&listener);
		return;
	}
	for (;;) {
		poll(&p, 1, -1);
		sock = vsu_sock_accept(listener);
		ck_assert_int_eq(fcntl(sock, F_SETFL, 0), 0);
		(void)!read(sock, line, sizeof(line));
		(void)!vsu_fd_write_full(sock, reply, len);
		close(sock);
	}
}

static const struct vmm_found *ask(unsigned int seconds)
{
	ck_assert_int_eq(vmm_machines_find(&ms, ".", &err), 0);
	ck_assert_uint_eq(ms.n, 1);
	vmm_machines_ask(&ms, seconds);
	return ms.list[0];
}

START_TEST(only_control_sockets_are_found_and_links_are_not_followed)
{
	ck_assert_int_eq(mkdir("b", 0700) | mkdir("b/c", 0700), 0);
	leave_socket("b/c/control");
	leave_socket("a.control");
	leave_socket("console");
	leave_socket(".control");
	ck_assert_int_eq(symlink("b", "link") | symlink("a.control", "z.control"), 0);
	ck_assert_int_eq(close(open("file.control", O_CREAT | O_WRONLY, 0600)), 0);
	ck_assert_int_eq(vmm_machines_find(&ms, ".", &err), 0);
	ck_assert_uint_eq(ms.n, 2);
	ck_assert_str_eq(ms.list[0]->path, "./a.control");
	ck_assert_str_eq(ms.list[1]->path, "./b/c/control");
}
END_TEST

START_TEST(depth_of_the_search_has_a_limit)
{
	char path[64] = ".";
	unsigned int i;

	for (i = 0; i <= VMM_MACHINES_DEPTH; i++) {
		strcat(path, "/d");
		ck_assert_int_eq(mkdir(path, 0700), 0);
	}
	strcat(path, "/control");
	leave_socket(path);
	ck_assert_int_eq(vmm_machines_find(&ms, ".", &err), 0);
	ck_assert_uint_eq(ms.n, 0);
	ck_assert_int_eq(vmm_machines_find(&ms, "./d", &err), 0);
	ck_assert_uint_eq(ms.n, 1);
}
END_TEST

START_TEST(missing_folder_is_named)
{
	ck_assert_int_eq(vmm_machines_find(&ms, "missing", &err), -ENOENT);
	ck_assert_ptr_nonnull(strstr(err.msg, "folder 'missing'"));
}
END_TEST

START_TEST(machine_answers_with_its_name_and_process)
{
	const struct vmm_found *f;
	char reply[512];

	snprintf(reply, sizeof(reply), STATUS, "web-1");
	serve("control", reply, strlen(reply));
	f = ask(LONG);
	ck_assert_int_eq(f->state, VMM_FOUND_ANSWERED);
	ck_assert_str_eq(f->name, "web-1");
	ck_assert_str_eq(f->activity, "running");
	ck_assert_int_eq(f->pid, server);
	ck_assert_uint_eq(f->memory, 3 << 20);
	ck_assert_uint_eq(f->present, 4096);
	ck_assert_uint_eq(f->uptime_ns, 5);
}
END_TEST

START_TEST(socket_without_a_process_is_stale)
{
	leave_socket("control");
	ck_assert_int_eq(ask(LONG)->state, VMM_FOUND_STALE);
}
END_TEST

START_TEST(silent_machine_delays_nobody)
{
	int listener = vsu_sock_listen("control", 1, &err);

	ck_assert_int_ge(listener, 0);
	ck_assert_int_eq(ask(0)->state, VMM_FOUND_ASKED);
	vsu_fd_close(&listener);
}
END_TEST

static int listen_as(const char *path, int type)
{
	const int fd = vsu_sock_listen_type(path, type, 1, &err);

	ck_assert_msg(fd >= 0, "%s", err.msg);
	return fd;
}

START_TEST(machine_of_commands_has_a_name_and_a_process)
{
	int listener;

	ck_assert_int_eq(mkdir("exec", 0700), 0);
	listener = listen_as("exec/box", SOCK_SEQPACKET);
	ck_assert_int_eq(ask(0)->state, VMM_FOUND_ANSWERED);
	ck_assert_str_eq(ms.list[0]->name, "box");
	ck_assert_int_eq(ms.list[0]->pid, getpid());
	close(listener);
}
END_TEST

START_TEST(socket_of_commands_without_a_process_is_stale)
{
	ck_assert_int_eq(mkdir("exec", 0700), 0);
	close(listen_as("exec/box", SOCK_SEQPACKET));
	ck_assert_int_eq(ask(0)->state, VMM_FOUND_STALE);
}
END_TEST

START_TEST(socket_of_another_program_is_not_connected_to)
{
	int listener;

	ck_assert_int_eq(mkdir("exec", 0700), 0);
	listener = listen_as("exec/console", SOCK_STREAM);
	ck_assert_int_eq(ask(0)->state, VMM_FOUND_FAILED);
	ck_assert_int_eq(vsu_sock_accept(listener), -EAGAIN);
	close(listener);
}
END_TEST

/* --------------------------------------------------------------- hostile input */

#define BYTES(text) { text, sizeof(text) - 1 }

static const struct {
	const char *bytes;
	size_t len;
} strange[] = {
	BYTES(""), BYTES("\n"), BYTES("\0\n"), BYTES("{\"ok\":true"), BYTES("{\"ok\":true}\n"),
	BYTES("{\"state\":\"running\"\0}\n"), BYTES("[1]\n"), BYTES("{\"state\":\"a\\u001b[2J\"}\n"),
	BYTES("{\"state\":\"averyveryverylongstate\"}\n"),
};

START_TEST(e2_41_reply_that_is_no_status_is_a_failure)
{
	const struct vmm_found *f;

	serve("control", strange[_i].bytes, strange[_i].len);
	f = ask(LONG);
	ck_assert_int_eq(f->state, VMM_FOUND_FAILED);
	ck_assert_int_lt(f->why.code, 0);
}
END_TEST

START_TEST(e2_41_reply_without_an_end_is_a_failure)
{
	static char reply[2 << 20];

	memset(reply, ' ', sizeof(reply));
	serve("control", reply, sizeof(reply));
	ck_assert_int_eq(ask(LONG)->state, VMM_FOUND_FAILED);
}
END_TEST

START_TEST(e2_41_name_that_a_terminal_would_obey_is_dropped)
{
	char reply[512];

	snprintf(reply, sizeof(reply), STATUS, "a\\u001b[2J");
	serve("control", reply, strlen(reply));
	ck_assert_int_eq(ask(LONG)->state, VMM_FOUND_ANSWERED);
	ck_assert_str_eq(ms.list[0]->name, "");
}
END_TEST

/* ------------------------------------------------------------------ the command */

static const char *run(const char *first, const char *second)
{
	static char printed[4096];
	static char ps[] = "ps";
	char *words[] = { ps, (char *)(uintptr_t)first, (char *)(uintptr_t)second, NULL };
	struct vmm_ps_command c;
	FILE *out = fmemopen(printed, sizeof(printed), "w");

	ck_assert_int_eq(vmm_ps_command_parse(&c, second ? 3 : 2, words, &err), 0);
	ck_assert_int_eq(vmm_ps_command_run(&c, out, &err), 0);
	fclose(out);
	return printed;
}

START_TEST(table_names_machines_and_stale_sockets)
{
	char reply[512];

	snprintf(reply, sizeof(reply), STATUS, "web-1");
	serve("b.control", reply, strlen(reply));
	leave_socket("a\x1b.control");
	leave_socket("c\xc2\x9b.control");	/* the same for a terminal with UTF-8 */
	ck_assert_ptr_nonnull(strstr(run(".", NULL), "./a?.control: no process listens"));
	ck_assert_ptr_nonnull(strstr(run(".", NULL), "./c?.control: no process listens"));
	ck_assert_ptr_nonnull(strstr(run(".", NULL), "\nweb-1 "));
	ck_assert_ptr_nonnull(strstr(run("--json", "."), ",\"socket\":\"./b.control\"}"));
	ck_assert_ptr_nonnull(strstr(run("--json", "."), "{\"state\":\"stale\",\"socket\":\"./a\\u001b.control\",\"error\":\"no process listens"));
}
END_TEST

START_TEST(table_names_machines_of_commands)
{
	int listener;

	ck_assert_int_eq(mkdir("exec", 0700), 0);
	listener = listen_as("exec/box", SOCK_SEQPACKET);
	ck_assert_ptr_nonnull(strstr(run(".", NULL), "\nbox "));
	ck_assert_ptr_nonnull(strstr(run("--json", "."), "\"state\":\"command\",\"socket\":\"./exec/box\"}"));
	close(listener);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("machines");
	TCase *tc = tcase_create("machines");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, only_control_sockets_are_found_and_links_are_not_followed);
	tcase_add_test(tc, depth_of_the_search_has_a_limit);
	tcase_add_test(tc, missing_folder_is_named);
	tcase_add_test(tc, machine_answers_with_its_name_and_process);
	tcase_add_test(tc, socket_without_a_process_is_stale);
	tcase_add_test(tc, silent_machine_delays_nobody);
	tcase_add_test(tc, machine_of_commands_has_a_name_and_a_process);
	tcase_add_test(tc, socket_of_commands_without_a_process_is_stale);
	tcase_add_test(tc, socket_of_another_program_is_not_connected_to);
	tcase_add_loop_test(tc, e2_41_reply_that_is_no_status_is_a_failure, 0, COUNT(strange));
	tcase_add_test(tc, e2_41_reply_without_an_end_is_a_failure);
	tcase_add_test(tc, e2_41_name_that_a_terminal_would_obey_is_dropped);
	tcase_add_test(tc, table_names_machines_and_stale_sockets);
	tcase_add_test(tc, table_names_machines_of_commands);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
