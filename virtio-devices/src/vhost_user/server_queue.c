/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The queues of a vhost-user server: passing a queue to the thread that serves
 * it, and back.
 */
#include <config.h>

#include <errno.h>
#include <sys/epoll.h>

#include <virtio-queue/turn.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>

#include "vhost_user/served.h"

/* Limits of the interval between checks of a ring without kicks, ns. */
#define POLL_FIRST_NS UINT64_C(20000)
#define POLL_LAST_NS UINT64_C(1000000)

static int state_of(const struct server_queue *q)
{
	return __atomic_load_n(&q->state, __ATOMIC_ACQUIRE);
}

static void set_state(struct server_queue *q, enum server_queue_state state)
{
	__atomic_store_n(&q->state, (int)state, __ATOMIC_RELEASE);
}

bool virtdev_priv_socket_queue_is_off(const struct server_queue *q)
{
	return state_of(q) == QUEUE_OFF;
}

/* Threaded: own epoll set and eventfd; otherwise those of the server. */
static int init_thread(struct server_queue *q)
{
	int rc;

	q->epfd = epoll_create1(EPOLL_CLOEXEC);
	if (q->epfd < 0)
		return -errno;
	q->ctl = vsu_event_new();
	if (q->ctl < 0)
		return q->ctl;
	rc = virtdev_priv_socket_watch(q->epfd, q->ctl, EPOLLIN | EPOLLET,
				       EVENT_STATE, q->index);
	return rc < 0 ? rc : virtdev_priv_socket_more_init(&q->more, q->epfd);
}

int virtdev_priv_socket_queue_init(struct server_queue *q,
				   struct virtdev_vhost_user_server *s,
				   uint32_t index)
{
	q->server = s;
	q->index = index;
	q->state = QUEUE_OFF;
	q->ctl = q->kick = q->host = q->timer = q->more.fd = q->other.fd = -1;
	q->epfd = s->epfd;
	q->looks.max_ns = s->config.poll_max_ns;
	return s->config.threaded ? init_thread(q) : 0;
}

void virtdev_priv_socket_queue_fini(struct server_queue *q)
{
	if (!q->server)
		return;
	vsu_fd_close(&q->timer);
	if (!q->server->config.threaded)
		return;
	vsu_fd_close(&q->more.fd);
	vsu_fd_close(&q->ctl);
	vsu_fd_close(&q->epfd);
}

void virtdev_priv_socket_queue_wants_turn(struct server_queue *q)
{
	virtdev_priv_socket_set_again(q, true);
}

static struct vq *vq_of(const struct server_queue *q)
{
	return vhost_user_backend_vq(q->server->session, q->index);
}

/* While the thread busy-waits between turns, kicks would be system calls for nothing. */
static void set_quiet(struct server_queue *q, bool quiet)
{
	q->quiet = quiet;
	vq_set_polled(vq_of(q), quiet);
}

/* Wakes the thread that serves the queue, to read its state. */
static void queue_wake(struct server_queue *q)
{
	if (q->server->config.threaded)
		vsu_event_signal_own(q->ctl);
	else
		virtdev_priv_socket_set_again(q, true);
}

/* One thread: also during its own turn, or between two dispatches. */
void virtdev_priv_socket_queue_wake(struct server_queue *q)
{
	queue_wake(q);
	if (q->server->config.threaded)
		return;
	q->woken = true;
	virtdev_priv_socket_more_tell(&q->server->more, true);
}

/*
 * The protocol has no message for the reset of a queue: its front-end stops it, and starts
 * it with an initial position.
 */
static void note_reset(struct server_queue *q)
{
	if (q->stopped && vq_base(vq_of(q)) != q->base)
		virtdev_queue_reset(q->server->config.dev, q->index);
	q->stopped = false;
}

void virtdev_priv_socket_queue_forget(struct server_queue *q)
{
	q->stopped = false;
}

int virtdev_priv_socket_queue_run(struct server_queue *q,
				  struct vsu_error *err)
{
	struct virtdev_vhost_user_server *s = q->server;
	struct virtdev *dev = s->config.dev;
	int rc, state = state_of(q);

