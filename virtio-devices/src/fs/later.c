/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Changes of the window that are made later: behind a socket, where the home does
 * that, and with a pool, whose threads ask no home for anything but leave it to a
 * queue's thread. A ring of them, asked for in order, some at a time. Answers come
 * in any order, and those that belong to a former session have numbers that are
 * gone.
 *
 * Threads: with window_lock, but for virtdev_priv_fs_region_done().
 */
#include <config.h>

#include <errno.h>
#include <stdlib.h>

#include <vmm-sys-util/event.h>

#include "fs/priv.h"

/* Unanswered at a time: fewer than a vhost-user session allows. */
#define ASKED_MOST 32u

/* Of a chunk that has all pieces, which go, and come anew. */
#define CHANGES_OF_CHUNK (2 * FS_PIECES)
#define CHANGES_MORE 256u

struct fs_window_file *virtdev_priv_fs_window_file_take_fd(
		int fd, struct vsu_closer *closer)
{
	struct fs_window_file *file = malloc(sizeof(*file));

	if (!file) {
		virtdev_priv_fs_close(closer, &fd);
		return NULL;
	}
	*file = (struct fs_window_file){ .fd = fd, .closer = closer, .users = 1 };
	return file;
}

void virtdev_priv_fs_window_file_put(struct fs_window_file *file)
{
	if (!file || --file->users)
		return;
	virtdev_priv_fs_close(file->closer, &file->fd);
	free(file);
}

int virtdev_priv_fs_later_init(struct fs *fs)
{
	const uint64_t least = (uint64_t)fs->nchunks * CHANGES_OF_CHUNK +
			       CHANGES_MORE;
	struct fs_later *l = &fs->later;

	for (l->size = 1; l->size < least; )
		l->size *= 2;
	l->ring = calloc(l->size, sizeof(*l->ring));
	return l->ring ? 0 : -ENOMEM;
}

static struct fs_change *change_at(struct fs_later *l, uint64_t number)
{
	return &l->ring[number & (l->size - 1)];
}

void virtdev_priv_fs_later_forget(struct fs *fs)
{
	struct fs_later *l = &fs->later;

	for (; l->first < l->last; l->first++)
		if (!change_at(l, l->first)->done)
			virtdev_priv_fs_window_file_put(
					change_at(l, l->first)->file);
	l->next = l->last;
}

void virtdev_priv_fs_later_fini(struct fs *fs)
{
	virtdev_priv_fs_later_forget(fs);
	free(fs->later.ring);
}

bool virtdev_priv_fs_later_has_room(const struct fs *fs)
{
	const struct fs_later *l = &fs->later;

	return l->last - l->first + CHANGES_OF_CHUNK <= l->size;
}

void virtdev_priv_fs_later_add(struct fs *fs, const struct fs_change *change)
{
	struct fs_later *l = &fs->later;

	*change_at(l, l->last++) = *change;
	fs->chunks[change->offset / FS_CHUNK].until = l->last;
	if (change->file)
		change->file->users++;
}

/* Whoever asked for a mapping that was refused has to hear of it. */
static void tell_refused(struct fs_queue *q, uint64_t number, int result)
{
	struct fs_parked *p = q->parked;
	uint32_t i;

	for (i = 0; p && i <= q->nparked && i < FS_PARKED; i++, p++)
		if (number >= p->from && number < p->until)
			p->refused = result;
}

/* A file may be mapped elsewhere still, so that another one can be there. */
static void change_finish(struct fs *fs, uint64_t number, int result)
{
	struct fs_later *l = &fs->later;
	struct fs_change *change = change_at(l, number);
	struct fs_chunk *chunk = &fs->chunks[change->offset / FS_CHUNK];

	change->done = true;
	if (change->file && result < 0) {
		if (chunk->round == change->round && !change->replaces)
			chunk->missing |= 1u << change->piece;
		if (change->queue)
			tell_refused(change->queue, number, result);
	}
	virtdev_priv_fs_window_file_put(change->file);
	while (l->first < l->next && change_at(l, l->first)->done)
		l->first++;
}

int virtdev_priv_fs_change_ask(struct fs *fs, const struct fs_change *change,
			       uint64_t number)
{
	const struct virtdev_mapping m = {
		.offset = change->offset, .len = change->len,
		.fd_offset = change->fd_offset,
		.fd = change->file ? change->file->fd : -1,
		.region = FS_WINDOW_REGION, .writable = change->writable,
		.replaces = change->replaces,
	};

	return change->file ? virtdev_region_map(fs->dev, &m, number)
			    : virtdev_region_unmap(fs->dev, &m, number);
}

/* Whether one of its requests has nothing to wait for any longer. */
static bool has_finished(const struct fs_queue *q, uint64_t first)
{
	const struct fs_job *job;
	uint32_t k;

	for (k = 0; k < q->nparked; k++)
		if (q->parked[k].until <= first)
			return true;
	for (job = q->waiting; job; job = job->next)
		if (job->own->parked->until <= first)
			return true;
	return false;
}

static void wake_queues(const struct fs *fs)
{
	uint32_t i;

	for (i = 0; i < fs->nqueues; i++)
		if (has_finished(&fs->queues[i], fs->later.first))
			vsu_event_signal_own(fs->queues[i].event);
}

void virtdev_priv_fs_later_ask(struct fs *fs)
{
	struct fs_later *l = &fs->later;
	bool finished = false;
	uint64_t number;
	int rc;

	while (l->next < l->last && l->next - l->first < ASKED_MOST) {
		number = l->next++;
		rc = virtdev_priv_fs_change_ask(fs, change_at(l, number),
						number);
		if (rc <= 0)
			change_finish(fs, number, rc);
		finished |= rc <= 0;
	}
	if (finished)
		wake_queues(fs);
}

void virtdev_priv_fs_later_ask_or_leave(struct fs *fs)
{
	if (!fs->config.workers)
		virtdev_priv_fs_later_ask(fs);
}

void virtdev_priv_fs_later_disown(struct fs *fs, uint32_t queue)
{
	struct fs_later *l = &fs->later;
	struct fs_change *change;
	uint64_t number;

	for (number = l->first; number < l->last; number++) {
		change = change_at(l, number);
		if (change->queue && change->queue->index == queue)
			change->queue = NULL;
	}
}

void virtdev_priv_fs_region_done(void *self, uint64_t cookie, int result)
{
	struct fs *fs = self;
	struct fs_later *l = &fs->later;

	pthread_mutex_lock(&fs->window_lock);
	if (cookie >= l->first && cookie < l->next &&
	    !change_at(l, cookie)->done) {
		change_finish(fs, cookie, result);
		virtdev_priv_fs_later_ask(fs);
		wake_queues(fs);
	}
	pthread_mutex_unlock(&fs->window_lock);
}
