/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Cursors over the readable or the writable pieces of a chain. */
#include <config.h>

#include <string.h>

/* Emits the external definitions of the functions that cursor.h inlines. */
#define VQ_CURSOR_INLINE VQ_API
#include <virtio-queue/cursor.h>

#include "vq.h"

/* The number of bytes up to len in the rest of the current piece. */
static uint32_t cursor_piece(const struct vq_cursor *cursor, uint32_t len,
			     unsigned char **at)
{
	uint64_t rest;

	if (len > cursor->left)
		len = cursor->left;
	if (!len)
		return 0;
	rest = cursor->iov->iov_len - cursor->piece_off;
	*at = (unsigned char *)cursor->iov->iov_base + cursor->piece_off;
	return rest < len ? (uint32_t)rest : len;
}

/* n is a result of cursor_piece(). */
static void cursor_advance(struct vq_cursor *cursor, uint32_t n)
{
	cursor->piece_off += n;
	cursor->done += n;
	cursor->left -= n;
	if (cursor->piece_off == cursor->iov->iov_len) {
		cursor->iov++;
		cursor->niov--;
		cursor->piece_off = 0;
	}
}

uint32_t vq_cursor_read(struct vq_cursor *cursor, void *buf, uint32_t len)
{
	unsigned char *to = buf, *at;
	uint32_t n, done = 0;

	while ((n = cursor_piece(cursor, len - done, &at)) > 0) {
		memcpy(to + done, at, n);
		cursor_advance(cursor, n);
		done += n;
	}
	return done;
}

bool vq_cursor_read_exact(struct vq_cursor *cursor, void *buf, uint32_t len)
{
	if (len > cursor->left)
		return false;
	vq_cursor_read(cursor, buf, len);
	return true;
}

bool vq_cursor_peek(const struct vq_cursor *cursor, void *buf, uint32_t len)
{
	struct vq_cursor copy = *cursor;

	return vq_cursor_read_exact(&copy, buf, len);
}

/*
 * Stores bytes from a buffer, or zeros if from is NULL, and marks them dirty.
 */
static uint32_t cursor_store(struct vq_cursor *cursor, const unsigned char *from,
			     uint32_t len)
{
	unsigned char *at;
	uint32_t n, done = 0;

	while ((n = cursor_piece(cursor, len - done, &at)) > 0) {
		if (from)
			memcpy(at, from + done, n);
		else
			memset(at, 0, n);
		vq_priv_mark_chain(cursor->q, cursor->chain->head, at, n);
		cursor_advance(cursor, n);
		done += n;
	}
	return done;
}

uint32_t vq_cursor_write(struct vq_cursor *cursor, const void *buf,
			 uint32_t len)
{
	return cursor_store(cursor, buf, len);
}

uint32_t vq_cursor_zero(struct vq_cursor *cursor, uint32_t len)
{
	return cursor_store(cursor, NULL, len);
}

uint32_t vq_cursor_copy(struct vq_cursor *to, struct vq_cursor *from,
			uint32_t len)
{
	unsigned char *source, *target;
	uint32_t n, room, done = 0;

	if (!from->left)
		return 0;
	while ((n = cursor_piece(from, len - done, &source)) > 0) {
		room = cursor_piece(to, n, &target);
		if (!room)
			break;
		memmove(target, source, room);
		vq_priv_mark_chain(to->q, to->chain->head, target, room);
		cursor_advance(from, room);
		cursor_advance(to, room);
		done += room;
	}
	return done;
}

uint32_t vq_cursor_skip(struct vq_cursor *cursor, uint32_t len)
{
	unsigned char *at;
	uint32_t n, done = 0;

	while ((n = cursor_piece(cursor, len - done, &at)) > 0) {
		cursor_advance(cursor, n);
		done += n;
	}
	return done;
}

bool vq_cursor_split_tail(struct vq_cursor *cursor, uint32_t len,
			  struct vq_cursor *tail)
{
	struct vq_cursor copy = *cursor;

	if (len > cursor->left)
		return false;
	vq_cursor_skip(&copy, cursor->left - len);
	copy.done = 0;
	*tail = copy;
	cursor->left -= len;
	return true;
}

bool vq_chain_write_last(struct vq *q, const struct vq_chain *chain,
			 const void *buf, uint32_t len)
{
	struct vq_cursor writer, tail;
	uint64_t end = chain->private_[CHAIN_LAST_LEN];
	unsigned char *at;

	if (!(chain->fault.bad & VMEM_WRITE)) {
		vq_writer_init(&writer, q, chain);
		return vq_cursor_split_tail(&writer, len, &tail) &&
		       vq_cursor_write(&tail, buf, len) == len;
	}
	if (len > end)
		return false;
	at = (unsigned char *)(uintptr_t)chain->private_[CHAIN_LAST_HVA];
	at += end - len;
	memcpy(at, buf, len);
	vq_priv_mark_chain(q, chain->head, at, len);
	return true;
}

int vq_cursor_iov(struct vq_cursor *cursor, uint32_t len, struct iovec *iov,
		  int max, uint32_t *bytes)
{
	unsigned char *at;
	uint32_t n, done = 0;
	int i;

	for (i = 0; i < max; i++) {
		n = cursor_piece(cursor, len - done, &at);
		if (!n)
			break;
		iov[i].iov_base = at;
		iov[i].iov_len = n;
		cursor_advance(cursor, n);
		done += n;
	}
	*bytes = done;
	return i;
}
