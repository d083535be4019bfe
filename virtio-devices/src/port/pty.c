/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A console port on a pseudoterminal. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <termios.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>

#include "port/priv.h"

struct pty {
	int master;
	int opens;		/* inotify: a client opened the terminal, which
				   the master does not report */
};

static int pty_attach(void *self, int in_epfd, int out_epfd)
{
	const struct pty *p = self;
	int rc = virtdev_priv_port_watch(in_epfd, p->opens, EPOLLIN);

	if (!rc)
		rc = virtdev_priv_port_watch(in_epfd, p->master,
					     EPOLLIN | EPOLLRDHUP);
	return rc ? rc : virtdev_priv_port_watch(out_epfd, p->master, EPOLLOUT);
}

/* The last client may have left unread data. */
static bool pty_is_open(void *self)
{
	const struct pty *p = self;
	struct pollfd master = { .fd = p->master, .events = POLLIN };
	char events[1024];

	while (read(p->opens, events, sizeof(events)) > 0)
		;
	return poll(&master, 1, 0) < 1 ||
	       (master.revents & (POLLHUP | POLLIN)) != POLLHUP;
}

static ssize_t pty_read(void *self, const struct iovec *iov, int n)
{
	const struct pty *p = self;

	return virtdev_priv_port_read(p->master, false, iov, n);
}

static ssize_t pty_write(void *self, const struct iovec *iov, int n)
{
	const struct pty *p = self;
	struct pollfd master = { .fd = p->master };

	if (poll(&master, 1, 0) == 1 && (master.revents & POLLHUP))
		return -ENOTCONN;
	return virtdev_priv_port_write(p->master, false, iov, n);
}

static void pty_free(void *self)
{
	struct pty *p = self;

	vsu_fd_close(&p->opens);
	vsu_fd_close(&p->master);
	free(p);
}

/*
 * The terminal keeps its modes while the master is open. The master reports a
 * hang-up only after the terminal was open once, so open and close it here.
 */
static int make_raw(const char *where)
{
	int fd = open(where, O_RDWR | O_NOCTTY | O_CLOEXEC), rc = 0;
	struct termios raw;

	if (fd < 0)
		return -errno;
	if (tcgetattr(fd, &raw) < 0) {
		rc = -errno;
	} else {
		cfmakeraw(&raw);
		rc = tcsetattr(fd, TCSANOW, &raw) < 0 ? -errno : 0;
	}
	close(fd);
	return rc;
}

static int pty_open(struct pty *p, char *where, size_t len)
{
	int rc;

	p->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
	if (p->master < 0 || grantpt(p->master) < 0 || unlockpt(p->master) < 0)
		return -errno;
	rc = -ptsname_r(p->master, where, len);
	if (rc < 0)
		return rc;
	rc = make_raw(where);
	if (rc < 0)
		return rc;
	p->opens = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (p->opens < 0 || inotify_add_watch(p->opens, where, IN_OPEN) < 0)
		return -errno;
	return 0;
}

int virtdev_port_pty_new(struct virtdev_port **out, char *where, size_t len,
			 struct vsu_error *err)
{
	static const struct virtdev_port_ops ops = {
		.size = sizeof(ops), .name = "pty", .attach = pty_attach,
		.is_open = pty_is_open, .read = pty_read, .write = pty_write,
		.free = pty_free,
	};
	struct pty *p = calloc(1, sizeof(*p));
	int rc;

	if (!p)
		return vsu_error_sys(err, -ENOMEM, "port");
	p->master = p->opens = -1;
	rc = pty_open(p, where, len);
	if (!rc)
		rc = virtdev_port_new(&ops, p, out);
	if (rc < 0) {
		pty_free(p);
		return vsu_error_sys(err, rc, "a terminal for a port");
	}
	return 0;
}
