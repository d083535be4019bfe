/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Serves the queues: requests, the table of operations, worker threads and turns. */
#ifndef VIRTIO_DEVICES_FS_SERVE_SERVE_H
#define VIRTIO_DEVICES_FS_SERVE_SERVE_H

#include "fs/session/session.h"

/* operations.c: NULL: unknown opcode. */
const struct fs_operation *virtdev_priv_fs_operation(uint32_t opcode);

/* request.c: the callback of vq_serve_turn(); opaque is the struct fs_queue. */
uint32_t virtdev_priv_fs_serve(void *opaque, struct vq *q,
			       struct vq_chain *chain);

/*
 * jobs.c: jobs_fini waits until no attached thread serves a job of the queue, and
 * returns the chains of unserved jobs.
 */
void virtdev_priv_fs_job_queue_init(struct fs_job_queue *w);
void virtdev_priv_fs_job_queue_fini(struct fs_job_queue *w);
int virtdev_priv_fs_jobs_init(struct fs_queue *q);
void virtdev_priv_fs_jobs_fini(struct fs_queue *q);
/* The pieces and the text buffer of a queue, or of a job's queue. */
int virtdev_priv_fs_buffers_init(struct fs_queue *q);
/* Serves the chain, or has a worker serve it. It uses the pieces of the first idle job. */
void virtdev_priv_fs_job_begin(struct fs_queue *q, const struct vq_chain *chain);
/* Returns the chains of jobs that are done. */
void virtdev_priv_fs_jobs_push(struct fs_queue *q);

/* queue_turn.c: queue_serve and queue_drain of a queue that has an event. */
int virtdev_priv_fs_queue_turn(struct fs_queue *q);
int virtdev_priv_fs_queue_drain(struct fs_queue *q);

#endif
