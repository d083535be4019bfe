/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the host's ends of ports, as a device calls them. */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "../guest.h"
#include "../image.h"
#include "../suite.h"
#include "port/priv.h"

static struct virtdev_port *port;
static struct vsu_error err;
static struct baseline before;
static int in_epfd, out_epfd;
static char text[256];

static void setup(void)
{
	folder_init("/tmp");
	before = baseline_take();
	in_epfd = epoll_create1(EPOLL_CLOEXEC);
	out_epfd = epoll_create1(EPOLL_CLOEXEC);
	port = NULL;
	err = (struct vsu_error)VSU_ERROR_INIT;
}

static void teardown(void)
{
	virtdev_port_free(port);
	close(in_epfd);
	close(out_epfd);
	baseline_check(before);
	folder_fini();
}

static void attach(void)
{
	ck_assert_int_eq(virtdev_priv_port_attach(port, in_epfd, out_epfd), 0);
}

static bool is_open(void)
{
	return virtdev_priv_port_is_open(port);
}

static ssize_t put(const char *what)
{
	const struct iovec iov = { (void *)(uintptr_t)what, strlen(what) };

	return virtdev_priv_port_give(port, &iov, 1);
}

/* Reads into text; returns the port's result. */
static ssize_t get(void)
{
	const struct iovec iov = { text, sizeof(text) - 1 };
	ssize_t n = virtdev_priv_port_take(port, &iov, 1);

	text[n > 0 ? n : 0] = '\0';
	return n;
}

/* Waits until the port's descriptor is readable. */
static void wait_in(void)
{
	struct epoll_event event;

	ck_assert_int_eq(epoll_wait(in_epfd, &event, 1, 10000), 1);
}

static bool in_is_quiet(void)
{
	struct epoll_event event;

	return epoll_wait(in_epfd, &event, 1, 0) == 0;
}

/* ----------------------------------------------------------------- descriptors */

START_TEST(pair_of_pipes_is_a_port)
{
	int in[2], out[2];

	ck_assert_int_eq(pipe(in), 0);
	ck_assert_int_eq(pipe(out), 0);
	ck_assert_int_eq(virtdev_port_fds_new(in[0], out[1], &port, &err), 0);
	close(in[0]);
	close(out[1]);
	attach();
	ck_assert(is_open());
	ck_assert_int_eq(get(), -EAGAIN);
	ck_assert_int_eq(write(in[1], "to", 2), 2);
	wait_in();
	ck_assert_int_eq(get(), 2);
	ck_assert_int_eq(put("from"), 4);
	ck_assert_int_eq(read(out[0], text, sizeof(text)), 4);
	close(in[1]);
	wait_in();
	ck_assert_int_eq(get(), -ENOTCONN);
	ck_assert(is_open());	/* it is still writable */
	close(out[0]);
	ck_assert(!is_open());
	ck_assert_int_eq(put("x"), -ENOTCONN);
}
END_TEST

START_TEST(full_pipe_does_not_block)
{
	static char much[1 << 16];
	struct iovec iov = { much, sizeof(much) };
	int out[2];

	ck_assert_int_eq(pipe(out), 0);
	ck_assert_int_eq(virtdev_port_fds_new(-1, out[1], &port, &err), 0);
	attach();
	while (virtdev_priv_port_give(port, &iov, 1) > 0)
		;
	ck_assert_int_eq(virtdev_priv_port_give(port, &iov, 1), -EAGAIN);
	ck_assert_int_eq(get(), -ENOTCONN);
	close(out[0]);
	close(out[1]);
}
END_TEST

START_TEST(file_is_written_immediately)
{
	int fd = open("log", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(virtdev_port_fds_new(-1, fd, &port, &err), 0);
	attach();
	ck_assert(is_open());
	ck_assert_int_eq(put("line\n"), 5);
	ck_assert_int_eq(pread(fd, text, 5, 0), 5);
	ck_assert_int_eq(memcmp(text, "line\n", 5), 0);
	close(fd);
}
END_TEST

START_TEST(blocking_mode_of_a_socket_is_unchanged)
{
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
				    pair), 0);
	ck_assert_int_eq(virtdev_port_fds_new(pair[0], pair[0], &port, &err),
			 0);
	attach();
	ck_assert_int_eq(fcntl(pair[0], F_GETFL) & O_NONBLOCK, 0);
	ck_assert_int_eq(get(), -EAGAIN);
	close(pair[0]);
	close(pair[1]);
	ck_assert_int_eq(put("no signal"), -ENOTCONN);
}
END_TEST

