/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Flush requests of the driver, and the disk flushes that complete them. */
#include <config.h>

#include <errno.h>
#include <string.h>

#include <virtio-queue/cursor.h>

#include "pmem/priv.h"

/* Budget of one turn: requests, and flushes completed synchronously. */
#define TURN_REQUESTS 256u
#define TURN_FLUSHES 4u

/* The request type, and its results (5.19.6, 5.19.7). */
#define PMEM_REQ_FLUSH 0u
#define PMEM_DONE 0u
#define PMEM_FAILED UINT32_MAX

/* ------------------------------------------------------------- one request */

static struct request *request_get(struct pmem *p)
{
	struct request *r = p->free;

	p->free = r->next;
	p->taken++;
	r->chain.iov = r->pieces;
	r->chain.iov_max = PIECES;
	return r;
}

static void request_put(struct pmem *p, struct request *r)
{
	r->next = p->free;
	p->free = r;
	p->taken--;
}

static void request_answer(struct pmem *p, struct request *r, uint32_t result)
{
	struct vq_cursor writer;
	uint32_t written = 0;

	vq_writer_init(&writer, p->q, &r->chain);
	if (vq_cursor_write_le32(&writer, result))
		written = sizeof(result);
	vq_push(p->q, &r->chain, written);
	request_put(p, r);
}

static void counter_add(uint64_t *counter)
{
	__atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

/* A request without room for the result is completed without a flush. */
static bool is_flush(struct pmem *p, const struct request *r)
{
	struct vq_cursor reader;
	uint32_t type;

	vq_reader_init(&reader, p->q, &r->chain);
	return !r->chain.fault.why && vq_cursor_read_le32(&reader, &type) &&
	       type == PMEM_REQ_FLUSH &&
	       r->chain.writable_len >= sizeof(uint32_t);
}

/*
 * A driver flushes after stores. VIRTIO has no read-only persistent memory, so
 * the driver stores without knowing that a read-only file drops the stores.
 */
static void request_begin(struct pmem *p, struct request *r)
{
	const bool flush = is_flush(p, r);

	if (flush)
		counter_add(&p->requests);
	if (!flush || p->disk->info.read_only) {
		request_answer(p, r, PMEM_FAILED);
		return;
	}
	r->next = p->waiting;
	p->waiting = r;
}

/* ------------------------------------------------------------ the flushes */

static void flush_end(struct pmem *p)
{
	const uint32_t result = p->flush.result ? PMEM_FAILED : PMEM_DONE;
	struct request *r, *next;

	for (r = p->served; r; r = next) {
		next = r->next;
		request_answer(p, r, result);
	}
	p->served = NULL;
	p->flying = false;
}

/* A flush started now covers all stores that precede the waiting requests. */
static void flush_begin(struct pmem *p)
{
	const struct virtdev_disk_ops *ops = &p->disk->ops;
	int rc;

	if (p->flying || !p->waiting)
		return;
	p->served = p->waiting;
	p->waiting = NULL;
	p->flying = true;
	counter_add(&p->flushes);
	memset(&p->flush, 0, sizeof(p->flush));
	p->flush.op = VIRTDEV_DISK_FLUSH;
	rc = ops->submit(p->disk->self, p->channel, &p->flush);
	if (rc < 0) {
		p->flush.result = rc;
		flush_end(p);
	}
}

static int flush_kick(struct pmem *p)
{
	const struct virtdev_disk_ops *ops = &p->disk->ops;
	uint64_t budget = UINT64_MAX;	/* a flush transfers no data */
	int rc = ops->kick(p->disk->self, p->channel, &budget);

	if (rc != 0 && ops->reap(p->disk->self, p->channel))
		flush_end(p);
	return rc;
}

/*
 * Proceeds without blocking. 0: the disk's descriptor signals the completion;
 * -EAGAIN: the disk has no descriptor, call again.
 */
static int flush_all(struct pmem *p)
{
	const struct virtdev_disk_ops *ops = &p->disk->ops;
	unsigned int left = TURN_FLUSHES;
	int rc;

	if (p->flying && ops->reap(p->disk->self, p->channel))
		flush_end(p);
	do {
		flush_begin(p);
		rc = flush_kick(p);
	} while (rc > 0 && --left);
	return rc ? -EAGAIN : 0;
}

/* --------------------------------------------------------------- the queue */

static void queue_publish(struct pmem *p)
{
	if (vq_publish(p->q))
		virtdev_notify(p->dev, 0);
}

/* Returns as vq_pop(); 1: the turn ended and more may be available. */
static int requests_take(struct pmem *p)
{
	unsigned int left = TURN_REQUESTS;
	struct request *r;
	int rc;

	while (left-- && p->free) {
		r = request_get(p);
		rc = vq_pop(p->q, &r->chain);
		if (rc != 1) {
			request_put(p, r);
			return rc;
		}
		request_begin(p, r);
	}
	return p->free ? 1 : 0;
}

static void tell_if_broken(struct pmem *p)
{
	if (p->told_broken || !vq_broken(p->q))
		return;
	p->told_broken = true;
	virtdev_queue_broken(p->dev, 0);
}

int virtdev_priv_pmem_serve(void *self, uint32_t queue)
{
	struct pmem *p = self;
	int rc, flushed;

	if (!p->q)
		return 0;
	do {
		vq_disable_notify(p->q);
		rc = requests_take(p);
		flushed = flush_all(p);
		queue_publish(p);
	} while (rc == 0 && p->free && vq_enable_notify(p->q));
	if (rc == -EAGAIN)
		return virtdev_queue_missed(p->dev, queue);
	tell_if_broken(p);
	return rc > 0 || flushed < 0;
}

int virtdev_priv_pmem_drain(void *self, uint32_t queue)
{
	struct pmem *p = self;
	int rc;

	(void)queue;
	if (!p->q)
		return 0;
	rc = flush_all(p);
	queue_publish(p);
	return p->taken && rc < 0 ? rc : (int)p->taken;
}
