/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Statistics for a monitoring system. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <virtio-devices/metrics.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "log.h"
#include "metrics.h"

/* Tags of epoll behind those of the clients. */
#define TAG_LISTENER METRICS_CLIENTS
#define TAG_OTHER (METRICS_CLIENTS + 1)

/* ------------------------------------------------------------------- the reply */

static const struct virtdev_metric described[] = {
	{ "requests_refused", VIRTDEV_METRIC_COUNTER, "Requests of front-ends that were refused." },
	{ "sessions_ended", VIRTDEV_METRIC_COUNTER, "Sessions of front-ends that have ended." },
	{ .name = NULL },
};

static int make_numbers(const struct metrics *m, char **text, size_t *len)
{
	struct virtdev_metrics p = { .prefix = "cvmm", .described = described };
	char label[32];
	int rc;

	snprintf(label, sizeof(label), "kind=\"%s\"", m->kind);
	virtdev_metrics_add_device(&p, m->dev, label);
	virtdev_metrics_add_u64(&p, "sessions_ended", "", m->sessions);
	virtdev_metrics_add_u64(&p, "requests_refused", "", m->refused);
	rc = virtdev_metrics_text(&p, text, len);
	virtdev_metrics_free(&p);
	return rc;
}

/* Without memory there is no reply. */
static void reply_make(const struct metrics *m, struct metrics_client *c)
{
	const bool gets = c->got >= 4 && !memcmp(c->request, "GET ", 4);
	char *numbers = NULL;
	size_t len = 0;
	int n;

	if (gets && make_numbers(m, &numbers, &len) < 0)
		return;
	n = asprintf(&c->reply, "HTTP/1.0 %s\r\nContent-Type: text/plain; version=0.0.4\r\n\r\n%s",
		     gets ? "200 OK" : "400 Bad Request", numbers ? numbers : "");
	if (n < 0)
		c->reply = NULL;
	else
		c->len = (size_t)n;
	free(numbers);
}

/* --------------------------------------------------------------------- clients */

static bool is_complete(const struct metrics_client *c)
{
	return memmem(c->request, c->got, "\r\n\r\n", 4) ||
	       memmem(c->request, c->got, "\n\n", 2) ||
	       c->got == sizeof(c->request);
}

static int watch_fd(const struct metrics *m, int how, int fd, uint32_t events, uint64_t tag)
{
	struct epoll_event event = { .events = events, .data.u64 = tag };

	return epoll_ctl(m->epoll, how, fd, &event) < 0 ? -errno : 0;
}

/* If no descriptor is available, the listener would stay readable and cause a busy loop. */
static void set_waits(struct metrics *m, bool waits)
{
	if (m->waits != waits && m->epoll >= 0)
		(void)!watch_fd(m, EPOLL_CTL_MOD, m->listener.fd, waits ? 0 : EPOLLIN,
				TAG_LISTENER);
	m->waits = waits;
}

static void client_close(struct metrics *m, struct metrics_client *c)
{
	free(c->reply);
	vsu_fd_close(&c->fd);
	*c = (struct metrics_client){ .fd = -1 };
	set_waits(m, false);
}

static void client_read(struct metrics *m, struct metrics_client *c)
{
	const ssize_t n = read(c->fd, c->request + c->got, sizeof(c->request) - c->got);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0)
		c->got += (size_t)n;
	if (n > 0 && !is_complete(c))
		return;
	if (n > 0)
		reply_make(m, c);
	if (!c->reply || watch_fd(m, EPOLL_CTL_MOD, c->fd, EPOLLOUT,
				  (uint64_t)(c - m->clients)) < 0)
		client_close(m, c);
}

static void client_write(struct metrics *m, struct metrics_client *c)
{
	const struct iovec rest = { c->reply + c->sent, c->len - c->sent };
	const ssize_t n = vsu_sock_send(c->fd, &rest, 1, NULL, 0);

	if (n == -EAGAIN)
		return;
	if (n > 0)
		c->sent += (size_t)n;
	if (n <= 0 || c->sent == c->len)
		client_close(m, c);
}

static struct metrics_client *find_place(struct metrics *m)
{
	struct metrics_client *c;

	for (c = m->clients; c < m->clients + METRICS_CLIENTS; c++)
		if (c->fd < 0)
			return c;
	c = &m->clients[m->next++ % METRICS_CLIENTS];
	client_close(m, c);
	return c;
}

/* When a client or a session ends, it may be accepted. */
static void client_accept(struct metrics *m)
{
	int fd = vsu_sock_accept(m->listener.fd);
	struct metrics_client *c;

	if (fd == -EAGAIN || fd == -ECONNABORTED)
		return;
	if (fd < 0) {
		prog_log(VSU_LOG_WARNING, "metrics", "--metrics: cannot accept a client: %s", strerror(-fd));
		set_waits(m, true);
		return;
	}
	c = find_place(m);
	c->fd = fd;
	if (watch_fd(m, EPOLL_CTL_ADD, fd, EPOLLIN, (uint64_t)(c - m->clients)) < 0)
		client_close(m, c);
}

void metrics_session_ended(struct metrics *m)
{
	m->sessions++;
	set_waits(m, false);
}

/* ------------------------------------------------------------------- its course */

int metrics_start(struct metrics *m, struct vsu_error *err)
{
	unsigned int i;

	for (i = 0; i < METRICS_CLIENTS; i++)
		m->clients[i].fd = -1;
	if (m->listener.fd < 0)
		return 0;
	m->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (m->epoll < 0 ||
	    watch_fd(m, EPOLL_CTL_ADD, m->listener.fd, EPOLLIN, TAG_LISTENER) < 0)
		return vsu_error_sys(err, -errno, "--metrics");
	return 0;
}

int metrics_watch(struct metrics *m, int other)
{
	int rc = m->epoll < 0 ? 0 : watch_fd(m, EPOLL_CTL_ADD, other, EPOLLIN, TAG_OTHER);

	if (rc < 0)
		prog_log(VSU_LOG_WARNING, "metrics", "--metrics: no client is served: %s", strerror(-rc));
	return m->epoll < 0 || rc < 0 ? other : m->epoll;
}

void metrics_dispatch(struct metrics *m)
{
	struct epoll_event events[METRICS_CLIENTS + 2];
	struct metrics_client *c;
	int i, n;

	if (m->epoll < 0)
		return;
	n = epoll_wait(m->epoll, events, METRICS_CLIENTS + 2, 0);
	for (i = 0; i < n; i++) {
		if (events[i].data.u64 >= METRICS_CLIENTS)
			continue;
		c = &m->clients[events[i].data.u64];
		if (c->reply)
			client_write(m, c);
		else
			client_read(m, c);
	}
	/* last: a new client may take a place whose event is among these */
	for (i = 0; i < n; i++)
		if (events[i].data.u64 == TAG_LISTENER)
			client_accept(m);
}

void metrics_end(struct metrics *m)
{
	unsigned int i;

	for (i = 0; m->epoll >= 0 && i < METRICS_CLIENTS; i++)
		client_close(m, &m->clients[i]);
	daemon_listener_unlink(&m->listener);
	vsu_fd_close(&m->listener.fd);
	vsu_fd_close(&m->epoll);
}