START_TEST(invalid_descriptor_is_refused)
{
	ck_assert_int_eq(virtdev_port_fds_new(999, 999, &port, &err), -EBADF);
	ck_assert_ptr_nonnull(strstr(err.msg, "999"));
}
END_TEST

/* --------------------------------------------------------------------- sockets */

static int client_connect(void)
{
	int fd = vsu_sock_connect("s", NULL);

	ck_assert_int_ge(fd, 0);
	return fd;
}

static void make_socket(void)
{
	ck_assert_msg(!virtdev_port_socket_new("s", &port, &err), "%s",
		      err.msg);
	attach();
}

START_TEST(client_opens_and_closes_the_port)
{
	int fd;

	make_socket();
	ck_assert(!is_open());
	ck_assert_int_eq(put("x"), -ENOTCONN);
	ck_assert_int_eq(get(), -ENOTCONN);
	fd = client_connect();
	wait_in();
	ck_assert(is_open());
	ck_assert_int_eq(put("welcome"), 7);
	ck_assert_int_eq(recv(fd, text, sizeof(text), 0), 7);
	ck_assert_int_eq(send(fd, "bye", 3, 0), 3);
	close(fd);
	ck_assert(is_open());	/* unread bytes remain */
	ck_assert_int_eq(get(), 3);
	ck_assert_int_eq(get(), -ENOTCONN);
	ck_assert(!is_open());
}
END_TEST

START_TEST(second_client_waits_until_the_first_disconnects)
{
	int first, second;

	make_socket();
	first = client_connect();
	second = client_connect();
	ck_assert_int_eq(send(second, "two", 3, 0), 3);
	ck_assert(is_open());
	ck_assert_int_eq(get(), -EAGAIN);
	close(first);
	ck_assert_int_eq(get(), -ENOTCONN);
	ck_assert(!is_open());
	ck_assert(is_open());
	ck_assert_int_eq(get(), 3);
	ck_assert_str_eq(text, "two");
	close(second);
}
END_TEST

START_TEST(client_that_shut_down_writing_still_receives)
{
	int fd;

	make_socket();
	fd = client_connect();
	ck_assert(is_open());
	ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
	ck_assert_int_eq(get(), -ENOTCONN);
	ck_assert(is_open());
	ck_assert_int_eq(put("answer"), 6);
	ck_assert_int_eq(recv(fd, text, sizeof(text), 0), 6);
	close(fd);
	ck_assert(!is_open());
}
END_TEST

START_TEST(socket_is_removed_with_its_port)
{
	struct stat st;

	make_socket();
	ck_assert_int_eq(stat("s", &st), 0);
	virtdev_port_free(port);
	port = NULL;
	ck_assert_int_lt(stat("s", &st), 0);
	ck_assert_int_eq(virtdev_port_socket_new("nowhere/s", &port, &err),
			 -ENOENT);
	ck_assert_ptr_nonnull(strstr(err.msg, "nowhere/s"));
}
END_TEST

/* ------------------------------------------------------------------- terminals */

static char where[64];

static void make_pty(void)
{
	ck_assert_msg(!virtdev_port_pty_new(&port, where, sizeof(where), &err),
		      "%s", err.msg);
	attach();
	while (!in_is_quiet())
		;
}

