/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Serving a device to one vhost-user front-end after another. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include <vm-memory/space.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/foreign.h>
#include <vmm-sys-util/sized.h>
#include <vmm-sys-util/sock.h>

#include "vhost_user/server_priv.h"

/* How long accepting pauses when this process has no descriptor left. */
#define PAUSE_NS UINT64_C(100000000)
#define SILENCE_NS UINT64_C(10000000000)
#define NS_PER_MS UINT64_C(1000000)

/* Turns of queues in one dispatch, before the caller's loop has its own. */
#define MAX_TURNS 16u
#define MAX_ROUNDS 4u

/* --- calls of the session --- */

static int on_set_features(void *opaque, uint64_t features)
{
	struct virtdev_vhost_user_server *s = opaque;

	return virtdev_set_features(s->config.dev, features, NULL);
}

static int on_get_config(void *opaque, uint32_t off, void *buf, uint32_t len)
{
	struct virtdev_vhost_user_server *s = opaque;

	virtdev_config_read(s->config.dev, off, buf, len);
	return 0;
}

static int on_set_config(void *opaque, uint32_t off, const void *buf,
			 uint32_t len, bool migration)
{
	struct virtdev_vhost_user_server *s = opaque;

	(void)migration;
	return virtdev_config_write(s->config.dev, off, buf, len);
}

static void on_run(void *opaque, uint32_t ring)
{
	struct virtdev_vhost_user_server *s = opaque;

	if (virtdev_priv_server_queue_run(&s->queues[ring], NULL) < 0)
		vhost_user_backend_ring_error(s->session, ring);
}

/* Answers the open question when the last of its queues was left. */
static void answer(struct virtdev_vhost_user_server *s)
{
	uint64_t token = s->question.token;
	uint32_t i;

	if (!token)
		return;
	for (i = 0; s->question.waiting && i < s->nqueues; i++) {
		if (virtdev_priv_server_queue_answered(&s->queues[i],
						       s->question.drain))
			s->question.waiting--;
	}
	if (s->question.waiting)
		return;
	s->question.token = 0;
	vhost_user_backend_done(s->session, token);
}

static void ask_queue(struct virtdev_vhost_user_server *s, uint32_t ring)
{
	struct server_queue *q = &s->queues[ring];

	if (!virtdev_priv_server_queue_ask(q, s->question.token,
					   s->question.drain))
		return;
	s->question.waiting++;
	if (!s->config.threaded)
		virtdev_priv_server_queue_turn(q);
}

static void on_quiesce(void *opaque, uint32_t ring, bool drain, uint64_t token)
{
	struct virtdev_vhost_user_server *s = opaque;
	uint32_t i;

	s->question.token = token;
	s->question.waiting = 0;
	s->question.drain = drain;
	if (ring != VHOST_USER_ALL_RINGS)
		ask_queue(s, ring);
	for (i = 0; ring == VHOST_USER_ALL_RINGS && i < s->nqueues; i++)
		ask_queue(s, i);
	answer(s);
}

static void on_reset(void *opaque)
{
	struct virtdev_vhost_user_server *s = opaque;
	uint32_t i;

	for (i = 0; i < s->nqueues; i++)
		virtdev_priv_server_queue_off(&s->queues[i]);
	virtdev_reset(s->config.dev);
}

/* Without its timer nobody would look again: the server has ended. */
static void wake_after(struct virtdev_vhost_user_server *s, uint64_t ns)
{
	int rc = vsu_timer_arm(s->timer, ns);

	if (rc < 0 && !s->ended)
		s->ended = rc;
}

/* When the host lacks what it takes to listen, now may be too early. */
static void listen_again(struct virtdev_vhost_user_server *s)
{
	if (s->listener < 0 || s->listening || s->stopping)
		return;
	if (s->session && !vhost_user_backend_is_silent(s->session))
		return;
	s->listening = virtdev_priv_server_watch(s->epfd, s->listener, EPOLLIN,
						 EVENT_LISTENER, 0) == 0;
	if (!s->listening)
		wake_after(s, PAUSE_NS);
}

static void listen_no_more(struct virtdev_vhost_user_server *s)
{
	if (s->listening)
		epoll_ctl(s->epfd, EPOLL_CTL_DEL, s->listener, NULL);
	s->listening = false;
}

static void tell_ended(struct virtdev_vhost_user_server *s,
		       const struct vsu_error *err)
{
	if (s->config.session_ended)
		s->config.session_ended(s->config.opaque, err);
}

