/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A block device behind a socket and a front-end, in one process. */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <vhost/frontend_device.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "closed_on_exec.h"
#include "server-rig.h"

/* Feature bits of the vhost-user protocol. */
#define PROTOCOL_FEATURES (UINT64_C(1) << 30 | UINT64_C(1) << 26)

static void session_ended(void *opaque, const struct vsu_error *err)
{
	struct server_side *s = opaque;

	s->ended++;
	s->why = *err;
}

static void refused(void *opaque, uint32_t request, uint32_t ring,
		    const struct vsu_error *err)
{
	struct server_side *s = opaque;

	(void)ring;
	s->refused++;
	s->refused_request = request;
	s->refusal = *err;
}

struct thread_arg {
	struct server_side *s;
	uint32_t queue;
};

static void dispatch_and_poll(struct virtdev_vhost_user_server *server,
			      uint32_t queue, int quit)
{
	struct pollfd p[2] = {
		{ virtdev_vhost_user_server_queue_fd(server, queue), POLLIN,
		  0 },
		{ quit, POLLIN, 0 },
	};

	do {
		virtdev_vhost_user_server_queue_dispatch(server, queue);
		poll(p, 2, -1);
	} while (!p[1].revents);
}

/* Serves even and odd queues in different ways. */
static void *queue_main(void *opaque)
{
	struct thread_arg arg = *(struct thread_arg *)opaque;
	struct virtdev_vhost_user_server *server = arg.s->server;

	free(opaque);
	if (arg.queue % 2)
		dispatch_and_poll(server, arg.queue, arg.s->quit);
	else
		while (virtdev_vhost_user_server_queue_wait(server, arg.queue,
							    arg.s->quit,
							    -1) == 0)
			;
	return NULL;
}

static void start_threads(struct server_side *s)
{
	uint32_t i;

	s->quit = vsu_event_new();
	for (i = 0; s->threaded && i < QUEUES; i++) {
		struct thread_arg *arg = malloc(sizeof(*arg));

		ck_assert_ptr_nonnull(arg);
		arg->s = s;
		arg->queue = i;
		ck_assert_int_eq(pthread_create(&s->threads[i], NULL,
						queue_main, arg), 0);
	}
}

uint64_t server_silence_ns, server_poll_ns;
bool server_postcopy, client_returns;

static void prepare(struct server_side *s, struct virtdev *dev, bool threaded,
		    struct virtdev_vhost_user_server_config *config)
{
	memset(s, 0, sizeof(*s));
	s->dev = dev;
	s->threaded = threaded;
	ck_assert_int_eq(vmem_sigbus_new(64, &s->sigbus, NULL), 0);
	*config = (struct virtdev_vhost_user_server_config) {
		.size = sizeof(*config),
		.dev = dev,
		.sigbus = s->sigbus,
		.threaded = threaded,
		.session_ended = session_ended,
		.opaque = s,
		.refused = refused,
		.silence_ns = server_silence_ns,
		.postcopy = server_postcopy,
		.poll_max_ns = server_poll_ns,
	};
}

/* An abstract address, chosen by the kernel. */
static int make_listener(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&addr,
			      sizeof(sa_family_t)), 0);
	ck_assert_int_eq(listen(fd, 8), 0);
	return fd;
}

int server_connect(const struct server_side *s)
{
	struct sockaddr_un addr;
	socklen_t len = sizeof(addr);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(getsockname(s->listener, (struct sockaddr *)&addr,
				     &len), 0);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&addr, len), 0);
	return fd;
}

void server_listen(struct server_side *s, struct virtdev *dev, bool threaded)
{
	struct virtdev_vhost_user_server_config config;
	struct vsu_error err = VSU_ERROR_INIT;

	prepare(s, dev, threaded, &config);
	s->listener = make_listener();
	ck_assert_msg(virtdev_vhost_user_server_new(&config, s->listener,
							   &s->server, &err) ==
		      0, "%s", err.msg);
	start_threads(s);
}

void server_connected(struct server_side *s, struct virtdev *dev,
		      bool threaded, int *client)
{
	struct virtdev_vhost_user_server_config config;
	struct vsu_error err = VSU_ERROR_INIT;
	int pair[2];

	prepare(s, dev, threaded, &config);
	s->listener = -1;
	ck_assert_int_eq(vsu_sock_pair(pair), 0);
	ck_assert_msg(virtdev_vhost_user_server_new(&config, pair[0],
							      &s->server,
							      &err) == 0,
		      "%s", err.msg);
	close(pair[0]);
	*client = pair[1];
	start_threads(s);
}

/*
 * Keeps a negative result. Other results are ignored: the descriptor stays
 * readable while work is left.
 */
static void dispatch_server(struct server_side *s)
{
	if (s->last >= 0)
		s->last = virtdev_vhost_user_server_dispatch(s->server);
}

