/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The rare paths of the chain walker: region borders, faults and invalid chains. */
#include <config.h>

#include <errno.h>

#include <vm-memory/access.h>

#include "walk.h"

/* True if a buffer wraps around; its last byte may be the last of 64 bits. */
static bool buffer_wraps(uint64_t gpa, uint32_t len)
{
	return len && gpa > UINT64_MAX - (len - 1);
}

static enum vq_fault_why fault_why(struct vq *q, uint64_t gpa, uint32_t len,
				   uint32_t access)
{
	if (buffer_wraps(gpa, len))
		return VQ_FAULT_WRAPS;
	if (vmem_check_range(q->view, gpa, len, access))
		return VQ_FAULT_NO_ROOM;
	if (vmem_check_range(q->view, gpa, len, 0))
		return VQ_FAULT_READ_ONLY;
	return VQ_FAULT_UNMAPPED;
}

unsigned char *vq_priv_walk_search(struct vq *q, uint64_t gpa, uint32_t len,
				   uint32_t access)
{
	uint32_t at = vmem_view_find(q->view, gpa);
	const struct vmem_range *range;

	if (at == q->view->n)
		return NULL;
	range = &q->view->ranges[at];
	if (!walk_range_holds(range, gpa, len) || !(range->flags & access))
		return NULL;
	if (range->flags == (VMEM_READ | VMEM_WRITE))
		*vq_priv_stretch(q, gpa) = range;
	return range->hva + (gpa - range->first);
}

/* Adds the pieces of a buffer: returns their number, or 0 with the fault set. */
static int add_pieces(struct vq *q, struct vq_chain *chain, struct iovec *iov,
		      uint64_t gpa, uint32_t len, uint32_t access)
{
	uint32_t room = chain->iov_max - (uint32_t)(iov - chain->iov);
	uint64_t done = 0;
	int n = 0;

	if (room && !buffer_wraps(gpa, len))
		n = vmem_slices(q->view, gpa, len, access, iov, room, &done);
	if (n > 0 && done == len)
		return n;
	done = n > 0 ? done : 0;
	if (!buffer_wraps(gpa, len) && vmem_view_find(q->view, gpa + done) ==
	    q->view->n && vq_priv_miss(q, q->view, gpa + done, len - done,
					      access) == -EAGAIN)
		return -EAGAIN;
	if (!chain->fault.why) {
		chain->fault.gpa = gpa;
		chain->fault.len = len;
		chain->fault.why = (uint32_t)fault_why(q, gpa, len, access);
	}
	return 0;
}

/*
 * Finds the last writable buffer even after a bad one, because there a device stores its
 * status. 0, or -EAGAIN as vq_priv_miss().
 */
static int remember_last(struct vq *q, struct vq_chain *chain, uint64_t gpa,
			 uint32_t len)
{
	uint64_t last = gpa + (len - 1), first;
	const struct vmem_range *range;
	uint32_t at;

	chain->private_[CHAIN_LAST_LEN] = 0;
	if (buffer_wraps(gpa, len))
		return 0;
	at = vmem_view_find(q->view, last);
	if (at == q->view->n)
		return vq_priv_miss(q, q->view, last, 1, VMEM_WRITE) == -EAGAIN ?
		       -EAGAIN : 0;
	range = &q->view->ranges[at];
	if (!(range->flags & VMEM_WRITE))
		return 0;
	first = gpa > range->first ? gpa : range->first;
	chain->private_[CHAIN_LAST_HVA] =
		(uintptr_t)(range->hva + (first - range->first));
	chain->private_[CHAIN_LAST_LEN] = last - first + 1;
	return 0;
}

static int add_searched(struct vq *q, struct walk_room *room, uint64_t gpa,
			uint32_t len, uint32_t access)
{
	unsigned char *hva = NULL;

	if (room->iov != room->stop)
		hva = vq_priv_walk_search(q, gpa, len, access);
	if (hva)
		walk_add_piece(room->iov++, hva, len);
	return hva != NULL;
}

int vq_priv_walk_rare(struct vq *q, struct vq_chain *chain,
		      struct walk_room *room, uint64_t gpa, uint32_t len,
		      uint32_t access)
{
	uint32_t left = walk_left(chain, room);
	int n = 0;

	if (add_searched(q, room, gpa, len, access))
		return 0;
	if (!left)
		return vq_priv_break(q, VQ_BROKEN_LOOP, q->limit, q->limit);
	if (len && !(chain->fault.bad & access)) {
		n = add_pieces(q, chain, room->iov, gpa, len, access);
		if (n < 0)
			return n;
		chain->fault.bad |= n ? 0 : access;
	}
	if (len && chain->fault.bad & access & VMEM_WRITE) {
		n = remember_last(q, chain, gpa, len);
		if (n < 0)
			return n;
	}
	room->iov += n;
	walk_set_left(chain, room, left - 1);
	walk_stop_if_bad(chain, room, access);
	return 0;
}

static uint32_t bytes_of(const struct iovec *iov, uint32_t n)
{
	uint64_t len = 0;

	while (n--)
		len += iov[n].iov_len;
	return (uint32_t)len;
}

void vq_priv_walk_recount(struct vq *q, struct vq_chain *chain)
{
	q->count[VQ_COUNT_FAULTS]++;
	q->last.fault = chain->fault;
	chain->readable_len = bytes_of(chain->iov, chain->nreadable);
	chain->writable_len = bytes_of(chain->iov + chain->nreadable,
				       chain->nwritable);
}

/* The number of bytes of [gpa, gpa + len) before the first one that is in no range. */
static uint64_t bytes_found(const struct vmem_view *view, uint64_t gpa,
			    uint64_t len)
{
	uint64_t done = 0;
	uint32_t at;

	while (done < len) {
		at = vmem_view_find(view, gpa + done);
		if (at == view->n)
			break;
		done += vq_priv_range_part(&view->ranges[at], gpa + done,
					   len - done);
	}
	return done;
}

/* The miss begins at the first missing byte, because an IOMMU may translate by pages. */
int vq_priv_walk_table_memory(struct vq *q, uint64_t gpa, uint32_t len)
{
	uint64_t found;

	if (!buffer_wraps(gpa, len)) {
		if (vmem_check_range(q->view, gpa, len, VMEM_READ))
			return 0;
		found = bytes_found(q->view, gpa, len);
		if (found < len &&
		    vq_priv_miss(q, q->view, gpa + found, len - found,
				 VMEM_READ) == -EAGAIN)
			return -EAGAIN;
	}
	return vq_priv_break(q, VQ_BROKEN_TABLE_MEMORY, gpa, len);
}

int vq_priv_walk_gather(struct vq *q, uint64_t gpa, struct ring_desc *desc)
{
	unsigned char copy[RING_DESC_SIZE];

	if (vmem_read_exact(q->view, gpa, copy, sizeof(copy)) < 0)
		return vq_priv_break(q, VQ_BROKEN_TABLE_MEMORY, gpa,
				     sizeof(copy));
	*desc = ring_load_desc(copy);
	return 0;
}

int vq_priv_walk_bad_indirect(struct vq *q, uint16_t flags, uint32_t len)
{
	if (!q->table_limit || (flags & RING_DESC_NEXT))
		return vq_priv_break(q, VQ_BROKEN_INDIRECT, flags, 0);
	if (len && len % RING_DESC_SIZE == 0 && len / RING_DESC_SIZE <= q->limit)
		return vq_priv_break(q, VQ_BROKEN_LOOP, q->limit, q->limit);
	return vq_priv_break(q, VQ_BROKEN_TABLE, len,
			     (uint64_t)q->limit * RING_DESC_SIZE);
}
