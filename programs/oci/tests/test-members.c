/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about members of a pod, with a scripted agent in place of the guest's. */
#define _GNU_SOURCE
#include <config.h>

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>

#include "oci/members.h"
#include "oci/tests/agent.h"
#include "util.h"

#define CONFIG "{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"rootfs\"},\"process\":{\"cwd\":\"/\",\"args\":[\"sh\"]}}"

static struct vagent_guest *g;
static struct oci_members members;
static struct oci_client stand_in, starter;
static int stand_in_peer, starter_peer;	/* where their processes read */
static struct vsu_error err;

static void serve(uint32_t type, const void *payload, uint32_t len)
{
	agent_sends(g, type, payload, len);
	oci_members_serve(&members);
}

/* ------------------------------------------------------------------- the clients */

static void connect_client(struct oci_client *client, int *peer)
{
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
	*client = (struct oci_client){ .fd = pair[0] };
	*peer = pair[1];
}

/* Its answer arrived, without a wait. */
static struct oci_message answer(int peer)
{
	struct oci_message m;

	ck_assert_int_eq(oci_wire_await(peer, &m, 0), 0);
	return m;
}

static void expect_no_answer(int peer)
{
	struct oci_message m;

	ck_assert_int_eq(oci_wire_await(peer, &m, 0), -ETIMEDOUT);
}

/* ---------------------------------------------------------------------- fixtures */

static int open_config(void)
{
	FILE *f = tmpfile();
	int fd;

	ck_assert_ptr_nonnull(f);
	fputs(CONFIG, f);
	ck_assert_int_eq(fflush(f), 0);
	fd = dup(fileno(f));
	ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
	fclose(f);
	return fd;
}

static void join_member(void)
{
	struct oci_message request = { .op = OCI_OP_JOIN, .begun = 1, .text = "a" };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), config = open_config();
	const int fds[OCI_JOIN_FDS] = { config, null, null, null };

	ck_assert_msg(!oci_members_join(&members, g, &stand_in, &request, fds, &err), "%s", err.msg);
	vsu_fd_close(&config);
	vsu_fd_close(&null);
}

static void init(void)
{
	signal(SIGPIPE, SIG_IGN);
	vsu_error_clear(&err);
	members = (struct oci_members){ .all = { NULL } };
	g = agent_serves();
	connect_client(&stand_in, &stand_in_peer);
	connect_client(&starter, &starter_peer);
	join_member();
	serve(VAGENT_PREPARED, &(struct vagent_prepared){ 1, 77 }, sizeof(struct vagent_prepared));
	ck_assert_int_eq(answer(stand_in_peer).rc, 0);
	oci_workload_start(oci_members_find(&members, "a"), &starter);
	expect_no_answer(starter_peer);
}

static void fini(void)
{
	oci_members_disconnect(&members, &starter);
	oci_members_disconnect(&members, &stand_in);
	vagent_guest_free(g);
	vsu_fd_close(&stand_in.fd);
	vsu_fd_close(&starter.fd);
	vsu_fd_close(&stand_in_peer);
	vsu_fd_close(&starter_peer);
}

/* ------------------------------------------------------------------------ claims */

static void expect_end_before_start(void)
{
	const struct oci_message m = answer(starter_peer);

	ck_assert_int_eq(m.op, OCI_OP_START);
	ck_assert_int_eq(m.rc, -ESRCH);
	ck_assert_str_eq(m.text, "the container 'a' was ended before its program was executed");
	ck_assert_ptr_null(oci_members_find(&members, "a"));
}

START_TEST(start_is_answered_when_the_program_runs)
{
	serve(VAGENT_RUNNING, &(uint32_t){ 1 }, 4);
	ck_assert_int_eq(answer(starter_peer).rc, 0);
}
END_TEST

START_TEST(start_of_a_member_whose_process_ends_is_answered)
{
	oci_members_disconnect(&members, &stand_in);
	expect_end_before_start();
}
END_TEST

START_TEST(start_of_a_member_that_does_not_end_is_answered)
{
	struct oci_workload *w = oci_members_find(&members, "a");

	ck_assert_int_eq(oci_workload_signal(w, SIGKILL, false, &err), 0);
	w->kill_ns = vsu_now_ns();
	oci_members_serve(&members);
	expect_end_before_start();
	ck_assert_int_eq(answer(stand_in_peer).op, OCI_OP_ENDED);
}
END_TEST

START_TEST(start_whose_client_has_ended_is_not_answered)
{
	oci_members_disconnect(&members, &starter);
	oci_members_disconnect(&members, &stand_in);
	expect_no_answer(starter_peer);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("members");
	TCase *t = tcase_create("members");

	tcase_add_checked_fixture(t, init, fini);
	tcase_add_test(t, start_is_answered_when_the_program_runs);
	tcase_add_test(t, start_of_a_member_whose_process_ends_is_answered);
	tcase_add_test(t, start_of_a_member_that_does_not_end_is_answered);
	tcase_add_test(t, start_whose_client_has_ended_is_not_answered);
	suite_add_tcase(s, t);
	return run_suite(s);
}
