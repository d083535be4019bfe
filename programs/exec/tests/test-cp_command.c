/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about "cvmm cp": its command line, and copies from a machine whose guest is a process of the test. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vm-agent/files.h>

#include "confine/call_tables.h"
#include "confine/landlock.h"
#include "confine/privileges.h"
#include "exec/cp_command.h"
#include "exec/cp_confinement.h"
#include "exec/pool_wire.h"
#include "util.h"

static struct vmm_cp_command command;
static struct vsu_error err;

static int parse(const char *first, const char *second, const char *third)
{
	char *words[] = { (char *)(uintptr_t) "cp", (char *)(uintptr_t)first, (char *)(uintptr_t)second, (char *)(uintptr_t)third, NULL };
	int n = 1;

	while (words[n])
		n++;
	return vmm_cp_command_parse(&command, n, words, &err);
}

START_TEST(path_of_a_machine_has_a_name_before_a_colon)
{
	ck_assert_int_eq(parse("box:/etc/a:b", "here", NULL), 0);
	ck_assert_str_eq(command.name, "box");
	ck_assert_str_eq(command.guest, "/etc/a:b");
	ck_assert_str_eq(command.host, "here");
	ck_assert(!command.to_guest);
}
END_TEST

START_TEST(path_of_the_host_may_have_a_colon_behind_a_slash)
{
	ck_assert_int_eq(parse("./a:b", "box:/tmp", NULL), 0);
	ck_assert_str_eq(command.host, "./a:b");
	ck_assert_str_eq(command.guest, "/tmp");
	ck_assert(command.to_guest);
}
END_TEST

static const char *const odd[][3] = {
	{ NULL }, { "box:/a" }, { "a", "b" }, { "box:/a", "other:/b" }, { "box:/a", "b", "c" }, { "box:", "b" }, { ":/a", "b" },
	{ "a234567890123456789012345678901234567890123456789012345678901234x:/a", "b" },
};

START_TEST(other_paths_are_refused)
{
	ck_assert_int_eq(parse(odd[_i][0], odd[_i][1], odd[_i][2]), -EINVAL);
	ck_assert_str_ne(err.msg, "");
}
END_TEST

/* ---------------------------------------------------------------------- copies */

static char folder[32];
static int machine;
static struct vmm_pool_packet packet;