/* A front-end that never spoke made room for the next. */
static void tell_silent(struct virtdev_vhost_user_server *s)
{
	struct vsu_error err = VSU_ERROR_INIT;

	vsu_error_set(&err, -ETIMEDOUT,
		      "the front-end said nothing for %" PRIu64 " ms, and another one waits",
		      s->config.silence_ns / NS_PER_MS);
	tell_ended(s, &err);
}

static void on_gone(void *opaque, const struct vsu_error *err)
{
	struct virtdev_vhost_user_server *s = opaque;
	struct vhost_user_backend *session = s->session;
	bool gave_way = s->gives_way;

	on_reset(s);
	epoll_ctl(s->epfd, EPOLL_CTL_DEL, vhost_user_backend_fd(session), NULL);
	s->session = NULL;
	s->closing = s->gives_way = false;
	if (s->listener < 0)
		s->ended = -ECONNRESET;
	if (gave_way)
		tell_silent(s);
	else
		tell_ended(s, err);
	vhost_user_backend_free(session);
	listen_again(s);
}

static void on_refused(void *opaque, uint32_t request, uint32_t ring,
		       const struct vsu_error *err)
{
	struct virtdev_vhost_user_server *s = opaque;

	if (s->config.refused)
		s->config.refused(s->config.opaque, request, ring, err);
}

static const struct vhost_user_backend_ops session_ops = {
	.size = sizeof(session_ops),
	.set_features = on_set_features,
	.get_config = on_get_config,
	.set_config = on_set_config,
	.run = on_run,
	.quiesce = on_quiesce,
	.reset = on_reset,
	.gone = on_gone,
	.refused = on_refused,
};

/* --- calls of the device --- */

static void on_notify(void *opaque, uint32_t queue)
{
	struct virtdev_vhost_user_server *s = opaque;

	vhost_user_backend_call(s->session, queue);
}

static void on_config_changed(void *opaque)
{
	struct virtdev_vhost_user_server *s = opaque;

	if (s->session)
		vhost_user_backend_config_changed(s->session);
}

static void on_queue_broken(void *opaque, uint32_t queue)
{
	struct virtdev_vhost_user_server *s = opaque;

	vhost_user_backend_ring_error(s->session, queue);
}

static const struct virtdev_home_ops home_ops = {
	.size = sizeof(home_ops),
	.notify = on_notify,
	.config_changed = on_config_changed,
	.queue_broken = on_queue_broken,
};

/* --- sessions --- */

static int start_session_take_fd(struct virtdev_vhost_user_server *s,
				 int sock, struct vsu_error *err)
{
	const struct virtdev_info *info = virtdev_info(s->config.dev);
	struct vhost_user_backend_config config = {
		.size = sizeof(config),
		.features = info->features,
		.nrings = info->nqueues,
		.queue_max = info->queue_max,
		.max_chain = info->max_chain,
		.config_size = info->config_size,
		.sigbus = s->config.sigbus,
		.closer = s->config.closer,
		.served_files = s->config.served_files,
	};
	struct vhost_user_backend *session;
	int rc;

	rc = vhost_user_backend_new_take_fd(sock, &config, &session_ops, s,
					    &session, err);
	if (rc < 0)
		return rc;
	s->session = session;
	rc = virtdev_priv_server_watch(s->epfd, vhost_user_backend_fd(session),
				       EPOLLIN, EVENT_SESSION, 0);
	if (rc < 0) {
		s->closing = true;
		vhost_user_backend_close(session);
	}
	return 0;
}

/* No descriptors or memory: the next try would fail as this one did. */
static bool is_shortage(int rc)
{
	return rc == -EMFILE || rc == -ENFILE || rc == -ENOBUFS ||
	       rc == -ENOMEM;
}

static void pause_accepting(struct virtdev_vhost_user_server *s)
{
	listen_no_more(s);
	wake_after(s, PAUSE_NS);
}

/* From now on the next front-end waits in the backlog. */
static void session_started(struct virtdev_vhost_user_server *s)
{
	if (!s->session)
		return;
	listen_no_more(s);
	wake_after(s, s->config.silence_ns);
}

/* Somebody waits while a session lasts that has been silent for too long. */
static void give_way(struct virtdev_vhost_user_server *s)
{
	listen_no_more(s);
	if (s->closing || !vhost_user_backend_is_silent(s->session))
		return;
	s->closing = s->gives_way = true;
	vhost_user_backend_close(s->session);
}

