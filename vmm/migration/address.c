/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Connects and listens at the address of a migration. */
#include <config.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/file_value.h>
#include <vmm-sys-util/foreign.h>
#include <vmm-sys-util/option.h>
#include <vmm-sys-util/sock.h>
#include <vmm-sys-util/tcp.h>

#include "cvmm/configuration.h"
#include "migration/address.h"
#include "migration/tls.h"

/* ------------------------------------------------------------------ descriptor */

int vmm_address_check_socket(int fd, struct vsu_error *err)
{
	struct sockaddr_storage peer;
	socklen_t len = sizeof(int);
	int type = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0)
		return vsu_error_set(err, -ENOTSOCK, "the descriptor is not a socket; a pipe has one direction only");
	if (type != SOCK_STREAM)
		return vsu_error_set(err, -EPROTOTYPE, "the socket is not of type SOCK_STREAM");
	len = sizeof(peer);
	return getpeername(fd, (struct sockaddr *)&peer, &len) < 0 ?
	       vsu_error_set(err, -ENOTCONN, "the socket is not connected; connect it first") : 0;
}

/* "fd:N"; its owner keeps the descriptor. */
static int fd_start(const char *word, struct vmm_stream *s, struct vsu_error *err)
{
	struct vsu_file_value v;
	int rc = vsu_file_value_read(word, &v, err);

	rc = rc ? rc : vmm_address_check_socket(v.fd, err);
	if (rc < 0)
		return rc;
	s->fd = vsu_fd_dup(v.fd);
	rc = s->fd < 0 ? s->fd : vsu_fd_set_nonblock(s->fd);
	return rc < 0 ? vsu_error_sys(err, rc, "descriptor %d", v.fd) : 0;
}

static int number_connect(const char *number, struct vmm_stream *s, struct vsu_error *err)
{
	return fd_start(number - strlen("fd:"), s, err);
}

static int no_listen(const char *rest, struct vmm_listener *l, struct vsu_error *err)
{
	(void)rest;
	(void)l;
	(void)err;
	return 0;
}

/* The source decides whether it passes descriptors over a UNIX socket. */
static int number_accept(struct vmm_listener *l, struct vmm_stream *s, struct vsu_error *err)
{
	int rc;

	if (l->accepted)
		return vsu_error_set(err, -EOPNOTSUPP, "fd: supports only one connection");
	l->accepted = true;
	rc = number_connect(l->rest, s, err);
	s->has_fds = !rc && vsu_sock_is_unix_stream(s->fd);
	return rc;
}

/* ----------------------------------------------------------------------- unix */

static int unix_connect(const char *path, struct vmm_stream *s,
			struct vsu_error *err)
{
	s->has_fds = true;
	if (vsu_file_value_is_fd(path))
		return fd_start(path, s, err);
	s->sole = true;
	s->fd = vsu_sock_connect(path, err);
	return s->fd < 0 ? s->fd : 0;
}

static int unix_listen(const char *path, struct vmm_listener *l,
		       struct vsu_error *err)
{
	l->fd = vsu_sock_listen(path, VMM_CHANNELS_MAX, err);
	if (l->fd < 0)
		return l->fd;
	l->named = !vsu_sock_path_of(l->fd, &l->path);
	return 0;
}

/* Accepts a connection; those that the peer has closed again are skipped. */
static int accept_one(struct vmm_listener *l, struct vmm_stream *s,
		      struct vsu_error *err)
{
	int rc;

	do {
		rc = vmm_stream_wait(s, l->fd, POLLIN, s->deadline_ns, err);
		if (rc < 0)
			return rc;
		s->fd = vsu_sock_accept(l->fd);
	} while (s->fd == -EAGAIN || s->fd == -ECONNABORTED);
	return s->fd < 0 ? vsu_error_sys(err, s->fd, "accept") : 0;
}

static int unix_accept(struct vmm_listener *l, struct vmm_stream *s,
		       struct vsu_error *err)
{
	s->has_fds = s->sole = true;
	return accept_one(l, s, err);
}

/* ------------------------------------------------------------------------ tcp */

int vmm_tcp_connect(const char *address, struct vmm_stream *s, struct vsu_error *err)
{
	const struct vsu_tcp_wait wait = { s->cancel_fd, s->deadline_ns, s->threads };

	if (s->no_network)
		return vsu_error_set(err, -ENETUNREACH, "%s", s->no_network);
	s->fd = vsu_tcp_connect(address, &wait, err);
	return s->fd < 0 ? s->fd : 0;
}

