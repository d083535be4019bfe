/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about descriptors and transfers that finish. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <vmm-sys-util/fd.h>

#include "util.h"

#define PIECE 4096	/* the smallest pipe, and one page */

static int new_file(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_EXCL, 0600);

	ck_assert_int_ge(fd, 0);
	return fd;
}

/* A pipe that holds PIECE bytes. */
static void small_pipe(int fds[2])
{
	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	ck_assert_int_eq(fcntl(fds[1], F_SETPIPE_SZ, PIECE), PIECE);
}

static void close_both(int fds[2])
{
	vsu_fd_close(&fds[0]);
	vsu_fd_close(&fds[1]);
}

START_TEST(close_forgets_the_descriptor_and_keeps_errno)
{
	int fd = new_file("f"), copy = fd;

	errno = EXDEV;
	vsu_fd_close(&fd);
	ck_assert_int_eq(fd, -1);
	vsu_fd_close(&fd);
	ck_assert_int_eq(errno, EXDEV);
	ck_assert_int_eq(fcntl(copy, F_GETFD), -1);
}
END_TEST

/* fds[0] is the lowest of n numbers that follow each other. */
static void new_run(int *fds, int n)
{
	int i, at = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 100);

	for (i = 0; i < n; i++) {
		fds[i] = at + i;
		ck_assert_int_eq(dup2(STDIN_FILENO, fds[i]), fds[i]);
	}
}

START_TEST(range_of_descriptors_is_closed_and_no_others)
{
	int fds[8];
	unsigned int n;

	for (n = 0; n <= 6; n++) {
		new_run(fds, 8);
		errno = EXDEV;
		vsu_fd_close_run(fds[1], n);
		ck_assert_int_eq(errno, EXDEV);
		ck_assert_int_ne(fcntl(fds[0], F_GETFD), -1);
		ck_assert_int_eq(fcntl(fds[n], F_GETFD), n ? -1 : 0);
		ck_assert_int_ne(fcntl(fds[n + 1], F_GETFD), -1);
		vsu_fd_close_run(fds[0], 8);
		ck_assert_int_eq(fcntl(fds[7], F_GETFD), -1);
	}
}
END_TEST

START_TEST(duplicate_is_close_on_exec_and_above_standard_streams)
{
	int fd = new_file("f"), copy;

	close(STDIN_FILENO);
	copy = vsu_fd_dup(fd);
	ck_assert_int_ge(copy, 3);
	ck_assert_int_eq(fcntl(copy, F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(open("/dev/null", O_RDONLY), STDIN_FILENO);
	vsu_fd_close(&copy);
	vsu_fd_close(&fd);
}
END_TEST

START_TEST(functions_report_a_descriptor_that_is_not_open)
{
	uint64_t size = 5;
	char byte = 0;

	ck_assert_int_eq(vsu_fd_dup(-1), -EBADF);
	ck_assert_int_eq(vsu_fd_set_nonblock(-1), -EBADF);
	ck_assert_int_eq(vsu_fd_set_cloexec(-1), -EBADF);
	ck_assert_int_eq(vsu_fd_kind(-1), -EBADF);
	ck_assert_int_eq(vsu_fd_size(-1, &size), -EBADF);
	ck_assert_int_eq(vsu_fd_read_full(-1, &byte, 1), -EBADF);
	ck_assert_int_eq(vsu_fd_write_full(-1, &byte, 1), -EBADF);
	ck_assert_uint_eq(size, 5);
}
END_TEST

START_TEST(flags_are_added_to_those_there_are)
{
	int fds[2];

	ck_assert_int_eq(pipe2(fds, O_DIRECT), 0);
	ck_assert_int_eq(vsu_fd_set_nonblock(fds[1]), 0);
	ck_assert_int_eq(vsu_fd_set_nonblock(fds[1]), 0);
	ck_assert_int_eq(fcntl(fds[1], F_GETFL),
			 O_WRONLY | O_DIRECT | O_NONBLOCK);
	ck_assert_int_eq(vsu_fd_set_cloexec(fds[1]), 0);
	ck_assert_int_eq(fcntl(fds[1], F_GETFD), FD_CLOEXEC);
	close_both(fds);
}
END_TEST

static int open_regular(void)
{
	return new_file("regular");
}

static int open_directory(void)
{
	return open(".", O_RDONLY | O_DIRECTORY);
}

static int open_null(void)
{
	return open("/dev/null", O_RDWR);
}

static int open_fifo(void)
{
	ck_assert_int_eq(mkfifo("fifo", 0600), 0);
	return open("fifo", O_RDWR);
}

static int open_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM, 0);
}