static int open_terminal(void)
{
	int fd = open(where, O_RDWR | O_NOCTTY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	return fd;
}

START_TEST(terminal_port_is_open_while_a_process_has_it_open)
{
	int fd, i;

	make_pty();
	ck_assert(!is_open());
	ck_assert_int_eq(put("x"), -ENOTCONN);
	for (i = 0; i < 3; i++) {
		fd = open_terminal();
		wait_in();
		ck_assert(is_open());
		ck_assert_int_eq(put("hi"), 2);
		ck_assert_int_eq(read(fd, text, sizeof(text)), 2);
		ck_assert_int_eq(write(fd, "ho", 2), 2);
		wait_in();
		ck_assert_int_eq(get(), 2);
		close(fd);
		wait_in();
		ck_assert(!is_open());
	}
}
END_TEST

START_TEST(a_terminal_is_raw)
{
	static const char odd[] = "\x03\x04\n\r\x11\x13\xff";
	struct termios modes;
	int fd;

	make_pty();
	fd = open_terminal();
	ck_assert_int_eq(tcgetattr(fd, &modes), 0);
	ck_assert_uint_eq(modes.c_lflag & (ICANON | ECHO | ISIG), 0);
	ck_assert_int_eq(write(fd, odd, 7), 7);
	wait_in();
	ck_assert_int_eq(get(), 7);
	ck_assert_str_eq(text, odd);
	close(fd);
}
END_TEST

START_TEST(unread_terminal_does_not_block)
{
	static char much[1 << 16];
	const struct iovec iov = { much, sizeof(much) };
	ssize_t rc = 1;
	int fd, i;

	make_pty();
	fd = open_terminal();
	/* the kernel forwards the bytes in parts, from a thread of its own */
	for (i = 0; i < 64 && rc > 0; i++)
		rc = virtdev_priv_port_give(port, &iov, 1);
	ck_assert_int_eq(rc, -EAGAIN);
	close(fd);
}
END_TEST

/* ------------------------------------------------- the end of a serial port */

static struct virtdev_port_client end;

/* Opens an end on a pair of sockets, and returns the peer's. */
static int open_end(void)
{
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	ck_assert_int_eq(virtdev_port_fds_new(pair[0], pair[0], &port, &err), 0);
	close(pair[0]);
	ck_assert_int_eq(virtdev_port_client_open(&end, port, &err), 0);
	port = NULL;	/* the end's */
	return pair[1];
}

static bool end_is_readable(void)
{
	struct pollfd p = { .fd = end.in_fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

START_TEST(end_of_a_serial_port_is_readable_until_its_client_was_read)
{
	unsigned char byte;
	int peer = open_end();

	ck_assert(virtdev_port_client_accept(&end));
	ck_assert_uint_eq(virtdev_port_client_read(&end, &byte, 1), 0);
	ck_assert(!end_is_readable());
	ck_assert_int_eq(write(peer, "ab", 2), 2);
	ck_assert(end_is_readable());
	ck_assert_uint_eq(virtdev_port_client_read(&end, &byte, 1), 1);
	ck_assert(end_is_readable());
	ck_assert_uint_eq(virtdev_port_client_read(&end, &byte, 1), 1);
	ck_assert_int_eq(byte, 'b');
	ck_assert_uint_eq(virtdev_port_client_read(&end, &byte, 1), 0);
	ck_assert(!end_is_readable());
	virtdev_port_client_close(&end);
	close(peer);
}
END_TEST

START_TEST(end_of_a_serial_port_has_no_client_after_it_left)
{
	int peer = open_end();

	ck_assert_int_eq(virtdev_port_client_write(&end, "x", 1), 1);
	close(peer);
	ck_assert_int_eq(virtdev_port_client_write(&end, "x", 1), -ENOTCONN);
	ck_assert(!virtdev_port_client_accept(&end));
	virtdev_port_client_close(&end);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("port");
	TCase *tc = tcase_create("port");

	signal(SIGPIPE, SIG_IGN);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, pair_of_pipes_is_a_port);
	tcase_add_test(tc, full_pipe_does_not_block);
	tcase_add_test(tc, file_is_written_immediately);
	tcase_add_test(tc, blocking_mode_of_a_socket_is_unchanged);
	tcase_add_test(tc, invalid_descriptor_is_refused);
	tcase_add_test(tc, client_opens_and_closes_the_port);
	tcase_add_test(tc, second_client_waits_until_the_first_disconnects);
	tcase_add_test(tc, client_that_shut_down_writing_still_receives);
	tcase_add_test(tc, end_of_a_serial_port_is_readable_until_its_client_was_read);
	tcase_add_test(tc, end_of_a_serial_port_has_no_client_after_it_left);
	tcase_add_test(tc, socket_is_removed_with_its_port);
	tcase_add_test(tc, terminal_port_is_open_while_a_process_has_it_open);
	tcase_add_test(tc, a_terminal_is_raw);
	tcase_add_test(tc, unread_terminal_does_not_block);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
