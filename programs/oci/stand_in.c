/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Passes signals to a process of a guest, and awaits its end. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "oci/stand_in.h"
#include "oci/wire.h"

/* The process of the guest was lost. */
#define STATUS_LOST (128 + SIGKILL)

static const int forwarded[] = { SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGWINCH };

int oci_stand_in_watch_signals(struct vsu_error *err)
{
	sigset_t set;
	unsigned int i;
	int fd;

	sigemptyset(&set);
	for (i = 0; i < sizeof(forwarded) / sizeof(forwarded[0]); i++)
		sigaddset(&set, forwarded[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? vsu_error_sys(err, -errno, "cannot wait for signals") : fd;
}

void oci_stand_in_release_streams(void)
{
	const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int i;

	for (i = 0; null >= 0 && i < 3; i++)
		if (dup2(null, i) < 0)
			break;
	if (null > 2)
		close(null);
}

static void pass_signal(int sock, int signals, int console, const char *id)
{
	struct oci_message m = { .op = OCI_OP_SIGNAL };
	struct signalfd_siginfo info;
	struct winsize size;

	if (read(signals, &info, sizeof(info)) != sizeof(info))
		return;
	m.first = info.ssi_signo;
	if (info.ssi_signo == SIGWINCH) {
		if (console < 0 || ioctl(console, TIOCGWINSZ, &size) < 0 || !size.ws_row)
			return;
		m = (struct oci_message){ .op = OCI_OP_SIZE, .first = size.ws_row, .second = size.ws_col };
	}
	snprintf(m.text, sizeof(m.text), "%s", id ? id : "");
	if (oci_wire_send(sock, &m, NULL, 0) < 0)
		errno = 0;	/* the end of the connection is read next */
}

int oci_stand_in_await(int sock, int signals, int console, const char *id)
{
	struct pollfd p[] = { { .fd = sock, .events = POLLIN }, { .fd = signals, .events = POLLIN } };
	struct oci_message m = { .op = 0 };
	int rc;

	for (;;) {
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return STATUS_LOST;
		if (p[1].revents)
			pass_signal(sock, signals, console, id);
		if (!p[0].revents)
			continue;
		rc = oci_wire_await(sock, &m, 0);
		if (rc < 0 && rc != -ETIMEDOUT && rc != -EAGAIN)
			return STATUS_LOST;
		if (!rc && m.op == OCI_OP_ENDED)
			return (int)m.first;
	}
}
