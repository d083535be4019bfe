/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Requests that wait for window changes: their own, and earlier changes of other
 * requests that their reply depends on.
 */
#include <config.h>

#include "fs/priv.h"

void virtdev_priv_fs_waiting_begin(struct fs_queue *q, struct fs_waiting *p)
{
	virtdev_priv_fs_window_lock(q->fs);
	p->from = q->fs->deferred.last;
	p->until = UINT64_MAX;
	p->refused = 0;
	q->waits_for_window = false;
	virtdev_priv_fs_window_unlock(q->fs);
}

bool virtdev_priv_fs_waiting_end(struct fs_queue *q, struct fs_waiting *p)
{
	p->unique = q->unique;
	p->until = q->waits_for_window ? q->fs->deferred.last : 0;
	return p->until <= q->fs->deferred.first;
}

void virtdev_priv_fs_waiting_push(const struct fs_queue *q,
				  const struct fs_waiting *p,
				  struct vq_chain *chain, uint32_t written)
{
	const struct fuse_out_header out = {
		.len = sizeof(out), .error = p->refused, .unique = p->unique,
	};
	struct vq_cursor head;

	if (p->refused && written) {
		vq_writer_init(&head, q->q, chain);
		written = vq_cursor_write_obj(&head, &out) ? sizeof(out) : 0;
	}
	vq_push(q->q, chain, written);
}
