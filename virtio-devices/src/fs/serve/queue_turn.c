/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Serves a queue that continues while some of its requests are pending: worker threads
 * serve them (jobs.c), or they wait for window changes: their own, and earlier changes of
 * other requests that their reply depends on.
 */
#include <config.h>

#include <errno.h>
#include <stdlib.h>

#include <virtio-queue/turn.h>
#include <vmm-sys-util/event.h>

#include "fs/serve/serve.h"

/* Remaining budget of a turn. */
struct turn {
	uint32_t chains;
	uint64_t until;
};

#define CHAINS 64u

/* ------------------------------------------------------------------ waiting */

/* Keeps the pieces of the reply's header, which waiting_push() may overwrite. */
static void waiting_save(struct fs_waiting *p, const struct vq_chain *chain,
			 uint32_t written)
{
	uint32_t i, bytes = 0;

	p->chain = *chain;
	p->written = written;
	p->nhead = 0;
	for (i = 0; i < chain->nwritable &&
	     bytes < sizeof(struct fuse_out_header); i++) {
		p->head[p->nhead] = chain->iov[chain->nreadable + i];
		bytes += (uint32_t)p->head[p->nhead++].iov_len;
	}
	p->chain.iov = p->head;
	p->chain.nreadable = p->chain.readable_len = 0;
	p->chain.nwritable = p->nhead;
	p->chain.writable_len = bytes;
}

/* Pushes requests whose changes are answered. */
static void push_finished(struct fs_queue *q)
{
	struct fs *fs = q->fs;
	uint32_t i = 0;

	virtdev_priv_fs_window_lock(fs);
	virtdev_priv_fs_deferred_map_send(fs);
	while (i < q->nwaiting) {
		if (q->waiting[i].until > fs->deferred.first) {
			i++;
			continue;
		}
		virtdev_priv_fs_waiting_push(q, &q->waiting[i],
					     &q->waiting[i].chain,
					     q->waiting[i].written);
		virtdev_priv_fs_measure_end(q, q->waiting[i].kind,
					    q->waiting[i].popped);
		q->waiting[i] = q->waiting[--q->nwaiting];
		q->waiting[i].chain.iov = q->waiting[i].head;
	}
	virtdev_priv_fs_window_unlock(fs);
}

static void request_serve(struct fs_queue *q, struct vq_chain *chain)
{
	struct fs_waiting *p = &q->waiting[q->nwaiting];
	uint32_t written;
	bool ends;

	virtdev_priv_fs_waiting_begin(q, p);
	p->popped = virtdev_priv_fs_measure_begin(q);
	written = virtdev_priv_fs_serve(q, q->q, chain);
	p->kind = q->kind;
	waiting_save(p, chain, written);
	virtdev_priv_fs_window_lock(q->fs);
	virtdev_priv_fs_deferred_map_send(q->fs);
	ends = virtdev_priv_fs_waiting_end(q, p);
	q->nwaiting += !ends;
	virtdev_priv_fs_window_unlock(q->fs);
	if (!ends)
		return;
	virtdev_priv_fs_waiting_push(q, p, &p->chain, written);
	virtdev_priv_fs_measure_end(q, p->kind, p->popped);
}

/* -------------------------------------------------------------------- turns */

static bool is_full(const struct fs_queue *q)
{
	return q->jobs ? !q->idle_jobs : q->nwaiting == FS_MAX_WAITING;
}

/* 0: the ring is empty, or the queue is full; 1: the turn's budget is used up; or
   the error of vq_pop(). */
static int serve_chains(struct fs_queue *q, struct turn *left)
{
	struct vq_chain chain;
	int rc;

	for (; left->chains && !is_full(q); left->chains--) {
		chain.iov = q->jobs ? q->idle_jobs->own->pieces : q->pieces;
		chain.iov_max = q->npieces;
		rc = vq_pop(q->q, &chain);
		if (rc != 1)
			return rc;
		if (q->jobs)
			virtdev_priv_fs_job_begin(q, &chain);
		else
			request_serve(q, &chain);
		if (vsu_now_ns() >= left->until)
			return 1;
	}
	return !left->chains;
}

static void push_done(struct fs_queue *q)
{
	if (q->jobs)
		virtdev_priv_fs_jobs_push(q);
	else
		push_finished(q);
}

static void queue_publish(struct fs_queue *q)
{
	push_done(q);
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
	push_done(q);
	do {
		vq_disable_notify(q->q);
		rc = serve_chains(q, &left);
		queue_publish(q);
	} while (rc == 0 && !is_full(q) && vq_enable_notify(q->q));
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
	return (int)(q->nwaiting + q->nbusy -
		     __atomic_load_n(&q->ndetached, __ATOMIC_ACQUIRE));
}

/*
 * A queue that stops without draining returns its chains without a reply. The lock
 * orders this with virtdev_priv_fs_region_done(), which accesses q->waiting.
 */
void virtdev_priv_fs_waiting_fini(struct fs_queue *q)
{
	virtdev_priv_fs_window_lock(q->fs);
	while (q->nwaiting)
		vq_push(q->q, &q->waiting[--q->nwaiting].chain, 0);
	free(q->waiting);
	q->waiting = NULL;
	virtdev_priv_fs_window_unlock(q->fs);
}