static int open_link(void)
{
	ck_assert_int_eq(symlink("nowhere", "link"), 0);
	return open("link", O_PATH | O_NOFOLLOW);
}

static int open_eventfd(void)
{
	return eventfd(0, 0);
}

static const struct {
	int (*open)(void);
	enum vsu_fd_kind kind;
	const char *name;
	int size_rc;
} kinds[] = {
	{ open_regular, VSU_FD_REGULAR, "a regular file", 0 },
	{ open_directory, VSU_FD_DIRECTORY, "a directory", -EINVAL },
	{ open_null, VSU_FD_CHAR, "a character device", 0 },
	{ open_fifo, VSU_FD_FIFO, "a FIFO", -EINVAL },
	{ open_socket, VSU_FD_SOCKET, "a socket", -EINVAL },
	{ open_link, VSU_FD_SYMLINK, "a symbolic link", -EINVAL },
	{ open_eventfd, VSU_FD_OTHER, "not a file", -EINVAL },
};

START_TEST(kind_and_size_come_from_the_open_descriptor)
{
	int fd = kinds[_i].open();
	uint64_t size = 5;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(vsu_fd_kind(fd), kinds[_i].kind);
	ck_assert_str_eq(vsu_fd_kind_name(kinds[_i].kind), kinds[_i].name);
	ck_assert_int_eq(vsu_fd_size(fd, &size), kinds[_i].size_rc);
	ck_assert_uint_eq(size, kinds[_i].size_rc ? 5 : 0);
	vsu_fd_close(&fd);
}
END_TEST

START_TEST(every_kind_has_a_name)
{
	ck_assert_str_eq(vsu_fd_kind_name(-EBADF), "unknown");
	ck_assert_str_eq(vsu_fd_kind_name(VSU_FD_OTHER + 1), "unknown");
}
END_TEST

START_TEST(size_of_a_sparse_file_needs_64_bits)
{
	int fd = new_file("f");
	uint64_t size;

	ck_assert_int_eq(ftruncate(fd, (off_t)5 << 30), 0);
	ck_assert_int_eq(vsu_fd_size(fd, &size), 0);
	ck_assert_uint_eq(size, UINT64_C(5) << 30);
	vsu_fd_close(&fd);
}
END_TEST

static int handler_fd, handler_calls;
static size_t handler_bytes;

/* Interrupts the reader twice before a byte is available. */
static void feed_late(int sig)
{
	int saved = errno;

	(void)sig;
	if (++handler_calls > 2 && handler_bytes &&
	    write(handler_fd, "x", 1) == 1)
		handler_bytes--;
	errno = saved;
}

START_TEST(read_goes_on_after_interruptions_and_short_reads)
{
	char buf[5] = "";
	int fds[2];

	small_pipe(fds);
	handler_fd = fds[1];
	handler_bytes = 5;
	util_interrupt(feed_late);
	ck_assert_int_eq(vsu_fd_read_full(fds[0], buf, 5), 5);
	util_interrupt(SIG_IGN);
	ck_assert_mem_eq(buf, "xxxxx", 5);
	ck_assert_int_ge(handler_calls, 7);
	close_both(fds);
}
END_TEST

/* Makes a little room at a time, so that writes stay short. */
static void empty_slowly(int sig)
{
	static char sink[PIECE];
	int saved = errno;
	ssize_t n = read(handler_fd, sink, sizeof(sink));

	(void)sig;
	handler_calls++;
	if (n > 0)
		handler_bytes += (size_t)n;
	errno = saved;
}

START_TEST(write_goes_on_after_interruptions_and_short_writes)
{
	static const char data[8 * PIECE];
	int fds[2];

	small_pipe(fds);
	ck_assert_int_eq(vsu_fd_set_nonblock(fds[0]), 0);
	handler_fd = fds[0];
	util_interrupt(empty_slowly);
	ck_assert_int_eq(vsu_fd_write_full(fds[1], data, sizeof(data)),
			 sizeof(data));
	util_interrupt(SIG_IGN);
	ck_assert_int_ge(handler_calls, 7);
	ck_assert_uint_ge(handler_bytes, sizeof(data) - PIECE);
	close_both(fds);
}
END_TEST

