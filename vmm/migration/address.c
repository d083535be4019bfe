/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Connects and listens at the address of a migration. */
#include <config.h>

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "migration/address.h"

/* ----------------------------------------------------------------------- unix */

static int unix_connect(const char *path, struct vmm_stream *s,
			struct vsu_error *err)
{
	s->fd = vsu_sock_connect(path, err);
	return s->fd < 0 ? s->fd : 0;
}

/* Accepts one connection; -EAGAIN: the peer closed it before. */
static int accept_one(int listener, struct vmm_stream *s, struct vsu_error *err)
{
	int rc;

	do {
		rc = vmm_stream_wait(s, listener, POLLIN, 0, err);
		if (rc < 0)
			return rc;
		s->fd = vsu_sock_accept(listener);
	} while (s->fd == -EAGAIN || s->fd == -ECONNABORTED);
	return s->fd < 0 ? vsu_error_sys(err, s->fd, "accept") : 0;
}

static int unix_accept(const char *path, struct vmm_stream *s,
		       struct vsu_error *err)
{
	int listener = vsu_sock_listen(path, 1, err), rc;
	struct vsu_sock_path where;
	bool named;

	if (listener < 0)
		return listener;
	named = !vsu_sock_path_of(listener, &where);
	rc = accept_one(listener, s, err);
	if (named)
		vsu_sock_unlink(&where);
	vsu_fd_close(&listener);
	return rc;
}

/* ------------------------------------------------------------------------ tcp */

/* HOST:PORT or [HOST]:PORT; both point into text, which is changed. */
static int split_host(char *text, char **host, char **port)
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

static int resolve_address(const char *address, bool passive,
			   struct addrinfo **out, struct vsu_error *err)
{
	const struct addrinfo hints = {
		.ai_socktype = SOCK_STREAM,
		.ai_flags = passive ? AI_PASSIVE : 0,
	};
	char *copy = strdup(address), *host, *port;
	int rc = copy ? split_host(copy, &host, &port) : -ENOMEM;

	if (!rc) {
		rc = getaddrinfo(*host ? host : NULL, port, &hints, out);
		rc = rc ? vsu_error_set(err, -ENOENT, "'%s': %s", host,
					gai_strerror(rc)) : 0;
	} else {
		vsu_error_set(err, rc, "'%s' is not HOST:PORT", address);
	}
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

static int tcp_connect(const char *address, struct vmm_stream *s,
		       struct vsu_error *err)
{
	struct addrinfo *list = NULL, *a;
	int rc = resolve_address(address, false, &list, err);

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

static int tcp_listen(const char *address, struct vsu_error *err)
{
	struct addrinfo *list = NULL;
	const int on = 1;
	int rc = resolve_address(address, true, &list, err), fd;

	if (rc < 0)
		return rc;
	fd = open_socket(list);
	if (fd >= 0)
		(void)!setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (fd < 0)
		rc = fd;
	else if (bind(fd, list->ai_addr, list->ai_addrlen) < 0 ||
		 listen(fd, 1) < 0)
		rc = -errno;
	freeaddrinfo(list);
	if (!rc)
		return fd;
	vsu_fd_close(&fd);
	return vsu_error_sys(err, rc, "cannot listen");
}

static int tcp_accept(const char *address, struct vmm_stream *s,
		      struct vsu_error *err)
{
	int listener = tcp_listen(address, err), rc;

	if (listener < 0)
		return listener;
	rc = accept_one(listener, s, err);
	vsu_fd_close(&listener);
	return rc;
}

/* ----------------------------------------------------------------------- exec */

/* Threads of this process block signals; the command must not. */
static int spawn_shell(const char *command, int fd, pid_t *child)
{
	char shell[] = "sh", option[] = "-c";
	char *copy = strdup(command);
	char *words[] = { shell, option, copy, NULL };
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	sigset_t none;
	int rc = copy ? 0 : ENOMEM;

	sigemptyset(&none);
	posix_spawn_file_actions_init(&files);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
	if (!rc)
		rc = posix_spawn_file_actions_adddup2(&files, fd, 0);
	if (!rc)
		rc = posix_spawn_file_actions_adddup2(&files, fd, 1);
	if (!rc)
		rc = posix_spawn(child, "/bin/sh", &files, &attributes, words,
				 environ);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&files);
	free(copy);
	return -rc;
}

/* The command's end of the pair blocks, as programs expect of their input. */
static int exec_start(const char *command, struct vmm_stream *s,
		      struct vsu_error *err)
{
	int pair[2], rc;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return vsu_error_sys(err, -errno, "socketpair");
	rc = vsu_fd_set_nonblock(pair[0]);
	if (!rc)
		rc = spawn_shell(command, pair[1], &s->child);
	vsu_fd_close(&pair[1]);
	s->fd = pair[0];
	return rc < 0 ? vsu_error_sys(err, rc, "cannot start '%s'", command) : 0;
}

/* ------------------------------------------------------------------------ all */

static const struct scheme {
	const char *prefix;
	int (*connect)(const char *rest, struct vmm_stream *s,
		       struct vsu_error *err);
	int (*accept)(const char *rest, struct vmm_stream *s,
		      struct vsu_error *err);
} schemes[] = {
	{ "unix:", unix_connect, unix_accept },
	{ "tcp:", tcp_connect, tcp_accept },
	{ "exec:", exec_start, exec_start },
};

static const struct scheme *find_scheme(const char *address, const char **rest)
{
	size_t i, len;

	for (i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		len = strlen(schemes[i].prefix);
		if (!strncmp(address, schemes[i].prefix, len) && address[len]) {
			*rest = address + len;
			return &schemes[i];
		}
	}
	return NULL;
}

int vmm_address_check(const char *address, struct vsu_error *err)
{
	const char *rest;

	return find_scheme(address, &rest) ? 0 :
	       vsu_error_set(err, -EINVAL, "'%s' is no address; expected is unix:PATH, tcp:HOST:PORT or exec:COMMAND",
			     address);
}

int vmm_address_connect(const char *address, struct vmm_stream *s,
			struct vsu_error *err)
{
	const char *rest;
	const struct scheme *scheme = find_scheme(address, &rest);
	int rc = scheme ? scheme->connect(rest, s, err) :
			  vmm_address_check(address, err);

	return rc < 0 ? vsu_error_prefix(err, rc, "'%s'", address) : 0;
}

int vmm_address_accept(const char *address, struct vmm_stream *s,
		       struct vsu_error *err)
{
	const char *rest;
	const struct scheme *scheme = find_scheme(address, &rest);
	int rc = scheme ? scheme->accept(rest, s, err) :
			  vmm_address_check(address, err);

	return rc < 0 ? vsu_error_prefix(err, rc, "'%s'", address) : 0;
}
