/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The epoll sets of a vhost-user server: how they are filled and waited for. */
#include <config.h>

#include <errno.h>
#include <sys/epoll.h>

#include <virtio-queue/queue.h>
#include <vmm-sys-util/event.h>

#include "vhost_user/served.h"

int virtdev_priv_socket_watch(int epfd, int fd, uint32_t events,
			      enum server_event what, uint32_t index)
{
	struct epoll_event event = {
		.events = events,
		.data.u64 = (uint64_t)what << 32 | index,
	};

	return epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

int virtdev_priv_socket_more_init(struct server_more *m, int epfd)
{
	m->fd = vsu_event_new();
	return m->fd < 0 ? m->fd :
	       virtdev_priv_socket_watch(epfd, m->fd, EPOLLIN, EVENT_MORE, 0);
}

void virtdev_priv_socket_more_tell(struct server_more *m, bool more)
{
	if (more == m->told)
		return;
	m->told = more;
	if (more)
		vsu_event_signal_own(m->fd);
	else
		vsu_event_drain(m->fd, NULL);
}

int virtdev_priv_socket_other_set(struct server_other *o, int epfd, int fd)
{
	int rc = 0;

	o->ready = false;
	if (fd == o->fd)
		return 0;
	if (o->fd >= 0)
		epoll_ctl(epfd, EPOLL_CTL_DEL, o->fd, NULL);
	o->fd = -1;
	if (fd >= 0)
		rc = virtdev_priv_socket_watch(epfd, fd, EPOLLIN, EVENT_OTHER,
					       0);
	if (rc == 0)
		o->fd = fd;
	return rc;
}

/*
 * Gives a quiet queue a turn if its ring has a chain, or always. Until the queue runs, its
 * other members belong to the session's thread.
 */
static bool look_at_ring(struct server_queue *q, bool always)
{
	if (__atomic_load_n(&q->state, __ATOMIC_ACQUIRE) != QUEUE_RUN || !q->quiet)
		return false;
	if (!always &&
	    !vq_has_available(vhost_user_backend_vq(q->server->session, q->index)))
		return false;
	virtdev_priv_socket_set_again(q, true);
	return true;
}

/* True: at least one quiet queue must be served. */
static bool look_at_rings(struct server_queue *queues, uint32_t n, bool always)
{
	bool found = false;
	uint32_t i;

	for (i = 0; i < n; i++)
		found |= look_at_ring(&queues[i], always);
	return found;
}

bool virtdev_priv_socket_stop_looks(struct server_looks *looks,
				    struct server_queue *queues, uint32_t n)
{
	looks->worth = false;
	return look_at_rings(queues, n, true);
}

int virtdev_priv_socket_wait(struct server_looks *looks, int epfd,
			     struct epoll_event *events, int max,
			     int timeout_ms, struct server_queue *queues,
			     uint32_t nqueues)
{
	uint64_t begun;
	int n = 0;

	if (!looks->max_ns || !timeout_ms)
		return epoll_wait(epfd, events, max, timeout_ms);
	begun = vsu_now_ns();
	while (!n && looks->worth && vsu_now_ns() - begun < looks->max_ns) {
		/* a driver that is never idle must not hide other events */
		if (look_at_rings(queues, nqueues, false))
			return epoll_wait(epfd, events, max, 0);
		n = epoll_wait(epfd, events, max, 0);
	}
	if (n)
		return n;
	if (virtdev_priv_socket_stop_looks(looks, queues, nqueues))
		return 0;
	n = epoll_wait(epfd, events, max, timeout_ms);
	looks->worth = vsu_now_ns() - begun < looks->max_ns;
	return n;
}
