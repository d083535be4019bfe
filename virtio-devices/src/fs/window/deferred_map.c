/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A ring of window changes. Requests add changes; a queue's thread sends them to the
 * front-end in order, up to the time budget of a turn. Worker threads never call the
 * front-end. A vhost-user front-end replies later and in any order. The ring rejects
 * replies of a previous session, since it no longer contains their numbers.
 *
 * Threads: under window_lock, except virtdev_priv_fs_region_done().
 */
#include <config.h>

#include <errno.h>
#include <stdlib.h>

#include <virtio-queue/turn.h>
#include <vmm-sys-util/event.h>

#include "fs/window/window.h"

/* Maximum unanswered changes: fewer than a vhost-user session allows. */
#define MAX_UNANSWERED 32u

/* Maximum bytes of one mapping: a truncated file can make all of it inaccessible. */
#define MAX_MERGED (UINT64_C(64) << 20)

/* Maximum changes of one chunk: unmap all pieces, map all pieces. */
#define CHANGES_OF_CHUNK (2 * FS_PIECES)
#define CHANGES_MORE 256u

int virtdev_priv_fs_window_file_open(const struct fs *fs, struct fs_inode *inode,
				     bool writable, struct fs_window_file **out)
{
	int fd = virtdev_priv_fs_reopen(fs, inode, writable ? O_RDWR : O_RDONLY);
	struct vsu_closer *closer;
	struct fs_window_file *file;
	int rc;

	if (fd < 0)
		return fd;
	closer = virtdev_priv_fs_closer(fs, inode, fd);
	/* the host's kernel does not clear SUID and SGID on writes through a mapping */
	rc = writable && fs->config.nosuid && virtdev_priv_fs_is_privileged(fd) ? -EPERM : 0;
	file = rc < 0 ? NULL : malloc(sizeof(*file));
	if (!file) {
		virtdev_priv_fs_close(closer, &fd);
		return rc < 0 ? rc : -ENOMEM;
	}
	*file = (struct fs_window_file){ .fd = fd, .closer = closer, .users = 1 };
	*out = file;
	return 0;
}

void virtdev_priv_fs_window_file_put(struct fs_window_file *file)
{
	if (!file || --file->users)
		return;
	virtdev_priv_fs_close(file->closer, &file->fd);
	free(file);
}

void virtdev_priv_fs_window_file_close(struct fs *fs, struct fs_window_file *file)
{
	virtdev_priv_fs_window_lock(fs);
	virtdev_priv_fs_window_file_put(file);
	virtdev_priv_fs_window_unlock(fs);
}

int virtdev_priv_fs_deferred_map_init(struct fs *fs)
{
	const uint64_t least = (uint64_t)fs->nchunks * CHANGES_OF_CHUNK +
			       CHANGES_MORE;
	struct fs_deferred_map *l = &fs->deferred;

	for (l->size = 1; l->size < least; )
		l->size *= 2;
	l->ring = calloc(l->size, sizeof(*l->ring));
	return l->ring ? 0 : -ENOMEM;
}

static struct fs_change *change_at(struct fs_deferred_map *l, uint64_t number)
{
	return &l->ring[number & (l->size - 1)];
}

void virtdev_priv_fs_deferred_map_forget(struct fs *fs)
{
	struct fs_deferred_map *l = &fs->deferred;

	for (; l->first < l->last; l->first++)
		if (!change_at(l, l->first)->done)
			virtdev_priv_fs_window_file_put(
					change_at(l, l->first)->file);
	l->next = l->last;
}

void virtdev_priv_fs_deferred_map_fini(struct fs *fs)
{
	virtdev_priv_fs_deferred_map_forget(fs);
	free(fs->deferred.ring);
}

bool virtdev_priv_fs_deferred_map_has_room(const struct fs *fs)
{
	const struct fs_deferred_map *l = &fs->deferred;

	return l->last - l->first + CHANGES_OF_CHUNK <= l->size;
}

