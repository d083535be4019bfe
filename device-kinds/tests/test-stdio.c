/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about a console port on standard input and output: buffer, output, terminal. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <termios.h>

#include <device-kinds/stdio.h>
#include <vmm-sys-util/fd.h>

#include "suite.h"

#define HELD 65536u
#define PIECE 4096u

static struct virtdev_port_ops ops;
static void *port;

int __wrap_virtdev_port_new(const struct virtdev_port_ops *o, void *self, struct virtdev_port **out);
int __wrap_virtdev_port_new(const struct virtdev_port_ops *o, void *self, struct virtdev_port **out)
{
	ops = *o;
	port = self;
	*out = NULL;
	return 0;
}

static struct devkind_stdio *s;
static struct vsu_error err;
static unsigned int wanted, left;
static int in[2], out[2];
static unsigned char bytes[HELD + PIECE], copy[sizeof(bytes)];

static void on_want(void *opaque)
{
	ck_assert_ptr_eq(opaque, &wanted);
	wanted++;
}

static void on_leave(void *opaque)
{
	(void)opaque;
	left++;
}

static void make(int in_fd, int out_fd)
{
	const struct vsu_terminal terminal = { .quit = on_leave, .opaque = &wanted };
	struct virtdev_port *made;

	ck_assert_int_eq(devkind_stdio_new(in_fd, out_fd, &terminal, on_want, &s, &err), 0);
	ck_assert_int_eq(devkind_stdio_port(s, &made, &err), 0);
}

static void make_on_pipes(void)
{
	ck_assert_int_eq(pipe(in), 0);
	ck_assert_int_eq(pipe(out), 0);
	make(in[0], out[1]);
}

static void setup(void)
{
	size_t i;

	wanted = left = 0;
	s = NULL;
	for (i = 0; i < 2; i++)
		in[i] = out[i] = -1;
	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)(i * 7 / 5);
	memset(copy, 0, sizeof(copy));
}

static void teardown(void)
{
	int i;

	devkind_stdio_free(s);
	for (i = 0; i < 2; i++) {
		vsu_fd_close(&in[i]);
		vsu_fd_close(&out[i]);
	}
}

static void type(const void *from, size_t n)
{
	ck_assert_int_eq(write(in[1], from, n), (ssize_t)n);
	ck_assert(devkind_stdio_input(s));
}

static ssize_t guest_reads(size_t n)
{
	const struct iovec iov = { copy, n };

	return ops.read(port, &iov, 1);
}

static ssize_t guest_writes(const void *from, size_t n)
{
	const struct iovec iov = { (void *)(uintptr_t)from, n };

	return ops.write(port, &iov, 1);
}

/* --------------------------------------------------------------------- input */

START_TEST(input_is_buffered_for_the_guest)
{
	make_on_pipes();
	ck_assert_str_eq(ops.name, "stdio");
	ck_assert(ops.is_open(port));
	ck_assert_int_eq(guest_reads(8), -EAGAIN);
	type("abc", 3);
	ck_assert_int_eq(guest_reads(2), 2);
	ck_assert_mem_eq(copy, "ab", 2);
	ck_assert_int_eq(guest_reads(8), 1);
	ck_assert_mem_eq(copy, "c", 1);
	ck_assert_int_eq(guest_reads(8), -EAGAIN);
}
END_TEST

START_TEST(one_call_reads_at_most_a_piece)
{
	make_on_pipes();
	type(bytes, PIECE + 1);
	ck_assert_int_eq(guest_reads(sizeof(copy)), PIECE);
	ck_assert(devkind_stdio_input(s));
	ck_assert_int_eq(guest_reads(sizeof(copy)), 1);
	ck_assert_uint_eq(copy[0], bytes[PIECE]);
}
END_TEST

START_TEST(input_is_scattered_over_buffers)
{
	const struct iovec iov[] = { { copy, 2 }, { copy + 10, 2 }, { copy + 20, 4 }, { copy + 30, 4 } };

	make_on_pipes();
	type("abcde", 5);
	ck_assert_int_eq(ops.read(port, iov, 4), 5);
	ck_assert_mem_eq(copy, "ab", 3);
	ck_assert_mem_eq(copy + 10, "cd", 3);
	ck_assert_mem_eq(copy + 20, "e", 2);
	ck_assert_uint_eq(copy[30], 0);
}
END_TEST

/* Without a terminal nothing is dropped: input is read when the guest has made room. */
START_TEST(full_buffer_is_not_read_into)
{
	unsigned int i;

	make_on_pipes();
	for (i = 0; i < HELD; i += PIECE) {
		ck_assert(devkind_stdio_wants(s));
		type(bytes + i, PIECE);
	}
	ck_assert(!devkind_stdio_wants(s));
	type("x", 1);
	ck_assert_uint_eq(wanted, 0);
	ck_assert_int_eq(guest_reads(100), 100);
	ck_assert_uint_eq(wanted, 1);
	ck_assert_int_eq(guest_reads(1), 1);
	ck_assert_uint_eq(wanted, 1);
	ck_assert(devkind_stdio_input(s));
	ck_assert_int_eq(guest_reads(HELD), HELD - 101);
	ck_assert_mem_eq(copy, bytes + 101, HELD - 101);
	ck_assert_int_eq(guest_reads(HELD), 1);
	ck_assert_uint_eq(copy[0], 'x');
}
END_TEST

