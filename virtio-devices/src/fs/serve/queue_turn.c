/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Serves a queue that continues while some of its requests are pending: worker threads
 * serve them (jobs.c), or they wait for window changes: their own, and earlier changes of
 * other requests that their reply depends on.
 */
#include <config.h>

#include <errno.h>

#include <virtio-queue/turn.h>
#include <vmm-sys-util/event.h>

#include "fs/serve/serve.h"

/* Remaining budget of a turn. */
struct turn {
	uint32_t chains;
	uint64_t until;
};

#define CHAINS 64u

/* 0: the ring is empty, or the queue is full; 1: the turn's budget is used up; or
   the error of vq_pop(). */
static int serve_chains(struct fs_queue *q, struct turn *left)
{
	struct vq_chain chain;
	int rc;

	for (; left->chains && q->idle_jobs; left->chains--) {
		chain.iov = q->idle_jobs->own->pieces;
		chain.iov_max = q->npieces;
		rc = vq_pop(q->q, &chain);
		if (rc != 1)
			return rc;
		virtdev_priv_fs_job_begin(q, &chain);
		if (vsu_now_ns() >= left->until)
			return 1;
	}
	return !left->chains;
}

static void queue_publish(struct fs_queue *q)
{
	virtdev_priv_fs_jobs_push(q);
	if (vq_publish(q->q))
		virtdev_notify(q->fs->dev, q->index);
}

int virtdev_priv_fs_queue_turn(struct fs_queue *q)
{
	const bool was_broken = vq_broken(q->q);
	struct turn left = { CHAINS, vsu_now_ns() + VQ_TURN_NS };
	int rc;

	vsu_event_drain(q->event, NULL);
	virtdev_priv_fs_check_server(q->fs);
	virtdev_priv_fs_jobs_push(q);
	do {
		vq_disable_notify(q->q);
		rc = serve_chains(q, &left);
		queue_publish(q);
	} while (rc == 0 && q->idle_jobs && vq_enable_notify(q->q));
	if (!was_broken && vq_broken(q->q))
		virtdev_queue_broken(q->fs->dev, q->index);
	if (rc == -EAGAIN)
		return virtdev_queue_missed(q->fs->dev, q->index);
	return rc == 1;
}

int virtdev_priv_fs_queue_drain(struct fs_queue *q)
{
	vsu_event_drain(q->event, NULL);
	queue_publish(q);
	return (int)(q->nbusy - __atomic_load_n(&q->ndetached, __ATOMIC_ACQUIRE));
}