static int tcp_listen(const char *address, struct vmm_listener *l,
		      struct vsu_error *err)
{
	l->fd = vsu_tcp_listen(address, VMM_CHANNELS_MAX, err);
	return l->fd < 0 ? l->fd : 0;
}

/* ------------------------------------------------------------------------ tls */

struct tls_address {
	char *host;		/* HOST:PORT; owns the memory of all */
	const char *folder, *hostname;
};

/* For the handshake: with the destination, and with a peer who may be anyone. */
#define CONNECT_NS UINT64_C(30000000000)
#define STRANGER_NS UINT64_C(5000000000)

enum { TLS_CERTIFICATES, TLS_HOSTNAME };

static const struct vsu_option tls_keys[] = {
	[TLS_CERTIFICATES] = { .name = "certificates", .kind = VSU_OPTION_STRING },
	[TLS_HOSTNAME] = { .name = "hostname", .kind = VSU_OPTION_STRING },
	{ .name = NULL },
};

static int set_tls_key(void *opaque, unsigned int key,
		       const struct vsu_option_value *value, struct vsu_error *err)
{
	struct tls_address *a = opaque;

	(void)err;
	if (key == TLS_HOSTNAME)
		a->hostname = value->text;
	else
		a->folder = value->text;
	return 0;
}

/* "HOST:PORT,certificates=FOLDER[,hostname=NAME]". Free a->host in each case. */
static int split_tls(const char *rest, struct tls_address *a, struct vsu_error *err)
{
	const size_t size = strlen(rest) + 1;
	char *keys;
	int rc = 0;

	memset(a, 0, sizeof(*a));
	a->host = malloc(2 * size);	/* and values of the keys behind it */
	if (!a->host)
		return vsu_error_set(err, -ENOMEM, "no memory for an address");
	memcpy(a->host, rest, size);
	keys = strchr(a->host, ',');
	if (keys) {
		*keys++ = '\0';
		rc = vsu_option_parse_list(tls_keys, "tls", keys, a->host + size, size,
					   set_tls_key, a, err);
	}
	return rc || a->folder ? rc :
	       vsu_error_set(err, -EINVAL, "TLS needs ',certificates=FOLDER' behind the address");
}

/* The name that the certificate of the destination must have: that of the host. */
static int prepare_client(struct vmm_stream *s, const struct tls_address *a,
			  struct vsu_error *err)
{
	char *copy = strdup(a->host), *host, *port;
	struct vmm_tls_config config = { .folder = a->folder };
	int rc = copy ? vsu_tcp_split(copy, &host, &port) : -ENOMEM;

	if (rc < 0) {
		vsu_error_set(err, rc, "'%s' is not HOST:PORT", a->host);
	} else {
		config.hostname = a->hostname ? a->hostname : host;
		rc = vmm_tls_prepare(s, &config, err);
	}
	free(copy);
	return rc;
}

static int tls_connect(const char *rest, struct vmm_stream *s, struct vsu_error *err)
{
	struct tls_address a;
	int rc = split_tls(rest, &a, err);

	if (!rc)
		rc = prepare_client(s, &a, err);
	if (!rc)
		rc = vmm_tcp_connect(a.host, s, err);
	if (!rc)
		rc = vmm_tls_start(s, CONNECT_NS, err);
	free(a.host);
	return rc;
}

static int tls_listen(const char *rest, struct vmm_listener *l,
		      struct vsu_error *err)
{
	struct tls_address a;
	int rc = split_tls(rest, &a, err);

	if (!rc)
		rc = tcp_listen(a.host, l, err);
	free(a.host);
	return rc;
}

/* Checks the files before a source connects. */
static int tls_accept(struct vmm_listener *l, struct vmm_stream *s,
		      struct vsu_error *err)
{
	struct vmm_tls_config config = { .server = true };
	struct tls_address a;
	int rc = split_tls(l->rest, &a, err);

