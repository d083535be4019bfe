/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A device that copies readable bytes to writable buffers. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include <virtio-queue/cursor.h>
#include <virtio-queue/turn.h>
#include <vhost/backend_device.h>
#include <vhost/shmem.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>

#include "echo_server.h"

/* Event data: the number of a ring, or this. */
#define SESSION ECHO_RINGS

struct echo_turn {
	struct echo_server *server;
	uint32_t ring;
};

static uint32_t echo(void *opaque, struct vq *q, struct vq_chain *chain)
{
	struct echo_turn *t = opaque;
	struct vq_cursor in, out;

	t->server->served++;
	vq_reader_init(&in, q, chain);
	vq_writer_init(&out, q, chain);
	return vq_cursor_copy(&out, &in, UINT32_MAX);
}

static void call(void *opaque)
{
	struct echo_turn *t = opaque;

	vhost_user_backend_call(t->server->b, t->ring);
}

static void serve(struct echo_server *s, uint32_t ring)
{
	struct echo_turn t = { s, ring };
	const struct vq_turn turn = {
		.size = sizeof(turn), .serve = echo, .notify = call,
		.opaque = &t,
	};
	int rc;

	do
		rc = vq_serve_turn(vhost_user_backend_vq(s->b, ring), &turn);
	while (rc == 1);
	if (rc == -EFAULT)
		vhost_user_backend_ring_error(s->b, ring);
}

static void ask_for_map(struct echo_server *s)
{
	const struct vhost_user_shmem_request request = {
		.len = ECHO_MAPPED,
		.fd_offset = ECHO_PAGE,
		.fd = s->map_fd,
		.writable = true,
	};

	if (vhost_user_backend_shmem_map(s->b, &request, 1, NULL) < 0)
		abort();
}

static void on_shmem_result(void *opaque, uint64_t cookie, int result)
{
	struct echo_server *s = opaque;

	(void)cookie;
	s->answers++;
	s->answer = result;
	s->answered = true;
}

static void watch(struct echo_server *s, int fd, uint32_t events, uint32_t what)
{
	struct epoll_event event = { .events = events, .data.u32 = what };

	if (epoll_ctl(s->epfd, EPOLL_CTL_ADD, fd, &event) < 0)
		abort();
}

/*
 * Kicks are edge-triggered, so their counter is not read while the ring runs.
 * Kicks from before the start are read, since the ring is served then.
 */
static void watch_kick(struct echo_server *s, uint32_t ring)
{
	uint64_t count;

	s->kick[ring] = vhost_user_backend_kick_fd(s->b, ring);
	if (s->kick[ring] < 0)
		return;
	vsu_event_drain(s->kick[ring], &count);
	watch(s, s->kick[ring], EPOLLIN | EPOLLET, ring);
	s->watched[ring] = true;
}

static void on_run(void *opaque, uint32_t ring)
{
	struct echo_server *s = opaque;

	if (ring == 0 && s->map_fd >= 0 && !s->answered)
		ask_for_map(s);
	if (!s->watched[ring])
		watch_kick(s, ring);
	s->running[ring] = true;
	serve(s, ring);
}

static void ring_stop(struct echo_server *s, uint32_t ring)
{
	s->running[ring] = false;
	if (!s->watched[ring] || vhost_user_backend_keep_kick(s->b, ring))
		return;
	epoll_ctl(s->epfd, EPOLL_CTL_DEL, s->kick[ring], NULL);
	s->watched[ring] = false;
}

static void on_quiesce(void *opaque, uint32_t ring, bool drain, uint64_t token)
{
	struct echo_server *s = opaque;
	uint32_t i;

	(void)drain;	/* no request is in flight between turns */
	for (i = 0; i < ECHO_RINGS; i++)
		if (ring == i || ring == VHOST_USER_ALL_RINGS)
			ring_stop(s, i);
	vhost_user_backend_done(s->b, token);
}

static int on_get_config(void *opaque, uint32_t off, void *buf, uint32_t len)
{
	struct echo_server *s = opaque;

	memcpy(buf, s->config + off, len);
	return 0;
}

static int on_set_config(void *opaque, uint32_t off, const void *buf,
			 uint32_t len, bool migration)
{
	struct echo_server *s = opaque;

	(void)migration;
	memcpy(s->config + off, buf, len);
	return 0;
}

static void on_reset(void *opaque)
{
	struct echo_server *s = opaque;

	s->resets++;
}

static void on_gone(void *opaque, const struct vsu_error *err)
{
	struct echo_server *s = opaque;

	s->gone = true;
	s->why = err->code;
	vhost_user_backend_free(s->b);
	s->b = NULL;
	vsu_fd_close(&s->epfd);
}

static const struct vhost_user_backend_ops ops = {
	.size = sizeof(ops),
	.get_config = on_get_config,
	.set_config = on_set_config,
	.run = on_run,
	.quiesce = on_quiesce,
	.reset = on_reset,
	.gone = on_gone,
	.shmem_result = on_shmem_result,
};

void echo_server_init(struct echo_server *s, int sock, uint64_t features,
		      int map_fd)
{
	const uint64_t window = ECHO_WINDOW;
	const struct vhost_user_backend_config config = {
		.size = sizeof(config),
		.features = features,
		.nrings = ECHO_RINGS,
		.config_size = ECHO_CONFIG,
		.shmem_sizes = &window,
		.nshmem = map_fd >= 0,
	};

	memset(s, 0, sizeof(*s));
	s->map_fd = map_fd;
	s->epfd = epoll_create1(EPOLL_CLOEXEC);
	if (s->epfd < 0 ||
	    vhost_user_backend_new_take_fd(sock, &config, &ops, s, &s->b,
					   NULL) < 0)
		abort();
	watch(s, vhost_user_backend_fd(s->b), EPOLLIN, SESSION);
}

static void serve_session(struct echo_server *s)
{
	while (!s->gone && vhost_user_backend_dispatch(s->b) == 1)
		;
}

/* Rings before messages: a message may change the rings. */
bool echo_server_turn(struct echo_server *s, int ms)
{
	struct epoll_event events[ECHO_RINGS + 1];
	bool session = false;
	int i, n;

	if (s->gone)
		return false;
	n = epoll_wait(s->epfd, events, ECHO_RINGS + 1, ms);
	for (i = 0; i < n; i++) {
		if (events[i].data.u32 == SESSION)
			session = true;
		else if (s->running[events[i].data.u32])
			serve(s, events[i].data.u32);
	}
	if (session)
		serve_session(s);
	return !s->gone;
}

void *echo_server_thread(void *server)
{
	while (echo_server_turn(server, -1))
		;
	return NULL;
}