START_TEST(bytes_are_in_order_across_the_end_of_the_buffer)
{
	unsigned int i;

	make_on_pipes();
	for (i = 0; i < HELD - PIECE; i += PIECE)
		type(bytes, PIECE);
	ck_assert_int_eq(guest_reads(HELD), HELD - PIECE);
	type(bytes, PIECE / 2);
	type(bytes + PIECE / 2, PIECE);
	ck_assert_int_eq(guest_reads(HELD), PIECE);
	ck_assert_mem_eq(copy, bytes, PIECE);
	ck_assert_int_eq(guest_reads(HELD), PIECE / 2);
	ck_assert_mem_eq(copy, bytes + PIECE, PIECE / 2);
}
END_TEST

START_TEST(end_of_input_is_reported)
{
	make_on_pipes();
	type("a", 1);
	vsu_fd_close(&in[1]);
	ck_assert(!devkind_stdio_input(s));
	ck_assert_int_eq(guest_reads(8), 1);
	ck_assert(ops.is_open(port));
}
END_TEST

START_TEST(absent_input_is_retried_and_a_failure_ends_it)
{
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
	make(pair[0], -1);
	ck_assert(devkind_stdio_input(s));
	close(pair[0]);
	ck_assert(!devkind_stdio_input(s));
	close(pair[1]);
}
END_TEST

START_TEST(device_is_woken_by_input_and_by_room)
{
	const int in_epfd = epoll_create1(0), out_epfd = epoll_create1(0);
	struct epoll_event event;

	make_on_pipes();
	ck_assert_int_eq(ops.attach(port, in_epfd, out_epfd), 0);
	ck_assert_int_eq(epoll_wait(in_epfd, &event, 1, 0), 0);
	ck_assert_int_eq(epoll_wait(out_epfd, &event, 1, 0), 1);
	ck_assert_uint_eq(event.events & EPOLLOUT, EPOLLOUT);
	ck_assert_int_eq(epoll_wait(out_epfd, &event, 1, 0), 0);
	type("a", 1);
	ck_assert_int_eq(epoll_wait(in_epfd, &event, 1, 0), 1);
	ck_assert_uint_eq(event.events & EPOLLIN, EPOLLIN);
	ck_assert_int_eq(epoll_wait(in_epfd, &event, 1, 0), 0);
	close(in_epfd);
	close(out_epfd);
}
END_TEST

/* A regular file cannot be watched and never blocks. */
START_TEST(file_is_written)
{
	char name[] = "/tmp/stdio.XXXXXX";
	const int fd = mkstemp(name), epfd = epoll_create1(0);

	unlink(name);
	make(-1, fd);
	ck_assert_int_eq(ops.attach(port, epfd, epfd), 0);
	ck_assert_int_eq(guest_writes("abc", 3), 3);
	ck_assert_int_eq(pread(fd, copy, 8, 0), 3);
	ck_assert_mem_eq(copy, "abc", 3);
	close(fd);
	close(epfd);
}
END_TEST

START_TEST(invalid_descriptor_cannot_be_attached)
{
	const int epfd = epoll_create1(0);

	make_on_pipes();
	ck_assert_int_eq(ops.attach(port, -1, epfd), -EBADF);
	ck_assert_int_eq(ops.attach(port, epfd, -1), -EBADF);
	close(epfd);
}
END_TEST

/* -------------------------------------------------------------------- output */

START_TEST(output_waits_for_room_in_pieces)
{
	ssize_t n = 0, all = 0;

	make_on_pipes();
	while ((n = guest_writes(bytes, sizeof(bytes))) > 0) {
		ck_assert_int_eq(n, PIECE);
		all += n;
	}
	ck_assert_int_eq(n, -EAGAIN);
	ck_assert(ops.is_open(port));
	ck_assert_int_eq(read(out[0], copy, PIECE), PIECE);
	ck_assert_mem_eq(copy, bytes, PIECE);
	ck_assert_int_gt(guest_writes(bytes, 10), 0);
	ck_assert_int_eq(all % PIECE, 0);
}
END_TEST

/* A descriptor that several programs share stays blocking. */
START_TEST(mode_of_the_descriptor_is_unchanged)
{
	make_on_pipes();
	ck_assert_int_eq(fcntl(out[1], F_GETFL) & O_NONBLOCK, 0);
}
END_TEST