	config.folder = a.folder;
	if (!rc)
		rc = vmm_tls_prepare(s, &config, err);
	if (!rc)
		rc = accept_one(l, s, err);
	if (!rc)
		rc = vmm_tls_start(s, STRANGER_NS, err);
	free(a.host);
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
int vmm_address_start_command(const char *command, pid_t *child, struct vsu_error *err)
{
	int pair[2], rc;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return vsu_error_sys(err, -errno, "socketpair");
	rc = vsu_fd_set_nonblock(pair[0]);
	if (!rc)
		rc = spawn_shell(command, pair[1], child);
	vsu_fd_close(&pair[1]);
	if (rc >= 0)
		return pair[0];
	vsu_fd_close(&pair[0]);
	if (rc == -EACCES || rc == -EPERM) {
		vsu_error_set(err, rc, "cannot start '%s': not permitted in a sandbox", command);
		(void)vsu_error_operands(err, CVMM_ADVICE_COMMAND, 0, 0);
		return rc;
	}
	return vsu_error_sys(err, rc, "cannot start '%s'", command);
}

static int exec_start(const char *command, struct vmm_stream *s, struct vsu_error *err)
{
	s->fd = vmm_address_start_command(command, &s->child, err);
	return s->fd < 0 ? s->fd : 0;
}

static int exec_accept(struct vmm_listener *l, struct vmm_stream *s,
		       struct vsu_error *err)
{
	if (l->accepted)
		return vsu_error_set(err, -EOPNOTSUPP, "exec: supports only one connection");
	l->accepted = true;
	return exec_start(l->rest, s, err);
}

/* ------------------------------------------------------------------------ all */

static const struct scheme {
	const char *prefix;
	int (*connect)(const char *rest, struct vmm_stream *s,
		       struct vsu_error *err);
	int (*listen)(const char *rest, struct vmm_listener *l,
		      struct vsu_error *err);
	int (*accept)(struct vmm_listener *l, struct vmm_stream *s,
		      struct vsu_error *err);
} schemes[] = {
	{ "unix:", unix_connect, unix_listen, unix_accept },
	{ "tcp:", vmm_tcp_connect, tcp_listen, accept_one },
	{ "tls:", tls_connect, tls_listen, tls_accept },
	{ "exec:", exec_start, no_listen, exec_accept },
	{ "fd:", number_connect, no_listen, number_accept },
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
	       vsu_error_set(err, -EINVAL, "'%s' is not an address; expected unix:PATH, tcp:HOST:PORT, tls:HOST:PORT,certificates=FOLDER, exec:COMMAND or fd:N",
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

bool vmm_address_is_descriptor(const char *address)
{
	const char *rest;
	const struct scheme *scheme = find_scheme(address, &rest);

	return scheme && (scheme->connect == number_connect ||
			  (scheme->connect == unix_connect && vsu_file_value_is_fd(rest)));
}

bool vmm_address_is_single(const char *address)
{
	const char *rest;
	const struct scheme *scheme = find_scheme(address, &rest);

	return scheme && (scheme->connect == exec_start || vmm_address_is_descriptor(address));
}

int vmm_address_listen(const char *address, struct vmm_listener *l,
		       struct vsu_error *err)
{
	const struct scheme *scheme;
	int rc;

	memset(l, 0, sizeof(*l));
	l->fd = -1;
	l->address = address;
	scheme = find_scheme(address, &l->rest);
	rc = scheme ? scheme->listen(l->rest, l, err) :
		      vmm_address_check(address, err);
	return rc < 0 ? vsu_error_prefix(err, rc, "'%s'", address) : 0;
}

int vmm_address_accept(struct vmm_listener *l, struct vmm_stream *s,
		       struct vsu_error *err)
{
	const char *rest;
	int rc = find_scheme(l->address, &rest)->accept(l, s, err);

	return rc < 0 ? vsu_error_prefix(err, rc, "'%s'", l->address) : 0;
}

/*
 * close() would close the descriptors that wait in them, and wait for sockets that linger.
 * After the shutdown no further connection comes, and accept() does not wait.
 */
static void close_backlog(int listener, struct vsu_closer *closer)
{
	int fd;

	if (listener < 0 || shutdown(listener, SHUT_RDWR) < 0)
		return;
	while ((fd = vsu_sock_accept(listener)) >= 0)
		vsu_foreign_close(closer, &fd);
}

void vmm_address_unlisten(struct vmm_listener *l, struct vsu_closer *closer)
{
	if (l->named)
		vsu_sock_unlink(&l->path);
	l->named = false;
	close_backlog(l->fd, closer);
	vsu_fd_close(&l->fd);
}
