/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Connects queues to the lanes of the link: events, and lanes in use. */
#include <config.h>

#include <errno.h>
#include <sys/epoll.h>

#include <virtio-devices/report.h>
#include <vmm-sys-util/event.h>

#include "net/priv.h"

void virtdev_priv_net_watch(struct net_queue *q, uint32_t events)
{
	struct virtdev_net_link *link = q->net->link;
	const int fd = link->ops.fd(link->self, virtdev_priv_net_lane(q));
	struct epoll_event event = { .events = events };

	if (__atomic_exchange_n(&q->watching, events, __ATOMIC_ACQ_REL) ==
	    events)
		return;
	/* also if the interface was removed, which needs no events */
	if (!events)
		epoll_ctl(q->epfd, EPOLL_CTL_DEL, fd, NULL);
	else if (epoll_ctl(q->epfd, EPOLL_CTL_ADD, fd, &event) < 0 &&
		 errno == EEXIST)
		epoll_ctl(q->epfd, EPOLL_CTL_MOD, fd, &event);
}

void virtdev_priv_net_update_lane(struct net *net, uint32_t lane)
{
	struct virtdev_net_link *link = net->link;
	struct net_queue *q = &net->queues[2 * lane];
	const bool on = q->q && q->role == NET_RECEIVES &&
			lane < virtdev_priv_net_active(net);

	if (!link->ops.set_lane)
		return;
	(void)link->ops.set_lane(link->self, lane, on);
	/* a running receive queue changes its own events */
	if (q->q && q->role == NET_RECEIVES)
		virtdev_priv_net_watch(q, on ? EPOLLIN : 0);
}

void virtdev_priv_net_use_pairs(struct net *net, uint32_t pairs)
{
	const uint32_t before = virtdev_priv_net_active(net);

	net->change = (struct net_change){
		.next = pairs < before ? pairs : before,
		.end = pairs < before ? before : pairs, .before = before,
	};
	__atomic_store_n(&net->active, pairs, __ATOMIC_RELAXED);
}

static int change_lane(struct net *net, uint32_t lane)
{
	const struct net_away *away = &net->away;

	if (away->set_lane)
		return away->set_lane(away->opaque, lane,
				      lane < virtdev_priv_net_active(net));
	virtdev_priv_net_update_lane(net, lane);
	return 0;
}

/* Stops the lanes that were started for the refused number of pairs. */
static void change_undo(struct net *net)
{
	struct net_change *c = &net->change;

	c->refused = virtdev_priv_net_active(net);
	__atomic_store_n(&net->active, c->before, __ATOMIC_RELAXED);
	c->end = c->next;
	c->next = c->before;
}

bool virtdev_priv_net_change_lanes(struct net *net)
{
	const uint64_t until = virtdev_priv_net_is_changing(net) ?
			       vsu_now_ns() + VQ_TURN_NS : 0;
	struct net_change *c = &net->change;

	while (virtdev_priv_net_is_changing(net)) {
		if (change_lane(net, c->next) < 0)
			change_undo(net);
		else
			c->next++;
		if (vsu_now_ns() >= until)
			break;
	}
	return virtdev_priv_net_is_changing(net);
}

void virtdev_priv_net_lost(struct net *net)
{
	if (__atomic_exchange_n(&net->down, true, __ATOMIC_ACQ_REL))
		return;
	virtdev_config_changed(net->dev);
	virtdev_priv_net_tell_lost(net);
}

void virtdev_priv_net_tell_lost(struct net *net)
{
	const struct virtdev_net_link_ops *ops = &net->link->ops;
	struct vsu_error what = VSU_ERROR_INIT;

	if (__atomic_exchange_n(&net->reported_down, true, __ATOMIC_ACQ_REL))
		return;
	if (ops->lost)
		vsu_error_set(&what, -EPIPE, "%s", ops->lost);
	else
		vsu_error_set(&what, -EPIPE,
			      "the peer of the %s disconnected; the network card's link is down until it is back%s",
			      ops->name, ops->retry ? "" :
			      " and this program is restarted");
	virtdev_report(net->dev, &what);
}

static void tell_back(struct net *net)
{
	struct vsu_error what = VSU_ERROR_INIT;

	if (!__atomic_exchange_n(&net->reported_down, false, __ATOMIC_ACQ_REL))
		return;
	vsu_error_set(&what, 0,
		      "the peer is connected; the network card's link is up");
	virtdev_report(net->dev, &what);
}

/* ------------------------------------------------------------- reconnection */

static void returns_catch_up(struct net_queue *q, uint32_t returns)
{
	q->returns = returns;
	(void)vsu_event_drain(q->back, NULL);
	__atomic_store_n(&q->watching, 0, __ATOMIC_RELAXED);
}

int virtdev_priv_net_watch_link(struct net_queue *q)
{
	struct virtdev_net_link *link = q->net->link;
	struct epoll_event event = { .events = EPOLLIN };
	int fd = q->back;

	if (fd >= 0)
		returns_catch_up(q, __atomic_load_n(&q->net->returns,
						    __ATOMIC_ACQUIRE));
	else if (q->role == NET_RECEIVES && link->ops.retry_fd)
		fd = link->ops.retry_fd(link->self, virtdev_priv_net_lane(q));
	if (fd < 0)
		return 0;
	return epoll_ctl(q->epfd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

/*
 * A closed connection raises no further events. Wakes the send queue, which may wait for
 * space in the old connection; it resumes after it has read the new value of returns.
 */
bool virtdev_priv_net_retry(struct net_queue *q)
{
	struct net *net = q->net;
	struct virtdev_net_link *link = net->link;

	if (!link->ops.retry ||
	    link->ops.retry(link->self, virtdev_priv_net_lane(q)) < 0)
		return false;
	__atomic_store_n(&q->watching, 0, __ATOMIC_RELAXED);
	vsu_event_signal_own(net->queues[q->index + 1].back);
	__atomic_add_fetch(&net->returns, 1, __ATOMIC_RELEASE);
	__atomic_store_n(&net->down, false, __ATOMIC_RELEASE);
	virtdev_config_changed(net->dev);
	tell_back(net);
	return true;
}

void virtdev_priv_net_follow(struct net_queue *q)
{
	const uint32_t returns = __atomic_load_n(&q->net->returns,
						 __ATOMIC_ACQUIRE);

	if (returns != q->returns)
		returns_catch_up(q, returns);
}

int virtdev_priv_net_pop(struct net_queue *q, struct vq_chain *chain,
			 struct iovec *pieces, uint32_t used)
{
	int rc;

	chain->iov = pieces + used;
	chain->iov_max = NET_PIECES - used;
	rc = vq_pop(q->q, chain);
	if (rc == 1 && chain->fault.why == VQ_FAULT_NO_ROOM && used) {
		vq_unpop(q->q, chain);
		return -ENOSPC;
	}
	return rc;
}

void virtdev_priv_net_publish(struct net_queue *q)
{
	if (vq_publish(q->q))
		virtdev_notify(q->net->dev, q->index);
	if (q->reported_broken || !vq_broken(q->q))
		return;
	q->reported_broken = true;
	virtdev_queue_broken(q->net->dev, q->index);
}
