/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about messages with descriptors, of which none may be lost. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <vmm-sys-util/sock.h>

#include "util.h"

/* Linux 6.5; an older C library does not name it. */
#ifndef SO_PASSPIDFD
#define SO_PASSPIDFD 76
#endif

#define KERNEL_MAX_FDS 253	/* SCM_MAX_FD */

static void new_pair(int fds[2])
{
	ck_assert_int_eq(vsu_sock_pair(fds), 0);
}

static void close_all(int *fds, unsigned int n)
{
	while (n)
		vsu_fd_close(&fds[--n]);
}

/* n descriptors of the null device. */
static void open_many(int *fds, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		fds[i] = open("/dev/null", O_RDWR | O_CLOEXEC);
		ck_assert_int_ge(fds[i], 0);
	}
}

static ssize_t send_text(int sock, const char *text, const int *fds,
			 unsigned int nfds)
{
	struct iovec iov = { (void *)(uintptr_t)text, strlen(text) };

	return vsu_sock_send(sock, &iov, 1, fds, nfds);
}

static ssize_t recv_text(int sock, char *buf, size_t size, int *fds,
			 unsigned int *nfds)
{
	struct iovec iov = { buf, size };

	return vsu_sock_recv(sock, &iov, 1, fds, nfds);
}

/* Sends as a peer may that ignores the limits of this library. */
static void send_raw_fds(int sock, const int *fds, unsigned int n)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(KERNEL_MAX_FDS * sizeof(int))];
	} control = { .buf = "" };
	char byte = 'x';
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1,
			      .msg_control = control.buf,
			      .msg_controllen = CMSG_SPACE(n * sizeof(int)) };

	control.align.cmsg_level = SOL_SOCKET;
	control.align.cmsg_type = SCM_RIGHTS;
	control.align.cmsg_len = CMSG_LEN(n * sizeof(int));
	memcpy(CMSG_DATA(&control.align), fds, n * sizeof(int));
	/* Directly, because musl's sendmsg() has no room for that number. */
	ck_assert_int_eq(syscall(SYS_sendmsg, sock, &msg, 0), 1);
}

static bool same_file(int a, int b)
{
	struct stat sa, sb;

	return !fstat(a, &sa) && !fstat(b, &sb) && sa.st_dev == sb.st_dev &&
	       sa.st_ino == sb.st_ino;
}

