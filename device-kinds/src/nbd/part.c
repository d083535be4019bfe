/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Parts of requests: messages to the server and its replies. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "nbd/nbd.h"

/* Pieces of at least this size get a message of their own. */
#define PIECE_ENOUGH 65536u
/* Limit of one zero or trim message, so that others are not delayed. */
#define ZERO_MOST (UINT64_C(64) << 20)
#define TRIM_MOST (UINT64_C(1) << 30)

/* ------------------------------------------------------------- their memory */

/* Finds the piece that contains byte pos; pos becomes relative to it. */
static const struct iovec *piece_at(const struct virtdev_disk_request *r,
				    uint64_t *pos)
{
	const struct iovec *piece = r->iov;

	for (; *pos >= piece->iov_len; piece++)
		*pos -= piece->iov_len;
	return piece;
}

static void copy_pieces(const struct devkind_priv_nbd_part *p, bool to_pieces)
{
	uint64_t pos = *devkind_priv_nbd_request_done(p->request), left = p->len, n;
	const struct iovec *piece = piece_at(p->request, &pos);
	unsigned char *copy = p->copy, *base;

	for (; left; piece++, pos = 0, left -= n, copy += n) {
		n = piece->iov_len - pos < left ? piece->iov_len - pos : left;
		base = (unsigned char *)piece->iov_base + pos;
		if (to_pieces)
			memcpy(base, copy, n);
		else
			memcpy(copy, base, n);
	}
}

/*
 * Selects memory for the next part: one piece of the request if it is large enough,
 * else a bounce buffer, because many small messages cost more than a copy.
 */
static void *part_place(struct devkind_priv_nbd_part *p, uint64_t left)
{
	const struct devkind_priv_nbd_disk *d = p->channel->disk;
	uint64_t pos = *devkind_priv_nbd_request_done(p->request), rest;
	const struct iovec *piece = piece_at(p->request, &pos);

	p->len = left < d->most ? left : d->most;
	rest = piece->iov_len - pos;
	if (rest < p->len && rest >= PIECE_ENOUGH &&
	    rest % d->info.block_size == 0)
		p->len = rest;
	if (rest >= p->len)
		return (char *)piece->iov_base + pos;
	p->copy = malloc(p->len);
	if (p->copy && p->request->op == VIRTDEV_DISK_WRITE)
		copy_pieces(p, false);
	return p->copy;
}

/* --------------------------------------------------------------- the asking */

static int on_answer(void *opaque, int *error)
{
	if (*error == ENOTCONN)
		devkind_priv_nbd_part_lose(opaque);
	else
		devkind_priv_nbd_part_end(opaque, -*error);
	return 1;	/* retire the command in libnbd */
}

/* Returns the cookie of a command, or libnbd's error. */
static int cookie_result(int64_t cookie)
{
	if (cookie >= 0)
		return 0;
	return nbd_get_errno() > 0 ? -nbd_get_errno() : -EIO;
}

static int ask_transfer(struct devkind_priv_nbd_part *p, uint64_t at, uint64_t left)
{
	const nbd_completion_callback done = { .callback = on_answer,
					       .user_data = p };
	struct nbd_handle *nbd = p->channel->nbd;
	void *place = part_place(p, left);

	if (!place)
		return -ENOMEM;
	if (p->request->op == VIRTDEV_DISK_READ)
		return cookie_result(nbd_aio_pread(nbd, place, p->len, at, done, 0));
	return cookie_result(nbd_aio_pwrite(nbd, place, p->len, at, done, 0));
}

static int ask_flush(struct devkind_priv_nbd_part *p, uint64_t at, uint64_t left)
{
	const nbd_completion_callback done = { .callback = on_answer,
					       .user_data = p };

	(void)at;
	p->len = left;
	p->written = __atomic_load_n(&p->channel->disk->written,
				     __ATOMIC_ACQUIRE);
	return cookie_result(nbd_aio_flush(p->channel->nbd, done, 0));
}

static int ask_trim(struct devkind_priv_nbd_part *p, uint64_t at, uint64_t left)
{
	const nbd_completion_callback done = { .callback = on_answer,
					       .user_data = p };

	p->len = left < TRIM_MOST ? left : TRIM_MOST;
	return cookie_result(nbd_aio_trim(p->channel->nbd, p->len, at, done, 0));
}

static int ask_zero(struct devkind_priv_nbd_part *p, uint64_t at, uint64_t left)
{
	const nbd_completion_callback done = { .callback = on_answer,
					       .user_data = p };

	p->len = left < ZERO_MOST ? left : ZERO_MOST;
	return cookie_result(nbd_aio_zero(p->channel->nbd, p->len, at, done,
				  p->request->may_unmap ? 0 :
				  LIBNBD_CMD_FLAG_NO_HOLE));
}

