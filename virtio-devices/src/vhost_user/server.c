/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Serving a device to one vhost-user front-end after another. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include <vm-memory/space.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/foreign.h>
#include <vmm-sys-util/sized.h>
#include <vmm-sys-util/sock.h>

#include "vhost_user/server_priv.h"

#define SILENCE_NS UINT64_C(10000000000)

/* Turns of queues in one dispatch, before the caller's loop has its own. */
#define MAX_TURNS 16u
#define MAX_ROUNDS 4u

/* --- accepting --- */

/* No descriptors or memory: the next try would fail as this one did. */
static bool is_shortage(int rc)
{
	return rc == -EMFILE || rc == -ENFILE || rc == -ENOBUFS ||
	       rc == -ENOMEM;
}

/* From now on the next front-end waits in the backlog. */
static void session_started(struct virtdev_vhost_user_server *s)
{
	if (!s->session)
		return;
	virtdev_priv_server_listen_no_more(s);
	virtdev_priv_server_wake_after(s, s->config.silence_ns);
}

/* Somebody waits while a session lasts that has been silent for too long. */
static void give_way(struct virtdev_vhost_user_server *s)
{
	virtdev_priv_server_listen_no_more(s);
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
		rc = virtdev_priv_server_start_session_take_fd(s, sock, &err);
		if (rc >= 0) {
			session_started(s);
			return;
		}
		vsu_foreign_close(s->config.closer, &sock);
		virtdev_priv_server_tell_ended(s, &err);
	}
	if (is_shortage(rc))
		virtdev_priv_server_listen_later(s);
}

static void dispatch_session(struct virtdev_vhost_user_server *s)
{
	if (s->session)
		vhost_user_backend_dispatch(s->session);
	if (s->session && s->listening &&
	    !vhost_user_backend_is_silent(s->session))
		virtdev_priv_server_listen_no_more(s);
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

static void event_handle(struct virtdev_vhost_user_server *s, uint64_t data)
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
		virtdev_priv_server_listen_again(s);
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
		event_handle(s, events[i].data.u64);
	if (!s->config.threaded)
		serve_queues(s);
	if (s->left) {
		s->left = false;
		virtdev_priv_server_answer(s);
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
	virtdev_priv_server_listen_no_more(s);
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
	virtdev_set_home(c.dev, &virtdev_priv_server_home_ops, s);
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
	     virtdev_priv_server_start_session_take_fd(s, fd, err);
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