static void accept_one(struct virtdev_vhost_user_server *s)
{
	struct vsu_error err = VSU_ERROR_INIT;
	int sock = vsu_sock_accept(s->listener);
	int rc = sock;

	if (sock >= 0) {
		rc = start_session_take_fd(s, sock, &err);
		if (rc >= 0) {
			session_started(s);
			return;
		}
		vsu_foreign_close(s->config.closer, &sock);
		tell_ended(s, &err);
	}
	if (is_shortage(rc))
		pause_accepting(s);
}

static void dispatch_session(struct virtdev_vhost_user_server *s)
{
	if (s->session)
		vhost_user_backend_dispatch(s->session);
	if (s->session && s->listening &&
	    !vhost_user_backend_is_silent(s->session))
		listen_no_more(s);
}

/* Memory or the log of the session was cut short: it cannot go on. */
static void check_memory(struct virtdev_vhost_user_server *s)
{
	if (!s->session || s->closing ||
	    !vhost_user_backend_memory_failed(s->session))
		return;
	s->closing = true;
	vhost_user_backend_close(s->session);
}

/* --- the descriptor and its dispatch --- */

static void handle(struct virtdev_vhost_user_server *s, uint64_t data)
{
	switch (virtdev_priv_server_what(data)) {
	case EVENT_SESSION:
		dispatch_session(s);
		break;
	case EVENT_LISTENER:
		if (s->listening && s->session)
			give_way(s);
		else if (s->listening)
			accept_one(s);
		break;
	case EVENT_PAUSE:
		listen_again(s);
		break;
	case EVENT_LEFT:
		s->left = true;
		break;
	case EVENT_SIGBUS:
		check_memory(s);
		break;
	case EVENT_KICK:
	case EVENT_HOST:
	case EVENT_POLL:
		virtdev_priv_server_queue_wants_turn(&s->queues[(uint32_t)data]);
		break;
	case EVENT_STATE:
	case EVENT_MORE:
		break;
	}
}

/*
 * One after the other, from where the last dispatch ended: a turn may take a
 * millisecond or two, and there may be 256 queues. A few that are busy have
 * more than one turn before everything else is looked at again.
 */
static void serve_queues(struct virtdev_vhost_user_server *s)
{
	unsigned int turns = s->nagain * MAX_ROUNDS;
	uint32_t looks = s->nqueues * MAX_ROUNDS;
	struct server_queue *q;

	if (turns > MAX_TURNS)
		turns = MAX_TURNS;
	for (; s->nagain && turns && looks; looks--) {
		q = &s->queues[s->next];
		s->next = s->next + 1 == s->nqueues ? 0 : s->next + 1;
		if (!q->again)
			continue;
		virtdev_priv_server_queue_turn(q);
		turns--;
	}
}

int virtdev_vhost_user_server_dispatch(struct virtdev_vhost_user_server *s)
{
	struct epoll_event events[32];
	int i, n = epoll_wait(s->epfd, events, 32, 0);
	bool more;

	for (i = 0; i < n; i++)
		handle(s, events[i].data.u64);
	if (!s->config.threaded)
		serve_queues(s);
	if (s->left) {
		s->left = false;
		answer(s);
	}
	if (s->ended)
		return s->ended;
	more = !s->config.threaded && s->nagain;
	virtdev_priv_server_more_tell(&s->more, more);
	return more || n == 32;
}

int virtdev_vhost_user_server_fd(const struct virtdev_vhost_user_server *s)
{
	return s->epfd;
}

int virtdev_vhost_user_server_stop(struct virtdev_vhost_user_server *s)
{
	s->stopping = true;
	listen_no_more(s);
	if (s->session && !s->closing) {
		s->closing = true;
		vhost_user_backend_close(s->session);
	}
	return s->session ? -EAGAIN : 0;
}

/* --- life --- */

static int init_waiting(struct virtdev_vhost_user_server *s)
{
	int rc;

	s->epfd = epoll_create1(EPOLL_CLOEXEC);
	if (s->epfd < 0)
		return -errno;
	rc = virtdev_priv_server_more_init(&s->more, s->epfd);
	if (rc < 0)
		return rc;
	s->timer = vsu_timer_new();
	if (s->timer < 0)
		return s->timer;
	/* edges: what they tell of is looked up, nothing has to be read */
	rc = virtdev_priv_server_watch(s->epfd, s->timer, EPOLLIN | EPOLLET,
				       EVENT_PAUSE, 0);
	if (!rc && s->config.sigbus)
		rc = virtdev_priv_server_watch(s->epfd,
					       vmem_sigbus_fd(s->config.sigbus),
					       EPOLLIN | EPOLLET, EVENT_SIGBUS,
					       0);
	if (!rc && s->config.threaded) {
		s->event = rc = vsu_event_new();
		if (rc >= 0)
			rc = virtdev_priv_server_watch(s->epfd, s->event,
						       EPOLLIN | EPOLLET,
						       EVENT_LEFT, 0);
	}
	return rc;
}

