/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* One queue of a console: wake-up and turns. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include <vmm-sys-util/fd.h>

#include "console/priv.h"
#include "core/device_priv.h"

/* Descriptors of one epoll set: timer, and two of the host stream. */
#define MAX_EVENTS 3

/* User data of the timer's event; others have 0. */
#define TAG_TIMER 1u

int virtdev_priv_channel_init(struct channel *ch, bool has_host, uint32_t pieces)
{
	ch->iov = calloc(pieces, sizeof(*ch->iov));
	if (!ch->iov)
		return -ENOMEM;
	if (has_host)
		ch->epfd = epoll_create1(EPOLL_CLOEXEC);
	return has_host && ch->epfd < 0 ? -errno : 0;
}

void virtdev_priv_channel_fini(struct channel *ch)
{
	vsu_fd_close(&ch->epfd);
	free(ch->iov);
}

void virtdev_priv_channel_wake(struct console *c, uint32_t queue)
{
	c->channels[queue].woken = true;
	if (c->channels[queue].q)
		virtdev_priv_queue_wake(c->dev, queue);
}

int virtdev_priv_channel_add_timer(const struct channel *ch, int timer)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET,
				     .data.u64 = TAG_TIMER };

	return epoll_ctl(ch->epfd, EPOLL_CTL_ADD, timer, &event) < 0 ? -errno
								     : 0;
}

/* All events are edge-triggered, so epoll_wait() consumes them. */
unsigned int virtdev_priv_channel_events(struct channel *ch)
{
	struct epoll_event events[MAX_EVENTS];
	unsigned int what = ch->woken ? CHANNEL_WOKEN : 0;
	int i, n;

	ch->woken = false;
	n = ch->epfd < 0 ? 0 : epoll_wait(ch->epfd, events, MAX_EVENTS, 0);
	for (i = 0; i < n; i++)
		what |= events[i].data.u64 == TAG_TIMER ? CHANNEL_TIMER :
							  CHANNEL_WOKEN;
	return what;
}

/* Serves until the ring is empty (0), broken (negative), or the turn ends (1, 2). */
static int serve_chains(struct turn *t, struct vq *q, struct vq_chain *chain,
			enum verdict (*serve)(struct turn *, struct vq *,
					      struct vq_chain *, uint32_t *))
{
	enum verdict verdict;
	uint32_t used;
	int rc;

	while (t->chains && t->bytes) {
		rc = vq_pop(q, chain);
		if (rc != 1)
			return rc;
		used = 0;
		verdict = serve(t, q, chain, &used);
		if (verdict != TURN_DONE) {
			vq_unpop(q, chain);
			return verdict == TURN_AGAIN ? 1 : 2;
		}
		vq_push(q, chain, used);
		t->chains--;
	}
	return 1;
}

int virtdev_priv_channel_turn(struct turn *t,
			      enum verdict (*serve)(struct turn *, struct vq *,
						    struct vq_chain *,
						    uint32_t *))
{
	struct console *c = t->c;
	struct channel *ch = &c->channels[t->queue];
	struct vq_chain chain = { .iov = ch->iov, .iov_max = c->pieces };
	const bool was_broken = vq_broken(ch->q);
	int rc;

	do {
		vq_disable_notify(ch->q);
		rc = serve_chains(t, ch->q, &chain, serve);
		if (vq_publish(ch->q))
			virtdev_notify(c->dev, t->queue);
	} while (rc == 0 && vq_enable_notify(ch->q));
	if (!was_broken && vq_broken(ch->q))
		virtdev_queue_broken(c->dev, t->queue);
	if (rc == -EAGAIN)
		return virtdev_queue_missed(c->dev, t->queue);
	return rc == 1;
}
