/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The rare paths of the chain walker: crossings, faults and refusals. */
#include <config.h>

#include <errno.h>

#include <vm-memory/access.h>

#include "walk.h"

/* Both sides of a region border; the last byte may be the last of 64 bits. */
static bool wraps(uint64_t gpa, uint32_t len)
{
	return len && gpa > UINT64_MAX - (len - 1);
}

static enum vq_fault_why fault_why(struct vq *q, uint64_t gpa, uint32_t len,
				   uint32_t access)
{
	if (wraps(gpa, len))
		return VQ_FAULT_WRAPS;
	if (vmem_check_range(q->view, gpa, len, access))
		return VQ_FAULT_NO_ROOM;
	if (vmem_check_range(q->view, gpa, len, 0))
		return VQ_FAULT_READ_ONLY;
	return VQ_FAULT_UNMAPPED;
}

int vq_priv_walk_pieces(struct vq *q, struct vq_chain *chain, uint32_t at,
			uint64_t gpa, uint32_t len, uint32_t access)
{
	uint64_t done = 0;
	int n = 0;

	if (at < chain->iov_max && !wraps(gpa, len))
		n = vmem_slices(q->view, gpa, len, access, chain->iov + at,
				chain->iov_max - at, &done);
	if (n > 0 && done == len)
		return n;
	if (!chain->fault.why) {
		chain->fault.gpa = gpa;
		chain->fault.len = len;
		chain->fault.why = (uint32_t)fault_why(q, gpa, len, access);
	}
	return 0;
}

int vq_priv_walk_table_memory(struct vq *q, struct walk_table *table)
{
	uint32_t len = table->n * RING_DESC_SIZE;

	if (!wraps(table->gpa, len) &&
	    vmem_check_range(q->view, table->gpa, len, VMEM_READ))
		return 0;
	return vq_priv_break(q, VQ_BROKEN_TABLE_MEMORY, table->gpa, len);
}

int vq_priv_walk_gather(struct vq *q, struct walk_table table, uint32_t at,
			struct ring_desc *desc)
{
	unsigned char copy[RING_DESC_SIZE];
	uint64_t gpa = table.gpa + (uint64_t)at * RING_DESC_SIZE;

	if (vmem_read_exact(q->view, gpa, copy, sizeof(copy)) < 0)
		return vq_priv_break(q, VQ_BROKEN_TABLE_MEMORY, gpa,
				     sizeof(copy));
	*desc = ring_load_desc(copy);
	return 0;
}

int vq_priv_walk_bad_indirect(struct vq *q, uint16_t flags, uint32_t len,
			      bool nested)
{
	if (!q->has_indirect || nested || (flags & RING_DESC_NEXT))
		return vq_priv_break(q, VQ_BROKEN_INDIRECT, flags, 0);
	return vq_priv_break(q, VQ_BROKEN_TABLE, len,
			     (uint64_t)q->limit * RING_DESC_SIZE);
}
