/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Serving a device to one vhost-user front-end after another. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include <vm-memory/space.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/foreign.h>
#include <vmm-sys-util/sized.h>
#include <vmm-sys-util/sock.h>

#include "vhost_user/served.h"

/*
 * Maximum turns of queues in one dispatch: limits the delay of the caller's
 * loop.
 */
#define MAX_TURNS 16u
#define MAX_ROUNDS 4u

/* One descriptor covers the listener and the session. */
static void dispatch_sessions(struct virtdev_vhost_user_server *s)
{
	int rc = vhost_user_server_dispatch(s->sessions);

	if (rc < 0 && !s->ended)
		s->ended = rc;
}

/* Ends the session if a file of its memory or log was truncated. */
static void check_memory(struct virtdev_vhost_user_server *s)
{
	if (s->session && vhost_user_backend_memory_failed(s->session))
		vhost_user_backend_close(s->session);
}

/* --- the descriptor and its dispatch --- */

static void event_handle(struct virtdev_vhost_user_server *s, uint64_t data)
{
	switch (virtdev_priv_socket_what(data)) {
	case EVENT_SESSIONS:
		dispatch_sessions(s);
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
		virtdev_priv_socket_queue_wants_turn(&s->queues[(uint32_t)data]);
		break;
	case EVENT_STREAM:
		virtdev_priv_socket_state_turn(s);
		break;
	case EVENT_STREAM_LATE:
		virtdev_priv_socket_state_late(s);
		break;
	case EVENT_OTHER:
		s->other.ready = true;
		break;
	case EVENT_STATE:
	case EVENT_MORE:
		break;
	}
}

/*
 * Round robin from the queue after the last dispatch: a turn can take one or
 * two milliseconds, and there can be 256 queues. If few are busy, each gets
 * several turns before the descriptors are checked again.
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
		virtdev_priv_socket_queue_turn(q);
		s->served = q;
		turns--;
	}
}

static bool has_turns(const struct virtdev_vhost_user_server *s)
{
	return s->stream.loads || (!s->config.threaded && s->nagain);
}

/*
 * Io_uring interrupts epoll_wait() of the thread that must reap completions, so
 * events can be missing here although a completion is available. Serve the
 * queue that was served last, if no other queue has work: this saves a second
 * epoll_wait().
 */
static void wait_interrupted(struct virtdev_vhost_user_server *s)
{
	if (s->served)
		virtdev_priv_socket_queue_wants_turn(s->served);
}

/* Checks and serves everything once. 1: more work is pending. */
static int server_round(struct virtdev_vhost_user_server *s, int timeout_ms)
{
	struct epoll_event events[32];
	int i, n = virtdev_priv_socket_wait(&s->looks, s->epfd, events, 32,
					    timeout_ms, s->queues,
					    s->config.threaded ? 0 : s->nqueues);

	for (i = 0; i < n; i++)
		event_handle(s, events[i].data.u64);
	if (n < 0 && errno == EINTR)
		wait_interrupted(s);
	if (!s->config.threaded)
		serve_queues(s);
	virtdev_priv_socket_load_turn(s);
	if (s->left) {
		s->left = false;
		virtdev_priv_socket_answer(s);
	}
	return s->ended ? s->ended : has_turns(s) || n == 32;
}

int virtdev_vhost_user_server_dispatch(struct virtdev_vhost_user_server *s)
{
	int rc;

	if (!s->config.threaded)
		virtdev_priv_socket_stop_looks(&s->looks, s->queues, s->nqueues);
	rc = server_round(s, 0);
	if (rc >= 0)
		virtdev_priv_socket_more_tell(&s->more, has_turns(s));
	return rc;
}

/*
 * A round waits only if the previous one left no work, because pending work
 * raises no event.
 */
int virtdev_vhost_user_server_wait(struct virtdev_vhost_user_server *s, int fd,
				   int timeout_ms)
{
	int rc = virtdev_priv_socket_other_set(&s->other, s->epfd, fd);

	if (rc < 0)
		return rc;
	virtdev_priv_socket_more_tell(&s->more, false);
	rc = server_round(s, has_turns(s) ? 0 : timeout_ms);
	return rc < 0 ? rc : s->other.ready;
}

int virtdev_vhost_user_server_fd(const struct virtdev_vhost_user_server *s)
{
	return s->epfd;
}

int virtdev_vhost_user_server_stop(struct virtdev_vhost_user_server *s)
{
	return vhost_user_server_stop(s->sessions);
}