START_TEST(read_stops_at_the_end)
{
	char buf[8];
	int fds[2];

	small_pipe(fds);
	ck_assert_int_eq(vsu_fd_write_full(fds[1], "abc", 3), 3);
	vsu_fd_close(&fds[1]);
	ck_assert_int_eq(vsu_fd_read_full(fds[0], buf, sizeof(buf)), 3);
	ck_assert_int_eq(vsu_fd_read_full(fds[0], buf, sizeof(buf)), 0);
	vsu_fd_close(&fds[0]);
}
END_TEST

START_TEST(partial_transfer_before_eagain_is_returned)
{
	static char data[2 * PIECE];
	int fds[2];

	small_pipe(fds);
	ck_assert_int_eq(vsu_fd_set_nonblock(fds[0]), 0);
	ck_assert_int_eq(vsu_fd_set_nonblock(fds[1]), 0);
	ck_assert_int_eq(vsu_fd_write_full(fds[1], data, sizeof(data)), PIECE);
	ck_assert_int_eq(vsu_fd_write_full(fds[1], data, 1), -EAGAIN);
	ck_assert_int_eq(vsu_fd_read_full(fds[0], data, sizeof(data)), PIECE);
	ck_assert_int_eq(vsu_fd_read_full(fds[0], data, 1), -EAGAIN);
	close_both(fds);
}
END_TEST

START_TEST(a_full_disk_is_reported)
{
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(vsu_fd_write_full(fd, "x", 1), -ENOSPC);
	vsu_fd_close(&fd);
}
END_TEST

START_TEST(failed_write_returns_the_bytes_written)
{
	static const char data[2 * PIECE];
	struct rlimit old, limit;
	int fd = new_file("f");

	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &old), 0);
	limit = old;
	limit.rlim_cur = PIECE;
	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	ck_assert_int_eq(vsu_fd_write_full(fd, data, sizeof(data)), PIECE);
	ck_assert_int_eq(vsu_fd_write_full(fd, data, 1), -EFBIG);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &old), 0);
	vsu_fd_close(&fd);
}
END_TEST

START_TEST(positioned_transfers_leave_the_position_alone)
{
	int fd = new_file("f");
	char buf[4] = "";

	ck_assert_int_eq(pwrite(fd, "abcd", 4, 100), 4);
	ck_assert_int_eq(vsu_fd_pread_full(fd, buf, 2, 101), 2);
	ck_assert_mem_eq(buf, "bc", 2);
	ck_assert_int_eq(vsu_fd_pread_full(fd, buf, 4, 102), 2);
	ck_assert_int_eq(vsu_fd_pread_full(fd, buf, 4, 104), 0);
	ck_assert_int_eq(lseek(fd, 0, SEEK_CUR), 0);
	vsu_fd_close(&fd);
}
END_TEST

START_TEST(positions_beyond_a_file_are_refused)
{
	int fd = new_file("f");
	char byte = 0;

	ck_assert_int_eq(vsu_fd_pread_full(fd, &byte, 1, UINT64_MAX), -EINVAL);
	vsu_fd_close(&fd);
}
END_TEST

START_TEST(count_follows_open_and_close)
{
	int before = vsu_fd_count();
	int fd = new_file("f");

	ck_assert_int_ge(before, 0);
	ck_assert_int_eq(vsu_fd_count(), before + 1);
	vsu_fd_close(&fd);
	ck_assert_int_eq(vsu_fd_count(), before);
}
END_TEST

static bool denies_pending;	/* a filter, of sigpending(2) */

int __real_sigpending(sigset_t *set);
int __wrap_sigpending(sigset_t *set);
int __wrap_sigpending(sigset_t *set)
{
	if (!denies_pending)
		return __real_sigpending(set);
	sigfillset(set);	/* what was there */
	errno = EPERM;
	return -1;
}

static bool is_pending(int signo)
{
	sigset_t pending;

	ck_assert_int_eq(sigpending(&pending), 0);
	return sigismember(&pending, signo);
}

