/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* All that comes from the host: clients, their greetings, and bytes. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/parse.h>
#include <vmm-sys-util/sock.h>

#include "vsock/vsock_priv.h"

/* Of one turn. */
#define MAX_EVENTS 64
#define MAX_CLIENTS 16

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
 * A whole line, or none yet: what follows it is for the guest and stays in the
 * socket.
 */
static void client_greet(struct vsock_conn *c)
{
	char line[MAX_GREETING + 1];
	ssize_t n = recv(c->fd, line, MAX_GREETING, MSG_PEEK | MSG_DONTWAIT);
	int64_t port = -1;
	char *end;

	if (n < 0 && (errno == EAGAIN || errno == EINTR) && !c->hung_up)
		return;
	end = n > 0 ? memchr(line, '\n', (size_t)n) : NULL;
	if (n > 0 && !end && n < MAX_GREETING && !c->hung_up)
		return;
	if (end && recv(c->fd, line, (size_t)(end - line) + 1,
			MSG_DONTWAIT) == end - line + 1) {
		*end = 0;
		port = greeting_port(line);
	}
	if (port < 0)
		virtdev_priv_vsock_abort(c);
	else
		client_request(c, (uint32_t)port);
}

static void client_add(struct vsock_bridge *b, int fd)
{
	struct vsock_conn *c = virtdev_priv_vsock_conn_new(b);

	c->fd = fd;
	c->state = VSOCK_GREETING;
	if (virtdev_priv_vsock_watch(c) < 0)
		virtdev_priv_vsock_conn_free(c);
	else
		virtdev_priv_vsock_time_begin(c);
}

/*
 * Clients wait in the listener's queue until the timer fires when descriptors
 * are used up, and until a connection ends when those are.
 */
static void accept_clients(struct vsock_bridge *b)
{
	unsigned int i;
	int fd;

	for (i = 0; b->clients && b->free && i < MAX_CLIENTS; i++) {
		fd = vsu_sock_accept(b->listener);
		if (fd >= 0)
			client_add(b, fd);
		else if (fd != -ECONNABORTED)
			b->clients = false;
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
		b->clients = b->clients || tag != VSOCK_TAG_WAKE;
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
	accept_clients(b);
}

/* ------------------------------------------------------- from guest to host */

static int connect_port(const struct vsock_bridge *b, uint32_t port)
{
	char path[sizeof(b->made.path)];
	int n = snprintf(path, sizeof(path), "%s_%" PRIu32, b->path, port);

	if (n < 0 || (size_t)n >= sizeof(path))
		return -ENAMETOOLONG;
	return vsu_sock_connect(path, NULL);
}

struct vsock_conn *virtdev_priv_vsock_connect(struct vsock_bridge *b,
					      uint32_t guest_port,
					      uint32_t host_port)
{
	struct vsock_conn *c;
	int fd;

	if (!b->free)
		return NULL;
	fd = connect_port(b, host_port);
	if (fd < 0)
		return NULL;
	c = virtdev_priv_vsock_conn_new(b);
	c->fd = fd;
	if (virtdev_priv_vsock_watch(c) < 0) {
		virtdev_priv_vsock_conn_free(c);
		return NULL;
	}
	virtdev_priv_vsock_conn_name(c, guest_port, host_port);
	c->state = VSOCK_OPEN;
	c->readable = true;
	return c;
}