bool virtdev_vhost_user_server_is_draining(
		const struct virtdev_vhost_user_server *s)
{
	return s->question.token && s->question.drain;
}

bool virtdev_vhost_user_server_is_disconnected(
		const struct virtdev_vhost_user_server *s)
{
	return virtdev_vhost_user_server_is_draining(s) &&
	       vhost_user_backend_is_ending(s->session);
}

/* --- life --- */

static int init_waiting(struct virtdev_vhost_user_server *s)
{
	int rc;

	s->epfd = epoll_create1(EPOLL_CLOEXEC);
	if (s->epfd < 0)
		return -errno;
	rc = virtdev_priv_socket_more_init(&s->more, s->epfd);
	if (rc < 0)
		return rc;
	/* Edge-triggered: the state is checked, nothing is read. */
	if (s->config.sigbus)
		rc = virtdev_priv_socket_watch(s->epfd,
					       vmem_sigbus_fd(s->config.sigbus),
					       EPOLLIN | EPOLLET, EVENT_SIGBUS,
					       0);
	if (!rc && s->config.threaded) {
		s->event = rc = vsu_event_new();
		if (rc >= 0)
			rc = virtdev_priv_socket_watch(s->epfd, s->event,
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
		rc = virtdev_priv_socket_queue_init(&s->queues[i], s, i);
	return rc;
}

static int init_sessions(struct virtdev_vhost_user_server *s, int fd,
			 struct vsu_error *err)
{
	const struct vhost_user_server_config config = {
		.size = sizeof(config),
		.idle_ns = s->config.silence_ns,
		.closer = s->config.closer,
	};
	int rc = vhost_user_server_new(fd, &config,
				       &virtdev_priv_socket_sessions_ops, s,
				       &s->sessions, err);

	if (rc < 0)
		return rc;
	rc = virtdev_priv_socket_watch(s->epfd, vhost_user_server_fd(s->sessions),
				       EPOLLIN, EVENT_SESSIONS, 0);
	return rc < 0 ? vsu_error_sys(err, rc, "vhost-user server") : 0;
}

static int check_config(const struct virtdev_vhost_user_server_config *c,
			struct vsu_error *err)
{
	if (!c->dev)
		return vsu_error_set(err, -EINVAL,
				     "vhost-user server: no device");
	if (c->poll_max_ns > VIRTDEV_VHOST_USER_SERVER_POLL_LIMIT)
		return vsu_error_set(err, -EINVAL,
				     "vhost-user server: polling for %" PRIu64 " ns, the maximum is %u",
				     c->poll_max_ns,
				     VIRTDEV_VHOST_USER_SERVER_POLL_LIMIT);
	return 0;
}

int virtdev_vhost_user_server_new(
		const struct virtdev_vhost_user_server_config *config, int fd,
		struct virtdev_vhost_user_server **out, struct vsu_error *err)
{
	struct virtdev_vhost_user_server_config c;
	struct virtdev_vhost_user_server *s;
	uint32_t nqueues;
	int rc;

	rc = vsu_copy_sized(&c, sizeof(c), config,
			    "struct virtdev_vhost_user_server_config", err);
	if (rc == 0)
		rc = check_config(&c, err);
	if (rc < 0)
		return rc;
	nqueues = virtdev_get_info(c.dev)->nqueues;
	s = calloc(1, sizeof(*s) + nqueues * sizeof(s->queues[0]));
	if (!s)
		return vsu_error_sys(err, -ENOMEM, "vhost-user server");
	s->config = c;
	s->nqueues = nqueues;
	s->epfd = s->event = s->more.fd = s->other.fd = -1;
	s->stream.fd = s->stream.timer = -1;
	s->looks.max_ns = c.poll_max_ns;
	rc = virtdev_set_server(c.dev, &virtdev_priv_socket_ops, s);
	if (rc < 0) {
		free(s);
		return vsu_error_set(err, rc, "%s has a server already; free that one first",
				     virtdev_name(c.dev));
	}
	rc = init_waiting(s);
	if (!rc)
		rc = init_queues(s);
	if (rc < 0)
		vsu_error_sys(err, rc, "vhost-user server");
	else
		rc = init_sessions(s, fd, err);
	if (rc < 0) {
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
		virtdev_priv_socket_queue_fini(&s->queues[i]);
	(void)!virtdev_set_server(s->config.dev, NULL, NULL);
	vhost_user_server_free(s->sessions);
	vsu_fd_close(&s->event);
	vsu_fd_close(&s->more.fd);
	vsu_fd_close(&s->epfd);
	free(s);
}
