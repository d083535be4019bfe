/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about examples/echo-device, made by a driver of it. */
#include <config.h>

#include <check.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <virtio-queue/features.h>
#include <vmm-sys-util/sock.h>

#include "echo_client.h"
#include "suite.h"
#include "workdir.h"

static char program[PATH_MAX];
static struct workdir dir;
static pid_t pid;

static void launch(void)
{
	workdir_init(&dir);
	ck_assert_int_eq(chdir(dir.path), 0);
	pid = fork();
	if (pid == 0) {
		execl(program, program, "s", (char *)NULL);
		_exit(127);
	}
}

static void end(void)
{
	int status;

	kill(pid, SIGTERM);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(WTERMSIG(status), SIGTERM);
	ck_assert_int_eq(chdir("/"), 0);
	workdir_fini(&dir);
}

static int connect_to_it(void)
{
	int sock;

	while ((sock = vsu_sock_connect("s", NULL)) < 0) {
		ck_assert_int_eq(waitpid(pid, NULL, WNOHANG), 0);
		poll(NULL, 0, 5);	/* until it listens */
	}
	return sock;
}

static void expect_echo(uint64_t features)
{
	struct echo_client client;

	echo_client_init(&client, connect_to_it(), 1, features);
	ck_assert(echo_client_wait(&client, &client.ready));
	ck_assert(echo_client_start(&client));
	ck_assert(echo_client_run(&client, 0, 1000));
	ck_assert(echo_client_stop(&client));
	echo_client_fini(&client);
}

START_TEST(the_device_answers_one_driver_after_another)
{
	expect_echo(VQ_F_VERSION_1);
	expect_echo(VQ_F_VERSION_1 | VQ_F_RING_PACKED);
}
END_TEST

START_TEST(the_same_device_answers_behind_registers)
{
	char command[PATH_MAX + 64], line[64] = "";
	FILE *said;

	snprintf(command, sizeof(command), "%s here 'there and back'", program);
	said = popen(command, "r");
	ck_assert_ptr_nonnull(said);
	ck_assert_ptr_nonnull(fgets(line, sizeof(line), said));
	ck_assert_str_eq(line, "there and back\n");
	ck_assert_int_eq(pclose(said), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("echo-example");
	TCase *tc = tcase_create("echo-example");
	const char *top = getenv("top_builddir");
	const char *given = getenv("ECHO_DEVICE");	/* another build of it */
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/examples/echo-device",
		 top ? top : "..");
	if (given)
		snprintf(path, sizeof(path), "%s", given);
	if (!realpath(path, program)) {
		printf("1..0 # SKIP %s is not built\n", path);
		return 0;
	}
	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, launch, end);
	tcase_add_test(tc, the_device_answers_one_driver_after_another);
	tcase_add_test(tc, the_same_device_answers_behind_registers);

	return run_suite(s);
}
