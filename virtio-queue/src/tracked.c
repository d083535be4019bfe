/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Ring operations with in-flight tracking: they call the operations of the format and
 * record chains in the in-flight area. Chains that a previous process popped and did not
 * push come first. Rings without tracking have no such cost, because this is a separate
 * table.
 */
#include <config.h>

#include "fresh.h"
#include "idle.h"
#include "inflight.h"

static int take_again(struct vq *q, struct vq_chain *chain)
{
	int rc = q->format->tracking->take_again(q, chain,
						 vq_priv_track_again(q));

	if (rc < 0)
		return rc;
	chain->private_[CHAIN_TAKEN_AGAIN] = true;
	q->track->next_again++;
	q->taken++;
	return 0;
}

static int tracked_pop_batch(struct vq *q, struct vq_chain *chains,
			     unsigned int n)
{
	unsigned int i = 0;
	int rc = vq_priv_fresh(q);

	while (!rc && i < n && vq_priv_track_again(q)) {
		rc = take_again(q, &chains[i]);
		i += !rc;
	}
	if (i || rc)
		return i ? (int)i : rc;
	rc = q->format->ops->pop_batch(q, chains, n);
	for (i = 0; (int)i < rc; i++)
		chains[i].private_[CHAIN_TAKEN_AGAIN] = false;
	if (rc > 0)
		q->format->tracking->taken(q, chains, i);
	return rc;
}

static int tracked_pop(struct vq *q, struct vq_chain *chain)
{
	return tracked_pop_batch(q, chain, 1);
}

/* A chain that was popped again has no position in the ring to return to. */
static void tracked_unpop(struct vq *q, struct vq_chain *chain)
{
	uint16_t next = q->next_avail;
	uint32_t tail = q->avail_tail;
	bool again = chain->private_[CHAIN_TAKEN_AGAIN];

	if (!again)
		q->format->tracking->untaken(q, chain->head);
	q->format->ops->unpop(q, chain);
	if (!again)
		return;
	q->track->next_again--;
	q->next_avail = next;
	q->avail_tail = tail;
}

static void tracked_push(struct vq *q, const struct vq_chain *chain,
			 uint32_t written)
{
	uint16_t head = chain->head;

	if (vq_priv_refuses(q, head))
		return;
	if (q->in_order) {
		vq_priv_push_in_order(q, head, written,
				      q->format->tracking->use);
		return;
	}
	q->format->tracking->use(q, head, written);
	vq_priv_release(q, head);
}

static void tracked_push_batch(struct vq *q, const struct vq_chain *chains,
			       const uint32_t *written, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		tracked_push(q, &chains[i], written[i]);
}

static bool tracked_publish(struct vq *q)
{
	bool call;

	q->format->tracking->publish(q);
	call = q->format->ops->publish(q);
	q->format->tracking->published(q);
	return call;
}

static void tracked_disable_notify(struct vq *q)
{
	q->format->ops->disable_notify(q);
}

static bool tracked_enable_notify(struct vq *q)
{
	bool more = q->format->ops->enable_notify(q);

	return more || vq_priv_track_again(q);
}

static bool tracked_has_available(struct vq *q)
{
	return vq_priv_track_again(q) || q->format->ops->has_available(q);
}

const struct vq_priv_ops vq_priv_tracked_ops = {
	.pop = tracked_pop,
	.pop_batch = tracked_pop_batch,
	.unpop = tracked_unpop,
	.push = tracked_push,
	.push_batch = tracked_push_batch,
	.publish = tracked_publish,
	.disable_notify = tracked_disable_notify,
	.enable_notify = tracked_enable_notify,
	.has_available = tracked_has_available,
};
