/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Reports of a process that is being prepared, to the agent. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "init/guest.h"

static int report_fd = -1;

void vagent_priv_child_set_report(int fd)
{
	report_fd = fd;
}

void vagent_priv_child_report(const struct guest_report *r, int fd)
{
	struct iovec part = { .iov_base = (void *)(uintptr_t)r, .iov_len = sizeof(*r) };
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { .bytes = "" };
	struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1 };
	struct cmsghdr *c;

	if (fd >= 0) {
		m.msg_control = control.bytes;
		m.msg_controllen = sizeof(control.bytes);
		c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(fd));
		memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	}
	if (sendmsg(report_fd, &m, MSG_NOSIGNAL) < 0)
		_exit(127);
}

void vagent_priv_child_fail(enum vagent_how how, const char *fmt, ...)
{
	struct guest_report r = { .kind = REPORT_FAILED, .how = how };
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(r.text, sizeof(r.text), fmt, ap);
	va_end(ap);
	vagent_priv_child_report(&r, -1);
	_exit(127);
}
