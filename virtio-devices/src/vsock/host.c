/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Events of the host: new clients, their greetings, and data. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/parse.h>
#include <vmm-sys-util/sock.h>

#include "vsock/priv.h"

/* limits of one turn */
#define MAX_EVENTS 64
#define MAX_CLIENTS 16

/*
 * The names of sockets that connect for a guest begin with this. The path PATH_PORT may be
 * that of another machine, whose ports accept only programs of the host.
 */
#define GUEST_NAME "virtio-vsock-guest-"

/* "CONNECT 4294967294\n" has 19. */
#define MAX_GREETING 32

/* ---------------------------------------------------------------- greetings */

/* The port of "CONNECT 1234", or -1. */
static int64_t greeting_port(const char *line)
{
	static const char word[] = "CONNECT ";
	uint64_t port;

	if (strncmp(line, word, sizeof(word) - 1) ||
	    line[sizeof(word) - 1] < '0' || line[sizeof(word) - 1] > '9' ||
	    vsu_parse_u64(line + sizeof(word) - 1, &port) < 0 ||
	    port >= UINT32_MAX)
		return -1;
	return (int64_t)port;
}

static void client_request(struct vsock_conn *c, uint32_t guest_port)
{
	const uint32_t port = virtdev_priv_vsock_port(c->bridge, guest_port);

	virtdev_priv_vsock_conn_name(c, guest_port, port);
	c->state = VSOCK_REQUESTED;
	virtdev_priv_vsock_time_begin(c);
	virtdev_priv_vsock_want(c, VSOCK_PEND_REQUEST);
}

/*
 * The end of the line in the n bytes that a client sent, or NULL. Data behind the line in
 * the same message is not permitted.
 */
static char *greeting_end(const struct vsock_conn *c, char *line, ssize_t n)
{
	char *end = n > 0 ? memchr(line, '\n', (size_t)n) : NULL;

	if (c->type == VSOCK_SEQPACKET && end && end + 1 != line + n)
		return NULL;
	return end;
}

/* True if the rest of the line may still arrive. */
static bool is_begun(const struct vsock_conn *c, ssize_t n)
{
	return c->type == VSOCK_STREAM && n > 0 && n < MAX_GREETING &&
	       !c->hung_up;
}

/*
 * Reads a whole line or nothing: the bytes behind the line are for the guest and remain in
 * the socket. With SOCK_SEQPACKET the line is one message.
 */
static void client_greet(struct vsock_conn *c)
{
	char line[MAX_GREETING + 1];
	ssize_t n = recv(c->fd, line, MAX_GREETING, MSG_PEEK | MSG_DONTWAIT);
	int64_t port = -1;
	char *end;

	if (n < 0 && (errno == EAGAIN || errno == EINTR) && !c->hung_up)
		return;
	end = greeting_end(c, line, n);
	if (!end && is_begun(c, n))
		return;
	if (end && recv(c->fd, line, (size_t)(end - line) + 1,
			MSG_DONTWAIT) == end - line + 1) {
		*end = 0;
		port = greeting_port(line);
	}
	if (c->type == VSOCK_SEQPACKET && !c->bridge->messages)
		port = -1;
	if (port < 0)
		virtdev_priv_vsock_abort(c);
	else
		client_request(c, (uint32_t)port);
}

/* Creates a connection with a socket, which it owns. NULL: the socket was closed. */
static struct vsock_conn *conn_add(struct vsock_bridge *b, int fd,
				   uint16_t type)
{
	struct vsock_conn *c = virtdev_priv_vsock_conn_new(b);
	int rc = 0;

	c->fd = fd;
	c->type = type;
	if (type == VSOCK_SEQPACKET && !b->spill)
		b->spill = malloc(b->buffer);
	if (type == VSOCK_SEQPACKET)
		rc = b->spill ? virtdev_priv_vsock_messages_begin(fd,
							&c->backlog.size)
			      : -ENOMEM;
	if (rc >= 0)
		rc = virtdev_priv_vsock_watch(c);
	if (rc >= 0)
		return c;
	virtdev_priv_vsock_conn_free(c);
	return NULL;
}

/* Whether the peer is a device that connects for its guest. */
static bool is_guest(int fd)
{
	struct sockaddr_un name = { .sun_family = AF_UNSPEC };
	socklen_t len = sizeof(name);
	const size_t least = offsetof(struct sockaddr_un, sun_path) + sizeof(GUEST_NAME);

	return getpeername(fd, (struct sockaddr *)&name, &len) == 0 &&
	       len >= least && !name.sun_path[0] &&
	       !memcmp(name.sun_path + 1, GUEST_NAME, sizeof(GUEST_NAME) - 1);
}

