/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Requests that the caller's worker threads serve. */
#ifndef VIRTIO_DEVICES_FS_JOBS_H
#define VIRTIO_DEVICES_FS_JOBS_H

#include "fs/device/priv.h"

/*
 * jobs.c: jobs_fini waits until no attached thread serves a job of the queue, and
 * returns the chains of unserved jobs.
 */
void virtdev_priv_fs_job_queue_init(struct fs_job_queue *w);
void virtdev_priv_fs_job_queue_fini(struct fs_job_queue *w);
int virtdev_priv_fs_jobs_init(struct fs_queue *q);
void virtdev_priv_fs_jobs_fini(struct fs_queue *q);
/* Queues the chain, which uses the pieces of the first idle job. */
void virtdev_priv_fs_job_begin(struct fs_queue *q, const struct vq_chain *chain);
/* Returns the chains of jobs that are done. */
void virtdev_priv_fs_jobs_push(struct fs_queue *q);

/*
 * waiting.c: begin and end enclose a request, on the thread that serves it. push runs
 * on the queue's thread, and replaces the reply if a change was refused.
 */
void virtdev_priv_fs_waiting_begin(struct fs_queue *q, struct fs_waiting *p);
/* Under window_lock. False: the request waits for pending changes. */
bool virtdev_priv_fs_waiting_end(struct fs_queue *q, struct fs_waiting *p);
void virtdev_priv_fs_waiting_push(const struct fs_queue *q,
				  const struct fs_waiting *p,
				  struct vq_chain *chain, uint32_t written);

/* queue_turn.c: queue_serve and queue_drain of a queue that has an event. */
int virtdev_priv_fs_queue_turn(struct fs_queue *q);
int virtdev_priv_fs_queue_drain(struct fs_queue *q);
void virtdev_priv_fs_waiting_fini(struct fs_queue *q);

#endif
