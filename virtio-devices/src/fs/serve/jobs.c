/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Parallel requests. The queue's thread pops a chain into an idle job, a worker thread
 * of the caller serves it, and the queue's thread pushes it. A request that waits for a
 * file's server blocks one worker only. Without workers the queue's thread serves it, too.
 *
 * Only its own thread accesses the virtqueue: it also marks the bytes that a worker
 * wrote, and sends the window changes that a worker added. A job waits for changes
 * without a thread.
 */
#include <config.h>

#include <errno.h>
#include <stdlib.h>

#include <vmm-sys-util/event.h>

#include "core/device_priv.h"
#include "fs/serve/serve.h"

/* Jobs of a queue without workers: requests that may wait for the window. */
#define WINDOW_JOBS 16u

void virtdev_priv_fs_job_queue_init(struct fs_job_queue *w)
{
	w->end = &w->first;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->more, NULL);
	pthread_cond_init(&w->done, NULL);
}

void virtdev_priv_fs_job_queue_fini(struct fs_job_queue *w)
{
	pthread_mutex_destroy(&w->lock);
	pthread_cond_destroy(&w->more);
	pthread_cond_destroy(&w->done);
}

/* ------------------------------------------------------------------ a queue */

int virtdev_priv_fs_buffers_init(struct fs_queue *q)
{
	q->pieces = calloc(q->npieces, sizeof(*q->pieces));
	q->text = calloc(1, FS_TEXT);
	return q->pieces && q->text ? 0 : -ENOMEM;
}

static int job_init(struct fs_job *job, struct fs_queue *q)
{
	struct fs_queue *own = calloc(1, sizeof(*own));

	job->queue = q;
	job->own = own;
	if (!own)
		return -ENOMEM;
	own->job = job;
	own->fs = q->fs;
	own->index = q->index;
	own->event = -1;
	own->npieces = q->npieces;
	return virtdev_priv_fs_buffers_init(own);
}

int virtdev_priv_fs_jobs_init(struct fs_queue *q)
{
	const uint32_t n = virtdev_priv_fs_has_workers(q) ? q->fs->config.workers : WINDOW_JOBS;
	uint32_t i;
	int rc;

	q->jobs = calloc(n, sizeof(*q->jobs));
	if (!q->jobs)
		return -ENOMEM;
	q->njobs = n;
	for (i = 0; i < n; i++) {
		q->jobs[i] = calloc(1, sizeof(*q->jobs[i]));
		rc = q->jobs[i] ? job_init(q->jobs[i], q) : -ENOMEM;
		if (rc < 0)
			return rc;
		q->jobs[i]->next = q->idle_jobs;
		q->idle_jobs = q->jobs[i];
	}
	return 0;
}

static struct fs_job *pop_done(struct fs_queue *q)
{
	struct fs_job_queue *w = &q->fs->job_queue;
	struct fs_job *done;

	pthread_mutex_lock(&w->lock);
	done = q->done;
	q->done = NULL;
	q->ndone = 0;
	pthread_mutex_unlock(&w->lock);
	return done;
}

/* Requires window_lock. */
static void add_waiting(struct fs_queue *q, struct fs_job *done)
{
	struct fs_job *job;

	while ((job = done)) {
		done = job->next;
		vq_chain_written(q->q, &job->chain, 0, job->written);
		job->next = q->waiting_jobs;
		q->waiting_jobs = job;
		q->nwaiting_jobs++;
	}
}

/* The reply of a refused change is its header alone. */
static void job_push(struct fs_queue *q, struct fs_job *job)
{
	const struct fuse_out_header out = {
		.len = sizeof(out), .error = job->refused, .unique = job->own->unique,
	};
	struct vq_cursor head;

	if (job->refused && job->written) {
		vq_writer_init(&head, q->q, &job->chain);
		job->written = vq_cursor_write_obj(&head, &out) ? sizeof(out) : 0;
	}
	vq_push(q->q, &job->chain, job->written);
	virtdev_priv_fs_measure_end(q, job->own->kind, job->popped);
	job->next = q->idle_jobs;
	q->idle_jobs = job;
	q->nbusy--;
}

/* Under window_lock: pushes jobs whose changes are answered. */
static void push_finished(struct fs_queue *q)
{
	struct fs_job **link = &q->waiting_jobs, *job;

	while ((job = *link)) {
		if (job->until > q->fs->deferred.first) {
			link = &job->next;
			continue;
		}
		*link = job->next;
		q->nwaiting_jobs--;
		job_push(q, job);
	}
}

static void push_done(struct fs_queue *q, struct fs_job *done)
{
	virtdev_priv_fs_window_lock(q->fs);
	virtdev_priv_fs_deferred_map_send(q->fs);
	add_waiting(q, done);
	push_finished(q);
	virtdev_priv_fs_window_unlock(q->fs);
}

void virtdev_priv_fs_jobs_push(struct fs_queue *q)
{
	push_done(q, pop_done(q));
}

static uint32_t job_serve(struct fs_job *job)
{
	struct fs_queue *own = job->own;
	struct fs *fs = own->fs;
	uint32_t written;

	if (!fs->nchunks)
		return virtdev_priv_fs_serve(own, NULL, &job->chain);
	virtdev_priv_fs_window_lock(fs);
	job->from = fs->deferred.last;
	job->until = UINT64_MAX;
	job->refused = 0;
	own->waits_for_window = false;
	virtdev_priv_fs_window_unlock(fs);
	written = virtdev_priv_fs_serve(own, NULL, &job->chain);
	virtdev_priv_fs_window_lock(fs);
	job->until = own->waits_for_window ? fs->deferred.last : 0;
	virtdev_priv_fs_window_unlock(fs);
	return written;
}

