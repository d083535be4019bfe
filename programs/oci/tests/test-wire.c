/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about messages between commands and a monitor. */
#define _GNU_SOURCE
#include <config.h>

#include <sys/socket.h>
#include <sys/stat.h>

#include <vmm-sys-util/fd.h>

#include "oci/wire.h"
#include "util.h"

static char folder_name[256];
static int folder, listener;
static struct vsu_error err;

/* The path is longer than an address of a socket. */
static void init(void)
{
	strcpy(folder_name, "/tmp/oci-wire.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder_name));
	strcat(folder_name, "/a-name-that-is-long-enough-to-exceed-the-108-bytes-of-an-address-together-with-the-name-of-the-folder-above-it");
	ck_assert_int_eq(mkdir(folder_name, 0700), 0);
	folder = open(folder_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	listener = oci_wire_listen(folder, &err);
	ck_assert_msg(listener >= 0, "%s", err.msg);
}

static void fini(void)
{
	vsu_fd_close(&listener);
	unlinkat(folder, OCI_WIRE_SOCKET, 0);
	vsu_fd_close(&folder);
	rmdir(folder_name);
	*strrchr(folder_name, '/') = '\0';
	rmdir(folder_name);
}

struct link {
	int client, monitor;
};

static struct link connect_both(void)
{
	struct link l = { .client = oci_wire_connect(folder, &err) };

	ck_assert_msg(l.client >= 0, "%s", err.msg);
	l.monitor = vsu_sock_accept(listener);
	ck_assert_int_ge(l.monitor, 0);
	return l;
}

static void close_both(struct link *l)
{
	vsu_fd_close(&l->client);
	vsu_fd_close(&l->monitor);
}

START_TEST(message_arrives_with_its_descriptors)
{
	struct oci_message m = { .op = OCI_OP_EXEC, .first = 7 }, got;
	int fds[VSU_SOCK_MAX_FDS];
	struct link l = connect_both();
	unsigned int n;

	ck_assert_int_eq(oci_wire_send(l.client, &m, (const int[]){ 0, 1 }, 2), 0);
	ck_assert_int_eq(oci_wire_receive(l.monitor, &got, fds, &n), 0);
	ck_assert_uint_eq(got.op, OCI_OP_EXEC);
	ck_assert_uint_eq(got.first, 7);
	ck_assert_uint_eq(n, 2);
	vsu_fd_close(&fds[0]);
	vsu_fd_close(&fds[1]);
	close_both(&l);
}
END_TEST

START_TEST(failure_of_a_request_is_that_of_the_call)
{
	struct oci_message m = { .op = OCI_OP_START }, reply = { .op = OCI_OP_START, .rc = -EINVAL, .text = "why" };
	struct link l = connect_both();

	ck_assert_int_eq(oci_wire_send(l.monitor, &reply, NULL, 0), 0);
	assert_refused(oci_wire_call(l.client, &m, NULL, 0, 1000, &err), -EINVAL, "why", err);
	close_both(&l);
}
END_TEST

START_TEST(silent_monitor_is_not_awaited_without_limit)
{
	struct oci_message m = { .op = OCI_OP_START };
	struct link l = connect_both();

	assert_refused(oci_wire_call(l.client, &m, NULL, 0, 1, &err), -ETIMEDOUT,
		       "the monitor of the container does not answer: Connection timed out", err);
	close_both(&l);
}
END_TEST

START_TEST(end_of_the_peer_is_reported)
{
	struct link l = connect_both();
	struct oci_message m;

	vsu_fd_close(&l.monitor);
	ck_assert_int_eq(oci_wire_await(l.client, &m, -1), -ECONNRESET);
	close_both(&l);
}
END_TEST

START_TEST(message_of_another_size_is_invalid)
{
	struct link l = connect_both();
	struct oci_message m;

	ck_assert_int_eq(send(l.client, "x", 1, 0), 1);
	ck_assert_int_eq(oci_wire_await(l.monitor, &m, -1), -EBADMSG);
	close_both(&l);
}
END_TEST

START_TEST(number_of_processes_is_checked)
{
	struct oci_message m = { .op = OCI_OP_LIST, .npids = OCI_WIRE_PIDS + 1 };
	struct link l = connect_both();

	ck_assert_int_eq(oci_wire_send(l.client, &m, NULL, 0), 0);
	ck_assert_int_eq(oci_wire_await(l.monitor, &m, -1), -EBADMSG);
	close_both(&l);
}
END_TEST

START_TEST(text_is_terminated)
{
	struct oci_message m = { .op = OCI_OP_LIST };
	struct link l = connect_both();

	memset(m.text, 'a', sizeof(m.text));
	ck_assert_int_eq(oci_wire_send(l.client, &m, NULL, 0), 0);
	ck_assert_int_eq(oci_wire_await(l.monitor, &m, -1), 0);
	ck_assert_uint_eq(strlen(m.text), sizeof(m.text) - 1);
	close_both(&l);
}
END_TEST

START_TEST(container_without_a_monitor_refuses_a_connection)
{
	vsu_fd_close(&listener);
	ck_assert_int_eq(oci_wire_connect(folder, &err), -ECONNREFUSED);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("wire");
	TCase *t = tcase_create("wire");

	tcase_add_checked_fixture(t, init, fini);
	tcase_add_test(t, message_arrives_with_its_descriptors);
	tcase_add_test(t, failure_of_a_request_is_that_of_the_call);
	tcase_add_test(t, silent_monitor_is_not_awaited_without_limit);
	tcase_add_test(t, end_of_the_peer_is_reported);
	tcase_add_test(t, message_of_another_size_is_invalid);
	tcase_add_test(t, number_of_processes_is_checked);
	tcase_add_test(t, text_is_terminated);
	tcase_add_test(t, container_without_a_monitor_refuses_a_connection);
	suite_add_tcase(s, t);
	return run_suite(s);
}