/* Only a vhost-user front-end does not report the region's address. */
void virtdev_priv_fs_check_server(struct fs *fs)
{
	uint64_t gpa;

	if (fs->nchunks)
		__atomic_store_n(&fs->deferred.in_pieces,
				 virtdev_region_address(fs->dev,
							FS_WINDOW_REGION, &gpa)
				 == -EOPNOTSUPP, __ATOMIC_RELAXED);
}

bool virtdev_priv_fs_is_deferred(const struct fs *fs)
{
	return __atomic_load_n(&fs->deferred.in_pieces, __ATOMIC_RELAXED);
}

/* Whether b continues a, both in the window and in the file. */
static bool change_continues(const struct fs_change *a,
			     const struct fs_change *b)
{
	return a->file == b->file && a->offset + a->len == b->offset &&
	       (!a->file || (b->fd_offset - a->fd_offset == a->len &&
			     a->writable == b->writable)) &&
	       a->job == b->job && a->len + b->len <= MAX_MERGED;
}

/*
 * Merges consecutive chunks of a file into one mapping, so that mapping a whole window
 * causes few changes of the guest's memory map. Not with vhost-user: a front-end unmaps
 * only the exact ranges that it mapped.
 */
static bool change_merge(struct fs *fs, const struct fs_change *change)
{
	struct fs_deferred_map *l = &fs->deferred;
	struct fs_change *previous = change_at(l, l->last - 1);

	if (virtdev_priv_fs_is_deferred(fs) || l->next == l->last ||
	    !change_continues(previous, change))
		return false;
	previous->len += change->len;
	previous->replaces |= change->replaces;
	return true;
}

static void set_until(const struct fs *fs, const struct fs_change *change)
{
	uint64_t i = change->offset / FS_CHUNK;
	const uint64_t end = change->offset + change->len;

	for (; i * FS_CHUNK < end; i++)
		fs->chunks[i].until = fs->deferred.last;
}

void virtdev_priv_fs_deferred_map_add(struct fs *fs, const struct fs_change *change)
{
	struct fs_deferred_map *l = &fs->deferred;

	if (!change_merge(fs, change)) {
		*change_at(l, l->last++) = *change;
		if (change->file)
			change->file->users++;
	}
	set_until(fs, change);
}

/* Reports a refusal to the request that added the change, if it is still pending. */
static void report_refused(struct fs_job *job, uint64_t number, int result)
{
	if (job && number >= job->from && number < job->until)
		job->refused = result;
}

/* Marks a piece as missing, unless a later change replaces it. */
static void set_missing(struct fs *fs, const struct fs_change *change)
{
	struct fs_chunk *chunk = &fs->chunks[change->offset / FS_CHUNK];

	if (chunk->round == change->round)
		chunk->missing |= 1u << change->piece;
}

/*
 * A refused replacement keeps the old mappings, unless a later change replaces them. A
 * chunk that ends before its file is mapped again by the next request that reports the
 * size of the file.
 */
static void set_former(struct fs *fs, const struct fs_change *change, uint64_t number)
{
	struct fs_chunk *chunk = &fs->chunks[change->offset / FS_CHUNK];
	const uint64_t n = (change->len + FS_CHUNK - 1) / FS_CHUNK;
	uint64_t i;

	for (i = 0; i < n; i++, chunk++) {
		if (chunk->until != number + 1)
			continue;
		chunk->missing = !chunk->former;
		/* the driver, whose request is refused, does not use the chunk */
		if (chunk->missing && change->job)
			continue;
		chunk->ends[0] = chunk->former;
		chunk->npieces = chunk->former != 0;
	}
}

static void change_finish(struct fs *fs, uint64_t number, int result)
{
	struct fs_deferred_map *l = &fs->deferred;
	struct fs_change *change = change_at(l, number);

	change->done = true;
	if (change->file && result < 0) {
		if (virtdev_priv_fs_is_deferred(fs))
			set_missing(fs, change);
		else
			set_former(fs, change, number);
		report_refused(change->job, number, result);
	}
	virtdev_priv_fs_window_file_put(change->file);
	while (l->first < l->next && change_at(l, l->first)->done)
		l->first++;
}

