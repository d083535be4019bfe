/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * eventfd and timerfd. A peer shares the open file description of an eventfd, and can
 * change its blocking mode at any time. No function relies on this mode, except those for
 * private eventfds.
 */
#include <config.h>

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <vmm-sys-util/event.h>

#define NS_PER_S 1000000000u
#define NS_PER_MS 1000000u

int vsu_event_new(void)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	return fd < 0 ? -errno : fd;
}

int vsu_event_signal_own(int fd)
{
	const uint64_t one = 1;

	while (write(fd, &one, sizeof(one)) < 0) {
		if (errno == EAGAIN)
			return 0;	/* full: readable already */
		if (errno != EINTR)
			return -errno;
	}
	return 0;
}

/* The poll events that fd is ready for now, or a negative errno. */
static int events_ready(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };

	if (fd < 0)	/* poll() would ignore it */
		return -EBADF;
	while (poll(&p, 1, 0) < 0)
		if (errno != EINTR)
			return -errno;
	if (p.revents & POLLNVAL)
		return -EBADF;
	return p.revents;
}

int vsu_event_signal(int fd)
{
	/* No kind of write() to an eventfd is certain not to block: RWF_NOWAIT is not supported
	   (Linux 6.18). So poll first. */
	int rc = events_ready(fd, POLLOUT);

	if (rc < 0)
		return rc;
	if (!(rc & POLLOUT))
		return 0;	/* full: readable already */
	if (rc & POLLERR)
		return -EPIPE;	/* a pipe without a reader, passed as an eventfd */
	return vsu_event_signal_own(fd);
}

#ifndef RWF_NOWAIT
#define RWF_NOWAIT 0x00000008
#endif

/* Directly, because musl has no preadv2() before 1.2.5. A position of -1 is the file's own. */
static ssize_t read_without_waiting(int fd, const struct iovec *iov)
{
	if (VSU_THREAD_SANITIZER) {
		errno = ENOSYS;	/* ThreadSanitizer derives the order of threads from read()
				   only */
		return -1;
	}
	return syscall(SYS_preadv2, fd, iov, 1, -1L, -1L, RWF_NOWAIT);
}

/* Reads a counter of 64 bits; an empty one gives -EAGAIN. */
static int read_counter(int fd, bool nowait, uint64_t *count)
{
	/* more room than a counter, to recognize other descriptors */
	uint64_t value[2];
	struct iovec iov = { value, sizeof(value) };
	ssize_t n;

	do {
		n = nowait ? read_without_waiting(fd, &iov) :
			     read(fd, value, sizeof(value));
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if (n != sizeof(value[0]))
		return -EBADMSG;	/* not a counter */
	if (count)
		*count = value[0];
	return 0;
}

static int drain_result(int rc, uint64_t *count)
{
	if (rc != -EAGAIN)
		return rc;
	if (count)
		*count = 0;
	return 0;
}

int vsu_event_drain(int fd, uint64_t *count)
{
	int rc = read_counter(fd, true, count);

	/* Linux before 5.8, or a sandbox that denies the call */
	if (rc == -EOPNOTSUPP || rc == -ENOSYS || rc == -EPERM) {
		rc = events_ready(fd, POLLIN);
		if (rc < 0)
			return rc;
		/* After a hang-up fd is readable, too, and not a counter. */
		rc = rc ? read_counter(fd, false, count) : -EAGAIN;
	}
	return drain_result(rc, count);
}

int vsu_timer_new(void)
{
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);

	return fd < 0 ? -errno : fd;
}

int vsu_timer_arm(int fd, uint64_t ns)
{
	struct itimerspec when = {
		.it_value.tv_sec = (time_t)(ns / NS_PER_S),
		.it_value.tv_nsec = (long)(ns % NS_PER_S),
	};

	return timerfd_settime(fd, 0, &when, NULL) < 0 ? -errno : 0;
}

void vsu_timer_disarm(int fd)
{
	const struct itimerspec never = { .it_value.tv_sec = 0 };

	timerfd_settime(fd, 0, &never, NULL);
}

int vsu_timer_drain(int fd, uint64_t *count)
{
	return drain_result(read_counter(fd, false, count), count);
}

uint64_t vsu_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

/* Milliseconds for poll(2), rounded up; -1: no limit. */
static int patience_ms(uint64_t until_ns)
{
	const uint64_t now = vsu_now_ns();

	if (!until_ns)
		return -1;
	return now >= until_ns ? 0 :
	       (int)((until_ns - now) / NS_PER_MS % 1000000) + 1;
}

int vsu_wait(int fd, short events, int cancel_fd, uint64_t until_ns, struct vsu_error *err)
{
	struct pollfd p[2] = {
		{ .fd = cancel_fd, .events = POLLIN },
		{ .fd = fd, .events = events },
	};
	int rc;

	do
		rc = poll(p, 2, patience_ms(until_ns));
	while (rc < 0 && errno == EINTR);
	if (rc < 0)
		return vsu_error_sys(err, -errno, "poll");
	if (p[0].revents)
		return vsu_error_set(err, -ECANCELED, "it was cancelled");
	return rc ? 0 : vsu_error_set(err, -ETIMEDOUT, "the other side does not answer");
}
