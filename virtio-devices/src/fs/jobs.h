/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Requests that the caller's worker threads serve, and detached requests. */
#ifndef VIRTIO_DEVICES_FS_JOBS_H
#define VIRTIO_DEVICES_FS_JOBS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <virtio-queue/queue.h>

struct fs;
struct fs_call;
struct fs_inode;
struct fs_queue;
struct vsu_closer;

/*
 * RUNNING: the thread may access guest memory, locks and tables. IN_HOST_CALL: it is in
 * a host system call that uses none of them, and may be detached. DETACHED: final; the
 * thread discards its result.
 */
enum fs_job_state { FS_JOB_RUNNING, FS_JOB_IN_HOST_CALL, FS_JOB_DETACHED };

/* A request that a worker thread serves. */
struct fs_job {
	struct fs_queue *queue;
	struct fs_queue *own;	/* private buffers, in the form that handlers
				   expect */
	struct vq_chain chain;
	uint32_t written;
	uint64_t popped;	/* if measured: time, ns */
	struct fs_job *next;	/* in the list that the job is in */
	int state;		/* atomic; of enum fs_job_state */
	bool threadless;	/* detached, and no thread serves it */
	bool queueless;		/* detached, and its queue dropped it. Under the
				   lock; the second of the two frees the job */
};

/* Jobs of all queues that wait for a thread, in order. */
struct fs_job_queue {
	pthread_mutex_t lock;
	pthread_cond_t more;	/* signals: a job was added, or ending was set */
	pthread_cond_t done;	/* signals: a job is done */
	struct fs_job *first, **end;
	uint32_t ndetached;	/* threads that serve detached jobs */
	bool ending;
};

/* Whether a server (FUSE, network) provides the file, and so may hang; cached. */
enum fs_served { FS_SERVED_UNKNOWN, FS_SERVED, FS_NOT_SERVED };

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
 * detached.c: enclose a host system call that changes nothing on the host, holds no
 * lock, and does not access guest memory. end returns rc, or -ECANCELED if the request
 * was detached meanwhile: its handler then accesses only its own data. Both do nothing
 * without a job.
 */
void virtdev_priv_fs_host_call_begin(const struct fs_call *c);
int virtdev_priv_fs_host_call_end(const struct fs_call *c, int rc);
bool virtdev_priv_fs_is_detached(const struct fs_call *c);
/* Under the job queue's lock: removes the jobs of q that wait for a thread. */
struct fs_job *virtdev_priv_fs_jobs_pop_queued(struct fs_job_queue *w,
					       const struct fs_queue *q);
void virtdev_priv_fs_job_free(struct fs_job *job);
/* Under the job queue's lock: detaches every job that can be detached. */
void virtdev_priv_fs_jobs_detach(struct fs_queue *q);
/* Under the job queue's lock: a thread finished job. True: it was detached. */
bool virtdev_priv_fs_detached_done(struct fs_job_queue *w, struct fs_job *job);
/* The queue stops: drops its detached jobs. */
void virtdev_priv_fs_detached_release(struct fs_queue *q);
/*
 * The closer for a descriptor of this inode, or NULL if close() cannot hang. The first
 * call for a file calls fstatfs(), which may block on the server.
 */
struct vsu_closer *virtdev_priv_fs_closer(const struct fs *fs,
					  struct fs_inode *inode, int fd);
/* Initializes folder_dev and folder_served; requires an open fs->folder. */
void virtdev_priv_fs_served_init(struct fs *fs, uint64_t dev);
/* -ENFILE: the file has a server, and too many such files wait to be closed. */
int virtdev_priv_fs_check_unclosed(const struct fs *fs, struct fs_inode *inode);
/* Preserves errno. */
void virtdev_priv_fs_close(struct vsu_closer *closer, int *fd);
/* Whether reads must use a bounce buffer. 1, 0, or -ECANCELED: detached. */
int virtdev_priv_fs_is_served(const struct fs_call *c);

#endif