/* fd -1: the range is unmapped. */
static struct virtdev_mapping mapping_of(const struct fs_change *change)
{
	return (struct virtdev_mapping){
		.offset = change->offset, .len = change->len,
		.fd_offset = change->fd_offset,
		.fd = change->file ? change->file->fd : -1,
		.region = FS_WINDOW_REGION, .writable = change->writable,
		.replaces = change->replaces,
	};
}

static int change_send(struct fs *fs, const struct virtdev_mapping *m,
		       uint64_t number)
{
	virtdev_priv_fs_window_check_unlocked(fs);
	return m->fd >= 0 ? virtdev_region_map(fs->dev, m, number)
			  : virtdev_region_unmap(fs->dev, m, number);
}

static bool has_finished(const struct fs_queue *q, uint64_t first)
{
	const struct fs_job *job;

	for (job = q->waiting_jobs; job; job = job->next)
		if (job->until <= first)
			return true;
	return false;
}

static void wake_queues(const struct fs *fs)
{
	uint32_t i;

	for (i = 0; i < fs->nqueues; i++)
		if (has_finished(&fs->queues[i], fs->deferred.first))
			vsu_event_signal_own(fs->queues[i].event);
}

/* Wakes a running queue, which sends the rest in its next turn. */
static void continue_in_next_turn(const struct fs *fs)
{
	uint32_t i;

	for (i = 0; i < fs->nqueues; i++)
		if (fs->queues[i].q && fs->queues[i].event >= 0) {
			vsu_event_signal_own(fs->queues[i].event);
			return;
		}
}

static bool has_unsent(const struct fs_deferred_map *l)
{
	return l->next < l->last && l->next - l->first < MAX_UNANSWERED;
}

/* Sends the next change; result as virtdev_region_map(). */
static int send_next(struct fs *fs)
{
	struct fs_deferred_map *l = &fs->deferred;
	const uint64_t number = l->next++;
	const struct virtdev_mapping m = mapping_of(change_at(l, number));
	int rc;

	virtdev_priv_fs_window_unlock(fs);
	rc = change_send(fs, &m, number);
	virtdev_priv_fs_window_lock(fs);
	if (rc <= 0)
		change_finish(fs, number, rc);
	return rc;
}

/*
 * The server's locks come before window_lock: a server that holds its own serves the queue,
 * and may release and take it again in a change. So window_lock is released for each
 * call; meanwhile another thread that sends leaves its changes to this one.
 */
void virtdev_priv_fs_deferred_map_send(struct fs *fs)
{
	struct fs_deferred_map *l = &fs->deferred;
	const uint64_t until = l->next < l->last ? vsu_now_ns() + VQ_TURN_NS : 0;
	bool finished = false;
	int rc;

	if (l->sending)
		return;
	l->sending = true;
	while (has_unsent(l)) {
		rc = send_next(fs);
		finished |= rc <= 0;
		if (rc <= 0 && vsu_now_ns() >= until) {
			continue_in_next_turn(fs);
			break;
		}
	}
	l->sending = false;
	if (finished)
		wake_queues(fs);
}

void virtdev_priv_fs_deferred_map_disown(const struct fs_queue *q)
{
	struct fs_deferred_map *l = &q->fs->deferred;
	struct fs_change *change;
	uint64_t number;

	for (number = l->first; number < l->last; number++) {
		change = change_at(l, number);
		if (change->job && change->job->queue == q)
			change->job = NULL;
	}
}

void virtdev_priv_fs_region_done(void *self, uint64_t cookie, int result)
{
	struct fs *fs = self;
	struct fs_deferred_map *l = &fs->deferred;

	virtdev_priv_fs_window_lock(fs);
	if (cookie >= l->first && cookie < l->next &&
	    !change_at(l, cookie)->done) {
		change_finish(fs, cookie, result);
		virtdev_priv_fs_deferred_map_send(fs);
		wake_queues(fs);
	}
	virtdev_priv_fs_window_unlock(fs);
}
