/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Sends IOTLB misses to the front-end (miss.c). */
#include <config.h>

#include <errno.h>
#include <inttypes.h>

#include "backend/priv.h"

/*
 * How often the IOTLB may be flushed for lack of room without progress of a
 * ring. Then the ring's chain needs more entries than the IOTLB has.
 */
#define MAX_EVICTIONS 8u

static const struct vhost_user_priv_ask miss = {
	.request = VHOST_USER_BACKEND_IOTLB_MSG,
	.answered = vhost_user_priv_miss_answered,
};

static int send_question(struct vhost_user_backend *b, uint32_t index,
			 struct vsu_error *err)
{
	struct vhost_user_priv_miss *m = &b->rings[index].miss;
	const struct vhost_user_iotlb question = {
		.iova = m->range.gpa,
		.perm = (m->range.access & VMEM_READ ?
			 VHOST_USER_IOTLB_READ : 0) |
			(m->range.access & VMEM_WRITE ?
			 VHOST_USER_IOTLB_WRITE : 0),
		.type = VHOST_USER_IOTLB_MISS,
	};
	int rc = vhost_user_priv_backend_channel_check(b, &miss, err);

	if (rc < 0)
		return rc;
	/* set before: the reply is handled inside if the channel closes */
	vhost_user_priv_set_miss(m, VHOST_USER_PRIV_MISS_SENT);
	rc = vhost_user_priv_backend_channel_ask(b, &miss, &question,
			sizeof(question), NULL,
			(uint64_t)m->number << 32 | index, err);
	if (rc < 0)
		vhost_user_priv_set_miss(m, VHOST_USER_PRIV_MISS_WANTED);
	return rc;
}

/* Reports once; the miss is kept for a channel that may be opened later. */
static void report_unasked(struct vhost_user_backend *b, uint32_t index,
			 struct vsu_error *err)
{
	struct vhost_user_priv_miss *m = &b->rings[index].miss;

	if (err->code == -EAGAIN || m->unasked_reported)
		return;
	m->unasked_reported = true;
	vsu_error_prefix(err, err->code,
			 "ring %u waits for I/O address %#" PRIx64 ", which cannot be requested from the front-end",
			 index, m->range.gpa);
	vhost_user_priv_report(b, VHOST_USER_NO_REQUEST, index, err);
}

static bool exceeds_iotlb(struct vhost_user_backend *b,
			struct vhost_user_priv_miss *m)
{
	if (m->chains != m->progress || !m->counting) {
		m->progress = m->chains;
		m->evictions = b->mem.evictions;
		m->counting = true;
	}
	return b->mem.evictions - m->evictions > MAX_EVICTIONS;
}

static void deny_oversized(struct vhost_user_backend *b, uint32_t index)
{
	struct vhost_user_priv_miss *m = &b->rings[index].miss;
	struct vsu_error err = VSU_ERROR_INIT;

	m->counting = false;
	vsu_error_set(&err, -ENOSPC,
		      "ring %u: a request of its driver requires more than the %u entries of the IOTLB and fails",
		      index, b->config.iotlb_entries);
	vhost_user_priv_report(b, VHOST_USER_NO_REQUEST, index, &err);
	vhost_user_priv_miss_deny(b, index);
}

static void ring_ask(struct vhost_user_backend *b, uint32_t index)
{
	struct vhost_user_priv_ring *ring = &b->rings[index];
	struct vsu_error err = VSU_ERROR_INIT;

	if (vhost_user_priv_miss_is_known(b, ring))
		vhost_user_priv_miss_settle(b, index);
	else if (exceeds_iotlb(b, &ring->miss))
		deny_oversized(b, index);
	else if (send_question(b, index, &err) < 0)
		report_unasked(b, index, &err);
}

void vhost_user_priv_miss_pump(struct vhost_user_backend *b)
{
	uint32_t i;

	/*
	 * Pairs with the release in note_question(): the misses recorded before
	 * are visible below. Misses that cannot be sent now are retried after a
	 * reply.
	 */
	(void)__atomic_exchange_n(&b->mem.missed, false, __ATOMIC_ACQ_REL);
	if (!vhost_user_priv_translates(b))
		return;
	for (i = 0; !vhost_user_priv_is_ending(b) && i < b->config.nrings; i++)
		if (vhost_user_priv_miss_state(&b->rings[i].miss) ==
		    VHOST_USER_PRIV_MISS_WANTED)
			ring_ask(b, i);
}