static void setup(void)
{
	strcpy(folder, "/tmp/test-cp-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	ck_assert_int_eq(chdir(folder), 0);
	ck_assert_int_eq(setenv("XDG_RUNTIME_DIR", folder, 1), 0);
	machine = vmm_named_listen("box", &err);
	ck_assert_msg(machine >= 0, "%s", err.msg);
}

static void teardown(void)
{
	char line[64];

	close(machine);
	snprintf(line, sizeof(line), "rm -rf %s", folder);
	ck_assert_int_eq(chdir("/"), 0);
	ck_assert_int_eq(system(line), 0);
}

static void await(int fd)
{
	struct pollfd ready = { .fd = fd, .events = POLLIN };

	(void)poll(&ready, 1, -1);
}

static int accept_client(void)
{
	await(machine);
	return accept(machine, NULL, NULL);
}

static int receive_packet(int sock)
{
	int rc;

	while ((rc = vmm_pool_receive(sock, &packet)) == -EAGAIN)
		await(sock);
	return rc;
}

/* The guest sends a file whatever it was asked for. */
static int send_file(const char *path)
{
	return vagent_files_send(packet.fds[VAGENT_STDOUT], path, NULL);
}

static int receive_files(const char *path)
{
	return vagent_files_receive(packet.fds[VAGENT_STDIN], path, "/none", 0777, NULL);
}

static void answer_by(int (*copy)(const char *path), const char *path)
{
	const int sock = accept_client();
	const uint32_t status = 0;
	int rc;

	do
		rc = receive_packet(sock);
	while (!rc && packet.type != VMM_POOL_EXECUTE);
	rc = rc < 0 ? rc : copy(path);
	rc = rc < 0 ? rc : vmm_pool_send(sock, VMM_POOL_STARTED, NULL, 0, NULL, 0);
	rc = rc < 0 ? rc : vmm_pool_send(sock, VMM_POOL_ENDED, &status, sizeof(status), NULL, 0);
	_exit(rc < 0);
}

/* The command confines its process for ever. */
static pid_t start_command(const char *from, const char *to)
{
	pid_t pid;

	ck_assert_int_eq(parse(from, to, NULL), 0);
	fflush(NULL);
	pid = fork();
	if (!pid) {
		if (vmm_cp_command_run(&command, &err) < 0)
			fprintf(stderr, "# %s\n", err.msg);
		_exit(err.msg[0] != 0);
	}
	ck_assert_int_gt(pid, 0);
	return pid;
}

static void ends_well(pid_t pid)
{
	int status;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}

static void copies_by(int (*copy)(const char *path), const char *path, const char *from, const char *to)
{
	const pid_t guest = fork();

	if (!guest)
		answer_by(copy, path);
	ends_well(start_command(from, to));
	ends_well(guest);
}

static void make_sent_file(const char *path, mode_t mode)
{
	FILE *f = fopen(path, "w");

	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(fclose(f), 0);
	ck_assert_int_eq(chmod(path, mode), 0);
}

START_TEST(guest_does_not_choose_the_name_of_a_copy)
{
	ck_assert_int_eq(mkdir("to", 0755), 0);
	make_sent_file(".bashrc", 0644);
	copies_by(send_file, ".bashrc", "box:/etc/hostname", "to");
	ck_assert_int_eq(access("to/hostname", F_OK), 0);
	ck_assert_int_eq(access("to/.bashrc", F_OK), -1);
}
END_TEST

START_TEST(umask_excludes_modes_of_the_guest)
{
	const mode_t mask = umask(027);
	struct stat st;

	make_sent_file("sent", 04777);
	copies_by(send_file, "sent", "box:/sent", "to");
	umask(mask);
	ck_assert_int_eq(stat("to", &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0750);
}
END_TEST

/* "." and a name: their last parts are found in different ways. */
START_TEST(folder_is_copied_to_the_guest)
{
	ck_assert_int_eq(mkdir("from", 0755), 0);
	make_sent_file("from/file", 0644);
	ck_assert_int_eq(symlink("file", "from/link"), 0);
	if (_i) {
		ck_assert_int_eq(chdir("from"), 0);
		copies_by(receive_files, "../copy", ".", "box:/copy");
		ck_assert_int_eq(chdir(".."), 0);
	} else {
		copies_by(receive_files, "copy", "from", "box:/copy");
	}
	ck_assert_int_eq(access("copy/link", F_OK), 0);
}
END_TEST

static bool has_line(pid_t pid, const char *line)
{
	char path[32], text[128];
	bool found = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "r");
	ck_assert_ptr_nonnull(f);
	while (fgets(text, sizeof(text), f))
		found |= !strcmp(text, line);
	fclose(f);
	return found;
}

/* Whether this host and build filter system calls. */
static bool has_filters(void)
{
	static const struct call_table *const tables[] = { &call_table_serving, NULL };
	const pid_t pid = fork();
	int status;

	if (!pid)
		_exit(confine_new_privileges(NULL) < 0 || call_filter_load(CALL_FILTER_FAIL, tables, false, NULL) < 0);
	return waitpid(pid, &status, 0) == pid && !status;
}

START_TEST(command_is_confined_before_the_guest_answers)
{
	const char *const from = _i ? "sent" : "box:/sent", *const to = _i ? "box:/sent" : "to";
	pid_t pid;
	int sock;

	make_sent_file("sent", 0644);
	pid = start_command(from, to);
	sock = accept_client();
	do
		ck_assert_int_eq(receive_packet(sock), 0);
	while (packet.type != VMM_POOL_EXECUTE);
	ck_assert(has_line(pid, "NoNewPrivs:\t1\n"));
	ck_assert(!has_filters() || has_line(pid, "Seccomp:\t2\n"));
	vmm_pool_packet_close(&packet);
	close(sock);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}
END_TEST

/* 0, or the errno of the first file that a confined process cannot make; 255: it is not confined. */
static int make_confined(const char *from, const char *to, const char *const *names)
{
	const pid_t pid = fork();
	int status;

	if (!pid) {
		if (parse(from, to, NULL) < 0 || vmm_cp_confine(command.host, command.to_guest, &err) < 0)
			_exit(255);
		for (; *names; names++)
			if (open(*names, O_WRONLY | O_CREAT | O_CLOEXEC, 0600) < 0)
				_exit(errno);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

static const struct {
	const char *from, *to, *name;
	bool made;
} reached[] = {
	{ "box:/a", "to", "to/a", true }, { "box:/a", "to", "b", false }, { "box:/a", "to/", "to/a", true },
	{ "box:/a", "new", "new", true }, { "box:/a", "new/", "new", true }, { "box:/a", "to/new", "to/new", true },
	{ "box:/a", "to/new", "b", false }, { "to", "box:/a", "to/a", false }, { "to", "box:/a", "b", false },
};

START_TEST(files_beside_the_copy_are_out_of_reach)
{
	const char *const names[] = { reached[_i].name, NULL };

	ck_assert_int_eq(mkdir("to", 0755), 0);
	ck_assert_int_eq(make_confined(reached[_i].from, reached[_i].to, names), reached[_i].made ? 0 : EACCES);
}
END_TEST

/* The reason why the test cannot run, or NULL. */
static const char *why_no_landlock(void)
{
#ifdef UNDER_COVERAGE
	return "a process that is measured writes files at its end";
#else
	const pid_t pid = fork();
	int status;

	if (!pid)
		_exit(confine_new_privileges(NULL) < 0 || landlock_narrow(NULL, 0, false) < 0);
	return waitpid(pid, &status, 0) == pid && !status ? NULL : "no Landlock";
#endif
}

int main(void)
{
	Suite *s = suite_create("cp_command");
	TCase *tc = tcase_create("cp_command");

	tcase_add_test(tc, path_of_a_machine_has_a_name_before_a_colon);
	tcase_add_test(tc, path_of_the_host_may_have_a_colon_behind_a_slash);
	tcase_add_loop_test(tc, other_paths_are_refused, 0, sizeof(odd) / sizeof(odd[0]));
	suite_add_tcase(s, tc);
	tc = tcase_create("copies");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, guest_does_not_choose_the_name_of_a_copy);
	tcase_add_test(tc, umask_excludes_modes_of_the_guest);
	tcase_add_loop_test(tc, folder_is_copied_to_the_guest, 0, 2);
	tcase_add_loop_test(tc, command_is_confined_before_the_guest_answers, 0, 2);
	tcase_add_loop_test_unless(tc, why_no_landlock(), files_beside_the_copy_are_out_of_reach, 0, sizeof(reached) / sizeof(reached[0]));
	suite_add_tcase(s, tc);
	return run_suite(s);
}