void virtdev_priv_fs_job_begin(struct fs_queue *q, const struct vq_chain *chain)
{
	struct fs_job_queue *w = &q->fs->job_queue;
	struct fs_job *job = q->idle_jobs;

	q->idle_jobs = job->next;
	q->nbusy++;
	job->chain = *chain;
	job->popped = virtdev_priv_fs_measure_begin(q);
	job->own->kind = VIRTDEV_LATENCY_KINDS;	/* until it is served */
	job->next = NULL;
	if (!virtdev_priv_fs_has_workers(q)) {
		job->written = job_serve(job);
		push_done(q, job);
		return;
	}
	pthread_mutex_lock(&w->lock);
	*w->end = job;
	w->end = &job->next;
	pthread_cond_signal(&w->more);
	pthread_mutex_unlock(&w->lock);
}

/* Under the job queue's lock: passes the job to its virtqueue's thread. */
static void job_done(struct fs_job_queue *w, struct fs_job *job, uint32_t written)
{
	struct fs_queue *q = job->queue;

	job->written = written;
	job->next = q->done;
	q->done = job;
	q->ndone++;
	vsu_event_signal_own(q->event);
	pthread_cond_broadcast(&w->done);
}

/* Under the job queue's lock: completes jobs without a thread, unserved. */
static void cancel_queued(struct fs_job_queue *w, struct fs_queue *q)
{
	struct fs_job *jobs = virtdev_priv_fs_jobs_pop_queued(w, q), *job;

	while ((job = jobs)) {
		jobs = job->next;
		job_done(w, job, 0);
	}
}

/* Waits until no attached thread serves a job of q. */
static void wait_threads(struct fs_queue *q)
{
	struct fs_job_queue *w = &q->fs->job_queue;

	pthread_mutex_lock(&w->lock);
	cancel_queued(w, q);
	while (q->ndone + q->nwaiting_jobs + q->ndetached < q->nbusy)
		pthread_cond_wait(&w->done, &w->lock);
	pthread_mutex_unlock(&w->lock);
}

/*
 * The stopping queue's jobs complete without waiting for window changes. Requests of
 * other queues may depend on unsent changes: wakes these queues, which send them.
 */
static void release_window(struct fs_queue *q, struct fs_job *done)
{
	struct fs *fs = q->fs;
	struct fs_job *job;
	uint32_t i;

	virtdev_priv_fs_window_lock(fs);
	add_waiting(q, done);
	for (job = q->waiting_jobs; job; job = job->next)
		if (job->until > fs->deferred.first)
			job->until = job->written = 0;
	push_finished(q);
	virtdev_priv_fs_deferred_map_disown(q);
	for (i = 0; i < fs->nqueues; i++)
		if (fs->queues[i].waiting_jobs)
			vsu_event_signal_own(fs->queues[i].event);
	virtdev_priv_fs_window_unlock(fs);
}

void virtdev_priv_fs_jobs_fini(struct fs_queue *q)
{
	uint32_t i;

	if (!q->jobs)
		return;
	wait_threads(q);
	release_window(q, pop_done(q));
	virtdev_priv_fs_detached_release(q);
	for (i = 0; i < q->njobs; i++)
		virtdev_priv_fs_job_free(q->jobs[i]);
	free(q->jobs);
	q->jobs = NULL;
	q->idle_jobs = NULL;
}

/* ----------------------------------------------------------------- a thread */

/* The next job, or NULL when ending. */
static struct fs_job *job_wait(struct fs_job_queue *w)
{
	struct fs_job *job;

	while (!w->first && !w->ending)
		pthread_cond_wait(&w->more, &w->lock);
	if (w->ending)
		return NULL;
	job = w->first;
	w->first = job->next;
	if (!w->first)
		w->end = &w->first;
	return job;
}

int virtdev_fs_work(struct virtdev *dev)
{
	struct fs *fs = virtdev_priv_self(dev, virtdev_priv_fs_stats);
	struct fs_job_queue *w = fs ? &fs->job_queue : NULL;
	struct fs_job *job;
	uint32_t written;

	if (!w)
		return -EINVAL;
	pthread_mutex_lock(&w->lock);
	while ((job = job_wait(w))) {
		pthread_mutex_unlock(&w->lock);
		written = job_serve(job);
		pthread_mutex_lock(&w->lock);
		if (!virtdev_priv_fs_detached_done(w, job))
			job_done(w, job, written);
	}
	pthread_mutex_unlock(&w->lock);
	return 0;
}

void virtdev_fs_work_end(struct virtdev *dev)
{
	struct fs *fs = virtdev_priv_self(dev, virtdev_priv_fs_stats);

	if (!fs)
		return;
	pthread_mutex_lock(&fs->job_queue.lock);
	fs->job_queue.ending = true;
	pthread_cond_broadcast(&fs->job_queue.more);
	pthread_mutex_unlock(&fs->job_queue.lock);
}

uint32_t virtdev_fs_detach(struct virtdev *dev)
{
	struct fs *fs = virtdev_priv_self(dev, virtdev_priv_fs_stats);
	uint32_t i, n;

	if (!fs)
		return 0;
	pthread_mutex_lock(&fs->job_queue.lock);
	for (i = 0; i < fs->nqueues; i++) {
		if (!fs->queues[i].jobs)
			continue;
		virtdev_priv_fs_jobs_detach(&fs->queues[i]);
		vsu_event_signal_own(fs->queues[i].event);
	}
	n = fs->job_queue.ndetached;
	pthread_mutex_unlock(&fs->job_queue.lock);
	return n;
}
