/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Requests that threads of the caller's do, and those that are left to them. */
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
 * A job's thread is at the guest's memory and the tables, or away in a call of the
 * host's that touches neither. From there it can be left, which is for good: nobody
 * hears its answer.
 */
enum fs_job_state { FS_JOB_RUNNING, FS_JOB_IN_HOST_CALL, FS_JOB_DETACHED };

/* A request of a queue that a thread of the caller's works on. */
struct fs_job {
	struct fs_queue *queue;
	struct fs_queue *own;	/* as the handlers have a queue: room of its own */
	struct vq_chain chain;
	uint32_t written;
	struct fs_job *next;	/* in one of the lists */
	int state;		/* atomic; of enum fs_job_state */
	bool threadless;	/* of one that was left, with the work's lock: no
				   thread is at it, */
	bool queueless;		/* and no queue has it: who is the last frees it */
};

/* Jobs that wait for a thread, in order. */
struct fs_job_queue {
	pthread_mutex_t lock;
	pthread_cond_t more;	/* jobs, or it is ending */
	pthread_cond_t done;	/* a job is */
	struct fs_job *first, **end;
	uint32_t ndetached;		/* threads that are away, and were left */
	bool ending;
};

/* Whether a file's own server answers for it, who may not: as it was first read. */
enum fs_served { FS_SERVED_UNKNOWN, FS_SERVED, FS_NOT_SERVED };

/*
 * jobs.c: fini waits for threads that are at a job of the queue, and gives what is
 * left of them back.
 */
void virtdev_priv_fs_job_queue_init(struct fs_job_queue *w);
void virtdev_priv_fs_job_queue_fini(struct fs_job_queue *w);
int virtdev_priv_fs_jobs_init(struct fs_queue *q);
void virtdev_priv_fs_jobs_fini(struct fs_queue *q);
/* Into the first job that is idle, in whose pieces it is. */
void virtdev_priv_fs_job_begin(struct fs_queue *q, const struct vq_chain *chain);
/* Gives back what is done. */
void virtdev_priv_fs_jobs_push(struct fs_queue *q);

/*
 * detached.c: around a call of the host's that changes nothing there, without a lock of
 * anybody else's, and without the guest's memory. back says rc; or -ECANCELED: it was
 * left meanwhile, and its handler touches nothing but what is its own. Both do
 * nothing without a job.
 */
void virtdev_priv_fs_host_call_begin(const struct fs_call *c);
int virtdev_priv_fs_host_call_end(const struct fs_call *c, int rc);
bool virtdev_priv_fs_is_detached(const struct fs_call *c);
/* With the work's lock: jobs of the queue that no thread has begun with, in a list. */
struct fs_job *virtdev_priv_fs_jobs_pop_queued(struct fs_job_queue *w,
					       const struct fs_queue *q);
void virtdev_priv_fs_job_free(struct fs_job *job);
/* With the work's lock: those that can be are left. */
void virtdev_priv_fs_jobs_detach(struct fs_queue *q);
/* With the work's lock: a thread has done a job. True: nobody waits for it. */
bool virtdev_priv_fs_detached_done(struct fs_job_queue *w, struct fs_job *job);
/* Of a queue that stops: its jobs that were left have none any longer. */
void virtdev_priv_fs_detached_release(struct fs_queue *q);
/*
 * Who closes a file that was opened by this inode: NULL, if that waits for no server.
 * Asks the server itself, once for a file.
 */
struct vsu_closer *virtdev_priv_fs_closer(const struct fs *fs,
					  struct fs_inode *inode, int fd);
/* Once, with the folder open, which is of that device. */
void virtdev_priv_fs_served_init(struct fs *fs, uint64_t dev);
/* Whether one more such file may be opened by this inode: 0, or -ENFILE. */
int virtdev_priv_fs_check_unclosed(const struct fs *fs, struct fs_inode *inode);
/* Keeps errno. */
void virtdev_priv_fs_close(struct vsu_closer *closer, int *fd);
/* Whether its content is had by way of memory of our own. 1, 0, or -ECANCELED. */
int virtdev_priv_fs_is_served(const struct fs_call *c);

#endif
