/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Connects and listens by TCP. */
#include <config.h>

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>

#include "migration/lookup.h"
#include "migration/tcp.h"

int vmm_tcp_split(char *text, char **host, char **port)
{
	char *colon = strrchr(text, ':');

	if (!colon || !colon[1])
		return -EINVAL;
	*colon = '\0';
	*port = colon + 1;
	*host = text;
	if (text[0] == '[' && colon > text + 1 && colon[-1] == ']') {
		colon[-1] = '\0';
		*host = text + 1;
	}
	return 0;
}

static int resolve_address(const char *address, bool passive, const struct vmm_stream *s,
			   struct addrinfo **out, struct vsu_error *err)
{
	char *copy = strdup(address), *host, *port;
	int rc = copy ? vmm_tcp_split(copy, &host, &port) : -ENOMEM;

	rc = rc < 0 ? vsu_error_set(err, rc, "'%s' is not HOST:PORT", address) :
		      vmm_lookup_tcp(host, port, passive, s, out, err);
	free(copy);
	return rc;
}

static int open_socket(const struct addrinfo *a)
{
	const int fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC |
			      SOCK_NONBLOCK, a->ai_protocol);
	const int on = 1;

	if (fd < 0)
		return -errno;
	(void)!setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	return fd;
}

static int connect_to(const struct addrinfo *a, struct vmm_stream *s,
		      struct vsu_error *err)
{
	socklen_t len = sizeof(int);
	int rc, failure = 0;

	s->fd = open_socket(a);
	if (s->fd < 0)
		return vsu_error_sys(err, s->fd, "socket");
	rc = connect(s->fd, a->ai_addr, a->ai_addrlen) < 0 ? -errno : 0;
	if (rc == -EINPROGRESS) {
		rc = vmm_stream_wait(s, s->fd, POLLOUT, 0, err);
		if (rc < 0)
			return rc;
		(void)!getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &failure, &len);
		rc = -failure;
	}
	return rc < 0 ? vsu_error_sys(err, rc, "cannot connect") : 0;
}

int vmm_tcp_connect(const char *address, struct vmm_stream *s,
		    struct vsu_error *err)
{
	struct addrinfo *list = NULL, *a;
	int rc = s->no_network ?
		 vsu_error_set(err, -ENETUNREACH, "%s", s->no_network) :
		 resolve_address(address, false, s, &list, err);

	if (rc < 0)
		return rc;
	rc = -ENOENT;
	for (a = list; a && rc < 0 && rc != -ECANCELED; a = a->ai_next) {
		vsu_fd_close(&s->fd);
		rc = connect_to(a, s, err);
	}
	freeaddrinfo(list);
	return rc;
}

int vmm_tcp_listen(const char *address, int backlog, struct vsu_error *err)
{
	const struct vmm_stream none = { .fd = -1, .cancel_fd = -1 };
	struct addrinfo *list = NULL;
	const int on = 1;
	int rc = resolve_address(address, true, &none, &list, err), fd;

	if (rc < 0)
		return rc;
	fd = open_socket(list);
	if (fd >= 0)
		(void)!setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (fd < 0)
		rc = fd;
	else if (bind(fd, list->ai_addr, list->ai_addrlen) < 0 ||
		 listen(fd, backlog) < 0)
		rc = -errno;
	freeaddrinfo(list);
	if (!rc)
		return fd;
	vsu_fd_close(&fd);
	return vsu_error_sys(err, rc, "cannot listen");
}
