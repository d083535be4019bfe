/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Detached requests. When the front-end disconnects while a host system call hangs, the
 * request is detached: its worker thread finishes alone and discards the result. In the
 * state IN_HOST_CALL a thread holds no lock and references neither guest memory nor
 * tables. A compare-and-swap of the state decides whether the thread resumes first or
 * the device detaches the request.
 */
#include <config.h>

#include <errno.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <sys/statfs.h>

#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/foreign.h>

#include "fs/priv.h"

/*
 * Maximum files that wait in the closer: handles / UNCLOSED_SHARE, at most MAX_UNCLOSED,
 * which fits both the closer and the descriptors reserved for the process.
 */
#define UNCLOSED_SHARE 4u
#define MAX_UNCLOSED 1000u

static bool state_change(struct fs_job *job, int from, int to)
{
	return __atomic_compare_exchange_n(&job->state, &from, to, false,
					   __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

void virtdev_priv_fs_host_call_begin(const struct fs_call *c)
{
	if (c->queue->job)
		state_change(c->queue->job, FS_JOB_RUNNING, FS_JOB_IN_HOST_CALL);
}

int virtdev_priv_fs_host_call_end(const struct fs_call *c, int rc)
{
	struct fs_job *job = c->queue->job;

	return !job || state_change(job, FS_JOB_IN_HOST_CALL, FS_JOB_RUNNING) ? rc :
								     -ECANCELED;
}

static bool job_is_detached(const struct fs_job *job)
{
	return __atomic_load_n(&job->state, __ATOMIC_ACQUIRE) == FS_JOB_DETACHED;
}

bool virtdev_priv_fs_is_detached(const struct fs_call *c)
{
	return c->queue->job && job_is_detached(c->queue->job);
}

/* ------------------------------------------------- file systems with servers */

/* Whether a server provides such a file system; type: statfs.f_type. */
static bool type_is_served(uint32_t type)
{
	static const uint32_t types[] = {
		V9FS_MAGIC, NFS_SUPER_MAGIC, SMB_SUPER_MAGIC, AFS_SUPER_MAGIC,
		AFS_FS_MAGIC, CODA_SUPER_MAGIC, 0x65735546u /* FUSE */,
		0xff534d42u /* CIFS */, 0xfe534d42u /* SMB 2 */,
		0x00c36400u /* Ceph */, 0x0bd00bd0u /* Lustre */,
		0x47504653u /* GPFS */, 0x19830326u /* BeeGFS */,
		0x20030528u /* OrangeFS */,
	};
	size_t i;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (types[i] == type)
			return true;
	return false;
}

/*
 * fstatfs() may block on the server. Overlayfs does not reveal its layers: trust the
 * operator's shared directory, but assume a server for any other overlay.
 */
static int statfs_served(int fd, bool is_folder)
{
	struct statfs st = { 0 };
	uint32_t type;

	if (fstatfs(fd, &st) < 0)
		return FS_SERVED;
	type = (uint32_t)st.f_type;
	return type_is_served(type) ||
	       (type == OVERLAYFS_SUPER_MAGIC && !is_folder) ? FS_SERVED :
							       FS_NOT_SERVED;
}

void virtdev_priv_fs_served_init(struct fs *fs, uint64_t dev)
{
	fs->folder_dev = dev;
	fs->folder_served = statfs_served(fs->folder, true);
}

/*
 * The result of the shared directory applies to its whole file system. For others the
 * device number does not help: "fuseblk" has a block device and a server.
 */
static bool may_be_served(const struct fs *fs, const struct fs_inode *inode)
{
	return inode->dev != fs->folder_dev || fs->folder_served == FS_SERVED;
}

int virtdev_priv_fs_is_served(const struct fs_call *c)
{
	int served;

	if (!c->queue->job || !may_be_served(c->fs, c->inode))
		return 0;
	served = __atomic_load_n(&c->inode->served, __ATOMIC_RELAXED);
	if (served == FS_SERVED_UNKNOWN) {
		virtdev_priv_fs_host_call_begin(c);
		served = virtdev_priv_fs_host_call_end(c, statfs_served(c->handle->fd, false));
		if (served < 0)
			return served;
		__atomic_store_n(&c->inode->served, served, __ATOMIC_RELAXED);
	}
	return served == FS_SERVED;
}

struct vsu_closer *virtdev_priv_fs_closer(const struct fs *fs,
					  struct fs_inode *inode, int fd)
{
	int served;

	if (fd < 0 || !fs->config.closer || !may_be_served(fs, inode))
		return NULL;
	served = __atomic_load_n(&inode->served, __ATOMIC_RELAXED);
	if (served == FS_SERVED_UNKNOWN) {
		served = statfs_served(fd, false);
		__atomic_store_n(&inode->served, served, __ATOMIC_RELAXED);
	}
	return served == FS_SERVED ? fs->config.closer : NULL;
}

/* Limits pending closes, so that a guest cannot exhaust descriptors or the closer. */
int virtdev_priv_fs_check_unclosed(const struct fs *fs, struct fs_inode *inode)
{
	const uint32_t share = fs->config.handles / UNCLOSED_SHARE;
	const uint32_t most = share < MAX_UNCLOSED ? share : MAX_UNCLOSED;

	if (!fs->config.closer ||
	    vsu_closer_waiting(fs->config.closer) <= most)
		return 0;
	return virtdev_priv_fs_closer(fs, inode, inode->fd) ? -ENFILE : 0;
}

void virtdev_priv_fs_close(struct vsu_closer *closer, int *fd)
{
	if (closer)
		vsu_foreign_close(closer, fd);
	else
		vsu_fd_close(fd);
}

/* ------------------------------------------------------------------------ jobs */

void virtdev_priv_fs_job_free(struct fs_job *job)
{
	if (job && job->own) {
		free(job->own->pieces);
		free(job->own->text);
		free(job->own->waiting);
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

/* ------------------------------------------------------------------ detaching */

/* Under the job queue's lock. */
static void detach_blocked(struct fs_job_queue *w, struct fs_queue *q)
{
	const uint32_t n = q->fs->config.workers;
	uint32_t i;

	for (i = 0; i < n && w->ndetached < VIRTDEV_FS_DETACHED_MAX; i++) {
		if (!state_change(q->jobs[i], FS_JOB_IN_HOST_CALL, FS_JOB_DETACHED))
			continue;
		w->ndetached++;
		__atomic_fetch_add(&q->ndetached, 1, __ATOMIC_RELEASE);
	}
}

/* Under the job queue's lock: jobs without a thread need no limit. */
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

/* The front-end is gone: returns the chains without a reply. */
void virtdev_priv_fs_detached_release(struct fs_queue *q)
{
	struct fs_job_queue *w = &q->fs->job_queue;
	uint32_t i;

	pthread_mutex_lock(&w->lock);
	for (i = 0; i < q->fs->config.workers; i++) {
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
