/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Sends and receives messages of a monitor. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <vmm-sys-util/fd.h>

#include "oci/wire.h"

#define BACKLOG 64
#define SEND_MS 10000

/* The path of a container's folder may be longer than an address. */
static struct sockaddr_un address_of(int folder)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	snprintf(a.sun_path, sizeof(a.sun_path), "/proc/self/fd/%d/" OCI_WIRE_SOCKET, folder);
	return a;
}

/* The folder is new. vsu_sock_listen() would wait for the lock of the command that made it. */
int oci_wire_listen(int folder, struct vsu_error *err)
{
	const struct sockaddr_un a = address_of(folder);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return vsu_error_sys(err, -errno, "cannot make a socket");
	if (!bind(fd, (const struct sockaddr *)&a, sizeof(a)) && !listen(fd, BACKLOG))
		return fd;
	vsu_error_sys(err, -errno, "cannot listen in the folder of the container");
	vsu_fd_close(&fd);
	return err ? err->code : -EADDRINUSE;
}

int oci_wire_connect(int folder, struct vsu_error *err)
{
	const struct sockaddr_un a = address_of(folder);

	return vsu_sock_connect_type(a.sun_path, SOCK_SEQPACKET, err);
}

static int wait_for(int fd, short events, int ms)
{
	struct pollfd p = { .fd = fd, .events = events };
	int n;

	do
		n = poll(&p, 1, ms);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n ? 0 : -ETIMEDOUT;
}

int oci_wire_send(int fd, const struct oci_message *m, const int *fds, unsigned int n)
{
	const struct iovec iov = { .iov_base = (void *)(uintptr_t)m, .iov_len = sizeof(*m) };
	ssize_t sent;
	int rc;

	do {
		sent = vsu_sock_send(fd, &iov, 1, fds, n);
		rc = sent == -EAGAIN ? wait_for(fd, POLLOUT, SEND_MS) : 0;
	} while (sent == -EAGAIN && !rc);
	if (rc < 0 || sent < 0)
		return rc < 0 ? rc : (int)sent;
	return sent == (ssize_t)sizeof(*m) ? 0 : -EMSGSIZE;
}

int oci_wire_receive(int fd, struct oci_message *m, int *fds, unsigned int *n)
{
	const struct iovec iov = { .iov_base = m, .iov_len = sizeof(*m) };
	const ssize_t got = vsu_sock_recv(fd, &iov, 1, fds, n);

	if (got <= 0)
		return got < 0 ? (int)got : -ECONNRESET;
	if (got != (ssize_t)sizeof(*m) || m->npids > OCI_WIRE_PIDS)
		return -EBADMSG;
	m->text[sizeof(m->text) - 1] = '\0';
	return 0;
}

int oci_wire_await(int fd, struct oci_message *m, int ms)
{
	int fds[VSU_SOCK_MAX_FDS], rc = wait_for(fd, POLLIN, ms);
	unsigned int n = 0;

	if (rc < 0)
		return rc;
	rc = oci_wire_receive(fd, m, fds, &n);
	while (n)
		vsu_fd_close(&fds[--n]);
	return rc;
}

int oci_wire_call(int fd, struct oci_message *m, const int *fds, unsigned int n, int ms, struct vsu_error *err)
{
	int rc = oci_wire_send(fd, m, fds, n);

	rc = rc < 0 ? rc : oci_wire_await(fd, m, ms);
	if (rc < 0)
		return vsu_error_sys(err, rc, "the monitor of the container does not answer");
	return m->rc < 0 ? vsu_error_set(err, m->rc, "%s", m->text) : 0;
}
