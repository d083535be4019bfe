/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Makes a terminal, and sends one side to an engine. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "oci/console.h"

static int open_slave(int master, uint32_t rows, uint32_t columns)
{
	struct winsize size = { .ws_row = (unsigned short)rows, .ws_col = (unsigned short)columns };
	struct termios modes;
	char name[64];
	int slave;

	if (grantpt(master) || unlockpt(master) || ptsname_r(master, name, sizeof(name)))
		return -errno;
	slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0)
		return -errno;
	if (!tcgetattr(slave, &modes)) {
		cfmakeraw(&modes);
		tcsetattr(slave, TCSANOW, &modes);
	}
	if (rows && columns)
		ioctl(slave, TIOCSWINSZ, &size);
	return slave;
}

/* Engines expect a name beside the descriptor. */
static int send_master(const char *path, int master, struct vsu_error *err)
{
	char name[] = "/dev/ptmx";
	const struct iovec iov = { .iov_base = name, .iov_len = sizeof(name) - 1 };
	int sock = vsu_sock_connect(path, err);
	ssize_t n;

	if (sock < 0)
		return vsu_error_prefix(err, sock, "option --console-socket");
	n = vsu_sock_send(sock, &iov, 1, &master, 1);
	vsu_fd_close(&sock);
	return n < 0 ? vsu_error_sys(err, (int)n, "option --console-socket: cannot send the terminal") : 0;
}

int oci_console_open(const char *path, uint32_t rows, uint32_t columns, struct vsu_error *err)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	int slave = master < 0 ? -errno : open_slave(master, rows, columns), rc;

	if (slave < 0) {
		vsu_fd_close(&master);
		return vsu_error_sys(err, slave, "cannot make a terminal");
	}
	rc = send_master(path, master, err);
	if (rc < 0)
		vsu_fd_close(&slave);
	else
		ioctl(slave, TIOCSCTTY, 0);	/* not in a session that has one */
	vsu_fd_close(&master);
	return rc < 0 ? rc : slave;
}