START_TEST(pair_does_not_block_and_closes_on_exec)
{
	int fds[2] = { -1, -1 };

	new_pair(fds);
	ck_assert_int_eq(fcntl(fds[0], F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	ck_assert_int_eq(fcntl(fds[1], F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	ck_assert_int_eq(fcntl(fds[0], F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(fcntl(fds[1], F_GETFD), FD_CLOEXEC);
	close_all(fds, 2);
}
END_TEST

static const struct {
	int domain, type, answer;
} sockets[] = {
	{ AF_UNIX, SOCK_STREAM, 1 },
	{ AF_UNIX, SOCK_DGRAM, 0 },
	{ AF_UNIX, SOCK_SEQPACKET, 0 },
	{ AF_INET, SOCK_STREAM, 0 },
};

START_TEST(only_unix_stream_sockets_are_recognised)
{
	int fd = socket(sockets[_i].domain, sockets[_i].type, 0);

	ck_assert_int_eq(vsu_sock_is_unix_stream(fd), sockets[_i].answer);
	vsu_fd_close(&fd);
	open_many(&fd, 1);
	ck_assert_int_eq(vsu_sock_is_unix_stream(fd), 0);
	ck_assert_int_eq(vsu_sock_is_unix_stream(-1), 0);
	vsu_fd_close(&fd);
}
END_TEST

START_TEST(bytes_and_descriptors_arrive_together)
{
	int s[2] = { -1, -1 }, file[2], got[VSU_SOCK_MAX_FDS];
	unsigned int nfds = 9;
	char buf[8] = "";

	new_pair(s);
	ck_assert_int_eq(pipe2(file, O_CLOEXEC), 0);
	ck_assert_int_eq(send_text(s[0], "hello", file, 2), 5);
	ck_assert_int_eq(recv_text(s[1], buf, 8, got, &nfds), 5);
	ck_assert_str_eq(buf, "hello");
	ck_assert_uint_eq(nfds, 2);
	ck_assert(same_file(got[0], file[0]) && same_file(got[1], file[1]));
	ck_assert_int_eq(fcntl(got[0], F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(fcntl(got[1], F_GETFD), FD_CLOEXEC);
	close_all(got, nfds);
	close_all(file, 2);
	close_all(s, 2);
}
END_TEST

START_TEST(vectors_are_gathered_and_scattered)
{
	char a[] = "ab", b[] = "cdef", x[3] = "", y[5] = "";
	struct iovec out[] = { { a, 2 }, { NULL, 0 }, { b, 4 } };
	struct iovec in[] = { { x, 2 }, { y, 4 } };
	int s[2] = { -1, -1 }, fds[VSU_SOCK_MAX_FDS];
	unsigned int nfds;

	new_pair(s);
	ck_assert_int_eq(vsu_sock_send(s[0], out, 3, NULL, 0), 6);
	ck_assert_int_eq(vsu_sock_recv(s[1], in, 2, fds, &nfds), 6);
	ck_assert_str_eq(x, "ab");
	ck_assert_str_eq(y, "cdef");
	ck_assert_uint_eq(nfds, 0);
	close_all(s, 2);
}
END_TEST

START_TEST(descriptors_come_with_the_first_byte)
{
	int s[2] = { -1, -1 }, file, got[VSU_SOCK_MAX_FDS];
	unsigned int nfds;
	char buf[8];

	new_pair(s);
	open_many(&file, 1);
	ck_assert_int_eq(send_text(s[0], "abc", &file, 1), 3);
	ck_assert_int_eq(recv_text(s[1], buf, 1, got, &nfds), 1);
	ck_assert_uint_eq(nfds, 1);
	close_all(got, nfds);
	ck_assert_int_eq(recv_text(s[1], buf, 8, got, &nfds), 2);
	ck_assert_uint_eq(nfds, 0);
	close_all(&file, 1);
	close_all(s, 2);
}
END_TEST

START_TEST(b1_14_one_descriptor_sent_twice_arrives_as_two)
{
	int s[2] = { -1, -1 }, file[2], got[VSU_SOCK_MAX_FDS];
	unsigned int nfds;
	char buf[8];

	new_pair(s);
	open_many(file, 1);
	file[1] = file[0];
	ck_assert_int_eq(send_text(s[0], "x", file, 2), 1);
	ck_assert_int_eq(recv_text(s[1], buf, 8, got, &nfds), 1);
	ck_assert_uint_eq(nfds, 2);
	ck_assert_int_ne(got[0], got[1]);
	close_all(got, nfds);
	close_all(file, 1);
	close_all(s, 2);
}
END_TEST

START_TEST(maximum_number_of_descriptors_arrives)
{
	int s[2] = { -1, -1 }, file[VSU_SOCK_MAX_FDS], got[VSU_SOCK_MAX_FDS];
	unsigned int nfds;
	char buf[8];

	new_pair(s);
	open_many(file, VSU_SOCK_MAX_FDS);
	ck_assert_int_eq(send_text(s[0], "x", file, VSU_SOCK_MAX_FDS), 1);
	ck_assert_int_eq(recv_text(s[1], buf, 8, got, &nfds), 1);
	ck_assert_uint_eq(nfds, VSU_SOCK_MAX_FDS);
	close_all(got, nfds);
	close_all(file, VSU_SOCK_MAX_FDS);
	close_all(s, 2);
}
END_TEST

START_TEST(send_refuses_what_cannot_travel)
{
	int s[2] = { -1, -1 }, fds[VSU_SOCK_MAX_FDS + 1];
	struct iovec nothing = { NULL, 0 };

	new_pair(s);
	open_many(fds, VSU_SOCK_MAX_FDS + 1);
	ck_assert_int_eq(send_text(s[0], "x", fds, VSU_SOCK_MAX_FDS + 1),
			 -EINVAL);
	ck_assert_int_eq(vsu_sock_send(s[0], &nothing, 1, fds, 1), -EINVAL);
	ck_assert_int_eq(vsu_sock_send(s[0], &nothing, -1, NULL, 0), -EINVAL);
	close_all(fds, VSU_SOCK_MAX_FDS + 1);
	ck_assert_int_eq(send_text(s[0], "x", fds, 1), -EBADF);
	close_all(s, 2);
}
END_TEST

START_TEST(full_socket_accepts_a_part_and_then_nothing)
{
	static char data[1 << 20], sink[1 << 20];
	struct iovec iov = { data, sizeof(data) };
	int s[2] = { -1, -1 }, fds[VSU_SOCK_MAX_FDS];
	ssize_t sent, n, got = 0;
	unsigned int nfds;

	new_pair(s);
	sent = vsu_sock_send(s[0], &iov, 1, NULL, 0);
	ck_assert_int_gt(sent, 0);
	ck_assert_int_lt(sent, sizeof(data));
	ck_assert_int_eq(vsu_sock_send(s[0], &iov, 1, NULL, 0), -EAGAIN);
	while ((n = recv_text(s[1], sink, sizeof(sink), fds, &nfds)) > 0)
		got += n;
	ck_assert_int_eq(n, -EAGAIN);
	ck_assert_int_eq(got, sent);
	close_all(s, 2);
}
END_TEST

START_TEST(peer_that_is_gone_ends_both_directions)
{
	int s[2] = { -1, -1 }, fds[VSU_SOCK_MAX_FDS];
	unsigned int nfds = 9;
	char buf[8];

	new_pair(s);
	vsu_fd_close(&s[1]);
	/* SIGPIPE would end this test */
	ck_assert_int_eq(send_text(s[0], "x", NULL, 0), -ECONNRESET);
	ck_assert_int_eq(recv_text(s[0], buf, 8, fds, &nfds), 0);
	ck_assert_uint_eq(nfds, 0);
	close_all(s, 1);
}
END_TEST

START_TEST(recv_answers_at_once_when_there_is_nothing)
{
	int s[2] = { -1, -1 }, fds[VSU_SOCK_MAX_FDS];
	unsigned int nfds = 9;
	char buf[8];

	new_pair(s);
	ck_assert_int_eq(fcntl(s[1], F_SETFL, 0), 0);
	ck_assert_int_eq(recv_text(s[1], buf, 8, fds, &nfds), -EAGAIN);
	ck_assert_uint_eq(nfds, 0);
	ck_assert_int_eq(recv_text(-1, buf, 8, fds, &nfds), -EBADF);
	ck_assert_int_eq(vsu_sock_recv(s[1], NULL, -1, fds, &nfds), -EINVAL);
	close_all(s, 2);
}
END_TEST

START_TEST(waiting_recv_ends_with_bytes_or_at_its_limit)
{
	int s[2] = { -1, -1 }, fds[VSU_SOCK_MAX_FDS];
	unsigned int nfds = 9;
	char buf[8];
	struct iovec iov = { buf, sizeof(buf) };

	new_pair(s);
	ck_assert_int_eq(vsu_sock_set_wait(s[1], 999), -EINVAL);
	ck_assert_int_eq(vsu_sock_set_wait(-1, 1000), -EBADF);
	ck_assert_int_eq(vsu_sock_set_wait(s[1], 1000000), 0);
	ck_assert_int_eq(vsu_sock_recv_wait(s[1], &iov, 1, fds, &nfds), -EAGAIN);
	ck_assert_uint_eq(nfds, 0);
	ck_assert_int_eq(send_text(s[0], "x", s, 1), 1);
	ck_assert_int_eq(vsu_sock_recv_wait(s[1], &iov, 1, fds, &nfds), 1);
	ck_assert_uint_eq(nfds, 1);
	close_all(fds, nfds);
	/* other functions do not wait */
	ck_assert_int_eq(recv_text(s[1], buf, 8, fds, &nfds), -EAGAIN);
	close_all(s, 2);
}
END_TEST

static const unsigned int many[] = { 33, 34, 252, 253 };

START_TEST(b1_11_as_many_as_the_kernel_sends_arrive)
{
	int s[2] = { -1, -1 }, file[KERNEL_MAX_FDS], got[VSU_SOCK_MAX_FDS];
	unsigned int nfds = 9;
	char buf[8];

	new_pair(s);
	open_many(file, many[_i]);
	send_raw_fds(s[0], file, many[_i]);
	close_all(file, many[_i]);
	ck_assert_int_ge(recv_text(s[1], buf, 8, got, &nfds), 1);
	ck_assert_uint_eq(nfds, many[_i]);
	close_all(got, nfds);
	close_all(s, 2);
}
END_TEST

/* Valgrind stores the limit itself, and the kernel keeps the previous one. */
static bool kernel_learns_limit(void)
{
	unsigned long long seen = 0;
	struct rlimit old, limit;
	char line[128];
	FILE *f;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &old), 0);
	limit = old;
	limit.rlim_cur--;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	f = fopen("/proc/self/limits", "re");
	ck_assert_ptr_nonnull(f);
	while (!seen && fgets(line, sizeof(line), f))
		sscanf(line, "Max open files %llu", &seen);
	fclose(f);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &old), 0);
	return seen == limit.rlim_cur;
}

START_TEST(b1_06_descriptors_cut_off_by_our_limit_are_closed)
{
	int s[2] = { -1, -1 }, file[4], got[VSU_SOCK_MAX_FDS];
	unsigned int nfds = 9;
	struct rlimit old;
	char buf[8];
	ssize_t n;
	bool cut;

	new_pair(s);
	open_many(file, 4);
	ck_assert_int_eq(send_text(s[0], "x", file, 4), 1);
	old = util_leave_fds((unsigned int)_i);
	n = recv_text(s[1], buf, 8, got, &nfds);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &old), 0);
	cut = _i < 4 && kernel_learns_limit();
	ck_assert_int_eq(n, cut ? -EMFILE : 1);
	ck_assert_uint_eq(nfds, cut ? (unsigned int)_i : 4);
	close_all(got, nfds);
	close_all(file, 4);
	close_all(s, 2);
}
END_TEST

/* Options that the creator of the socket may have left enabled. */
static const int noisy_options[] = { SO_PASSCRED, SO_PASSPIDFD, SO_TIMESTAMP };

START_TEST(other_control_data_is_skipped_and_leaves_no_descriptor)
{
	int s[2] = { -1, -1 }, file[VSU_SOCK_MAX_FDS], got[VSU_SOCK_MAX_FDS], on = 1;
	unsigned int nfds = 9;
	char buf[8];

	new_pair(s);
	/* a kernel that lacks one of them tests the plain case again */
	setsockopt(s[1], SOL_SOCKET, noisy_options[_i], &on, sizeof(on));
	open_many(file, VSU_SOCK_MAX_FDS);
	ck_assert_int_eq(send_text(s[0], "x", file, VSU_SOCK_MAX_FDS), 1);
	ck_assert_int_eq(recv_text(s[1], buf, 8, got, &nfds), 1);
	ck_assert_uint_eq(nfds, VSU_SOCK_MAX_FDS);
	ck_assert(same_file(got[VSU_SOCK_MAX_FDS - 1], file[0]));
	close_all(got, nfds);
	close_all(file, VSU_SOCK_MAX_FDS);
	close_all(s, 2);
}
END_TEST

static void add_faults(TCase *tc)
{
	tcase_add_test(tc, send_refuses_what_cannot_travel);
	tcase_add_test(tc, full_socket_accepts_a_part_and_then_nothing);
	tcase_add_test(tc, peer_that_is_gone_ends_both_directions);
	tcase_add_test(tc, recv_answers_at_once_when_there_is_nothing);
	tcase_add_test(tc, waiting_recv_ends_with_bytes_or_at_its_limit);
	util_add_rows(tc, b1_11_as_many_as_the_kernel_sends_arrive, many);
	tcase_add_loop_test(tc, b1_06_descriptors_cut_off_by_our_limit_are_closed,
			    0, 5);
	util_add_rows(tc, other_control_data_is_skipped_and_leaves_no_descriptor,
		      noisy_options);
}

int main(void)
{
	TCase *tc;
	Suite *s = util_suite("sock", &tc);

	tcase_add_test(tc, pair_does_not_block_and_closes_on_exec);
	util_add_rows(tc, only_unix_stream_sockets_are_recognised, sockets);
	tcase_add_test(tc, bytes_and_descriptors_arrive_together);
	tcase_add_test(tc, vectors_are_gathered_and_scattered);
	tcase_add_test(tc, descriptors_come_with_the_first_byte);
	tcase_add_test(tc, b1_14_one_descriptor_sent_twice_arrives_as_two);
	tcase_add_test(tc, maximum_number_of_descriptors_arrives);
	add_faults(tc);
	return run_suite(s);
}