static void wait_for(struct server_side *s, struct client_side *c)
{
	struct pollfd p[2 + QUEUES];
	int i, n = 0;

	p[n++] = (struct pollfd) { virtdev_vhost_user_server_fd(s->server),
				   POLLIN, 0 };
	if (c && c->fe)
		p[n++] = (struct pollfd) { vhost_user_frontend_fd(c->fe),
					   POLLIN, 0 };
	for (i = 0; c && i < QUEUES; i++)
		p[n++] = (struct pollfd) { c->call[i], POLLIN, 0 };
	poll(p, (nfds_t)n, -1);
}

void pump_server(struct server_side *s, unsigned int ended)
{
	while (s->ended < ended) {
		dispatch_server(s);
		if (s->ended < ended && s->last >= 0)
			wait_for(s, NULL);
	}
}

void server_fini(struct server_side *s)
{
	int i;

	assert_closed_on_exec();
	while (virtdev_vhost_user_server_stop(s->server) == -EAGAIN) {
		dispatch_server(s);
		if (virtdev_vhost_user_server_stop(s->server) == -EAGAIN)
			wait_for(s, NULL);
	}
	vsu_event_signal(s->quit);
	for (i = 0; s->threaded && i < QUEUES; i++)
		pthread_join(s->threads[i], NULL);
	virtdev_vhost_user_server_free(s->server);
	virtdev_free(s->dev);
	vmem_sigbus_free(s->sigbus);
	vsu_fd_close(&s->listener);
	vsu_fd_close(&s->quit);
}

static void on_ready(void *opaque)
{
	((struct client_side *)opaque)->ready = true;
}

static void on_started(void *opaque)
{
	((struct client_side *)opaque)->started = true;
}

static void on_stopped(void *opaque, const uint32_t *bases, unsigned int n)
{
	struct client_side *c = opaque;

	ck_assert_uint_eq(n, QUEUES);
	memcpy(c->bases, bases, sizeof(c->bases));
	c->stopped = true;
}

static void on_config(void *opaque, uint32_t off, const void *buf,
		      uint32_t len)
{
	struct client_side *c = opaque;

	ck_assert_uint_le(off + len, sizeof(c->config));
	memcpy(c->config + off, buf, len);
	c->configured = true;
}

static void on_config_changed(void *opaque)
{
	((struct client_side *)opaque)->config_changed = true;
}

static void on_memory(void *opaque, const struct vsu_error *err)
{
	ck_assert_msg(!err, "%s", err ? err->msg : "");
	((struct client_side *)opaque)->memory_done = true;
}

static void on_failed(void *opaque, const struct vsu_error *err)
{
	(void)err;
	((struct client_side *)opaque)->failed = true;
}

static void on_state_moves(void *opaque, int result, int fd)
{
	struct client_side *c = opaque;

	ck_assert_int_eq(fd, -1);
	c->state_result = result;
	c->state_moves = true;
}

static void on_state_moved(void *opaque, int result)
{
	struct client_side *c = opaque;

	c->state_result = result;
	c->state_moved = true;
}

static int on_connect(void *opaque, struct vsu_error *err)
{
	(void)err;
	return server_connect(((struct client_side *)opaque)->server);
}

static void on_back(void *opaque, bool rings_lost)
{
	(void)rings_lost;
	((struct client_side *)opaque)->back = true;
}

void client_take_sock(struct client_side *c, struct server_side *s, int sock)
{
	const struct vhost_user_frontend_ops ops = {
		.size = sizeof(ops),
		.connect = client_returns ? on_connect : NULL,
		.back = on_back,
		.ready = on_ready,
		.started = on_started,
		.stopped = on_stopped,
		.config = on_config,
		.config_changed = on_config_changed,
		.memory = on_memory,
		.failed = on_failed,
		.state_moves = on_state_moves,
		.state_moved = on_state_moved,
	};
	const struct vhost_user_frontend_config config = {
		.size = sizeof(config),
		.peer = "test",
	};
	struct vsu_error err = VSU_ERROR_INIT;
	int i;

	memset(c, 0, sizeof(*c));
	c->server = s;
	guest_init_memory(&c->g);
	for (i = 0; i < QUEUES; i++) {
		c->kick[i] = vsu_event_new();
		c->call[i] = vsu_event_new();
		c->err[i] = vsu_event_new();
	}
	ck_assert_msg(vhost_user_frontend_new_take_fd(sock, &config, &ops, c,
						      &c->fe, &err) == 0,
		      "%s", err.msg);
}

void client_connect(struct client_side *c, struct server_side *s)
{
	client_take_sock(c, s, server_connect(s));
}

static void dispatch_client(struct client_side *c)
{
	while (vhost_user_frontend_dispatch(c->fe) > 0)
		;
}

void pump(struct client_side *c, const bool *flag)
{
	struct server_side *s = c->server;

	for (;;) {
		dispatch_server(s);
		dispatch_client(c);
		if (flag ? *flag : s->last <= 0)
			return;
		wait_for(s, c);
	}
}

