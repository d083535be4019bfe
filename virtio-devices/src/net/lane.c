/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Queues and the lanes of the link: who waits for what, and what is in use. */
#include <config.h>

#include <errno.h>
#include <sys/epoll.h>

#include "net/net_priv.h"

void virtdev_priv_net_watch(struct net_queue *q, uint32_t events)
{
	struct virtdev_net_link *link = q->net->link;
	const int fd = link->ops.fd(link->self, virtdev_priv_net_lane(q));
	struct epoll_event event = { .events = events };

	if (__atomic_exchange_n(&q->watching, events, __ATOMIC_ACQ_REL) ==
	    events)
		return;
	/* an interface that was removed cannot be watched, and need not be */
	if (!events)
		epoll_ctl(q->epfd, EPOLL_CTL_DEL, fd, NULL);
	else if (epoll_ctl(q->epfd, EPOLL_CTL_ADD, fd, &event) < 0 &&
		 errno == EEXIST)
		epoll_ctl(q->epfd, EPOLL_CTL_MOD, fd, &event);
}

static void update_lane(struct net *net, uint32_t lane)
{
	struct virtdev_net_link *link = net->link;
	struct net_queue *q = &net->queues[2 * lane];
	const bool on = q->q && q->role == NET_RECEIVES &&
			lane < virtdev_priv_net_active(net);

	(void)link->ops.set_lane(link->self, lane, on);
	/* its queue looks for itself when something has come */
	if (q->q && q->role == NET_RECEIVES)
		virtdev_priv_net_watch(q, on ? EPOLLIN : 0);
}

void virtdev_priv_net_update_lanes(struct net *net)
{
	uint32_t lane;

	if (!net->link->ops.set_lane)
		return;
	for (lane = 0; lane < net->pairs; lane++)
		update_lane(net, lane);
}

void virtdev_priv_net_lost(struct net *net)
{
	if (!__atomic_exchange_n(&net->down, true, __ATOMIC_ACQ_REL))
		virtdev_config_changed(net->dev);
}

void virtdev_priv_net_publish(struct net_queue *q)
{
	if (vq_publish(q->q))
		virtdev_notify(q->net->dev, q->index);
	if (q->told_broken || !vq_broken(q->q))
		return;
	q->told_broken = true;
	virtdev_queue_broken(q->net->dev, q->index);
}
