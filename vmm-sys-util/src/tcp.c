/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Looks up hosts, connects and listens by TCP. */
#include <config.h>

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/thread.h>

#include "tcp_priv.h"

int vsu_tcp_split(char *text, char **host, char **port)
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

/* -------- a host's name, looked up on threads that nothing has to wait for */

#define LIMIT_NS UINT64_C(10000000000)

/* Freed by the last of its two users: the thread, and the function that waits. */
struct lookup {
	unsigned int users;	/* atomic */
	int done_fd;		/* readable: rc and list are valid */
	char *host, *port;
	struct addrinfo hints;
	int rc;			/* atomic: of getaddrinfo() */
	struct addrinfo *list;
};

static void lookup_unref(struct lookup *l)
{
	if (__atomic_sub_fetch(&l->users, 1, __ATOMIC_ACQ_REL))
		return;
	if (l->list)
		freeaddrinfo(l->list);
	vsu_fd_close(&l->done_fd);
	free(l->host);
	free(l->port);
	free(l);
}

static struct lookup *lookup_new(const char *host, const char *port, const struct addrinfo *hints)
{
	struct lookup *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->users = 1;
	l->hints = *hints;
	l->host = strdup(host);
	l->port = strdup(port);
	l->done_fd = vsu_event_new();
	if (l->host && l->port && l->done_fd >= 0)
		return l;
	lookup_unref(l);
	return NULL;
}

static void *lookup_main(void *arg)
{
	struct lookup *l = arg;

	/* Pairs with the acquire in lookup_wait(). */
	__atomic_store_n(&l->rc, getaddrinfo(l->host, l->port, &l->hints, &l->list), __ATOMIC_RELEASE);
	vsu_event_signal(l->done_fd);
	lookup_unref(l);
	return NULL;
}

static int lookup_start(struct lookup *l, const struct vsu_threads *threads)
{
	pthread_t thread;
	int rc;

	l->users++;
	rc = vsu_thread_start(threads, &thread, lookup_main, l);
	if (!rc)
		pthread_detach(thread);
	else
		l->users--;
	return rc;
}

static uint64_t find_limit(const struct vsu_tcp_wait *w)
{
	const uint64_t until_ns = vsu_now_ns() + LIMIT_NS;

	return w->deadline_ns && w->deadline_ns < until_ns ? w->deadline_ns : until_ns;
}

/* *result is that of getaddrinfo(), whose codes are no errnos. */
static int lookup_wait(struct lookup *l, const struct vsu_tcp_wait *w, int *result,
		       struct addrinfo **out, struct vsu_error *err)
{
	int rc = vsu_wait(l->done_fd, POLLIN, w->cancel_fd, find_limit(w), err);

	if (rc == -ETIMEDOUT)
		return vsu_error_set(err, rc, "'%s': the name server does not answer; use the numeric address",
				     l->host);
	if (rc < 0)
		return rc;
	*result = __atomic_load_n(&l->rc, __ATOMIC_ACQUIRE);
	if (*result)
		return 0;
	*out = l->list;
	l->list = NULL;
	return 0;
}

static int look_up_name(const char *host, const char *port, const struct addrinfo *hints,
			const struct vsu_tcp_wait *w, int *result, struct addrinfo **out,
			struct vsu_error *err)
{
	struct lookup *l = lookup_new(host, port, hints);
	int rc = l ? lookup_start(l, w->threads) : -ENOMEM;

	rc = rc < 0 ? vsu_error_sys(err, rc, "cannot look up '%s'", host) :
		      lookup_wait(l, w, result, out, err);
	if (l)
		lookup_unref(l);
	return rc;
}

int vsu_priv_tcp_look_up(const char *host, const char *port, bool passive, const struct vsu_tcp_wait *w,
		   struct addrinfo **out, struct vsu_error *err)
{
	struct addrinfo hints = {
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICHOST | (passive ? AI_PASSIVE : 0),
	};
	int result = getaddrinfo(*host ? host : NULL, port, &hints, out), rc = 0;

	hints.ai_flags &= ~AI_NUMERICHOST;
	if (result == EAI_NONAME && *host)
		rc = look_up_name(host, port, &hints, w, &result, out, err);
	if (rc < 0)
		return rc;
	return result ? vsu_error_set(err, -ENOENT, "'%s': %s", host, gai_strerror(result)) : 0;
}

static int resolve_address(const char *address, bool passive, const struct vsu_tcp_wait *w,
			   struct addrinfo **out, struct vsu_error *err)
{
	char *copy = strdup(address), *host, *port;
	int rc = copy ? vsu_tcp_split(copy, &host, &port) : -ENOMEM;

	rc = rc < 0 ? vsu_error_set(err, rc, "'%s' is not HOST:PORT", address) :
		      vsu_priv_tcp_look_up(host, port, passive, w, out, err);
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

/* Waits until the socket is connected. */
static int connect_socket(int fd, const struct addrinfo *a, const struct vsu_tcp_wait *w,
			  struct vsu_error *err)
{
	socklen_t len = sizeof(int);
	int rc, failure = 0;

	rc = connect(fd, a->ai_addr, a->ai_addrlen) < 0 ? -errno : 0;
	if (rc == -EINPROGRESS) {
		rc = vsu_wait(fd, POLLOUT, w->cancel_fd, 0, err);
		if (rc < 0)
			return rc;
		(void)!getsockopt(fd, SOL_SOCKET, SO_ERROR, &failure, &len);
		rc = -failure;
	}
	return rc < 0 ? vsu_error_sys(err, rc, "cannot connect") : 0;
}

static int connect_to(const struct addrinfo *a, const struct vsu_tcp_wait *w, struct vsu_error *err)
{
	int fd = open_socket(a), rc;

	if (fd < 0)
		return vsu_error_sys(err, fd, "socket");
	rc = connect_socket(fd, a, w, err);
	if (rc < 0)
		vsu_fd_close(&fd);
	return rc < 0 ? rc : fd;
}

int vsu_tcp_connect(const char *address, const struct vsu_tcp_wait *w, struct vsu_error *err)
{
	struct addrinfo *list = NULL, *a;
	int rc = resolve_address(address, false, w, &list, err);

	if (rc < 0)
		return rc;
	rc = -ENOENT;
	for (a = list; a && rc < 0 && rc != -ECANCELED; a = a->ai_next)
		rc = connect_to(a, w, err);
	freeaddrinfo(list);
	return rc;
}

int vsu_tcp_listen(const char *address, int backlog, struct vsu_error *err)
{
	const struct vsu_tcp_wait none = { .cancel_fd = -1 };
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