static void describe_ring(struct client_side *c, uint32_t i, bool kicks)
{
	struct vq_driver_config dc = {
		.map = c->g.map,
		.gpa = GUEST_RING + i * 0x4000,
		.features = VQ_F_VERSION_1 | VQ_F_EVENT_IDX,
		.size = RING_SIZE,
	};
	struct vhost_user_ring ring = {
		.size = RING_SIZE,
		.kick_fd = kicks ? c->kick[i] : -1,
		.call_fd = c->call[i],
		.err_fd = c->err[i],
	};

	vq_driver_free(c->drivers[i]);
	ck_assert_int_eq(vq_driver_new(&dc, &c->drivers[i], NULL), 0);
	ring.desc_gpa = vq_driver_desc_gpa(c->drivers[i]);
	ring.driver_gpa = vq_driver_driver_gpa(c->drivers[i]);
	ring.device_gpa = vq_driver_device_gpa(c->drivers[i]);
	ck_assert_int_eq(vhost_user_frontend_set_ring(c->fe, i, &ring, NULL),
			 0);
}

void client_start(struct client_side *c, bool kicks)
{
	struct vsu_error err = VSU_ERROR_INIT;
	uint64_t features;
	uint32_t i;

	pump(c, &c->ready);
	ck_assert_int_eq(vhost_user_frontend_set_memory(c->fe, c->g.map, NULL),
			 0);
	for (i = 0; i < QUEUES; i++)
		describe_ring(c, i, kicks);
	/* features of the device, without the bits of the protocol */
	features = vhost_user_frontend_features(c->fe) &
		   virtdev_get_info(c->server->dev)->features &
		   ~(VQ_F_RING_PACKED | VQ_F_INDIRECT_DESC);
	c->started = c->stopped = false;
	ck_assert_msg(vhost_user_frontend_start(c->fe, features, &err) == 0,
		      "%s", err.msg);
	pump(c, &c->started);
}

void client_stop(struct client_side *c)
{
	c->stopped = false;
	ck_assert_int_eq(vhost_user_frontend_stop(c->fe, NULL), 0);
	pump(c, &c->stopped);
}

void client_fini(struct client_side *c)
{
	int i;

	vhost_user_frontend_free(c->fe);
	for (i = 0; i < QUEUES; i++) {
		vq_driver_free(c->drivers[i]);
		vsu_fd_close(&c->kick[i]);
		vsu_fd_close(&c->call[i]);
		vsu_fd_close(&c->err[i]);
	}
	guest_fini(&c->g);
}

/* Each request has 2 KiB: header, status, and a sector of data. */
static uint64_t slot_gpa(unsigned int queue, unsigned int slot)
{
	ck_assert_uint_lt(slot, 32);
	return GUEST_DATA + (queue * 32u + slot) * 2048u;
}

unsigned char *client_data(struct client_side *c, unsigned int queue,
			   unsigned int slot)
{
	return guest_at(&c->g, slot_gpa(queue, slot) + 512);
}

int client_status(struct client_side *c, unsigned int queue, unsigned int slot)
{
	return __atomic_load_n(guest_at(&c->g, slot_gpa(queue, slot) + 16),
			       __ATOMIC_ACQUIRE);
}

void client_begin(struct client_side *c, unsigned int queue, unsigned int slot,
		  uint32_t type, uint64_t sector)
{
	uint64_t gpa = slot_gpa(queue, slot);
	struct vq_buffer buffers[] = {
		{ gpa, 16, 0 }, { gpa + 512, 512, type == 0 },
		{ gpa + 16, 1, 1 },
	};
	unsigned char *at = guest_at(&c->g, gpa);

	guest_put_header(at, type, sector);
	at[16] = 0xee;
	ck_assert_int_eq(vq_driver_add(c->drivers[queue], buffers, 3, slot),
			 0);
	c->inflight++;
	if (vq_driver_publish(c->drivers[queue]))
		vsu_event_signal(c->kick[queue]);
}

static void collect(struct client_side *c)
{
	uint32_t written;
	uint64_t slot, n;
	unsigned int i;
	int rc;

	for (i = 0; i < QUEUES; i++) {
		vsu_event_drain(c->call[i], &n);
		do {
			while ((rc = vq_driver_collect(c->drivers[i], &slot,
						       &written)) == 1)
				c->inflight--;
			ck_assert_int_eq(rc, 0);
		} while (vq_driver_enable_call(c->drivers[i]));
	}
}

void client_wait(struct client_side *c)
{
	struct server_side *s = c->server;

	for (;;) {
		dispatch_server(s);
		dispatch_client(c);
		collect(c);
		if (!c->inflight)
			return;
		if (s->last <= 0)
			wait_for(s, c);
	}
}

int client_do(struct client_side *c, uint32_t type, uint64_t sector)
{
	client_begin(c, 0, 0, type, sector);
	client_wait(c);
	return client_status(c, 0, 0);
}

void client_state_pair(int kind, int fds[2])
{
	if (kind)
		ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	else
		ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
}

int client_give(struct client_side *c, bool load, int fd)
{
	c->state_moves = false;
	ck_assert_int_eq(vhost_user_frontend_move_state(c->fe, load, fd, NULL), 0);
	pump(c, &c->state_moves);
	return c->state_result;
}

int client_result(struct client_side *c)
{
	c->state_moved = false;
	ck_assert_int_eq(vhost_user_frontend_check_state(c->fe, NULL), 0);
	pump(c, &c->state_moved);
	return c->state_result;
}
