/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Detached requests (enum fs_job_state). A compare-and-swap of the state decides whether
 * the thread resumes first or the device detaches the request.
 */
#include <config.h>

#include <errno.h>
#include <stdlib.h>

#include "fs/device/priv.h"

static bool state_change(struct fs_job *job, int from, int to)
{
	return __atomic_compare_exchange_n(&job->state, &from, to, false,
					   __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

void virtdev_priv_fs_host_call_begin(const struct fs_call *c)
{
	if (virtdev_priv_fs_has_workers(c->queue))
		state_change(c->queue->job, FS_JOB_RUNNING, FS_JOB_IN_HOST_CALL);
}

int virtdev_priv_fs_host_call_end(const struct fs_call *c, int rc)
{
	return !virtdev_priv_fs_has_workers(c->queue) ||
	       state_change(c->queue->job, FS_JOB_IN_HOST_CALL, FS_JOB_RUNNING) ? rc : -ECANCELED;
}

static bool job_is_detached(const struct fs_job *job)
{
	return __atomic_load_n(&job->state, __ATOMIC_ACQUIRE) == FS_JOB_DETACHED;
}

bool virtdev_priv_fs_is_detached(const struct fs_call *c)
{
	return c->queue->job && job_is_detached(c->queue->job);
}

void virtdev_priv_fs_job_free(struct fs_job *job)
{
	if (job && job->own) {
		free(job->own->pieces);
		free(job->own->text);
		free(job->own);
	}
	free(job);
}

struct fs_job *virtdev_priv_fs_jobs_pop_queued(struct fs_job_queue *w,
					       const struct fs_queue *q)
{
	struct fs_job **link = &w->first, *job, *all = NULL;

	w->end = &w->first;
	while ((job = *link)) {
		if (job->queue == q) {
			*link = job->next;
			job->next = all;
			all = job;
		} else {
			link = &job->next;
			w->end = link;
		}
	}
	return all;
}

static void detach_blocked(struct fs_job_queue *w, struct fs_queue *q)
{
	uint32_t i;

	for (i = 0; i < q->njobs && w->ndetached < VIRTDEV_FS_DETACHED_MAX; i++) {
		if (!state_change(q->jobs[i], FS_JOB_IN_HOST_CALL, FS_JOB_DETACHED))
			continue;
		w->ndetached++;
		__atomic_fetch_add(&q->ndetached, 1, __ATOMIC_RELEASE);
	}
}

/* Jobs without a thread need no limit. */
static void detach_queued(struct fs_job_queue *w, struct fs_queue *q)
{
	struct fs_job *job = virtdev_priv_fs_jobs_pop_queued(w, q);

	for (; job; job = job->next) {
		__atomic_store_n(&job->state, FS_JOB_DETACHED, __ATOMIC_RELEASE);
		job->threadless = true;
		__atomic_fetch_add(&q->ndetached, 1, __ATOMIC_RELEASE);
	}
}

void virtdev_priv_fs_jobs_detach(struct fs_queue *q)
{
	detach_blocked(&q->fs->job_queue, q);
	detach_queued(&q->fs->job_queue, q);
}

bool virtdev_priv_fs_detached_done(struct fs_job_queue *w, struct fs_job *job)
{
	if (!job_is_detached(job))
		return false;
	w->ndetached--;
	job->threadless = true;
	if (job->queueless)
		virtdev_priv_fs_job_free(job);
	return true;
}

/* Returns the chains of a disconnected front-end without a reply. */
void virtdev_priv_fs_detached_release(struct fs_queue *q)
{
	struct fs_job_queue *w = &q->fs->job_queue;
	uint32_t i;

	pthread_mutex_lock(&w->lock);
	for (i = 0; i < q->njobs; i++) {
		if (!q->jobs[i] || !job_is_detached(q->jobs[i]))
			continue;
		vq_push(q->q, &q->jobs[i]->chain, 0);
		q->nbusy--;
		q->jobs[i]->queueless = true;
		if (!q->jobs[i]->threadless)
			q->jobs[i] = NULL;
	}
	q->ndetached = 0;
	pthread_mutex_unlock(&w->lock);
}