	if (state == QUEUE_OFF) {
		note_reset(q);
		rc = virtdev_queue_start(dev, q->index, vq_of(q), err);
		if (rc < 0)
			return rc;
	}
	if (state != QUEUE_RUN) {
		set_quiet(q, false);
		q->kick = vhost_user_backend_kick_fd(s->session, q->index);
		q->host = virtdev_queue_host_fd(dev, q->index);
		set_state(q, QUEUE_RUN);
	}
	queue_wake(q);
	return 0;
}

static void detach_kick(struct server_queue *q)
{
	if (q->attached_kick)
		epoll_ctl(q->epfd, EPOLL_CTL_DEL, q->kick, NULL);
	q->attached_kick = q->polled = false;
}

bool virtdev_priv_socket_queue_ask(struct server_queue *q, uint64_t token,
				   bool drain, bool keep_kick)
{
	int state = state_of(q);

	/* A released queue may still have its kick descriptor in epfd. */
	if (state == QUEUE_QUIET && !drain && !keep_kick)
		detach_kick(q);
	if (state == QUEUE_OFF || (state == QUEUE_QUIET && !drain))
		return false;
	q->asked = token;
	q->keep_kick = keep_kick;
	set_state(q, drain ? QUEUE_DRAIN : QUEUE_QUIESCE);
	queue_wake(q);
	return true;
}

void virtdev_priv_socket_queue_off(struct server_queue *q)
{
	if (virtdev_priv_socket_queue_is_off(q))
		return;
	virtdev_queue_stop(q->server->config.dev, q->index);
	q->kick = q->host = -1;
	set_state(q, QUEUE_OFF);
}

bool virtdev_priv_socket_queue_answered(struct server_queue *q, bool drain)
{
	if (!q->asked || state_of(q) != QUEUE_QUIET)
		return false;
	q->asked = 0;
	if (!drain)
		return true;
	virtdev_priv_socket_queue_off(q);
	q->base = vq_base(vq_of(q));
	q->stopped = true;
	return true;
}

static void attach_host(struct server_queue *q)
{
	if (!q->attached_host && q->host >= 0)
		q->attached_host =
			virtdev_priv_socket_watch(q->epfd, q->host, EPOLLIN,
						  EVENT_HOST, q->index) == 0;
}

/*
 * Edge-triggered: each kick is an event, and the peer's counter is never read.
 */
static void queue_attach(struct server_queue *q)
{
	if (!q->attached_kick && !q->polled) {
		q->attached_kick = q->kick >= 0 &&
			virtdev_priv_socket_watch(q->epfd, q->kick,
						  EPOLLIN | EPOLLET,
						  EVENT_KICK, q->index) == 0;
		q->polled = !q->attached_kick;
	}
	attach_host(q);
}

static void detach_host(struct server_queue *q)
{
	if (q->attached_host)
		epoll_ctl(q->epfd, EPOLL_CTL_DEL, q->host, NULL);
	q->attached_host = false;
}

/* Returns the queue to the session's thread. */
static void queue_leave(struct server_queue *q)
{
	struct virtdev_vhost_user_server *s = q->server;

	if (q->quiet) {
		set_quiet(q, false);
		(void)!vq_enable_notify(vq_of(q));
	}
	if (!q->keep_kick)
		detach_kick(q);
	detach_host(q);
	virtdev_priv_socket_set_again(q, false);
	set_state(q, QUEUE_QUIET);
	if (s->config.threaded)
		vsu_event_signal_own(s->event);
	else
		s->left = true;
}

static bool has_timer(struct server_queue *q)
{
	if (q->timer < 0) {
		q->timer = vsu_timer_new();
		if (q->timer >= 0 &&
		    virtdev_priv_socket_watch(q->epfd, q->timer,
					      EPOLLIN | EPOLLET, EVENT_POLL,
					      q->index) < 0)
			vsu_fd_close(&q->timer);
	}
	return q->timer >= 0;
}

int virtdev_priv_socket_queue_wait(struct server_queue *q, uint64_t ns)
{
	return !has_timer(q) || vsu_timer_arm(q->timer, ns) < 0;
}

/*
 * A ring without kicks is checked again immediately after a check that found
 * requests; otherwise the interval grows. True: immediately.
 */
static bool look_again(struct server_queue *q, bool found)
{
	if (found || !q->pause)
		q->pause = POLL_FIRST_NS;
	else if (q->pause < POLL_LAST_NS)
		q->pause *= 2;
	return found || !has_timer(q) || vsu_timer_arm(q->timer, q->pause) < 0;
}

