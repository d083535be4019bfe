/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about counters and timers, none of which may ever block. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>

#include <vmm-sys-util/event.h>

#include "util.h"

static int new_event(void)
{
	int fd = vsu_event_new();

	ck_assert_int_ge(fd, 0);
	return fd;
}

static void make_blocking(int fd)
{
	ck_assert_int_eq(fcntl(fd, F_SETFL, 0), 0);
}

/* Fills the counter, as a peer may: one more write would block. */
static void fill(int fd)
{
	const uint64_t most = UINT64_MAX - 1;

	ck_assert_int_eq(write(fd, &most, sizeof(most)), sizeof(most));
}

START_TEST(new_descriptors_do_not_block_and_close_on_exec)
{
	int event = new_event();
	int timer = vsu_timer_new();

	ck_assert_int_eq(fcntl(event, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	ck_assert_int_eq(fcntl(event, F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(fcntl(timer, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	ck_assert_int_eq(fcntl(timer, F_GETFD), FD_CLOEXEC);
	vsu_fd_close(&event);
	vsu_fd_close(&timer);
}
END_TEST

START_TEST(drain_returns_the_number_of_signals_once)
{
	int fd = new_event();
	uint64_t count = 9;

	ck_assert_int_eq(vsu_event_signal(fd), 0);
	ck_assert_int_eq(vsu_event_signal_own(fd), 0);
	ck_assert_int_eq(vsu_event_drain(fd, &count), 0);
	ck_assert_uint_eq(count, 2);
	ck_assert_int_eq(vsu_event_drain(fd, &count), 0);
	ck_assert_uint_eq(count, 0);
	vsu_fd_close(&fd);
}
END_TEST

START_TEST(b3_12_full_counter_counts_as_signalled)
{
	int fd = new_event();
	uint64_t count;

	fill(fd);
	ck_assert_int_eq(vsu_event_signal(fd), 0);
	ck_assert_int_eq(vsu_event_signal_own(fd), 0);
	ck_assert_int_eq(vsu_event_drain(fd, &count), 0);
	ck_assert_uint_eq(count, UINT64_MAX - 1);
	vsu_fd_close(&fd);
}
END_TEST

/* A hang ends this test by its time limit. */
START_TEST(b3_12_full_counter_in_blocking_mode_does_not_block)
{
	int fd = new_event();

	make_blocking(fd);
	fill(fd);
	ck_assert_int_eq(vsu_event_signal(fd), 0);
	vsu_fd_close(&fd);
}
END_TEST

START_TEST(signal_in_blocking_mode_is_delivered)
{
	int fd = new_event();
	uint64_t count;

	make_blocking(fd);
	ck_assert_int_eq(vsu_event_signal(fd), 0);
	ck_assert_int_eq(vsu_event_drain(fd, &count), 0);
	ck_assert_uint_eq(count, 1);
	vsu_fd_close(&fd);
}
END_TEST

START_TEST(drain_without_a_counter_drains)
{
	uint64_t count = 5;
	int fd = vsu_event_new(), timer = vsu_timer_new();

	ck_assert_int_eq(vsu_event_signal(fd), 0);
	ck_assert_int_eq(vsu_event_drain(fd, NULL), 0);
	ck_assert_int_eq(vsu_event_drain(fd, NULL), 0);
	ck_assert_int_eq(vsu_event_drain(fd, &count), 0);
	ck_assert_uint_eq(count, 0);
	ck_assert_int_eq(vsu_timer_drain(timer, NULL), 0);
	ck_assert_int_eq(vsu_event_drain(-1, NULL), -EBADF);
	vsu_fd_close(&fd);
	vsu_fd_close(&timer);
}
END_TEST

START_TEST(b1_13_drain_in_blocking_mode_does_not_block)
{
	int fd = new_event();
	uint64_t count = 9;

	make_blocking(fd);
	ck_assert_int_eq(vsu_event_drain(fd, &count), 0);
	ck_assert_uint_eq(count, 0);
	vsu_fd_close(&fd);
}
END_TEST

START_TEST(b1_13_drain_of_a_pipe_is_refused_and_does_not_block)
{
	uint64_t count = 9;
	int fds[2];

	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	ck_assert_int_eq(vsu_event_drain(fds[0], &count), 0);
	ck_assert_uint_eq(count, 0);
	ck_assert_int_eq(vsu_fd_write_full(fds[1], "abc", 3), 3);
	ck_assert_int_eq(vsu_event_drain(fds[0], &count), -EBADMSG);
	vsu_fd_close(&fds[1]);
	ck_assert_int_eq(vsu_event_drain(fds[0], &count), -EBADMSG);
	vsu_fd_close(&fds[0]);
}
END_TEST

START_TEST(signal_to_a_pipe_without_reader_raises_no_sigpipe)
{
	int fds[2];

	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	vsu_fd_close(&fds[0]);
	ck_assert_int_eq(vsu_event_signal(fds[1]), -EPIPE);
	vsu_fd_close(&fds[1]);
}
END_TEST

START_TEST(a_descriptor_that_is_not_open_is_reported)
{
	uint64_t count = 9;

	ck_assert_int_eq(vsu_event_signal(999999), -EBADF);
	ck_assert_int_eq(vsu_event_signal(-1), -EBADF);
	ck_assert_int_eq(vsu_event_signal_own(-1), -EBADF);
	ck_assert_int_eq(vsu_event_drain(-1, &count), -EBADF);
	ck_assert_int_eq(vsu_timer_drain(-1, &count), -EBADF);
	ck_assert_int_eq(vsu_timer_arm(-1, 1), -EBADF);
	ck_assert_uint_eq(count, 9);
}
END_TEST

/* The kernel or a sandbox answers error to preadv2() from here on. */
static bool refuse_preadv2(unsigned int error)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_preadv2, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { sizeof(code) / sizeof(code[0]), code };

	return !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) &&
	       !prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog);
}

static const unsigned int refusals[] = { ENOSYS, EOPNOTSUPP, EPERM };

START_TEST(drain_works_where_preadv2_is_refused)
{
	int fd = new_event();
	uint64_t count = 9;

	/* A host without seccomp filters takes the same path twice. */
	refuse_preadv2(refusals[_i]);
	make_blocking(fd);
	ck_assert_int_eq(vsu_event_drain(fd, &count), 0);
	ck_assert_uint_eq(count, 0);
	ck_assert_int_eq(vsu_event_signal(fd), 0);
	ck_assert_int_eq(vsu_event_drain(fd, &count), 0);
	ck_assert_uint_eq(count, 1);
	ck_assert_int_eq(vsu_event_drain(-1, &count), -EBADF);
	vsu_fd_close(&fd);
}
END_TEST

START_TEST(b1_13_pipe_that_hung_up_is_refused_where_preadv2_is)
{
	uint64_t count = 9;
	int fds[2];

	refuse_preadv2(refusals[_i]);
	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	ck_assert_int_eq(vsu_event_drain(fds[0], &count), 0);
	vsu_fd_close(&fds[1]);
	ck_assert_int_eq(vsu_event_drain(fds[0], &count), -EBADMSG);
	vsu_fd_close(&fds[0]);
}
END_TEST

static int poll_in(int fd, int timeout_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, timeout_ms);
}

START_TEST(a_disarmed_timer_does_not_fire)
{
	int fd = vsu_timer_new();
	struct pollfd p = { .fd = fd, .events = POLLIN };
	uint64_t count = 9;

	ck_assert_int_eq(vsu_timer_arm(fd, 1), 0);
	ck_assert_int_eq(poll(&p, 1, -1), 1);
	vsu_timer_disarm(fd);
	ck_assert_int_eq(poll(&p, 1, 0), 0);
	ck_assert_int_eq(vsu_timer_drain(fd, &count), 0);
	ck_assert_uint_eq(count, 0);
	vsu_timer_disarm(-1);	/* reports nothing */
	vsu_fd_close(&fd);
}
END_TEST

START_TEST(the_time_of_a_timer_begins_when_it_is_armed)
{
	const uint64_t hour_ns = UINT64_C(3600) * 1000000000, before = vsu_now_ns();
	int fd = vsu_timer_new();
	struct itimerspec left;

	ck_assert_int_eq(vsu_timer_arm(fd, hour_ns), 0);
	ck_assert_int_eq(timerfd_gettime(fd, &left), 0);
	ck_assert_uint_ge((uint64_t)left.it_value.tv_sec * 1000000000 + (uint64_t)left.it_value.tv_nsec,
			  hour_ns - (vsu_now_ns() - before));
	vsu_fd_close(&fd);
}
END_TEST

START_TEST(timer_fires_once)
{
	int fd = vsu_timer_new();
	uint64_t count = 9;

	ck_assert_int_eq(vsu_timer_arm(fd, 1), 0);
	ck_assert_int_eq(poll_in(fd, -1), 1);
	ck_assert_int_eq(vsu_timer_drain(fd, &count), 0);
	ck_assert_uint_eq(count, 1);
	ck_assert_int_eq(vsu_timer_drain(fd, &count), 0);
	ck_assert_uint_eq(count, 0);
	vsu_fd_close(&fd);
}
END_TEST

START_TEST(timer_that_is_disarmed_does_not_fire)
{
	int fd = vsu_timer_new();
	uint64_t count = 9;

	ck_assert_int_eq(vsu_timer_arm(fd, 1), 0);
	ck_assert_int_eq(poll_in(fd, -1), 1);
	ck_assert_int_eq(vsu_timer_arm(fd, 0), 0);
	ck_assert_int_eq(poll_in(fd, 0), 0);
	ck_assert_int_eq(vsu_timer_drain(fd, &count), 0);
	ck_assert_uint_eq(count, 0);
	vsu_fd_close(&fd);
}
END_TEST

START_TEST(timer_accepts_the_longest_time)
{
	int fd = vsu_timer_new();

	ck_assert_int_eq(vsu_timer_arm(fd, UINT64_MAX), 0);
	ck_assert_int_eq(poll_in(fd, 0), 0);
	vsu_fd_close(&fd);
}
END_TEST

START_TEST(now_does_not_go_back)
{
	uint64_t before = vsu_now_ns();

	ck_assert_uint_gt(before, 0);
	ck_assert_uint_ge(vsu_now_ns(), before);
}
END_TEST

int main(void)
{
	TCase *tc;
	Suite *s = util_suite("event", &tc);

	tcase_add_test(tc, new_descriptors_do_not_block_and_close_on_exec);
	tcase_add_test(tc, drain_returns_the_number_of_signals_once);
	tcase_add_test(tc, b3_12_full_counter_counts_as_signalled);
	tcase_add_test(tc, b3_12_full_counter_in_blocking_mode_does_not_block);
	tcase_add_test(tc, signal_in_blocking_mode_is_delivered);
	tcase_add_test(tc, drain_without_a_counter_drains);
	tcase_add_test(tc, b1_13_drain_in_blocking_mode_does_not_block);
	tcase_add_test(tc, b1_13_drain_of_a_pipe_is_refused_and_does_not_block);
	tcase_add_test(tc, signal_to_a_pipe_without_reader_raises_no_sigpipe);
	tcase_add_test(tc, a_descriptor_that_is_not_open_is_reported);
	util_add_rows(tc, drain_works_where_preadv2_is_refused, refusals);
	util_add_rows(tc, b1_13_pipe_that_hung_up_is_refused_where_preadv2_is, refusals);
	tcase_add_test(tc, a_disarmed_timer_does_not_fire);
	tcase_add_test(tc, the_time_of_a_timer_begins_when_it_is_armed);
	tcase_add_test(tc, timer_fires_once);
	tcase_add_test(tc, timer_that_is_disarmed_does_not_fire);
	tcase_add_test(tc, timer_accepts_the_longest_time);
	tcase_add_test(tc, now_does_not_go_back);
	return run_suite(s);
}
