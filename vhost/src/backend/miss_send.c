/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Asks the front-end for the addresses that rings do not know (miss.c). */
#include <config.h>

#include <errno.h>
#include <inttypes.h>

#include "backend/priv.h"

/*
 * How often all entries may be forgotten for want of room before a chain that
 * was not taken meanwhile is one that they have no room for.
 */
#define MOST_EVICTIONS 8u

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
	/* the answer may be there when this returns, if the channel closes */
	vhost_user_priv_set_miss(m, VHOST_USER_PRIV_MISS_SENT);
	rc = vhost_user_priv_backend_channel_ask(b, &miss, &question,
			sizeof(question), NULL,
			(uint64_t)m->number << 32 | index, err);
	if (rc < 0)
		vhost_user_priv_set_miss(m, VHOST_USER_PRIV_MISS_WANTED);
	return rc;
}

/* Once: the question stays for a channel that may come. */
static void tell_unasked(struct vhost_user_backend *b, uint32_t index,
			 struct vsu_error *err)
{
	struct vhost_user_priv_miss *m = &b->rings[index].miss;

	if (err->code == -EAGAIN || m->told)
		return;
	m->told = true;
	vsu_error_prefix(err, err->code,
			 "ring %u waits for I/O address %#" PRIx64 ", about which the front-end cannot be asked",
			 index, m->range.gpa);
	vhost_user_priv_report(b, VHOST_USER_NO_REQUEST, index, err);
}

static bool is_hopeless(struct vhost_user_backend *b,
			struct vhost_user_priv_miss *m)
{
	if (m->chains != m->progress || !m->counting) {
		m->progress = m->chains;
		m->evictions = b->evictions;
		m->counting = true;
	}
	return b->evictions - m->evictions > MOST_EVICTIONS;
}

static void give_up(struct vhost_user_backend *b, uint32_t index)
{
	struct vhost_user_priv_miss *m = &b->rings[index].miss;
	struct vsu_error err = VSU_ERROR_INIT;

	m->counting = false;
	vsu_error_set(&err, -ENOSPC,
		      "ring %u: a request of its driver needs more than the %u entries of the IOTLB, it is refused",
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
	else if (is_hopeless(b, &ring->miss))
		give_up(b, index);
	else if (send_question(b, index, &err) < 0)
		tell_unasked(b, index, &err);
}

void vhost_user_priv_miss_pump(struct vhost_user_backend *b)
{
	uint32_t i;

	/* those that find no room now are seen again when there is some */
	(void)__atomic_exchange_n(&b->missed, false, __ATOMIC_ACQ_REL);
	if (!vhost_user_priv_translates(b))
		return;
	for (i = 0; !b->ending && i < b->config.nrings; i++)
		if (vhost_user_priv_miss_state(&b->rings[i].miss) ==
		    VHOST_USER_PRIV_MISS_WANTED)
			ring_ask(b, i);
}