/* A host descriptor that epoll does not support is polled, too. */
static bool is_polled(const struct server_queue *q)
{
	return q->polled || (q->host >= 0 && !q->attached_host);
}

static int serve_polled(struct server_queue *q)
{
	struct vq *vq = vq_of(q);
	uint64_t before = vq_counter(vq, VQ_COUNT_CHAINS);
	int rc = virtdev_queue_serve(q->server->config.dev, q->index);

	if (rc > 0 || vq_broken(vq))
		return rc;
	return look_again(q, vq_counter(vq, VQ_COUNT_CHAINS) != before);
}

static bool busy_waits(const struct server_queue *q)
{
	return q->server->config.threaded ? q->looks.worth : q->server->looks.worth;
}

/*
 * Only an empty ring can be checked for chains that the device does not know. If the
 * device left some, it is served again with kicks.
 */
static int serve_kicked(struct server_queue *q)
{
	int rc;

	set_quiet(q, busy_waits(q));
	rc = virtdev_queue_serve(q->server->config.dev, q->index);
	if (rc == 0 && q->quiet && vq_has_available(vq_of(q))) {
		set_quiet(q, false);
		rc = virtdev_queue_serve(q->server->config.dev, q->index);
	}
	return rc;
}

static void queue_serve(struct server_queue *q)
{
	int rc;

	queue_attach(q);
	q->woken = false;
	rc = is_polled(q) ? serve_polled(q) : serve_kicked(q);
	virtdev_priv_socket_set_again(q, rc > 0 || q->woken);
}

static void queue_drain(struct server_queue *q)
{
	int left = virtdev_queue_drain(q->server->config.dev, q->index);

	if (!left) {
		queue_leave(q);
		return;
	}
	detach_kick(q);
	/* released earlier with requests in flight, see QUIESCE */
	attach_host(q);
	virtdev_priv_socket_set_again(q, left < 0 || !q->attached_host);
}

void virtdev_priv_socket_queue_turn(struct server_queue *q)
{
	switch ((enum server_queue_state)state_of(q)) {
	case QUEUE_RUN:
		queue_serve(q);
		break;
	case QUEUE_QUIESCE:
		queue_leave(q);
		break;
	case QUEUE_DRAIN:
		queue_drain(q);
		break;
	case QUEUE_OFF:
	case QUEUE_QUIET:
		virtdev_priv_socket_set_again(q, false);
		break;
	}
}

int virtdev_vhost_user_server_queue_fd(
		const struct virtdev_vhost_user_server *s, uint32_t queue)
{
	return s->config.threaded && queue < s->nqueues ?
	       s->queues[queue].epfd : -1;
}

static struct server_queue *own_queue(struct virtdev_vhost_user_server *s,
				      uint32_t queue)
{
	return s->config.threaded && queue < s->nqueues ? &s->queues[queue] :
							  NULL;
}

/* Waits for events of the queue and serves it. */
static void queue_wait(struct server_queue *q, int timeout_ms)
{
	struct epoll_event events[6];
	int i, n = virtdev_priv_socket_wait(&q->looks, q->epfd, events, 6,
					    q->again ? 0 : timeout_ms, q, 1);

	for (i = 0; i < n; i++)
		if (virtdev_priv_socket_what(events[i].data.u64) == EVENT_OTHER)
			q->other.ready = true;
	if (n > 0 || q->again)
		virtdev_priv_socket_queue_turn(q);
}

int virtdev_vhost_user_server_queue_dispatch(
		struct virtdev_vhost_user_server *s, uint32_t queue)
{
	struct server_queue *q = own_queue(s, queue);

	if (!q)
		return -EINVAL;
	virtdev_priv_socket_stop_looks(&q->looks, q, 1);
	queue_wait(q, 0);
	virtdev_priv_socket_more_tell(&q->more, q->again);
	return q->again;
}

int virtdev_vhost_user_server_queue_wait(struct virtdev_vhost_user_server *s,
					 uint32_t queue, int fd, int timeout_ms)
{
	struct server_queue *q = own_queue(s, queue);
	int rc = q ? virtdev_priv_socket_other_set(&q->other, q->epfd, fd) :
		     -EINVAL;

	if (rc < 0)
		return rc;
	virtdev_priv_socket_more_tell(&q->more, false);
	queue_wait(q, timeout_ms);
	return q->other.ready;
}
