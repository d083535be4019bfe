/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A disk that a test controls. */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fake-disk.h"

struct fake_channel {
	struct fake_channel *next;
	struct virtdev_disk_request *waiting, *finished;
};

static int channel_open(void *self, uint32_t depth, void **channel,
			struct vsu_error *err)
{
	struct fake_channel *c = calloc(1, sizeof(*c));
	struct fake_disk *f = self;

	(void)depth;
	(void)err;
	ck_assert_ptr_nonnull(c);
	c->next = f->list;
	f->list = c;
	f->channels++;
	*channel = c;
	return 0;
}

static void channel_close(void *self, void *channel)
{
	struct fake_disk *f = self;
	struct fake_channel *c = channel, **at = &f->list;

	ck_assert_ptr_null(c->waiting);
	ck_assert_ptr_null(c->finished);
	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	free(c);
	f->channels--;
}

static int submit(void *self, void *channel, struct virtdev_disk_request *r)
{
	struct fake_channel *c = channel;
	struct fake_disk *f = self;

	if (f->refuse_submit)
		return f->refuse_submit;
	if (f->nlog < FAKE_LOG) {
		f->log[f->nlog].op = r->op;
		f->log[f->nlog].may_unmap = r->may_unmap;
		f->log[f->nlog].offset = r->offset;
		f->log[f->nlog].len = r->len;
	}
	f->nlog++;
	r->next = c->waiting;
	c->waiting = r;
	f->nwaiting++;
	f->nqueued++;
	return 0;
}

static void move(struct fake_disk *f, struct virtdev_disk_request *r)
{
	unsigned char *at = f->bytes + r->offset;
	uint32_t i;

	ck_assert_uint_le(r->offset + r->len, FAKE_BYTES);
	for (i = 0; i < r->niov; i++) {
		if (r->op == VIRTDEV_DISK_READ)
			memcpy(r->iov[i].iov_base, at, r->iov[i].iov_len);
		else
			memcpy(at, r->iov[i].iov_base, r->iov[i].iov_len);
		at += r->iov[i].iov_len;
	}
	ck_assert_ptr_eq(at, f->bytes + r->offset + r->len);
}

static void finish(struct fake_disk *f, struct fake_channel *c,
		   struct virtdev_disk_request *r)
{
	r->result = f->result;
	if (!r->result && r->op <= VIRTDEV_DISK_WRITE)
		move(f, r);
	else if (!r->result && r->op != VIRTDEV_DISK_FLUSH)
		memset(f->bytes + r->offset, 0, r->len);
	r->next = c->finished;
	c->finished = r;
}

void fake_disk_finish(struct fake_disk *f)
{
	struct virtdev_disk_request *r;
	struct fake_channel *c;

	for (c = f->list; c; c = c->next) {
		while ((r = c->waiting)) {
			c->waiting = r->next;
			f->nwaiting--;
			finish(f, c, r);
		}
	}
}

/* Completes requests in order until the budget is used up. */
static int finish_some(struct fake_disk *f, struct fake_channel *c,
		       uint64_t *budget)
{
	struct virtdev_disk_request *r;

	while ((r = c->waiting) && *budget) {
		*budget -= r->len < *budget ? r->len : *budget;
		c->waiting = r->next;
		f->nwaiting--;
		finish(f, c, r);
	}
	return r ? -EAGAIN : c->finished != NULL;
}

static int kick(void *self, void *channel, uint64_t *budget)
{
	struct fake_channel *c = channel;
	struct fake_disk *f = self;
	int some;

	if (f->counts)
		return finish_some(f, c, budget);
	if (f->nqueued)
		f->kicks++;
	if (f->nqueued && f->refuse_kicks) {
		f->refuse_kicks--;
		return -EAGAIN;
	}
	some = f->nqueued > 0;
	f->nqueued = 0;
	if (!f->hold)
		fake_disk_finish(f);
	return some || c->finished;
}

static struct virtdev_disk_request *reap(void *self, void *channel)
{
	struct fake_channel *c = channel;
	struct virtdev_disk_request *r = c->finished;

	(void)self;
	if (r)
		c->finished = r->next;
	return r;
}

static int channel_fd(void *self, void *channel)
{
	(void)self;
	(void)channel;
	return -1;
}

static int channel_flush(void *self, void *channel)
{
	const struct fake_channel *c = channel;
	struct fake_disk *f = self;

	ck_assert_ptr_null(c->waiting);
	return f->flushes && f->flushes--;
}

static int flush_result(void *self, struct vsu_error *err)
{
	const struct fake_disk *f = self;

	return f->result ? vsu_error_set(err, f->result, "the flush failed") : 0;
}

static void free_disk(void *self)
{
	((struct fake_disk *)self)->freed++;
}

void fake_disk_init(struct fake_disk *f)
{
	memset(f, 0, sizeof(*f));
	f->info.capacity = FAKE_BYTES;
	f->info.block_size = 512;
	f->info.physical_block_size = 4096;
	f->info.can_discard = 1;
	f->info.can_zero = 1;
	f->bytes = malloc(FAKE_BYTES);
	ck_assert_ptr_nonnull(f->bytes);
	memset(f->bytes, 0xdd, FAKE_BYTES);
}

void fake_disk_make(struct fake_disk *f)
{
	static const struct virtdev_disk_ops ops = {
		.size = sizeof(ops),
		.name = "fake",
		.channel_open = channel_open,
		.channel_close = channel_close,
		.channel_fd = channel_fd,
		.submit = submit,
		.kick = kick,
		.reap = reap,
		.free = free_disk,
		.channel_flush = channel_flush,
		.flush_result = flush_result,
	};

	ck_assert_int_eq(virtdev_disk_new(&ops, &f->info, f, &f->disk), 0);
}

void fake_disk_fini(struct fake_disk *f)
{
	ck_assert_uint_eq(f->channels, 0);
	ck_assert_uint_eq(f->freed, 1);
	free(f->bytes);
}