static int (*const asks[])(struct devkind_priv_nbd_part *, uint64_t, uint64_t) = {
	[VIRTDEV_DISK_READ] = ask_transfer,
	[VIRTDEV_DISK_WRITE] = ask_transfer,
	[VIRTDEV_DISK_FLUSH] = ask_flush,
	[VIRTDEV_DISK_DISCARD] = ask_trim,
	[VIRTDEV_DISK_ZERO] = ask_zero,
};

static bool moves_bytes(const struct virtdev_disk_request *r)
{
	return r->op == VIRTDEV_DISK_READ || r->op == VIRTDEV_DISK_WRITE;
}

bool devkind_priv_nbd_channel_is_lost(const struct devkind_priv_nbd_channel *c)
{
	return nbd_aio_is_dead(c->nbd) || nbd_aio_is_closed(c->nbd);
}

void devkind_priv_nbd_part_ask(struct devkind_priv_nbd_channel *c, struct virtdev_disk_request *r,
			       uint64_t *budget)
{
	const uint64_t done = *devkind_priv_nbd_request_done(r);
	struct devkind_priv_nbd_part *p = c->free;
	int rc;

	c->free = p->next;
	p->request = r;
	p->copy = NULL;
	c->asked++;
	rc = asks[r->op](p, r->offset + done, r->len - done);
	if (rc < 0 && p->request == r && devkind_priv_nbd_channel_is_lost(c))
		devkind_priv_nbd_part_lose(p);
	else if (rc < 0 && p->request == r)	/* else the reply came first */
		devkind_priv_nbd_part_end(p, rc);
	else if (moves_bytes(r))
		*budget -= p->len < *budget ? p->len : *budget;
}

/* -------------------------------------------------------------- the answers */

static bool is_change(uint32_t op)
{
	return op != VIRTDEV_DISK_READ && op != VIRTDEV_DISK_FLUSH;
}

/* Never decrease: flushes of several channels complete in any order. */
static void flushed_to(struct devkind_priv_nbd_disk *d, uint64_t written)
{
	uint64_t old = __atomic_load_n(&d->flushed, __ATOMIC_RELAXED);

	while (old < written &&
	       !__atomic_compare_exchange_n(&d->flushed, &old, written, false,
					    __ATOMIC_RELEASE, __ATOMIC_RELAXED))
		;
}

/* The driver is notified of lost writes by a flush of its own. */
static bool is_lost(struct devkind_priv_nbd_disk *d, const struct devkind_priv_nbd_part *p)
{
	return p->request == &p->channel->last_flush ?
	       __atomic_load_n(&d->lost, __ATOMIC_ACQUIRE) : devkind_priv_nbd_disk_lost(d);
}

/* A flush fails if another connection lost completed writes meanwhile. */
static int part_account(struct devkind_priv_nbd_disk *d, const struct devkind_priv_nbd_part *p)
{
	if (is_change(p->request->op)) {
		__atomic_add_fetch(&d->written, 1, __ATOMIC_RELEASE);
	} else if (p->request->op == VIRTDEV_DISK_FLUSH) {
		if (is_lost(d, p))
			return -EIO;
		flushed_to(d, p->written);
		__atomic_store_n(&d->flush_result, 0, __ATOMIC_RELEASE);
	}
	return 0;
}

/*
 * After a failure, a flush of another connection covers the writes only if the server
 * advertises that.
 */
static void last_flush_end(struct devkind_priv_nbd_channel *c, int result)
{
	c->flushes = false;
	c->flushed = !c->newer;
	if (result < 0 && !c->disk->many)
		__atomic_store_n(&c->disk->lost, true, __ATOMIC_RELEASE);
	if (result < 0)
		__atomic_store_n(&c->disk->flush_result, result, __ATOMIC_RELEASE);
}

static void part_free(struct devkind_priv_nbd_part *p)
{
	struct devkind_priv_nbd_channel *c = p->channel;

	free(p->copy);
	p->copy = NULL;
	p->request = NULL;
	p->next = c->free;
	c->free = p;
	c->asked--;
}

void devkind_priv_nbd_part_lose(struct devkind_priv_nbd_part *p)
{
	struct devkind_priv_nbd_channel *c = p->channel;
	struct virtdev_disk_request *r = p->request;

	if (!c->disk->waits || r == &c->last_flush) {
		devkind_priv_nbd_part_end(p, -EIO);
		return;
	}
	part_free(p);
	devkind_priv_nbd_list_add(&c->queued, r);
}

void devkind_priv_nbd_part_end(struct devkind_priv_nbd_part *p, int result)
{
	struct devkind_priv_nbd_channel *c = p->channel;
	struct virtdev_disk_request *r = p->request;
	uint64_t *done = devkind_priv_nbd_request_done(r);

	if (!result) {
		if (p->copy && r->op == VIRTDEV_DISK_READ)
			copy_pieces(p, true);
		result = part_account(c->disk, p);
		*done += p->len;
	}
	part_free(p);
	c->answers++;
	r->result = result;
	if (r == &c->last_flush)
		last_flush_end(c, result);
	else
		devkind_priv_nbd_list_add(!result && *done < r->len ? &c->queued :
					  &c->finished, r);
}