static int init_queues(struct virtdev_vhost_user_server *s)
{
	uint32_t i;
	int rc = 0;

	for (i = 0; !rc && i < s->nqueues; i++)
		rc = virtdev_priv_server_queue_init(&s->queues[i], s, i);
	return rc;
}

static int new_server(const struct virtdev_vhost_user_server_config *config,
		      struct virtdev_vhost_user_server **out,
		      struct vsu_error *err)
{
	struct virtdev_vhost_user_server_config c;
	uint32_t nqueues;
	struct virtdev_vhost_user_server *s;
	int rc;

	rc = vsu_copy_sized(&c, sizeof(c), config,
			    "struct virtdev_vhost_user_server_config", err);
	if (rc < 0)
		return rc;
	if (!c.dev)
		return vsu_error_set(err, -EINVAL,
				     "vhost-user server: no device");
	nqueues = virtdev_info(c.dev)->nqueues;
	s = calloc(1, sizeof(*s) + nqueues * sizeof(s->queues[0]));
	if (!s)
		return vsu_error_sys(err, -ENOMEM, "vhost-user server");
	s->config = c;
	if (!s->config.silence_ns)
		s->config.silence_ns = SILENCE_NS;
	s->nqueues = nqueues;
	s->epfd = s->event = s->listener = s->timer = s->more.fd = -1;
	rc = init_waiting(s);
	if (!rc)
		rc = init_queues(s);
	if (rc < 0) {
		virtdev_vhost_user_server_free(s);
		return vsu_error_sys(err, rc, "vhost-user server");
	}
	virtdev_set_home(c.dev, &home_ops, s);
	*out = s;
	return 0;
}

int virtdev_vhost_user_server_new_listen(
		const struct virtdev_vhost_user_server_config *config,
		int listener, struct virtdev_vhost_user_server **out,
		struct vsu_error *err)
{
	struct virtdev_vhost_user_server *s;
	int rc = new_server(config, &s, err);

	if (rc < 0)
		return rc;
	s->listener = rc = vsu_fd_dup(listener);
	if (rc >= 0)
		rc = vsu_fd_set_nonblock(s->listener);
	if (rc >= 0)
		rc = virtdev_priv_server_watch(s->epfd, s->listener, EPOLLIN,
					       EVENT_LISTENER, 0);
	if (rc < 0) {
		virtdev_vhost_user_server_free(s);
		return vsu_error_sys(err, rc, "vhost-user listener");
	}
	s->listening = true;
	*out = s;
	return 0;
}

int virtdev_vhost_user_server_new_connected(
		const struct virtdev_vhost_user_server_config *config,
		int sock, struct virtdev_vhost_user_server **out,
		struct vsu_error *err)
{
	struct virtdev_vhost_user_server *s;
	int fd = -1, rc = new_server(config, &s, err);

	if (rc < 0)
		return rc;
	fd = vsu_fd_dup(sock);
	rc = fd < 0 ? vsu_error_sys(err, fd, "vhost-user socket") :
	     start_session_take_fd(s, fd, err);
	if (rc < 0) {
		vsu_foreign_close(s->config.closer, &fd);
		virtdev_vhost_user_server_free(s);
		return rc;
	}
	*out = s;
	return 0;
}

void virtdev_vhost_user_server_free(struct virtdev_vhost_user_server *s)
{
	uint32_t i;

	if (!s)
		return;
	for (i = 0; i < s->nqueues; i++)
		virtdev_priv_server_queue_fini(&s->queues[i]);
	virtdev_set_home(s->config.dev, NULL, NULL);
	/* what waits in the backlog goes with it */
	vsu_foreign_close(s->config.closer, &s->listener);
	vsu_fd_close(&s->event);
	vsu_fd_close(&s->timer);
	vsu_fd_close(&s->more.fd);
	vsu_fd_close(&s->epfd);
	free(s);
}