static void client_add(struct vsock_bridge *b, int fd, uint16_t type)
{
	struct vsock_conn *c;

	if (is_guest(fd)) {
		vsu_fd_close(&fd);
		return;
	}
	c = conn_add(b, fd, type);
	if (!c)
		return;
	c->state = VSOCK_GREETING;
	virtdev_priv_vsock_time_begin(c);
}

/*
 * If no descriptor is available, clients wait in the listener's queue until the timer
 * fires; if all connections are in use, until one ends.
 */
static void accept_clients(struct vsock_bridge *b, struct vsock_listener *l)
{
	unsigned int i;
	int fd;

	for (i = 0; l->clients && b->free && i < MAX_CLIENTS; i++) {
		fd = vsu_sock_accept(l->fd);
		if (fd >= 0)
			client_add(b, fd, l->type);
		else if (fd != -ECONNABORTED)
			l->clients = false;
		if (fd < 0 && fd != -EAGAIN && b->times.next == &b->times)
			(void)!vsu_timer_arm(b->timer, b->timeout_ns);
	}
}

/* -------------------------------------------------------------------- events */

static void on_event(struct vsock_bridge *b, const struct epoll_event *event)
{
	const uint64_t tag = event->data.u64;
	struct vsock_conn *c;

	if (tag >= VSOCK_TAG_LISTENER) {
		if (tag != VSOCK_TAG_WAKE)
			vsock_clients_come(b);
		if (tag == VSOCK_TAG_TIMER)
			vsu_timer_drain(b->timer, NULL);
		return;
	}
	c = &b->conns[tag];
	virtdev_priv_vsock_socket_event(c, event->events);
	if (c->state == VSOCK_GREETING)
		client_greet(c);
}

void virtdev_priv_vsock_host_events(struct vsock_bridge *b)
{
	struct epoll_event events[MAX_EVENTS];
	int n = epoll_wait(b->epfd, events, MAX_EVENTS, 0), i;

	for (i = 0; i < n; i++)
		on_event(b, &events[i]);
	virtdev_priv_vsock_expire(b);
	for (i = 0; i < (int)VSOCK_LISTENERS; i++)
		accept_clients(b, &b->listeners[i]);
}

/* ------------------------------------------------------- from guest to host */

/*
 * An abstract name by which the listener of another machine recognises a guest's
 * connection. Random, since other processes are in other namespaces.
 */
static int name_socket(int fd)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };
	uint64_t number;
	int len;

	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		return -errno;
	len = snprintf(name.sun_path + 1, sizeof(name.sun_path) - 1,
		       GUEST_NAME "%016" PRIx64, number);
	return bind(fd, (struct sockaddr *)&name,
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)len)) < 0 ?
	       -errno : 0;
}

static int connect_named(int fd, const struct sockaddr_un *to)
{
	int rc = name_socket(fd);

	while (!rc && connect(fd, (const struct sockaddr *)to, sizeof(*to)) < 0)
		if (errno != EINTR)
			rc = -errno;
	return rc;
}

static int connect_port(const struct vsock_bridge *b, uint16_t type,
			uint32_t port)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	const int kind = type == VSOCK_STREAM ? SOCK_STREAM : SOCK_SEQPACKET;
	int n = snprintf(to.sun_path, sizeof(to.sun_path), "%s_%" PRIu32, b->path, port);
	int fd, rc;

	if (n < 0 || (size_t)n >= sizeof(to.sun_path))
		return -ENAMETOOLONG;
	fd = socket(AF_UNIX, kind | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	rc = connect_named(fd, &to);
	if (rc < 0)
		vsu_fd_close(&fd);
	return rc < 0 ? rc : fd;
}

struct vsock_conn *virtdev_priv_vsock_connect(struct vsock_bridge *b,
					      uint16_t type,
					      uint32_t guest_port,
					      uint32_t host_port)
{
	struct vsock_conn *c;
	int fd;

	if (!b->free)
		return NULL;
	fd = connect_port(b, type, host_port);
	c = fd >= 0 ? conn_add(b, fd, type) : NULL;
	if (!c)
		return NULL;
	virtdev_priv_vsock_conn_name(c, guest_port, host_port);
	c->state = VSOCK_OPEN;
	c->readable = true;
	return c;
}
