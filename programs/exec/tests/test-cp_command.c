/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about "cvmm cp": its command line, and copies from a machine whose guest is a process of the test. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vm-agent/files.h>

#include "exec/cp_command.h"
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
static void answer_with(const char *path)
{
	const int sock = accept_client();
	const uint32_t status = 0;
	int rc;

	do
		rc = receive_packet(sock);
	while (!rc && packet.type != VMM_POOL_EXECUTE);
	rc = rc < 0 ? rc : vagent_files_send(packet.fds[VAGENT_STDOUT], path, NULL);
	rc = rc < 0 ? rc : vmm_pool_send(sock, VMM_POOL_STARTED, NULL, 0, NULL, 0);
	rc = rc < 0 ? rc : vmm_pool_send(sock, VMM_POOL_ENDED, &status, sizeof(status), NULL, 0);
	_exit(rc < 0);
}

static void copies(const char *from, const char *to, const char *sent)
{
	const pid_t guest = fork();
	int status;

	if (!guest)
		answer_with(sent);
	ck_assert_int_eq(parse(from, to, NULL), 0);
	ck_assert_msg(vmm_cp_command_run(&command, &err) == 0, "%s", err.msg);
	ck_assert_int_eq(waitpid(guest, &status, 0), guest);
	ck_assert_int_eq(status, 0);
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
	copies("box:/etc/hostname", "to", ".bashrc");
	ck_assert_int_eq(access("to/hostname", F_OK), 0);
	ck_assert_int_eq(access("to/.bashrc", F_OK), -1);
}
END_TEST

START_TEST(umask_excludes_modes_of_the_guest)
{
	const mode_t mask = umask(027);
	struct stat st;

	make_sent_file("sent", 04777);
	copies("box:/sent", "to", "sent");
	umask(mask);
	ck_assert_int_eq(stat("to", &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0750);
}
END_TEST

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
	suite_add_tcase(s, tc);
	return run_suite(s);
}
