/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A device that copies what it reads into what it may write. */
#include <config.h>

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include <virtio-queue/cursor.h>
#include <virtio-queue/turn.h>
#include <vhost/shmem.h>
#include <vmm-sys-util/event.h>

#include "echo_server.h"

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
		rc = vq_turn(vhost_user_backend_vq(s->b, ring), &turn);
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

static void on_run(void *opaque, uint32_t ring)
{
	struct echo_server *s = opaque;

	if (ring == 0 && s->map_fd >= 0 && !s->answered)
		ask_for_map(s);
	s->running[ring] = true;
	serve(s, ring);
}

static void on_quiesce(void *opaque, uint32_t ring, bool drain, uint64_t token)
{
	struct echo_server *s = opaque;
	uint32_t i;

	(void)drain;	/* nothing is ever under way between turns */
	for (i = 0; i < ECHO_RINGS; i++)
		if (ring == i || ring == VHOST_USER_ALL_RINGS)
			s->running[i] = false;
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
	if (vhost_user_backend_new_take_fd(sock, &config, &ops, s, &s->b,
					   NULL) < 0)
		abort();
}

static void serve_kicked(struct echo_server *s, const struct pollfd *fds)
{
	uint64_t count;
	uint32_t i;

	for (i = 0; i < ECHO_RINGS && !s->gone; i++) {
		if (!s->running[i] || !fds[i].revents)
			continue;
		vsu_event_drain(fds[i].fd, &count);
		serve(s, i);
	}
}

bool echo_server_turn(struct echo_server *s, int ms)
{
	struct pollfd fds[ECHO_RINGS + 1];
	uint32_t i;

	if (s->gone)
		return false;
	for (i = 0; i < ECHO_RINGS; i++) {
		fds[i].fd = s->running[i] ?
			    vhost_user_backend_kick_fd(s->b, i) : -1;
		fds[i].events = POLLIN;
		fds[i].revents = 0;
	}
	fds[ECHO_RINGS].fd = vhost_user_backend_fd(s->b);
	fds[ECHO_RINGS].events = POLLIN;
	poll(fds, ECHO_RINGS + 1, ms);
	/* rings first: what a message changes is valid after it only */
	serve_kicked(s, fds);
	if (fds[ECHO_RINGS].revents)
		while (!s->gone && vhost_user_backend_dispatch(s->b) == 1)
			;
	return !s->gone;
}

void *echo_server_thread(void *server)
{
	while (echo_server_turn(server, -1))
		;
	return NULL;
}