/* Sockets cannot be opened again: poll() reports room. */
START_TEST(socket_is_written_only_if_it_has_room)
{
	int pair[2];
	ssize_t n = 0;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	make(-1, pair[0]);
	while ((n = guest_writes(bytes, PIECE)) > 0)
		ck_assert_int_eq(n, PIECE);
	ck_assert_int_eq(n, -EAGAIN);
	close(pair[0]);
	close(pair[1]);
}
END_TEST

START_TEST(reader_that_left_closes_the_port)
{
	make_on_pipes();
	ck_assert_int_eq(guest_writes("a", 1), 1);
	signal(SIGPIPE, SIG_IGN);
	vsu_fd_close(&out[0]);
	ck_assert_int_eq(guest_writes("a", 1), -ENOTCONN);
	ck_assert(!ops.is_open(port));
	ck_assert_int_eq(guest_writes("a", 1), -ENOTCONN);
}
END_TEST

/* ------------------------------------------------------------------- terminal */

static void make_on_terminal(void)
{
	struct winsize size = { .ws_row = 24, .ws_col = 80 };

	ck_assert_int_eq(openpty(&in[1], &in[0], NULL, NULL, &size), 0);
	make(in[0], in[0]);
}

START_TEST(terminal_has_a_size)
{
	struct winsize none = { .ws_row = 24 };
	uint16_t cols = 1, rows = 2;

	make_on_terminal();
	ck_assert(devkind_stdio_size(s, &cols, &rows));
	ck_assert_uint_eq(cols, 80);
	ck_assert_uint_eq(rows, 24);
	ck_assert_int_eq(ioctl(in[1], TIOCSWINSZ, &none), 0);
	ck_assert(!devkind_stdio_size(s, &cols, &rows));
}
END_TEST

START_TEST(pipe_has_no_size)
{
	uint16_t cols, rows;

	make_on_pipes();
	ck_assert(!devkind_stdio_size(s, &cols, &rows));
}
END_TEST

START_TEST(mode_of_the_terminal_is_restored)
{
	struct termios before, raw, after;

	ck_assert_int_eq(openpty(&in[1], &in[0], NULL, NULL, NULL), 0);
	ck_assert_int_eq(tcgetattr(in[0], &before), 0);
	make(in[0], in[0]);
	ck_assert_int_eq(tcgetattr(in[0], &raw), 0);
	ck_assert_uint_eq(raw.c_lflag & (ICANON | ECHO | ISIG | IEXTEN), 0);
	devkind_stdio_restore(s);
	ck_assert_int_eq(tcgetattr(in[0], &after), 0);
	ck_assert_uint_eq(after.c_lflag, before.c_lflag);
	ck_assert_uint_eq(after.c_iflag, before.c_iflag);
	devkind_stdio_restore(NULL);
	devkind_stdio_free(NULL);
}
END_TEST

/* Ctrl-A x must work although the guest does not read: keys are always read. */
START_TEST(keys_are_read_when_the_buffer_is_full)
{
	unsigned int i;

	make_on_terminal();
	for (i = 0; i < HELD / 1024 + 1; i++) {
		memset(bytes, 'a' + i % 26, 1024);
		type(bytes, 1024);
		ck_assert(devkind_stdio_wants(s));
	}
	type("\001x", 2);
	ck_assert_uint_eq(left, 1);
	ck_assert_int_eq(guest_reads(sizeof(copy)), HELD);
	ck_assert_uint_eq(copy[0], 'a');
	ck_assert_uint_eq(copy[HELD - 1], 'a' + 63 % 26);
	ck_assert_int_eq(guest_reads(sizeof(copy)), -EAGAIN);
	ck_assert_uint_eq(wanted, 0);
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_test(tc, input_is_buffered_for_the_guest);
	tcase_add_test(tc, one_call_reads_at_most_a_piece);
	tcase_add_test(tc, input_is_scattered_over_buffers);
	tcase_add_test(tc, full_buffer_is_not_read_into);
	tcase_add_test(tc, bytes_are_in_order_across_the_end_of_the_buffer);
	tcase_add_test(tc, end_of_input_is_reported);
	tcase_add_test(tc, absent_input_is_retried_and_a_failure_ends_it);
	tcase_add_test(tc, device_is_woken_by_input_and_by_room);
	tcase_add_test(tc, file_is_written);
	tcase_add_test(tc, invalid_descriptor_cannot_be_attached);
	tcase_add_test(tc, output_waits_for_room_in_pieces);
	tcase_add_test(tc, mode_of_the_descriptor_is_unchanged);
	tcase_add_test(tc, socket_is_written_only_if_it_has_room);
	tcase_add_test(tc, reader_that_left_closes_the_port);
	tcase_add_test(tc, terminal_has_a_size);
	tcase_add_test(tc, pipe_has_no_size);
	tcase_add_test(tc, mode_of_the_terminal_is_restored);
	tcase_add_test(tc, keys_are_read_when_the_buffer_is_full);
}

int main(void)
{
	Suite *suite = suite_create("devices");
	TCase *tc = tcase_create("stdio");

	tcase_add_checked_fixture(tc, setup, teardown);
	add_tests(tc);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