/* The default action of SIGPIPE would end this process. */
START_TEST(quiet_write_to_a_pipe_without_a_reader_raises_no_signal)
{
	sigset_t before, after;
	char byte = 0;
	int fds[2];

	ck_assert_ptr_ne(signal(SIGPIPE, SIG_DFL), SIG_ERR);
	small_pipe(fds);
	ck_assert_int_eq(pthread_sigmask(SIG_BLOCK, NULL, &before), 0);
	ck_assert_int_eq(vsu_fd_write_quietly(fds[1], "a", 1), 1);
	ck_assert_int_eq(read(fds[0], &byte, 1), 1);
	ck_assert_int_eq(byte, 'a');
	vsu_fd_close(&fds[0]);
	ck_assert_int_eq(vsu_fd_write_quietly(fds[1], "a", 1), -EPIPE);
	ck_assert_int_eq(pthread_sigmask(SIG_BLOCK, NULL, &after), 0);
	ck_assert_int_eq(sigismember(&after, SIGPIPE), sigismember(&before, SIGPIPE));
	ck_assert(!is_pending(SIGPIPE));
	ck_assert_int_eq(vsu_fd_write_quietly(-1, "a", 1), -EBADF);
	vsu_fd_close(&fds[1]);
}
END_TEST

START_TEST(quiet_write_raises_no_signal_if_pending_ones_are_unknown)
{
	int fds[2];

	ck_assert_ptr_ne(signal(SIGPIPE, SIG_DFL), SIG_ERR);
	small_pipe(fds);
	vsu_fd_close(&fds[0]);
	denies_pending = true;
	ck_assert_int_eq(vsu_fd_write_quietly(fds[1], "a", 1), -EPIPE);
	denies_pending = false;
	ck_assert(!is_pending(SIGPIPE));
	vsu_fd_close(&fds[1]);
}
END_TEST

START_TEST(quiet_write_leaves_a_signal_that_was_pending)
{
	sigset_t set;
	int fds[2];

	small_pipe(fds);
	vsu_fd_close(&fds[0]);
	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	ck_assert_int_eq(pthread_sigmask(SIG_BLOCK, &set, NULL), 0);
	ck_assert_int_eq(raise(SIGPIPE), 0);
	ck_assert_int_eq(vsu_fd_write_quietly(fds[1], "a", 1), -EPIPE);
	ck_assert(is_pending(SIGPIPE));
	ck_assert_ptr_ne(signal(SIGPIPE, SIG_IGN), SIG_ERR);	/* discards it */
	ck_assert_int_eq(pthread_sigmask(SIG_UNBLOCK, &set, NULL), 0);
	vsu_fd_close(&fds[1]);
}
END_TEST

static void add_transfers(TCase *tc)
{
	tcase_add_test(tc, read_goes_on_after_interruptions_and_short_reads);
	tcase_add_test(tc, write_goes_on_after_interruptions_and_short_writes);
	tcase_add_test(tc, read_stops_at_the_end);
	tcase_add_test(tc, partial_transfer_before_eagain_is_returned);
	tcase_add_test(tc, a_full_disk_is_reported);
	tcase_add_test(tc, failed_write_returns_the_bytes_written);
	tcase_add_test(tc, positioned_transfers_leave_the_position_alone);
	tcase_add_test(tc, positions_beyond_a_file_are_refused);
	tcase_add_test(tc, quiet_write_to_a_pipe_without_a_reader_raises_no_signal);
	tcase_add_test(tc, quiet_write_raises_no_signal_if_pending_ones_are_unknown);
	tcase_add_test(tc, quiet_write_leaves_a_signal_that_was_pending);
}

int main(void)
{
	TCase *tc;
	Suite *s = util_suite("fd", &tc);

	tcase_add_test(tc, close_forgets_the_descriptor_and_keeps_errno);
	tcase_add_test(tc, range_of_descriptors_is_closed_and_no_others);
	tcase_add_test(tc, duplicate_is_close_on_exec_and_above_standard_streams);
	tcase_add_test(tc, functions_report_a_descriptor_that_is_not_open);
	tcase_add_test(tc, flags_are_added_to_those_there_are);
	util_add_rows(tc, kind_and_size_come_from_the_open_descriptor, kinds);
	tcase_add_test(tc, every_kind_has_a_name);
	tcase_add_test(tc, size_of_a_sparse_file_needs_64_bits);
	add_transfers(tc);
	tcase_add_test(tc, count_follows_open_and_close);
	return run_suite(s);
}
